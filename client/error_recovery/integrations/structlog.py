"""structlog: a processor that reports errors, anywhere before the renderer and before `format_exc_info`.

    structlog.configure(processors=[..., report_errors, ..., structlog.processors.JSONRenderer()])

Of events of the methods error, exception and critical (and fatal): the exception where there is one, else the event's text.
Values of the event are not told, but for `request_id`. Events pass unchanged. Where they go on into `logging`, the log handler
leaves that record out.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

from error_recovery.fault import FaultFields
from error_recovery.integrations.request_facts import REQUEST_ID
from error_recovery.log_handler import quiet_once
from error_recovery.sight import sight, tell
from error_recovery.text import printed

_WAY = "structlog"
_ERRORS = ("error", "exception", "critical", "fatal")


def report_errors(logger: Any, method_name: str, event_dict: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A processor. Never raises."""
    if method_name in _ERRORS and not (isinstance(logger, logging.Logger) and not _is_taken(logger, method_name)):
        exc = _exception(event_dict.get("exc_info"), method_name)
        fields = _fields(logger, method_name, event_dict)
        message = printed(event_dict.get("event", ""))
        if exc is None:
            tell(message, _WAY, **fields)
        else:
            sight(exc, _WAY, message, **fields)
        if isinstance(logger, logging.Logger):
            quiet_once(logger.name, message)
    return event_dict


def _is_taken(logger: logging.Logger, method_name: str) -> bool:
    return logger.isEnabledFor(logging.CRITICAL if method_name in ("critical", "fatal") else logging.ERROR)


def _exception(exc_info: Any, method_name: str) -> BaseException | None:
    if isinstance(exc_info, BaseException):
        return exc_info
    if isinstance(exc_info, tuple) and len(exc_info) == 3:
        return exc_info[1] if isinstance(exc_info[1], BaseException) else None
    return sys.exc_info()[1] if exc_info or (exc_info is None and method_name == "exception") else None


def _fields(logger: Any, method_name: str, event_dict: MutableMapping[str, Any]) -> FaultFields:
    attributes: dict[str, object] = {}
    name = getattr(logger, "name", None) or event_dict.get("logger")
    if isinstance(name, str):
        attributes["logger"] = name
    if REQUEST_ID in event_dict:
        attributes[REQUEST_ID] = event_dict[REQUEST_ID]
    fields: FaultFields = {"attributes": attributes}
    if method_name in ("critical", "fatal"):
        fields["severity"] = "high"
    return fields
