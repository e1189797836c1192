"""What people have paused survives the daemon: pauses.json in the state directory, written whole and put in place at once.

A file that cannot be read pauses everything: somebody had paused something, and nobody knows what.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import structlog
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from error_daemon.core.brakes.pause import ALL, Pause

_log = structlog.get_logger()
_LATEST_AT = 32_503_680_000.0  # the year 3000: what is later is no date that a daemon has written
_At = Annotated[float, Field(ge=0.0, le=_LATEST_AT, allow_inf_nan=False)]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid")

    target: str
    at: _At
    until: _At
    reason: str
    by: str


_WRITTEN: TypeAdapter[list[_Entry]] = TypeAdapter(list[_Entry])


class PauseFile:
    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self, now: float) -> list[Pause]:
        """Those that are still in force."""
        try:
            written = _WRITTEN.validate_json(self._path.read_bytes(), strict=True)
        except FileNotFoundError:
            return []
        except (OSError, ValueError) as error:
            _log.critical("pauses_unreadable", file=str(self._path), error=str(error), mend="error-cli resume")
            return [Pause(ALL, now, 0.0, f"{self._path} cannot be read", "error_daemon")]
        pauses = [Pause(entry.target, entry.at, entry.until, entry.reason, entry.by) for entry in written]
        return [pause for pause in pauses if not pause.until or pause.until > now]

    def save(self, pauses: Sequence[Pause]) -> None:
        """Raises OSError: then it is as it was."""
        new = self._path.with_suffix(".new")
        with open(new, "w", encoding="utf-8") as file:
            json.dump([asdict(pause) for pause in pauses], file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, self._path)
