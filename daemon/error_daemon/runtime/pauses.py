"""What people have paused survives the daemon: pauses.json in the state directory, written whole and put in place at once.

A file that cannot be read pauses everything: somebody had paused something, and nobody knows what.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import structlog

from error_daemon.core.brakes.pause import ALL, Pause

_log = structlog.get_logger()


class PauseFile:
    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self, now: float) -> list[Pause]:
        """Those that are still in force."""
        try:
            written = json.loads(self._path.read_text())
            pauses = [_pause(entry) for entry in written]
        except FileNotFoundError:
            return []
        except (OSError, ValueError, TypeError, KeyError) as error:
            _log.critical("pauses_unreadable", file=str(self._path), error=str(error), mend="error-cli resume")
            return [Pause(ALL, now, 0.0, f"{self._path} cannot be read: {error}", "error_daemon")]
        return [pause for pause in pauses if not pause.until or pause.until > now]

    def save(self, pauses: Sequence[Pause]) -> None:
        """Raises OSError: then it is as it was."""
        new = self._path.with_suffix(".new")
        with open(new, "w", encoding="utf-8") as file:
            json.dump([_entry(pause) for pause in pauses], file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, self._path)


def _entry(pause: Pause) -> dict[str, Any]:
    return {
        "target": pause.target,
        "at": pause.at,
        "until": pause.until,
        "reason": pause.reason,
        "by": pause.by,
    }


def _pause(entry: dict[str, Any]) -> Pause:
    return Pause(
        str(entry["target"]), float(entry["at"]), float(entry["until"]), str(entry["reason"]), str(entry["by"])
    )
