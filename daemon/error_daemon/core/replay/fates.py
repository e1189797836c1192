"""What comes of the attempts and looks of a replay: from the record where it can be, else estimated.

**Attempts.** If the ticket was recorded with an attempt of the same strategy on the same target, that one's outcome, duration,
verdict and readings are taken, each once, whatever came before it in the record; unless the time that it is given now makes
another outcome of it. Else the outcome is estimated (estimates.py).

**Looks before an attempt.** As long as a ticket does what it did, its looks see what they saw: they are answered when the
record says what followed. From the first other attempt on, its target is failing until an attempt helps it, or until it healed
by itself in the record, or a person said so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from error_daemon.core.learning import Case as Learned
from error_daemon.core.replay.estimates import Estimates
from error_daemon.core.replay.history import Case, Past
from error_daemon.core.replay.result import Certainty, Rate
from error_daemon.core.ticket import Ticket
from error_daemon.model import (
    ISOLATION,
    AttemptOrder,
    AttemptRecord,
    Decision,
    Mode,
    Outcome,
    OutcomeKind,
    Reading,
    ReadingValue,
    TicketRecord,
    Verdict,
)

_JUST_S = 1e-6  # over a bound: as much as rounding may take
_TWO_ROUNDS_S = 0.006  # a verdict that must hold takes two rounds at least
_SAME_RATIO = 1e-6
_LONGEST = 4.0  # times as long as usual, a round of probes takes
_SEEN_AS = {Verdict.RECOVERED: ReadingValue.OK, Verdict.UNKNOWN: ReadingValue.UNKNOWN}


@dataclass(slots=True)
class Fate:
    """What will be seen after the attempt that is running: `verdict`, at `at` if the rule is content with it then."""

    outcome: Outcome
    ends_at: float
    verdict: Verdict
    at: float
    readings: Mapping[str, ReadingValue]
    certainty: Certainty
    rate: Rate | None = None


@dataclass(slots=True)
class StepNow:
    decision: Decision
    verdict: Verdict | None = None
    certainty: Certainty = Certainty.KNOWN
    rate: Rate | None = None


@dataclass(slots=True)
class Live:
    """A ticket of the replay. `case`: what the record has of it. `is_on_record`: it has done what it did then, up to now."""

    key: str
    error_id: str
    opened_at: float
    case: Case | None
    is_on_record: bool
    unused: list[AttemptRecord]
    started: int = 0
    steps: dict[str, StepNow] = field(default_factory=dict)  # by decision
    fate: Fate | None = None
    record: TicketRecord | None = None  # once it has ended
    levels: tuple[int, ...] = ()
    rule: str = ""
    target: str = ""
    mode: str = ""


class Fates:
    """Of one draw (0: the likeliest course)."""

    def __init__(self, past: Past, estimates: Estimates, draw: int) -> None:
        self._past = past
        self._estimates = estimates
        self._draw = draw
        self.well: set[str] = (
            set()
        )  # targets that an attempt of this replay has helped, and of which no fault came since

    # --- attempts

    def of_attempt(self, live: Live, ticket: Ticket, order: AttemptOrder, learned: Learned, now: float) -> Fate:
        recorded = self._recorded(live, order)
        attempts = live.case.attempts if live.case else []
        follows = live.started < len(attempts) and attempts[live.started] is recorded
        live.is_on_record = live.is_on_record and follows
        live.started += 1
        if recorded and live.case:
            live.unused.remove(recorded)
            return self._known(live.case, recorded, ticket, order, now)
        return self._estimated(live, order, learned, now)

    def _recorded(self, live: Live, order: AttemptOrder) -> AttemptRecord | None:
        """The first that is not used yet; those that are the same with the time that it has now."""
        for attempt in live.unused:
            if attempt.strategy_id == order.strategy.id and attempt.target == order.target.id:
                given_s = live.case.timeout_s(attempt) if live.case else 0.0
                return attempt if _is_same_with(attempt, given_s, order.timeout_s) else None
        return None

    def _known(self, case: Case, recorded: AttemptRecord, ticket: Ticket, order: AttemptOrder, now: float) -> Fate:
        later_s = now - _began_at(case, recorded)
        at = recorded.ended_at + later_s
        ends_at = min(max(now, self._ended_at(recorded, ticket) + later_s), max(now, at))
        outcome = Outcome(
            order.attempt_id,
            recorded.outcome,
            recorded.detail,
            recorded.started_at + later_s,
            recorded.execution_time_s,
            recorded.withheld_s,
            before=recorded.before,
            after=recorded.after,
            affected_tasks=recorded.affected_tasks,
            recovered_tasks=recorded.recovered_tasks,
        )
        readings = {reading.probe: reading.value for reading in recorded.readings}
        return Fate(outcome, ends_at, recorded.verdict, at, readings, Certainty.KNOWN)

    def _ended_at(self, recorded: AttemptRecord, ticket: Ticket) -> float:
        """When the attempt itself had ended, and its target began to be looked at."""
        if recorded.outcome is OutcomeKind.REFUSED:
            return recorded.ended_at
        if recorded.outcome is OutcomeKind.LOST and not recorded.execution_time_s:  # the worker did not say
            looked_s = self._past.probes_take_s(recorded.target)
            if recorded.verdict is not Verdict.RECOVERED:
                looked_s = ticket.rule.verification.within_s
            return max(recorded.started_at, recorded.ended_at - looked_s)
        return recorded.started_at + recorded.execution_time_s

    def _estimated(self, live: Live, order: AttemptOrder, learned: Learned, now: float) -> Fate:
        strategy_id, estimates = order.strategy.id, self._estimates
        takes_s = estimates.takes_s(self._draw, learned.error_type, strategy_id, order.timeout_s)
        if order.level == ISOLATION:
            rate, helps, certainty = None, False, Certainty.ESTIMATED
        else:
            rate = estimates.rate(learned, strategy_id)
            helps = estimates.helps(self._draw, learned, strategy_id, f"{live.key} {live.started}")
            certainty = Certainty.ESTIMATED if rate.samples else Certainty.UNKNOWN
        ends_at = now + takes_s
        verdict = Verdict.RECOVERED if helps else Verdict.PERSISTING
        outcome = Outcome(order.attempt_id, OutcomeKind.COMPLETED, "", now, takes_s)
        at = ends_at + self._past.probes_take_s(order.target.id)
        return Fate(outcome, ends_at, verdict, at, {}, certainty, rate)

    # --- what probes see

    def of_round(self, live: Live, ticket: Ticket, now: float) -> tuple[float, Verdict, Mapping[str, ReadingValue]]:
        """When the probes of a ticket that is looked at answer, and what they say."""
        at, verdict = self._after(live.fate, ticket) if live.fate else self._before(live, ticket, now)
        if live.fate:
            readings = live.fate.readings if verdict is live.fate.verdict else {}
        else:
            readings = _failing_before(live) if live.is_on_record and verdict is Verdict.PERSISTING else {}
        heals_at = live.case.heals_at if live.case and not live.is_on_record else at + 1.0
        if verdict is not Verdict.RECOVERED and heals_at <= at:
            at, verdict, readings = heals_at, Verdict.RECOVERED, {}
        hold_s, looking = ticket.rule.verification.hold_s, ticket.looking
        if verdict is Verdict.RECOVERED and hold_s > 0.0 and looking and looking.ok_since is None:
            at -= max(hold_s + _JUST_S, _TWO_ROUNDS_S)
        return max(at, now), verdict, readings

    def _after(self, fate: Fate, ticket: Ticket) -> tuple[float, Verdict]:
        looking, rule = ticket.looking, ticket.rule.verification
        assert looking is not None, "a round belongs to a look"
        if fate.verdict is Verdict.UNKNOWN:
            waits_s = rule.patience_s
        else:
            waits_s = 0.0 if looking.hopeless or fate.verdict is Verdict.RECOVERED else rule.within_s
        is_content = fate.at - looking.began_at >= waits_s
        return fate.at if is_content else looking.began_at + waits_s + _JUST_S, fate.verdict

    def _before(self, live: Live, ticket: Ticket, now: float) -> tuple[float, Verdict]:
        target, seen_at = ticket.target.id, now + self._past.probes_take_s(ticket.target.id)
        case = live.case
        if case is None or case.ticket is None or not live.is_on_record:
            return seen_at, Verdict.RECOVERED if target in self.well else Verdict.PERSISTING
        at, verdict = self._followed(case, case.ticket, live.started)
        went_on = live.started < len(case.attempts)
        others_at = self._past.next_decided_on(target, now)
        if others_at < at:  # others went on with the target: it was failing
            at, verdict, went_on = others_at, Verdict.PERSISTING, True
        if went_on and at - now > _LONGEST * (seen_at - now):
            at = seen_at  # and then it waited for something else
        return at if at > now else seen_at, verdict

    def _followed(self, case: Case, ticket: TicketRecord, started: int) -> tuple[float, Verdict]:
        """What the record has next of the ticket, and what its look must have seen for that."""
        if started < len(case.attempts):
            return case.decided_at(case.attempts[started]), Verdict.PERSISTING
        if ticket.ended_as == "recovered":
            return ticket.ended_at, Verdict.RECOVERED
        return ticket.ended_at, Verdict.UNKNOWN if ticket.ended_as == "failed" else Verdict.PERSISTING


def _failing_before(live: Live) -> Mapping[str, ReadingValue]:
    """What a look saw before an attempt that made it worse: less than what failed after that."""
    attempts = live.case.attempts if live.case else []
    following = attempts[live.started] if live.started < len(attempts) else None
    if following is None or following.verdict is not Verdict.WORSE:
        return {}
    first = next(one.probe for one in following.readings if one.value is ReadingValue.NOT_OK)
    return {first: ReadingValue.OK}


def readings_of(
    probes: tuple[str, ...], verdict: Verdict, values: Mapping[str, ReadingValue], at: float
) -> tuple[Reading, ...]:
    """As recorded for the probes that there were; the others say what the verdict says."""
    seen = _SEEN_AS.get(verdict, ReadingValue.NOT_OK)
    return tuple(Reading(probe, values.get(probe, seen), at=at) for probe in probes)


def _is_same_with(attempt: AttemptRecord, given_s: float, timeout_s: float) -> bool:
    """Whether what was recorded also comes of it when it is given `timeout_s` in the place of `given_s`."""
    if attempt.outcome is OutcomeKind.TIMED_OUT:
        return timeout_s <= given_s * (1.0 + _SAME_RATIO)
    return timeout_s >= min(attempt.execution_time_s, given_s) * (1.0 - _SAME_RATIO)


def _began_at(case: Case, recorded: AttemptRecord) -> float:
    """When it was handed out: as soon as it was decided, or approved."""
    is_approved = case.ticket is not None and case.ticket.mode == Mode.APPROVE.value
    return recorded.started_at if is_approved else case.decided_at(recorded)
