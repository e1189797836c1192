"""Log lines: JSON, one a line, with the level and the time in UTC."""

from __future__ import annotations

import logging
import sys
from typing import TextIO

import structlog

from error_daemon.errors import ConfigError, Problem
from error_daemon.settings import LogSettings


def configure(settings: LogSettings) -> None:
    """To the file of the settings, else to standard error. Raises ConfigError when the file cannot be written."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, settings.level)),
        logger_factory=_Lines(_destination(settings.file)),
        cache_logger_on_first_use=True,
    )


class _Lines:
    """Writes lines; is its own factory, as structlog wants one. A line that cannot be written, on a full disk or into a closed
    pipe, must not stop the recovery that it tells of: it is left out, and the next that can be written is preceded by their number."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._left_out = 0

    def __call__(self, *_arguments: object) -> _Lines:
        return self

    def msg(self, line: str) -> None:
        try:
            if self._left_out:
                self._file.write(f'{{"event": "log_lines_lost", "level": "error", "count": {self._left_out}}}\n')
            self._file.write(line + "\n")
            self._file.flush()
        except (OSError, ValueError):
            self._left_out += 1
        else:
            self._left_out = 0

    debug = info = warning = error = critical = msg


def _destination(path: str) -> TextIO:
    if not path:
        return sys.stderr
    try:
        return open(path, "a", buffering=1, encoding="utf-8")
    except OSError as error:
        raise ConfigError([Problem(path, 0, 0, f"cannot be written: {error.strerror}", "see log.file")]) from error
