"""
Every way in for messages of others that are not faults yet, joined to the places where they are served.

    what comes                         where                              part
    ---------------------------------  ---------------------------------  ------------------------
"""

from __future__ import annotations

from collections.abc import Sequence

from error_daemon.exchange import Route
from error_daemon.ingest.acceptance import Acceptance
from error_daemon.model import Diagnostic
from error_daemon.ports import Gate, Intake, Service
from error_daemon.runtime.diagnosis.area import Area, some

_AREA = Area("receivers")


class Receivers:
    """Made once. `routes` are served over HTTP, `services` over gRPC."""

    def __init__(self, intake: Intake, gate: Gate, *, is_durable: bool) -> None:
        self._intake = intake
        self._gate = gate
        self._is_durable = is_durable
        self._ways: dict[str, Acceptance] = {}

    def _desk(self, way: str) -> Acceptance:
        """Where the faults that come this way are handed in."""
        return self._ways.setdefault(way, Acceptance(self._intake, self._gate, is_durable=self._is_durable))

    def routes(self) -> Sequence[Route]:
        return ()

    def services(self) -> Sequence[Service]:
        return ()

    def diagnostics(self) -> Sequence[Diagnostic]:
        """See ports.Diagnosing."""
        return [_told(way, desk) for way, desk in self._ways.items()]


def _told(way: str, desk: Acceptance) -> Diagnostic:
    tally = desk.tally
    says = f"{some(tally.accepted, 'fault')} taken, {tally.refused:,} refused, {tally.put_off:,} told to come again"
    says += f"; {tally.passed_over:,} others were no faults" if tally.passed_over else ""
    if tally.refused:
        mend = "they were made of messages that no fault can hold: the log of their senders says why"
        return _AREA.notice(way, says, mend, accepted=tally.accepted, refused=tally.refused)
    return _AREA.good(way, says, accepted=tally.accepted)
