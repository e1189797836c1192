"""Stray faults: from anybody, of anything, whatever the targets are."""

from __future__ import annotations

from error_daemon.model import ErrorType, Fault, Severity
from tests.simulation.scenario import Input


def stray(what: Input, wall: float) -> Fault:
    """The fault of a `report`. `ago_s`: how long ago it occurred, by the host's clock `wall`; without it the sender does not say."""
    ago_s = what.get("ago_s")
    return Fault(
        type=ErrorType(what["type"]),
        message=what["message"],
        severity=Severity(what["severity"]) if what.get("severity") else None,
        component=what["component"],
        target=what.get("target", ""),
        explicit_fingerprint=what.get("fingerprint", ""),
        attributes={"tenant": what["tenant"]} if what.get("tenant") else {},
        occurred_at=0.0 if ago_s is None else wall - ago_s,
        count=what.get("count", 1),
        retry_success=what.get("retry_success", False),
    )
