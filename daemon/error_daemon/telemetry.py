"""Counters and histograms: plain numbers that any part may raise and the runtime reads. No I/O here.

**Labels are bounded.** What is counted by labels (`CountsBy`, `HistogramsBy`) has, of its first label, at most `_MOST_NAMES` values;
whatever comes beyond them is counted as `OTHER`. The other labels are words of enums. So no sender, and no reload of the definitions, can
make the daemon remember more and more names: a monitoring system dies of that first.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from error_daemon.model import TEST, AttemptRecord, Decision, ErrorType, Escalation, Fault, Severity, TicketRecord

OTHER = "other"
_MOST_NAMES = 256
_MOST_TIMED = 64  # names with a histogram each
LAG_BOUNDS_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0, 300.0)
TIME_BOUNDS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0)
"""Upper bounds of buckets. The goals of C1, C9 and C14 are among them (1 s, 5 s, 30 s), so that what met them can be told exactly."""
_BITS = 4  # 16 buckets an octave: a quantile is right to 6.25 %
_BUCKETS = 40 << _BITS


class LatencyHistogram:
    """Counts durations in fixed buckets (log-linear, as in HdrHistogram): 5 KiB, no allocation per sample.

    Durations are recorded in seconds and kept in whole microseconds; anything above about 12 days falls in the last bucket.
    """

    __slots__ = ("_counts", "max_us", "samples")

    def __init__(self) -> None:
        self._counts = [0] * _BUCKETS
        self.samples = 0
        self.max_us = 0.0

    def record(self, duration_s: float) -> None:
        us = max(0, int(duration_s * 1e6))
        shift = max(0, us.bit_length() - 1 - _BITS)
        index = (shift << _BITS) + (us >> shift)
        self._counts[min(index, _BUCKETS - 1)] += 1
        self.samples += 1
        self.max_us = max(self.max_us, duration_s * 1e6)

    def copy(self) -> LatencyHistogram:
        """As it is now."""
        other = LatencyHistogram()
        other._counts, other.samples, other.max_us = list(self._counts), self.samples, self.max_us
        return other

    def since(self, earlier: LatencyHistogram) -> LatencyHistogram:
        """What was recorded after `earlier`, a copy of this one, was made. Its longest is right to a bucket."""
        later = LatencyHistogram()
        later._counts = [now - then for now, then in zip(self._counts, earlier._counts, strict=True)]
        later.samples = self.samples - earlier.samples
        later.max_us = self.max_us  # so far: what the quantile below is bounded by
        later.max_us = later.quantile_us(1.0)
        return later

    def figures(self) -> Mapping[str, float]:
        """The fields of LagFigures."""
        return {
            "samples": self.samples,
            "p50_us": self.quantile_us(0.5),
            "p99_us": self.quantile_us(0.99),
            "max_us": self.max_us,
        }

    def quantile_us(self, ratio: float) -> float:
        """The upper edge of the bucket where `ratio` (0 to 1) of all samples are reached, in µs; 0 without samples."""
        rank = ratio * self.samples
        seen = 0
        for index, count in enumerate(self._counts):
            seen += count
            if count and seen >= rank:
                shift = max(0, (index >> _BITS) - 1)
                return min(float((index - (shift << _BITS) + 1) << shift), self.max_us)
        return 0.0


class Histogram:
    """Durations in few fixed buckets, for whoever adds up the histograms of many daemons."""

    __slots__ = ("bounds_s", "counts", "sum_s")

    def __init__(self, bounds_s: Sequence[float]) -> None:
        self.bounds_s = bounds_s
        self.counts = [0] * (len(bounds_s) + 1)  # the last: longer than all bounds
        self.sum_s = 0.0

    def record(self, duration_s: float) -> None:
        duration_s = max(0.0, duration_s)
        self.counts[bisect_left(self.bounds_s, duration_s)] += 1
        self.sum_s += duration_s


class HistogramsBy:
    """A histogram for each name."""

    def __init__(self, bounds_s: Sequence[float], most: int = _MOST_TIMED) -> None:
        self._bounds_s = bounds_s
        self._most = most
        self.histograms: dict[str, Histogram] = {}

    def record(self, name: str, duration_s: float) -> None:
        if name not in self.histograms:
            if len(self.histograms) >= self._most:
                name = OTHER
            self.histograms.setdefault(name, Histogram(self._bounds_s))
        self.histograms[name].record(duration_s)


class CountsBy:
    """How often, by labels, of which only the first is a name."""

    def __init__(self, most: int = _MOST_NAMES) -> None:
        self._most = most
        self._names: set[str] = set()
        self.counts: dict[tuple[str, ...], int] = {}

    def add(self, name: str, *words: str, times: int = 1) -> None:
        key = (name, *words)
        if key not in self.counts:
            if name not in self._names and len(self._names) >= self._most:
                key = (OTHER, *words)
            self._names.add(key[0])
            self.counts.setdefault(key, 0)
        self.counts[key] += times


SOURCES = frozenset(
    ("alerts", "client", "error-cli", "error-cli test", "journal", "otlp", "sensor", "sentry", "syslog")
)
"""The first part of a fault's source, where it is one of ours. Senders may write anything."""


