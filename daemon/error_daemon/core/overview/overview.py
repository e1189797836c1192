"""One look at all that is open, in parts, so that whoever looks can let others have their turn in between.

    overview = engine.overview(now)
    for some in parts of overview.errors():  overview.add(some)
    overview.situation(limit), overview.targets()

An error is taken as it is when it is added. What changes meanwhile is in the next look.

**Open** is an error while it has a ticket, while it stands failed, and for an hour after its last fault where nothing may be done about it:
a report of yesterday that nobody was to act on is no news, and nobody would ever say that it is over.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from heapq import nsmallest

from error_daemon.core.board import Board
from error_daemon.core.brakes import approval
from error_daemon.core.brakes.hold import Hold
from error_daemon.core.dispatch import Dispatch
from error_daemon.core.overview.course import approval_need, failure_need, next_of, standing_of, trying_of
from error_daemon.core.overview.places import Group, Place, Places
from error_daemon.core.overview.targets import TargetLook
from error_daemon.core.ticket import Error, Ticket
from error_daemon.model import Severity, State
from error_daemon.model.views import ErrorGroup, Need, OpenCount, Situation, TargetState, Trying

OPEN_S = 3600.0
_MOST_TARGETS = 10


class Overview:
    def __init__(self, board: Board, dispatch: Dispatch, now: float) -> None:
        self._board = board
        self._dispatch = dispatch
        self._now = now
        self._reported_after = now - OPEN_S
        self._places = Places(board.graph)
        self._waiting: Counter[tuple[str, str]] = Counter()
        self._busy: list[Error] = []
        self._asking: dict[tuple[str, str, int], tuple[Error, int]] = {}  # the first that asks for it, and how many do

    def errors(self) -> Sequence[Error]:
        """Those to be added: all that may be open."""
        board = self._board
        known = board.census.by_state()
        if known.get(State.OBSERVED) or known.get(State.FLUSHED):
            return list(board.errors.values())
        return [*board.with_ticket(), *board.census.failed()]

    def add(self, errors: Iterable[Error]) -> None:
        """It is called for a hundred thousand in a row: what is not open costs next to nothing."""
        for error in errors:
            state = error.state
            if state is State.WATCHING or state is State.RESOLVED or state is State.NEW:
                continue
            if error.ticket is None and state is not State.FAILED and error.last_at < self._reported_after:
                continue
            place = self._places.add(error)
            if error.ticket is not None:
                self._take_ticket(error, error.ticket, place)

    def _take_ticket(self, error: Error, ticket: Ticket, place: Place) -> None:
        state = error.state
        place.is_isolated = place.is_isolated or ticket.is_isolated
        if state is State.ATTEMPTING or state is State.VERIFYING or state is State.PROBING:
            self._busy.append(error)
            return
        hold = self._dispatch.waiting.hold_of(error)
        if hold is not None:
            place.waiting += 1
            self._waiting[hold.by, hold.gate.partition(":")[2]] += 1
            if hold.by == approval.NAME:
                self._ask(error, ticket)

    def _ask(self, error: Error, ticket: Ticket) -> None:
        """It waits for a person."""
        assert ticket.proposal is not None, "what waits for a person was proposed"
        decision = ticket.proposal.decision
        what = decision.target, decision.strategy_id, decision.level
        first, count = self._asking.get(what, (error, 0))
        self._asking[what] = min(first, error, key=_opened), count + 1

    def situation(self, limit: int) -> Situation:
        """Of each list the first `limit`."""
        groups = self._places.groups()
        trying = [trying for error in self._busy if (trying := trying_of(error)) is not None]
        needs, needs_more = self._needs(limit)
        return Situation(
            open=self._open(),
            groups=tuple(self._group(group) for group in groups[:limit]),
            groups_more=max(0, len(groups) - limit),
            errors_in_more=sum(group.errors for group in groups[limit:]),
            trying=tuple(nsmallest(limit, trying, key=_age)),
            trying_more=max(0, len(trying) - limit),
            needs=tuple(needs),
            needs_more=needs_more,
            waiting=dict(self._waiting),
        )

    def targets(self) -> list[TargetState]:
        """All that are defined."""
        pauses = {view.subject: view for view in self._dispatch.brakes.pause.views()}
        breakers = {view.subject: view for view in self._dispatch.brakes.targets.views(self._now)}
        look = TargetLook(self._board, self._dispatch, self._places, pauses, breakers)
        return [look.at(target) for target in self._board.definitions.targets.values()]

    def _open(self) -> tuple[OpenCount, ...]:
        counts: Counter[tuple[Severity, State]] = Counter()
        for place in self._places.all():
            counts.update(place.counts)
        from_worst = sorted(counts.items(), key=lambda item: (-item[0][0], item[0][1].value))
        return tuple(OpenCount(severity, state, count) for (severity, state), count in from_worst)

    def _hold(self, error: Error) -> Hold | None:
        return self._dispatch.hold_now(error) if error.ticket is not None else None

    def _group(self, group: Group) -> ErrorGroup:
        cause, lead = group.cause, group.cause.lead
        hold = self._hold(lead)
        by_state = sum((place.by_state for place in group.places), Counter[State]())
        names = tuple(place.name for place in group.places)
        return ErrorGroup(
            kind=cause.key[0],
            name=cause.name,
            root_error=self._dispatch.view(lead),
            errors=group.errors,
            faults=sum(place.faults for place in group.places),
            severity=group.severity,
            since=group.since,
            last_at=max(place.last_at for place in group.places),
            errors_by_state={state.value: count for state, count in by_state.items()},
            targets=names[:_MOST_TARGETS],
            targets_more=max(0, len(names) - _MOST_TARGETS),
            standing=standing_of(lead, hold),
            trying=trying_of(lead),
            next=next_of(lead, hold),
            held_by=hold.by if hold else "",
        )

    def _needs(self, limit: int) -> tuple[list[Need], int]:
        """Of those that ask for the same the first to be answered, of those of one place that have failed the worst; and how many more
        there are. What runs out soonest comes first."""
        asking = nsmallest(limit, self._asking.values(), key=_soonest)
        needs = [need for error, count in asking if (need := self._approval(error, count)) is not None]
        failed = [(place.failed, place.by_state[State.FAILED]) for place in self._places.all()]
        worst = nsmallest(limit - len(needs), ((error, count) for error, count in failed if error), key=_worst)
        needs += [replace(failure_need(error), errors=count) for error, count in worst]
        return needs, len(self._asking) + sum(error is not None for error, _ in failed) - len(needs)

    def _approval(self, error: Error, errors: int) -> Need | None:
        """None where it was answered since it was added."""
        ticket = error.ticket
        proposal = ticket.proposal if ticket else None
        if ticket is None or proposal is None or not approval.waits(ticket):
            return None
        return replace(approval_need(self._board, error, ticket, proposal), errors=errors)


def _opened(error: Error) -> tuple[float, str]:
    return error.opened_at, error.error_id


def _age(trying: Trying) -> tuple[float, str]:
    return trying.since, trying.error_id


def _soonest(asking: tuple[Error, int]) -> tuple[float, str]:
    error, _ = asking
    return error.parked_until, error.error_id


def _worst(failed: tuple[Error, int]) -> tuple[int, float, str]:
    error, _ = failed
    return -error.severity, error.ended_at, error.error_id
