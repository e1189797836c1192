"""What the engine wants kept, as rows of the record; the store writes them later, and says when they are in the file."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from error_daemon.core import effects as fx
from error_daemon.errors import StoreUnavailable
from error_daemon.model import ApprovalRecord, AttemptRecord, Decision, ErrorView, TicketRecord
from error_daemon.ports import Ring, Row, Store
from error_daemon.runtime import records

UNWRITTEN = 1 << 62  # a row for which there was no room


class Keeping:
    """Rows of errors and approvals for which there was no room are tried again after each commit; all else raises StoreUnavailable then."""

    def __init__(self, ring: Ring) -> None:
        self.is_learning_withheld = False
        self.approval_row = 0  # the number of the newest row about what people are asked
        self._ring = ring
        self._append: Callable[[str, Row], int] = _not_joined
        self._unrecorded: deque[tuple[int, ErrorView]] = deque()
        self._unsaved: dict[str, ErrorView] = {}  # by error: there was no room for the row
        self._unsaved_approvals: dict[str, ApprovalRecord] = {}  # by decision, likewise

    def join(self, store: Store) -> None:
        """Before anything is kept."""
        self._append = store.append

    def committed(self, number: int) -> list[ErrorView]:
        """Rows up to `number` are in the file: the errors among them that have a slot of the ring, oldest first."""
        waiting, recorded = self._unrecorded, []
        while waiting and waiting[0][0] <= number:
            recorded.append(waiting.popleft()[1])
        self._retry_unsaved()  # before anything newer is written of the same errors
        return recorded

    def _retry_unsaved(self) -> None:
        unsaved, self._unsaved = self._unsaved, {}
        for view in unsaved.values():
            self.error(view)
        unsaved_approvals, self._unsaved_approvals = self._unsaved_approvals, {}
        for record in unsaved_approvals.values():
            self.approval(record)

    # --- each kind

    def fault(self, effect: fx.SaveFault) -> None:
        self._append("faults", records.fault_row(effect, self._ring.read(effect.slot)))

    def error(self, view: ErrorView) -> None:
        """Without the row its slot is never released: where there is no room for it, it is tried again."""
        try:
            number = self._append("errors", records.error_row(view))
        except StoreUnavailable:
            self._unsaved[view.error_id] = view
            return
        if view.slot_sequence:
            self._unrecorded.append((number, view))

    def decision(self, decision: Decision) -> None:
        self._append("decisions", records.decision_row(decision))

    def approval(self, record: ApprovalRecord) -> None:
        """A yes whose end is not in the record would be used again after a restart: where there is no room, it is tried again."""
        self.approval_row = UNWRITTEN
        try:
            self.approval_row = self._append("approvals", records.approval_row(record))
        except StoreUnavailable:
            self._unsaved_approvals[record.decision.decision_id] = record

    def attempt(self, record: AttemptRecord) -> None:
        self._append("attempts", records.attempt_row(record))
        self._append("recovery_performance", records.performance_row(record))
        if record.stability_score < 0:  # the first time: its stability is not known yet
            for row in records.reading_rows(record):
                self._append("readings", row)

    def ticket(self, record: TicketRecord) -> None:
        self._append("tickets", records.ticket_row(record))

    def escalation(self, effect: fx.Escalate) -> None:
        self._append("escalations", records.escalation_row(effect.escalation))

    # --- what is learned

    def withhold_learned(self) -> None:
        """What was learned before could not be read back: what is learned from now on must not take its place in the record."""
        self.is_learning_withheld = True

    def score(self, effect: fx.SaveScore) -> None:
        if not self.is_learning_withheld:
            self._append("strategy_scores", records.score_row(effect.score))

    def timeout(self, effect: fx.SaveTimeout) -> None:
        if not self.is_learning_withheld:
            self._append("adaptive_timeouts", records.timeout_row(effect.timeout))

    def ladder(self, effect: fx.SaveLadder) -> None:
        self._append("progressive_recovery", records.ladder_row(effect))


def _not_joined(table: str, row: Row) -> int:
    raise AssertionError("joined before the first event")
