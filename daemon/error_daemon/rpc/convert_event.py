"""What happens, as messages."""

from __future__ import annotations

from error_daemon.model import Notice, Summary
from error_daemon.rpc import convert
from error_daemon.rpc.convert_approval import approval_message
from error_daemon.rpc.convert_status import brake_message
from error_recovery.v1 import recovery_pb2


def event_message(notice: Notice | Summary) -> recovery_pb2.Event:
    if isinstance(notice, Summary):
        return _summary_message(notice)
    return recovery_pb2.Event(
        at=notice.at,
        kind=notice.kind,
        error=convert.error_message(notice.error) if notice.error else None,
        decision=convert.decision_message(notice.decision) if notice.decision else None,
        attempt=convert.attempt_message(notice.attempt) if notice.attempt else None,
        readings=[convert.reading_message(reading) for reading in notice.readings],
        text=notice.text,
        event=notice.event,
        approval=approval_message(notice.approval) if notice.approval else None,
        brake=brake_message(notice.brake) if notice.brake else None,
    )


def _summary_message(summary: Summary) -> recovery_pb2.Event:
    left_out = sum(summary.left_out.values())
    return recovery_pb2.Event(
        at=summary.at,
        kind="summary",
        text=f"{left_out} {'more events were' if left_out > 1 else 'more event was'} left out",
        summary=recovery_pb2.Summary(since=summary.since, left_out=summary.left_out),
    )
