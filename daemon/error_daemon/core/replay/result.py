"""What a replay says.

A **course** is one ticket from the fault that opened it to its end, as it was recorded (`then`) or as it went in the replay
(`now`); a decision of mode observe is a course without an attempt. Every figure says how it is known:

    known       everything that was done in it is in the record, with what came of it
    estimated   something was done that the record has no outcome of; its learned success rate was used
    unknown     ... and nothing at all is known of the strategy, or a person would have to answer
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from error_daemon.model import Decision, Verdict


class Certainty(str, Enum):
    KNOWN = "known"
    ESTIMATED = "estimated"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Range:
    """Of all the drawn courses 90 % are between `low` and `high`. What is known has all three the same."""

    low: float
    expected: float  # their mean
    high: float


@dataclass(frozen=True, slots=True)
class Rate:
    """How likely a strategy is to help: the mean of its posterior, its 90 % credible interval, and the attempts behind it, as
    they count."""

    mean: float
    low: float
    high: float
    samples: float


@dataclass(frozen=True, slots=True)
class Step:
    """A decision, and what came of it. `verdict` None: it was not carried out, or not seen to its end. `rate`: where it was
    estimated."""

    decision: Decision
    verdict: Verdict | None = None
    certainty: Certainty = Certainty.KNOWN
    rate: Rate | None = None


@dataclass(frozen=True, slots=True)
class Course:
    """`ended_as`: as in the record of tickets, or "observed", or "open" where the time of the replay was up. `recovers_s`: from
    its opening to its recovery; None: it did not recover by itself or by an attempt."""

    error_id: str
    opened_at: float
    ended_at: float
    ended_as: str
    reason: str
    rule: str
    target: str
    mode: str
    levels: tuple[int, ...]
    steps: tuple[Step, ...]

    @property
    def recovers_s(self) -> float | None:
        return self.ended_at - self.opened_at if self.ended_as == "recovered" else None

    @property
    def certainty(self) -> Certainty:
        """As little as that of its least certain step."""
        certainties = {step.certainty for step in self.steps}
        if Certainty.UNKNOWN in certainties:
            return Certainty.UNKNOWN
        return Certainty.ESTIMATED if Certainty.ESTIMATED in certainties else Certainty.KNOWN


@dataclass(frozen=True, slots=True)
class Compared:
    """One ticket then and now. `then` None: there was none. `now` None: there is none, and `why` says why not. Where `now` is
    estimated it is the likeliest course; `recovers_s` and `recovered_ratio` are of all the drawn ones: how long, of those that
    recovered, and how many did."""

    error_id: str
    then: Course | None
    now: Course | None
    differences: tuple[str, ...]  # in sentences; empty: the same decisions
    certainty: Certainty
    recovers_s: Range | None
    recovered_ratio: float
    why: str = ""


@dataclass(frozen=True, slots=True)
class Sums:
    """Over all tickets of one history. Times are in target-seconds: tickets of one target that overlap count once.

    `downtime_s`: while a ticket was open. `left_s`: after it ended without recovery, until its target was recovered the next
    time or the range ended: at most so long a person was waited for."""

    tickets: Range
    unrecovered: Range  # failed or still open; not those that a person ended
    downtime_s: Range
    left_s: Range
    downtime_by_target: Mapping[str, Range]
    attempts_by_strategy: Mapping[str, Range]
    attempts_by_target: Mapping[str, Range]


@dataclass(frozen=True, slots=True)
class Totals:
    then: Sums
    now: Sums
    same: int  # tickets with the same decisions
    different: int
    only_then: int
    only_now: int
    by_certainty: Mapping[Certainty, int]  # of the tickets now
    faults: int
    faults_missing: int  # that a ticket was opened by and that have no row; they were made up
    faults_not_come: int  # that came while a ticket was open that would have been over by then: they were left out


@dataclass(frozen=True, slots=True)
class Replayed:
    """`drawn`: how many courses of the whole history were drawn beside the likeliest one; 0: everything is known."""

    start_at: float
    until: float
    compared: tuple[Compared, ...]  # by the time at which they were opened
    totals: Totals
    rates: Mapping[str, Rate]  # of every strategy and type of error that was estimated: "strategy for type"
    drawn: int
