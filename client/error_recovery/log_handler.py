"""Log records of level ERROR and above as faults.

    record                 fault
    --------------------   -----------------------------------------------------------------------
    exc_info               its exception, once (sight.py), with the record's message
    no exception           the record's message
    level CRITICAL         severity high; below, the operator's rule decides. Never critical: that an application is at its end is no
                           reason for it to overtake what concerns the host
    logger, line           attributes logger and log_place ("stock.py:12 in sell")

Never looked at: what this library and gRPC log, for reporting must not lead to more to report, and loggers that are quiet
because an integration reports what they tell of already. Records of loggers that do not propagate never come here: give those a
`FaultHandler` of their own.
"""

from __future__ import annotations

import json
import logging
import threading
import time

from error_recovery.fault import FaultFields
from error_recovery.sight import sight, tell
from error_recovery.text import printed

_OWN = ("error_recovery", "grpc")
_SKIPPED_WITHIN_S = 1.0


class _Quiet(threading.local):
    """The next record of this logger in this thread that has this text is reported already."""

    logger = ""
    texts: tuple[str, ...] = ()
    until = 0.0


_quiet_loggers: set[str] = set()
_next = _Quiet()


class FaultHandler(logging.Handler):
    """Reports what is logged. It holds no lock and does no I/O. `level` as of logging."""

    def __init__(self, level: int = logging.ERROR) -> None:
        super().__init__(level)

    def createLock(self) -> None:  # noqa: N802  as logging names it
        """It has nothing to protect, and must not wait."""
        self.lock = None

    def handle(self, record: logging.LogRecord) -> bool:
        """As of logging, without its lock."""
        passes: object = self.filter(record)
        if passes:
            self.emit(
                passes if isinstance(passes, logging.LogRecord) else record
            )  # a filter may replace it, from Python 3.12 on
        return bool(passes)

    def emit(self, record: logging.LogRecord) -> None:
        """Never raises."""
        message = _message(record)
        if _is_skipped(record.name, message):
            return
        fields: FaultFields = {
            "attributes": {
                "logger": record.name,
                "log_place": f"{record.filename}:{record.lineno} in {record.funcName}",
            }
        }
        if record.levelno >= logging.CRITICAL:
            fields["severity"] = "high"
        exc = record.exc_info[1] if isinstance(record.exc_info, tuple) else None
        if exc is None:
            tell(message, "logging", **fields)
        else:
            sight(exc, "logging", message, **fields)


def quiet(logger: str) -> None:
    """What this logger says, and those below it, is reported by somebody else already."""
    _quiet_loggers.add(logger)


def quiet_once(logger: str, text: str) -> None:
    """The next record of this logger in this thread is reported already, if it has this text: as it is, or as JSON or Python quote
    it. (It may never come, and another in its place.)"""
    quoted = (json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1], repr(text)[1:-1])
    _next.logger, _next.texts, _next.until = logger, (text, *quoted), time.monotonic() + _SKIPPED_WITHIN_S


def _is_skipped(logger: str, message: str) -> bool:
    if any(logger == name or logger.startswith(f"{name}.") for name in (*_OWN, *_quiet_loggers)):
        return True
    if _next.logger and _next.logger == logger and any(text in message for text in _next.texts):
        _next.logger = ""
        return time.monotonic() < _next.until
    return False


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001  arguments that do not fit the text, or can't be printed
        return printed(record.msg)
