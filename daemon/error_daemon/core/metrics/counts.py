"""How many there were, and how many went well: attempts by strategy, type, level, target and time (D7), tickets by how they ended.

An attempt's success is only known when its target was seen afterwards and the attempt is known to have been made: neither an unknown
verdict nor a lost worker is a failure of the strategy. Both count as attempts, and are no samples of the success rate. What is learned
goes by the same rule.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import floor
from operator import attrgetter
from typing import Any, Protocol, TypeVar

from error_daemon.core.metrics.figures import Rate
from error_daemon.model import AttemptRecord, ErrorType, OutcomeKind, TicketRecord, Verdict


@dataclass(frozen=True, slots=True)
class Tally:
    attempts: int
    success: Rate  # of the attempts whose success is known


@dataclass(frozen=True, slots=True)
class AttemptCounts:
    """Each part sums to `total`. What does not occur is not in it; all are sorted by key."""

    total: Tally
    by_strategy: Mapping[str, Tally]
    by_type: Mapping[ErrorType, Tally]
    by_level: Mapping[int, Tally]
    by_target: Mapping[str, Tally]
    by_time: Mapping[float, Tally]  # start of the bucket → attempts that ended in it


def attempt_counts(attempts: Sequence[AttemptRecord], bucket_s: float) -> AttemptCounts:
    """A bucket starts at a multiple of `bucket_s` since 1970, whatever the range: the buckets of two ranges are the same ones."""
    ends = [_end(attempt) for attempt in attempts]
    return AttemptCounts(
        _tally(Counter(ends)),
        _tallies(map(attrgetter("strategy_id"), attempts), ends),
        _tallies(map(attrgetter("error_type"), attempts), ends),
        _tallies(map(attrgetter("level"), attempts), ends),
        _tallies(map(attrgetter("target"), attempts), ends),
        _tallies([floor(attempt.ended_at / bucket_s) * bucket_s for attempt in attempts], ends),
    )


def _end(attempt: AttemptRecord) -> bool | None:
    """Whether it was a success; None: not known."""
    if attempt.verdict is Verdict.UNKNOWN or attempt.outcome is OutcomeKind.LOST:
        return None
    return attempt.success


def _tally(counts: Mapping[bool | None, int]) -> Tally:
    known = counts[True] + counts[False]
    return Tally(known + counts[None], Rate(counts[True], known))


class _Key(Hashable, Protocol):
    def __lt__(self, other: Any, /) -> bool: ...


_KeyT = TypeVar("_KeyT", bound=_Key)


def _tallies(keys: Iterable[_KeyT], ends: Iterable[bool | None]) -> Mapping[_KeyT, Tally]:
    by_key: dict[_KeyT, Counter[bool | None]] = {}
    for (key, end), count in Counter(zip(keys, ends, strict=True)).items():
        by_key.setdefault(key, Counter())[end] = count
    return {key: _tally(by_key[key]) for key in sorted(by_key)}


def tickets_by_end(tickets: Iterable[TicketRecord]) -> Mapping[str, int]:
    """How many tickets ended as what, sorted by that."""
    return dict(sorted(Counter(ticket.ended_as for ticket in tickets).items()))
