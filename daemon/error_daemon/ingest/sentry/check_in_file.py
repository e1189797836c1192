"""What is known of jobs survives the daemon: check_ins.json in the state directory, written whole and put in place at once.

It is written before a check-in is answered. A file that cannot be read is put aside: each job is known again with its next check-in.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from error_daemon.ingest.sentry.check_in import Monitor, MonitorKey, Schedule

_WRITTEN: TypeAdapter[list[Monitor]] = TypeAdapter(list[Monitor])


class CheckInFile:
    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> tuple[Iterator[Monitor], str]:
        """What is known, and what is wrong with the file; empty: nothing is."""
        try:
            return iter(_WRITTEN.validate_json(self._path.read_bytes())), ""
        except FileNotFoundError:
            return iter(()), ""
        except (OSError, ValidationError) as error:
            return iter(()), f"{self._path} cannot be read, so jobs are known again with their next check-in: {error}"

    def save(self, monitors: list[Mapping[str, Any]]) -> None:
        """Raises OSError: then it is as it was."""
        new = self._path.with_suffix(".new")
        with new.open("w", encoding="utf-8") as file:
            json.dump(monitors, file)
            file.flush()
            os.fsync(file.fileno())
        new.replace(self._path)


def plain(monitors: Mapping[MonitorKey, Monitor]) -> list[Mapping[str, Any]]:
    """What `save` takes: of this moment, whatever happens to the monitors later."""
    return [_plain(monitor) for monitor in monitors.values()]


def _plain(monitor: Monitor) -> Mapping[str, Any]:
    """As dataclasses.asdict, which takes twenty times as long: a thousand jobs are written on the loop's time."""
    schedule = monitor.schedule
    return {
        **{name: getattr(monitor, name) for name in _OF_MONITOR},
        "schedule": None if schedule is None else {name: getattr(schedule, name) for name in _OF_SCHEDULE},
        "runs": dict(monitor.runs),
    }


_OF_MONITOR = [one.name for one in fields(Monitor)]
_OF_SCHEDULE = [one.name for one in fields(Schedule)]
