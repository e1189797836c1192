"""The levels of log lines: those that everybody has, and two of our own between INFO and WARNING.

    DEBUG 10 · INFO 20 · RECOVERY 22 · USER_ACTION 25 · WARNING 30 · ERROR 40 · CRITICAL 50

RECOVERY is what is done to targets and what came of it; USER_ACTION is what a person has done to the daemon. Whoever asks for
WARNING hears neither. Syslog and the journal have no such levels: both are a "notice" there (RFC 5424, table 2).
"""

from __future__ import annotations

from typing import Any

import structlog

RECOVERY = 22
USER_ACTION = 25
LEVELS = {
    "DEBUG": 10,
    "INFO": 20,
    "RECOVERY": RECOVERY,
    "USER_ACTION": USER_ACTION,
    "WARNING": 30,
    "ERROR": 40,
    "CRITICAL": 50,
}
SYSLOG_SEVERITIES = {
    "debug": 7,
    "info": 6,
    "recovery": 5,
    "user_action": 5,
    "warning": 4,
    "error": 3,
    "critical": 2,
}


def logger_class(level: str) -> type[Any]:
    """What structlog is to wrap with: a logger that has a method for each of LEVELS and drops what is below `level`, whose number is
    its `lowest`."""
    lowest = LEVELS[level]
    base: Any = structlog.make_filtering_bound_logger(lowest if lowest % 10 == 0 else LEVELS["WARNING"])

    def wanted(name: str) -> Any:
        def log(self: Any, event: str, **fields: Any) -> Any:
            if self._context or len(self._processors) != 1:
                return self._proxy_to_logger(name, event, **fields)
            fields["event"] = (
                event  # what structlog comes to in the daemon, in a third of the time: a recovery has four of them
            )
            try:
                line = self._processors[0](self._logger, name, fields)
            except structlog.DropEvent:
                return None
            return getattr(self._logger, name)(line)

        return log

    def dropped(self: Any, event: str, **fields: Any) -> None:
        return None

    own: dict[str, Any] = {
        name: wanted(name) if LEVELS[name.upper()] >= lowest else dropped for name in ("recovery", "user_action")
    }
    return type("LevelledLogger", (base,), {**own, "lowest": lowest})


def logger() -> Any:
    """`structlog.get_logger()` with our own levels, also where nobody has configured anything (in tests)."""
    if not structlog.is_configured():
        structlog.configure(wrapper_class=logger_class("DEBUG"), logger_factory=_Printing)
    return structlog.get_logger()


class _Printing:
    """What structlog prints with, at any level."""

    def __init__(self, *_arguments: object) -> None: ...

    def __getattr__(self, level: str) -> Any:
        return structlog.PrintLogger().msg
