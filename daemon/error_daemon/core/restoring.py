"""After a restart: the errors as they were recorded, and then the faults that the ring has kept.

the record has the error    it is as it was; a ticket that it had is taken up again by its slot, or lost
the ring has its fault      the ticket is opened again where it was, and its target is looked at before anything is done
· the record accounts for it, and it has ended      the slot is released; but one that is to be tried again in time keeps it
· its error has a ticket again by another slot      one recovery serves both
"""

from __future__ import annotations

from error_daemon.core.board import Board
from error_daemon.core.effects import ErrorRestored, FaultRestored, ReleaseSlot, SaveFault
from error_daemon.core.life import ENDED, WITH_TICKET
from error_daemon.core.opening import Opening
from error_daemon.core.possession import Possession
from error_daemon.core.ticket import Error
from error_daemon.model import ErrorView, SlotState, State

# what is taken over from the record of an error, beside its state
_AS_RECORDED = ("reason", "severity", "target", "level", "count", "attempts", "relapses", "flapping", "related")
_TIMES = ("first_at", "last_at", "opened_at", "recovered_at", "ended_at")


class Restoring:
    def __init__(self, board: Board, possession: Possession, opening: Opening) -> None:
        self._board = board
        self._possession = possession
        self._opening = opening

    def restored(self, event: ErrorRestored) -> None:
        """An error as it was recorded. One whose ticket is not in the ring any more was lost with it: nothing is done for it."""
        board, view = self._board, event.view
        error = board.create(event.fingerprint, event.fault, event.classification)
        self._take_over(error, view)
        if view.state is State.OBSERVED:
            error.ended_at = 0.0  # the definitions may be others now: its next fault is decided anew
        elif view.state is State.FAILED and view.parked_until:
            self._opening.try_again_later(error)
        if view.state in WITH_TICKET:
            board.census.change(error, State.FLUSHED)
            error.reason = "its ticket was not in the ring when the daemon started"
        elif view.state is State.WATCHING and event.classification.rule:
            board.set_timer(error, view.recovered_at + event.classification.rule.stability_window_s)
        elif view.state is State.WATCHING:
            board.census.change(error, State.RESOLVED)
            error.reason = "recovered; no rule is left to watch it by"
        board.settle(error)

    def kept(self, event: FaultRestored) -> None:
        """A slot as it was read back. What was running, or has ended without a record of it, is looked at first."""
        board = self._board
        error = board.errors.get(event.fingerprint.digest)
        if error is None:
            error = board.create(event.fingerprint, event.fault, event.classification)
            if event.view:
                self._take_over(error, event.view)  # it had been dropped to make room
        counted = _counted(event)
        recorded = counted == event.count and event.progress.state is SlotState.ENDED
        error.count += max(0, event.count - counted)
        if recorded and error.state in (*ENDED, State.WATCHING):
            self._keep_recorded(error, event)
            return
        board.effects.append(SaveFault(error.error_id, event.fault, event.slot))  # it may not have been before the end
        if error.ticket is not None:
            # Two slots of one error: a loss of power has undone the release of one. One recovery serves both.
            error.other_slots += (event.slot,)
            return
        self._open_again(error, event)

    def _keep_recorded(self, error: Error, event: FaultRestored) -> None:
        """The record accounts for the slot. It is needed only where the error is tried again in time."""
        if error.state is State.FAILED and error.parked_until and error.slot is None:
            self._board.hold_slot(error, event.slot, event.count)
            error.fault, error.classification = event.fault, event.classification  # the record has less of it
        else:
            self._board.effects.append(ReleaseSlot(event.slot))

    def _open_again(self, error: Error, event: FaultRestored) -> None:
        board = self._board
        error.fault, error.classification = event.fault, event.classification
        error.severity = event.classification.severity
        board.hold_slot(error, event.slot, event.count)
        error.last_at = max(error.last_at, event.fault.received_at)
        error.first_at = min(error.first_at, event.fault.received_at)
        board.census.change(error, State.NEW)
        board.cancel_timer(error)
        if event.progress.state is SlotState.RUNNING:
            self._possession.doubt(error.target)  # as recorded: the definitions may lead elsewhere now
        asked = event.asked if event.asked and event.asked.slot_sequence == event.slot.sequence else None
        self._opening.open(error, event.progress, is_test=event.is_test, only=event.only, asked=asked)

    def _take_over(self, error: Error, view: ErrorView) -> None:
        self._board.census.change(error, view.state)
        for name in _AS_RECORDED:
            setattr(error, name, getattr(view, name))
        for name in _TIMES:  # the host's clock may have been set back meanwhile
            setattr(error, name, min(getattr(view, name), self._board.now))


def _counted(event: FaultRestored) -> int:
    """How many of the slot's faults the record has."""
    view = event.view
    return view.slot_count if view and view.slot_sequence == event.slot.sequence else 0
