"""What the daemon knew before it was started: read back from the record, then from the ring.

Nothing that is odd in either keeps the daemon from starting: a row that cannot be read is skipped, a kept fault that cannot be decoded
stays in its slot for a person (or another version of this program) to look at. Both are logged loudly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import structlog

from error_daemon.core.classify import Classification
from error_daemon.core.effects import ErrorRestored, FaultRestored
from error_daemon.errors import InputError, StoreUnavailable
from error_daemon.ingest.decode import decode
from error_daemon.ingest.marks import is_test, only_of
from error_daemon.model import ApprovalRecord, Definitions, ErrorView, Fault, Fingerprint, RecoveryClass, Rule
from error_daemon.ports import KeptFault, Store
from error_daemon.runtime import records
from error_daemon.runtime.recovery_loop import RecoveryLoop

_log = structlog.get_logger()
_BREAKERS_REMEMBER_S = 300.0  # longer than any of their windows
T = TypeVar("T")

Views = Mapping[str, ErrorView]  # by fingerprint, in hexadecimal
Approvals = Mapping[str, ApprovalRecord]  # by error


async def restore_record(
    store: Store, loop: RecoveryLoop, definitions: Definitions, most_errors: int, now: float
) -> Views:
    """Feed what was learned, what the breakers knew, and the errors known, oldest first. Without a record the daemon starts all the
    same, knowing less; what it learns then is not recorded, so that it does not take the place of what it should have known."""
    try:
        scores = await store.query("learned_scores")
        timeouts = await store.query("learned_timeouts")
    except StoreUnavailable as error:
        _log.error("learned_not_restored", error=str(error))
        loop.keeping.withhold_learned()
    else:
        loop.engine.restore_learned(_readable(records.score_of, scores), _readable(records.timeout_of, timeouts))
    try:
        recent = await store.query("attempts_between", since=now - _BREAKERS_REMEMBER_S)
        loop.engine.restore_attempts(_readable(records.attempt_of, recent), now)
        rows = await store.query("recent_errors", limit=most_errors)
    except StoreUnavailable as error:
        _log.error("errors_not_restored", error=str(error))
        return {}
    rules = {rule.id: rule for rule in definitions.rules}
    views = {view.fingerprint: view for view in _readable(records.view_of, reversed(rows))}
    for view in views.values():
        loop.feed(error_restored(view, rules.get(view.rule)))
    return views


def error_restored(view: ErrorView, rule: Rule | None) -> ErrorRestored:
    """What the engine is told of an error that the record knows. `rule`: what its rule says today."""
    fingerprint = Fingerprint(bytes.fromhex(view.fingerprint), view.because)
    return ErrorRestored(view, fingerprint, fault_of(view), _classification(view, rule))


async def restored_approvals(store: Store) -> Approvals:
    """What people were asked when the daemon ended, and what was approved and not begun. Without the record all of it is asked anew."""
    try:
        rows = await store.query("open_approvals")
    except StoreUnavailable as error:
        _log.error("approvals_not_restored", error=str(error))
        return {}
    return {record.decision.error_id: record for record in _readable(records.approval_of, rows)}


def restore_ring(kept: Sequence[KeptFault], loop: RecoveryLoop, views: Views, asked: Approvals) -> None:
    """Feed the faults that the ring has kept. Their fingerprints are worked out anew: the way they are made may have changed."""
    engine = loop.engine
    for slot in kept:
        try:
            fault = decode(slot.payload, slot.received_at)
        except InputError as error:
            _log.critical("kept_fault_unreadable", slot=repr(slot.slot), error=str(error), payload=slot.payload.hex())
            continue
        fingerprint = engine.fingerprint(fault)
        view = views.get(fingerprint.digest.hex())
        classification = engine.classify(fault)
        tested, only = is_test(fault.attributes), only_of(fault.attributes)
        loop.feed(
            FaultRestored(
                fault,
                fingerprint,
                slot.slot,
                classification,
                slot.count,
                slot.progress,
                view,
                is_test=tested,
                only=only,
                asked=asked.get(fingerprint.error_id),
            )
        )


def _readable(read: Callable[[Mapping[str, Any]], T], rows: Iterable[Mapping[str, Any]]) -> list[T]:
    found = []
    for row in rows:
        try:
            found.append(read(row))
        except (ValueError, KeyError, TypeError) as error:
            _log.error("row_not_restored", row=repr(row), error=repr(error))
    return found


def _classification(view: ErrorView, rule: Rule | None) -> Classification:
    recovery_class = view.recovery_class or RecoveryClass.GRADUAL  # rows from before there were recovery classes
    return Classification(rule, view.severity, view.response_class, recovery_class, view.severity_because)


def fault_of(view: ErrorView) -> Fault:
    """As much of its newest fault as the record of an error has."""
    return Fault(
        type=view.type,
        message=view.message,
        severity=view.severity,
        component=view.component,
        node=view.node,
        hardware_id=view.hardware_id,
        target=view.target,
        received_at=view.last_at,
    )
