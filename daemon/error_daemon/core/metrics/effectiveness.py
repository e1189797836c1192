"""Whether it gets better with experience: the last tickets of an error type against its first (C14).

    success           of the tickets that ended recovered or failed: success rate of the last N less that of the first N
    time to recover   of the recovered tickets: mean of the last N less that of the first N; below 0 is quicker

N is 50, or half of the tickets where there are fewer than 100, so that no ticket is on both sides. Below 2 x 5 tickets nothing can be said.

Whether success changed by more than chance is asked with the two-proportion z test with pooled variance (NIST/SEMATECH e-Handbook of
Statistical Methods, 7.3.3: comparing two processes, fraction defective), two-sided, at 10 %. It approximates by a normal distribution:
with fewer than about five successes and five failures it is rough. That the last tickets went better does not say why: the faults may have
become easier.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import erfc, sqrt
from operator import attrgetter

from error_daemon.core.metrics.figures import FAILED, RECOVERED, Rate, Times, times_of
from error_daemon.core.metrics.timing import times_to_recover_s
from error_daemon.model import ErrorType, TicketRecord

COMPARED = 50
FEWEST_COMPARED = 5
_CHANCE = 0.10


@dataclass(frozen=True, slots=True)
class SuccessChange:
    first: Rate
    last: Rate

    @property
    def difference(self) -> float:
        return self.last.count / self.last.samples - self.first.count / self.first.samples

    @property
    def ratio(self) -> float | None:
        """None: the first never succeeded."""
        return (
            (self.last.count / self.last.samples) / (self.first.count / self.first.samples)
            if self.first.count
            else None
        )

    @property
    def p_value(self) -> float:
        """How likely chance alone makes a difference at least this large."""
        samples = self.first.samples + self.last.samples
        pooled = (self.first.count + self.last.count) / samples
        variance = pooled * (1.0 - pooled) * (1.0 / self.first.samples + 1.0 / self.last.samples)
        return erfc(abs(self.difference) / sqrt(2.0 * variance)) if variance > 0.0 else 1.0

    @property
    def is_more_than_chance(self) -> bool:
        return self.p_value < _CHANCE


@dataclass(frozen=True, slots=True)
class TimeChange:
    first: Times
    last: Times
    difference_s: float
    ratio: float | None  # None: the first took no time at all


@dataclass(frozen=True, slots=True)
class Effectiveness:
    """Of one error type. None: too few tickets."""

    success: SuccessChange | None
    time_to_recover: TimeChange | None


def effectiveness(tickets: Iterable[TicketRecord], compared: int = COMPARED) -> Mapping[ErrorType, Effectiveness]:
    """The error types with tickets that ended recovered or failed, sorted. `compared` is N."""
    by_type: dict[ErrorType, list[TicketRecord]] = defaultdict(list)
    for ticket in tickets:
        if ticket.ended_as in (RECOVERED, FAILED):
            by_type[ticket.error_type].append(ticket)
    for decided in by_type.values():
        decided.sort(key=attrgetter("ended_at", "ticket_id"))
    return {
        name: Effectiveness(_success(by_type[name], compared), _time(by_type[name], compared))
        for name in sorted(by_type)
    }


def _compared(available: int, wanted: int) -> int:
    """How many of each side; 0: too few."""
    count = min(wanted, available // 2)
    return count if count >= FEWEST_COMPARED else 0


def _success(decided: list[TicketRecord], wanted: int) -> SuccessChange | None:
    count = _compared(len(decided), wanted)
    return SuccessChange(_rate(decided[:count]), _rate(decided[-count:])) if count else None


def _rate(decided: list[TicketRecord]) -> Rate:
    return Rate(sum(ticket.ended_as == RECOVERED for ticket in decided), len(decided))


def _time(decided: list[TicketRecord], wanted: int) -> TimeChange | None:
    recovered = [ticket for ticket in decided if ticket.ended_as == RECOVERED]
    count = _compared(len(recovered), wanted)
    if not count:
        return None
    first, last = (times_of(times_to_recover_s(side)) for side in (recovered[:count], recovered[-count:]))
    first_s, last_s = first.mean_s, last.mean_s
    assert first_s is not None, "it has samples"
    assert last_s is not None, "it has samples"
    return TimeChange(first, last, last_s - first_s, last_s / first_s if first_s > 0.0 else None)
