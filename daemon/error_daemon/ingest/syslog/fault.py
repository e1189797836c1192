"""
A message of syslog as a fault.

    fault        message
    -----------  ----------------------------------------------------------------------------------------
    component    the program (APP-NAME, tag without its pid), else its facility
    node         the host that it names
    message      its text; a Python traceback in it becomes the exception
    severity     err: none, so the rule decides · crit, alert, emerg: high · warning: low · less: info
    attributes   facility, level, pid, kind (MSGID), data.* (structured data)

Never critical: `emerg` is easily said.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from error_daemon.ingest import sent_at
from error_daemon.ingest.acceptance import TARGET
from error_daemon.ingest.exception_types import error_type_named
from error_daemon.ingest.fitted import fitted
from error_daemon.ingest.syslog.message import SEVERITIES, SyslogMessage
from error_recovery.v1 import fault_pb2

_FACILITIES = (
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp", "ntp", "audit", "alert", "clock",
    *(f"local{number}" for number in range(8)),
)  # fmt: skip
_OF = (
    *(fault_pb2.SEVERITY_HIGH,) * 3,
    fault_pb2.SEVERITY_UNSPECIFIED,
    fault_pb2.SEVERITY_LOW,
    *(fault_pb2.SEVERITY_INFO,) * 3,
)
_RAISED = re.compile(r"^((?:[A-Za-z_]\w*\.)*[A-Z]\w*)(?:: (.*))?\Z", re.MULTILINE | re.DOTALL)
_TRACE = "Traceback (most recent call last):"


def fault_of(said: SyslogMessage, *, sender: str, now: float) -> bytes:
    """Serialised. `sender`: where it came from, for messages that name no host. `now`: seconds since 1970."""
    facility = _FACILITIES[said.facility] if said.facility < len(_FACILITIES) else "user"
    fault = fault_pb2.Fault(
        severity=_OF[said.severity],
        message=said.text.strip() or f"an empty message of {said.program or facility}",
        context=fault_pb2.Context(component=said.program or facility, node=said.host or sender),
        occurred_at_unix_ns=sent_at.of_text(said.timestamp, now),
        source="syslog",
    )
    data = dict(said.data)
    for key in list(data):
        if key.endswith(f".{TARGET}") or key == TARGET:
            fault.target = data.pop(key)
    _find_exception(fault)
    return fitted(fault, _attributes(said, facility, data))


def _find_exception(fault: fault_pb2.Fault) -> None:
    """As Python's logging writes it behind the message."""
    before, found, trace = fault.message.partition(_TRACE)
    if not found:
        return
    raised = _RAISED.search(trace.rstrip().rpartition("\n")[2])
    if raised is None:
        return
    fault.exception.type, fault.exception.message = raised[1], raised[2] or ""
    fault.exception.stack_trace = found + trace
    fault.type = error_type_named(raised[1])
    fault.message = before.strip() or f"{raised[1]}: {raised[2] or ''}"


def _attributes(said: SyslogMessage, facility: str, data: dict[str, str]) -> Iterator[tuple[str, str]]:
    yield "facility", facility
    yield "level", SEVERITIES[said.severity]
    if said.pid:
        yield "pid", said.pid
    if said.kind:
        yield "kind", said.kind
    for key, value in data.items():
        yield f"data.{key}", value
