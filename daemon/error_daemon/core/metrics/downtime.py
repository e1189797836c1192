"""How long targets and components were down, and the share of the time that they were not (C14).

A target is down while it has an open ticket, from `opened_at` to `ended_at`, however the ticket ended. Tickets of one target that overlap
are one time down: what counts is the union of their intervals, clipped to the range. The caller adds as open intervals what the record of
ended tickets does not have: tickets that are still open, and errors that stand failed.

A time is planned when every ticket that was open in it is planned (TicketRecord.planned); a second that is both is unplanned. So planned
and unplanned time never overlap, and their sum is the whole downtime.

    availability of a target or component   1 - downtime / length of the range
    availability overall                    the mean over the targets, weighted by the targets' weights

The union is made in one pass over the intervals by their start: each adds what of it lies after the end of the union so far.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from math import fsum, inf
from operator import attrgetter

from error_daemon.core.metrics.figures import Span
from error_daemon.model import TicketRecord

_ORDINARY_WEIGHT = 1.0  # of a target that is in the record but no longer defined


@dataclass(frozen=True, slots=True)
class OpenInterval:
    """A target is down that no ended ticket tells of, from `opened_at` to `ended_at`; infinite: it still is."""

    target: str
    component: str
    opened_at: float
    ended_at: float = inf
    planned: bool = False


@dataclass(frozen=True, slots=True)
class Downtime:
    """Of one target or component. It is made from the time that was watched; a target without intervals was up for all of it."""

    planned_s: float
    unplanned_s: float
    watched_s: float
    intervals: int  # tickets and open intervals

    @property
    def total_s(self) -> float:
        return self.planned_s + self.unplanned_s

    @property
    def availability_ratio(self) -> float | None:
        return max(0.0, 1.0 - self.total_s / self.watched_s) if self.watched_s > 0.0 else None


@dataclass(frozen=True, slots=True)
class DowntimeFigures:
    """`overall` sums over the targets: its times are in target-seconds, and 0 of 0 where there is no target."""

    by_target: Mapping[str, Downtime]
    by_component: Mapping[str, Downtime]
    overall: Downtime
    availability_ratio: float | None  # of all targets, by weight


def downtime_figures(
    tickets: Iterable[TicketRecord],
    span: Span,
    weights: Mapping[str, float],
    open_intervals: Iterable[OpenInterval] = (),
) -> DowntimeFigures:
    """Tickets that were not open in the range do not count. `weights` names every target that was watched in all of it, those without a
    ticket too: these were up. A target with tickets that it does not name weighs 1."""
    targets: defaultdict[str, _Union] = defaultdict(_Union)
    components: defaultdict[str, _Union] = defaultdict(_Union)
    start_at, end_at = span.start_at, span.end_at
    for down in _by_start([*tickets, *open_intervals], span):
        first_at = down.opened_at if down.opened_at > start_at else start_at
        last_at = down.ended_at if down.ended_at < end_at else end_at
        targets[down.target].add(first_at, last_at, down.planned)
        if down.component:
            components[down.component].add(first_at, last_at, down.planned)
    by_target = {name: targets[name].downtime(span) for name in sorted(targets.keys() | weights.keys())}
    by_component = {name: components[name].downtime(span) for name in sorted(components)}
    return DowntimeFigures(by_target, by_component, _overall(by_target.values()), _weighted(by_target, weights))


_Down = TicketRecord | OpenInterval


def _by_start(downs: Iterable[_Down], span: Span) -> list[_Down]:
    """Those that share some time with the range. Clipped to it, they are still in the order of their starts."""
    start_at, end_at = span.start_at, span.end_at
    shared = [
        down
        for down in downs
        if down.opened_at < end_at and down.ended_at > start_at and down.opened_at < down.ended_at and start_at < end_at
    ]
    shared.sort(key=attrgetter("opened_at"))
    return shared


class _Union:
    """The union of intervals that come by their start: how long it is, and where it ends."""

    __slots__ = ("_end_at", "_total_s", "_unplanned_end_at", "_unplanned_s", "intervals")

    def __init__(self) -> None:
        self._end_at = self._unplanned_end_at = -inf
        self._total_s = self._unplanned_s = 0.0
        self.intervals = 0

    def add(self, first_at: float, last_at: float, is_planned: bool) -> None:
        self.intervals += 1
        if last_at > self._end_at:
            self._total_s += last_at - (first_at if first_at > self._end_at else self._end_at)
            self._end_at = last_at
        if not is_planned and last_at > self._unplanned_end_at:
            self._unplanned_s += last_at - (first_at if first_at > self._unplanned_end_at else self._unplanned_end_at)
            self._unplanned_end_at = last_at

    def downtime(self, span: Span) -> Downtime:
        return Downtime(max(0.0, self._total_s - self._unplanned_s), self._unplanned_s, span.length_s, self.intervals)


def _overall(downtimes: Collection[Downtime]) -> Downtime:
    return Downtime(
        fsum(item.planned_s for item in downtimes),
        fsum(item.unplanned_s for item in downtimes),
        fsum(item.watched_s for item in downtimes),
        sum(item.intervals for item in downtimes),
    )


def _weighted(by_target: Mapping[str, Downtime], weights: Mapping[str, float]) -> float | None:
    """None where there is no target, no time, or nothing of any weight."""
    watched = [
        (weights.get(name, _ORDINARY_WEIGHT), item.availability_ratio)
        for name, item in by_target.items()
        if item.availability_ratio is not None
    ]
    weight = fsum(weight for weight, _ in watched)
    return fsum(weight * ratio for weight, ratio in watched) / weight if weight > 0.0 else None
