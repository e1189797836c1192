"""What the engine tells whoever asks. No decision comes of it.

`prefix` names an error by its id, or by the beginning of it that no other has: raises NotFound, or Refused where several have it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from itertools import chain

from error_daemon.core import deeds
from error_daemon.core.board import Board
from error_daemon.core.brakes.pause import Pause
from error_daemon.core.decide import members_of, variables_of
from error_daemon.core.dispatch import Dispatch
from error_daemon.core.listing import Listing, Newness
from error_daemon.core.metrics.downtime import OpenInterval
from error_daemon.core.overview import Overview
from error_daemon.core.ticket import Error
from error_daemon.errors import NotFound, Refused
from error_daemon.model import Approval, BrakeView, Decision, Definitions, ErrorView, Reading, SlotRef, State

_AMBIGUOUS = 5  # how many ids an ambiguous prefix is answered with


class Known:
    _board: Board
    _dispatch: Dispatch

    @property
    def definitions(self) -> Definitions:
        """Those in force."""
        return self._board.definitions

    def listing(
        self,
        limit: int,
        is_wanted: Callable[[Error], bool],
        *,
        with_ticket: bool = False,
        after: Newness | None = None,
    ) -> Listing:
        """A look at all errors, or at those that have a ticket, which are few; it is made in parts."""
        board = self._board
        return Listing(list(board.with_ticket() if with_ticket else board.errors.values()), limit, is_wanted, after)

    def newest(
        self,
        limit: int,
        is_wanted: Callable[[Error], bool],
        *,
        with_ticket: bool = False,
        after: Newness | None = None,
    ) -> tuple[list[ErrorView], int]:
        """`listing` at once: their views, and how many are wanted in all."""
        listing = self.listing(limit, is_wanted, with_ticket=with_ticket, after=after)
        listing.add(listing.errors())
        return self.views(listing.newest()), listing.total

    def views(self, errors: Iterable[Error]) -> list[ErrorView]:
        return [self._dispatch.view(error) for error in errors]

    def view(self, prefix: str) -> ErrorView:
        return self._dispatch.view(self._find(prefix))

    def held_by(self, error: Error) -> str:
        """The brake that its ticket waits for, and be it that of the whole queue, as `view` shows it; empty where it waits for none."""
        hold = self._dispatch.waiting.hold_of(error)
        return hold.by if hold else ""

    def overview(self, now: float) -> Overview:
        """A look at all that is open; it is made in parts."""
        return Overview(self._board, self._dispatch, now)

    def brakes(
        self, now: float, waiting: Mapping[tuple[str, str], int] | None = None, *, only_tripped: bool = False
    ) -> list[BrakeView]:
        """Every brake as it is, outermost first, with how many tickets wait for it. `waiting`: where that was counted already.
        `only_tripped`: of the breakers of targets only those that are not closed."""
        waiting = self._dispatch.waiting.counts() if waiting is None else waiting
        return [
            replace(view, waiting=waiting.get((view.brake, view.subject), 0))
            for view in self._dispatch.brakes.views(now, only_tripped=only_tripped)
        ]

    def brake_states(self, now: float) -> list[tuple[str, str, str]]:
        """(brake, subject, state) of each brake; of the breakers of targets only those that are not closed. Cheap, however many wait."""
        return self._dispatch.brakes.states(now)

    def approvals(self, limit: int) -> tuple[list[Approval], int]:
        """What waits for a person's yes or no, what ends soonest first, and how much there is in all."""
        return self._dispatch.asking.approvals(limit)

    def approval(self, error_id: str) -> Approval | None:
        """Of one error, by its whole id; None where nothing of it waits for a person."""
        return self._dispatch.asking.approval(error_id)

    def does(self, decision: Decision) -> str:
        """What its strategy does to its target, in words, as they are defined now; empty where one of them is no more."""
        definitions = self.definitions
        strategy, target = definitions.strategies.get(decision.strategy_id), definitions.targets.get(decision.target)
        if strategy is None or target is None:
            return ""
        error = self._board.by_id(decision.error_id)
        variables = variables_of(error.fault, error, decision) if error else {}
        return deeds.does(strategy, target, members_of(self._board, target.id, strategy), variables)

    def last_readings(self, error_id: str) -> tuple[Reading, ...]:
        """What the last look for the error's ticket has seen; nothing where there was none."""
        error = self._board.by_id(error_id)
        return error.ticket.readings if error and error.ticket else ()

    def slot(self, error_id: str) -> SlotRef | None:
        return self._find(error_id).slot

    def known(self, error_id: str) -> Error | None:
        """By its whole id. Nobody may write to it."""
        return self._board.by_id(error_id)

    def held(self, error_id: str) -> tuple[str, str]:
        """The brake that its ticket waits for, and why; empty where it waits for none."""
        error = self._board.by_id(error_id)
        hold = self._dispatch.waiting.hold_of(error) if error else None
        return (hold.by, hold.reason) if hold else ("", "")

    def ticket_id(self, error_id: str) -> str:
        """The id of its ticket; empty where it has none."""
        error = self._board.by_id(error_id)
        return error.ticket.ticket_id if error and error.ticket else ""

    def still_down(self) -> list[OpenInterval]:
        """What the record of ended tickets does not tell: the targets of open tickets, and of errors that stand failed."""
        down = chain(self._board.with_ticket(), self._board.census.failed())
        return [
            OpenInterval(
                error.target,
                error.fault.component,
                error.opened_at,
                planned=error.ticket is not None and error.ticket.planned,
            )
            for error in down
            if error.target
        ]

    def busy_with(self, target: str) -> list[str]:
        """The errors with a ticket for this target, in the order in which they came to it, without those parked: they do nothing."""
        holders = self._board.with_ticket_on(target).items()
        return [error_id for error_id, error in holders if error.state is not State.PARKED]

    def attempting(self, target: str) -> int:
        """How many errors of the target are being attempted; of all, where none is named."""
        if not target:
            return self.attempts_running()
        return sum(error.state is State.ATTEMPTING for error in self._board.with_ticket_on(target).values())

    def errors_by_state(self) -> dict[str, int]:
        return {state.value: count for state, count in self._board.census.by_state().items()}

    def pauses(self) -> list[Pause]:
        return self._dispatch.brakes.pause.all()

    def errors_known(self) -> int:
        return len(self._board.errors)

    def tickets_open(self) -> int:
        return self._board.tickets()

    def tickets_by_target(self) -> dict[str, int]:
        """Open ones, of the targets that have some."""
        return {target: len(errors) for target, errors in self._board.holders().items()}

    def with_ticket(self) -> list[Error]:
        """The errors that have a ticket now. Nobody may write to them, and by the next turn of the loop some may have none."""
        return list(chain.from_iterable(errors.values() for errors in self._board.holders().values()))

    def in_the_works(self) -> int:
        """Targets that are being attempted, verified or looked at."""
        return self._dispatch.possession.in_the_works()

    def attempts_running(self) -> int:
        return self._dispatch.running.attempts()

    def _find(self, prefix: str) -> Error:
        error = self._board.by_id(prefix)
        if error:
            return error
        found = list(self._board.starting_with(prefix)) if prefix else []
        if len(found) == 1:
            return found[0]
        if not found:
            raise NotFound(f"no error {prefix!r} is known: `error-cli errors list` shows them")
        some = ", ".join(candidate.error_id for candidate in found[:_AMBIGUOUS])
        raise Refused(f"{prefix!r} is the beginning of {len(found)} errors ({some} ...): write more of it")
