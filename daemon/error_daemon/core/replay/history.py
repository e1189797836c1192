"""What was recorded, in the order in which a replay asks for it.

A **case** is what the record knows of one ticket: how it ended, its decisions, its attempts with their verdicts. A decision of
mode observe has no ticket; it is a case of its own, which began and ended when it was decided.

The record has a row for each fault that took a ring slot. Faults that were folded into an error with a slot are only counted,
so that a ticket may have been opened by a fault that has no row. Such a ticket gets a fault that is made up from the last one
of its error that has a row, else from the ticket itself. A ticket that follows a failed one may have been opened by time alone,
by a fault that came before: then nothing is made up.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from math import inf
from operator import attrgetter
from statistics import median

from error_daemon.core.brakes.pause import Pause
from error_daemon.core.fingerprint import Fingerprinter
from error_daemon.model import AttemptRecord, Decision, Fault, Fingerprint, TicketRecord, Verdict

_EXACT_S = 1e-3  # times of one moment that were kept in different columns
_NEAR_S = 1.0  # a ticket that opens this much earlier than it did is still the same
_PROBES_TAKE_S = 0.002  # where no reading of a target was recorded: that of a probe on the same host


@dataclass(frozen=True, slots=True)
class History:
    """Of one range of time; the order does not matter. A pause that was ended by a person has that as its `until`; 0: it never
    was."""

    faults: Sequence[Fault]
    decisions: Sequence[Decision] = ()
    attempts: Sequence[AttemptRecord] = ()
    tickets: Sequence[TicketRecord] = ()
    pauses: Sequence[Pause] = ()


@dataclass(slots=True)
class Case:
    """`ticket` None: a decision of mode observe. `heals_at`: when the target was well without an attempt, or a person said
    so."""

    key: str
    error_id: str
    opened_at: float
    ended_at: float
    ticket: TicketRecord | None = None
    decisions: list[Decision] = field(default_factory=list)
    attempts: list[AttemptRecord] = field(default_factory=list)
    heals_at: float = inf

    def timeout_s(self, attempt: AttemptRecord) -> float:
        """What the attempt was given; infinite where its decision was not recorded."""
        given = (one.timeout_s for one in self.decisions if one.decision_id == attempt.decision_id)
        return next(given, inf)

    def decided_at(self, attempt: AttemptRecord) -> float:
        """When it was handed out."""
        given = (one.at for one in self.decisions if one.decision_id == attempt.decision_id)
        return next(given, attempt.started_at)


class Past:
    """The history, looked up by error, target and time."""

    def __init__(self, history: History) -> None:
        self.pauses = sorted(history.pauses, key=attrgetter("at"))
        self.cases = [*map(_case_of_ticket, history.tickets), *_observed(history.decisions)]
        self.cases.sort(key=attrgetter("opened_at", "key"))
        self._by_error: dict[str, list[Case]] = defaultdict(list)
        for case in self.cases:
            self._by_error[case.error_id].append(case)
        self._attribute(history)
        self._decided_on = _times_by_target(history.decisions)
        self._probes_take_s = _probes_take_s(history.attempts)
        _say_what_healed(self.cases, history.attempts)
        self.faults = _with_missing(history.faults, self._by_error)
        self.made_up = len(self.faults) - len(history.faults)
        self.start_at, self.until = self._range()

    def at(self, error_id: str, at: float) -> Case | None:
        """The case of an error that was open then, else the one that was opened soon after."""
        cases = self._by_error.get(error_id, [])
        place = bisect_right(cases, at + _EXACT_S, key=attrgetter("opened_at")) - 1
        if place >= 0 and at <= cases[place].ended_at + _EXACT_S:
            return cases[place]
        following = cases[place + 1] if place + 1 < len(cases) else None
        return following if following and following.opened_at <= at + _NEAR_S else None

    def folded_into(self, error_id: str, at: float) -> Case | None:
        """The ticket that was open when a fault of this error came, and had been opened by an earlier one."""
        cases = self._by_error.get(error_id, [])
        place = bisect_left(cases, at, key=attrgetter("opened_at")) - 1
        return cases[place] if place >= 0 and cases[place].ticket and at <= cases[place].ended_at else None

    def next_decided_on(self, target: str, at: float) -> float:
        """When the next attempt on a target was decided; infinite: none was."""
        times = self._decided_on.get(target, [])
        place = bisect_left(times, at)
        return times[place] if place < len(times) else inf

    def probes_take_s(self, target: str) -> float:
        return self._probes_take_s.get(target, _PROBES_TAKE_S)

    def _attribute(self, history: History) -> None:
        """Decisions and attempts to their cases: by the id of the ticket, which begins theirs; else by error and time."""
        by_key = {case.key: case for case in self.cases}
        for decision in sorted(_last_of_each(history.decisions), key=attrgetter("at", "decision_id")):
            key = decision.attempt_id.rpartition("-")[0]
            case = by_key.get(key) or self.at(decision.error_id, decision.at)
            if case and case.key != decision.decision_id:
                case.decisions.append(decision)
        for attempt in sorted(history.attempts, key=attrgetter("ended_at")):
            case = by_key.get(attempt.attempt_id.rpartition("-")[0]) or self.at(attempt.error_id, attempt.started_at)
            if case:
                case.attempts.append(attempt)

    def _range(self) -> tuple[float, float]:
        times = [time for case in self.cases for time in (case.opened_at, case.ended_at)]
        times += [fault.received_at for fault, _ in self.faults]
        return min(times, default=0.0), max(times, default=0.0)


def _case_of_ticket(ticket: TicketRecord) -> Case:
    return Case(ticket.ticket_id, ticket.error_id, ticket.opened_at, ticket.ended_at, ticket)


def _observed(decisions: Iterable[Decision]) -> list[Case]:
    return [
        Case(one.decision_id, one.error_id, one.at, one.at, decisions=[one]) for one in decisions if not one.attempt_id
    ]


def _last_of_each(decisions: Iterable[Decision]) -> Iterable[Decision]:
    """A decision that was approved was recorded twice."""
    return {one.decision_id: one for one in decisions}.values()


def _times_by_target(decisions: Iterable[Decision]) -> dict[str, list[float]]:
    times: dict[str, list[float]] = defaultdict(list)
    for one in decisions:
        if one.attempt_id:
            times[one.target].append(one.at)
    for each in times.values():
        each.sort()
    return times


def _probes_take_s(attempts: Iterable[AttemptRecord]) -> dict[str, float]:
    """By target: how long its slowest probe takes, which the others of a round wait for."""
    seen: dict[str, list[float]] = defaultdict(list)
    for one in attempts:
        if one.readings:
            seen[one.target].append(max(reading.duration_s for reading in one.readings))
    return {target: median(durations) for target, durations in seen.items()}


def _say_what_healed(cases: Iterable[Case], attempts: Iterable[AttemptRecord]) -> None:
    """A ticket that ended well when no attempt on its target did so was healed by what the record does not know."""
    helped = {(one.target, _moment(one.ended_at)) for one in attempts if one.verdict is Verdict.RECOVERED}
    for case in cases:
        ticket = case.ticket
        if ticket is None:
            continue
        by_itself = ticket.ended_as == "recovered" and (ticket.target, _moment(ticket.ended_at)) not in helped
        if by_itself or ticket.ended_as == "resolved":
            case.heals_at = ticket.ended_at


def _moment(at: float) -> int:
    return round(at / _EXACT_S)


def _with_missing(faults: Iterable[Fault], by_error: dict[str, list[Case]]) -> list[tuple[Fault, Fingerprint]]:
    """All faults by time, with their fingerprints, and those that must have been."""
    fingerprinter = Fingerprinter()
    known = [(fault, fingerprinter(fault)) for fault in sorted(faults, key=attrgetter("received_at"))]
    of_error: dict[str, list[tuple[Fault, Fingerprint]]] = defaultdict(list)
    for fault, fingerprint in known:
        of_error[fingerprint.error_id].append((fault, fingerprint))
    missing = [
        made_up
        for error_id, cases in by_error.items()
        for made_up in _missing(error_id, cases, of_error.get(error_id, []))
    ]
    return sorted([*known, *missing], key=_received_at) if missing else known


def _missing(
    error_id: str, cases: list[Case], faults: list[tuple[Fault, Fingerprint]]
) -> Iterable[tuple[Fault, Fingerprint]]:
    ended_at = -inf
    for case in cases:
        place = bisect_right(faults, case.opened_at + _EXACT_S, key=_received_at) - 1
        if place < 0 or faults[place][0].received_at < ended_at:
            yield _made_up(error_id, case, faults[max(place, 0)] if faults else None)
        ended_at = case.ended_at


def _made_up(error_id: str, case: Case, like: tuple[Fault, Fingerprint] | None) -> tuple[Fault, Fingerprint]:
    ticket = case.ticket
    if like:
        occurred_at = ticket.occurred_at if ticket else 0.0
        return replace(like[0], received_at=case.opened_at, occurred_at=occurred_at, count=1), like[1]
    fingerprint = Fingerprint(bytes.fromhex(error_id).ljust(16, b"\0"), ("its fault is not in the record",))
    if ticket is None:
        decision = case.decisions[0]
        fault = Fault(decision.error_type, severity=decision.severity, target=decision.target)
    else:
        fault = Fault(
            ticket.error_type,
            severity=ticket.severity,
            component=ticket.component,
            target=ticket.target,
            occurred_at=ticket.occurred_at,
        )
    return replace(fault, received_at=case.opened_at), fingerprint


def _received_at(one: tuple[Fault, Fingerprint]) -> float:
    return one[0].received_at