class FaultCounts:
    """Faults by their source, type, and the severity that the sender gave. On the fault path: one look-up. Whoever makes sources up fills
    the table; from then on what is new in it is counted by the kind of its source, which is all that is told."""

    __slots__ = ("counts",)

    def __init__(self) -> None:
        self.counts: dict[tuple[str, ErrorType, Severity | None], int] = {}

    def add(self, fault: Fault) -> None:
        key = fault.source, fault.type, fault.severity
        try:
            self.counts[key] += 1
        except KeyError:
            if len(self.counts) >= _MOST_NAMES:
                key = _kind_of(fault.source), fault.type, fault.severity
            self.counts[key] = self.counts.get(key, 0) + 1

    def by_kind(self) -> Counter[tuple[str, ErrorType, Severity | None]]:
        kinds: Counter[tuple[str, ErrorType, Severity | None]] = Counter()
        for (source, error_type, severity), count in self.counts.items():
            kinds[_kind_of(source), error_type, severity] += count
        return kinds


def _kind_of(source: str) -> str:
    kind = source.partition("/")[0]
    return kind if kind in SOURCES else OTHER


@dataclass(slots=True)
class Counters:
    """What has happened since the daemon started. What belongs to a test of a recovery is in no count but that of its faults."""

    faults_received: int = 0
    faults_refused: int = 0
    workers_lost: int = 0
    torn_slots: int = 0
    peers_sent_away: int = 0  # for what they did on the wire
    calls_refused: int = 0  # by the gate: nobody knows who, not for them, too many
    lag: LatencyHistogram = field(default_factory=LatencyHistogram)  # fault received → strategy code running
    recovery: LatencyHistogram = field(default_factory=LatencyHistogram)  # ticket opened → verified to be recovered
    faults: FaultCounts = field(default_factory=FaultCounts)
    faults_refused_by: CountsBy = field(default_factory=CountsBy)  # reason
    calls_refused_by: CountsBy = field(default_factory=CountsBy)  # reason
    decisions: CountsBy = field(default_factory=CountsBy)  # rule, mode
    attempts: CountsBy = field(default_factory=CountsBy)  # strategy, ladder level, outcome, verdict
    tickets: CountsBy = field(default_factory=CountsBy)  # target, how it ended
    escalations: CountsBy = field(default_factory=CountsBy)  # cause, response class
    exported: CountsBy = field(default_factory=CountsBy)  # signal, what became of it
    lags: Histogram = field(default_factory=partial(Histogram, LAG_BOUNDS_S))
    attempt_times: HistogramsBy = field(default_factory=partial(HistogramsBy, TIME_BOUNDS_S))  # by strategy
    recovery_times: HistogramsBy = field(default_factory=partial(HistogramsBy, TIME_BOUNDS_S))  # by recovery class

    def decided(self, decision: Decision) -> None:
        self.decisions.add(decision.rule, decision.mode)

    def attempt_ended(self, record: AttemptRecord) -> None:
        """Of each attempt once, when it has its verdict."""
        if record.lag_s and record.number == 1:
            self.lag.record(record.lag_s)
            self.lags.record(record.lag_s)
        if not record.is_test:
            self.attempts.add(record.strategy_id, str(record.level), record.outcome.value, record.verdict.value)
            self.attempt_times.record(record.strategy_id, record.execution_time_s)

    def ticket_ended(self, record: TicketRecord) -> None:
        took_s = record.ended_at - record.opened_at
        if record.ended_as == "recovered":
            self.recovery.record(took_s)
        if record.mode != TEST:
            self.tickets.add(record.target, record.ended_as)
            if record.ended_as == "recovered":
                self.recovery_times.record(record.recovery_class.value, took_s)

    def escalated(self, escalation: Escalation) -> None:
        self.escalations.add(escalation.cause, escalation.response_class.value)
