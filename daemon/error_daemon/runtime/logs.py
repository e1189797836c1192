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
        logger_factory=structlog.WriteLoggerFactory(file=_destination(settings.file)),
        cache_logger_on_first_use=True,
    )


def _destination(path: str) -> TextIO:
    if not path:
        return sys.stderr
    try:
        return open(path, "a", buffering=1, encoding="utf-8")
    except OSError as error:
        raise ConfigError([Problem(path, 0, 0, f"cannot be written: {error.strerror}", "see log.file")]) from error
