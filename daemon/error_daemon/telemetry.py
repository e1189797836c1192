"""Counters and a latency histogram: plain numbers that any part may raise and the runtime reads. No I/O here."""

from __future__ import annotations

from dataclasses import dataclass, field

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


@dataclass(slots=True)
class Counters:
    """What has happened since the daemon started."""

    faults_received: int = 0
    faults_refused: int = 0
    workers_lost: int = 0
    torn_slots: int = 0
    peers_sent_away: int = 0  # for what they did on the wire
    calls_refused: int = 0  # by the gate: nobody knows who, not for them, too many
    lag: LatencyHistogram = field(default_factory=LatencyHistogram)  # fault received → strategy code running
    recovery: LatencyHistogram = field(default_factory=LatencyHistogram)  # ticket opened → verified to be recovered
