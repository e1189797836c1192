"""How long a strategy may take, learned from how long it took (B11).

As TCP estimates its retransmission time (RFC 6298): a smoothed mean plus four mean deviations, per error type and strategy, clamped
to the strategy's bounds. Only attempts that completed teach. A time-out doubles the estimate (Karn's backoff), since the true time
is only known to be longer.
"""

from __future__ import annotations

from dataclasses import dataclass

from error_daemon.model import ErrorType, LearnedTimeout, Strategy

_GAIN_MEAN = 1 / 8
_GAIN_DEVIATION = 1 / 4
_DEVIATIONS = 4.0


@dataclass(slots=True)
class _Estimate:
    mean_s: float
    deviation_s: float


class Timeouts:
    """What has been learned so far."""

    def __init__(self) -> None:
        self._estimates: dict[tuple[ErrorType, str], _Estimate] = {}

    def timeout_s(self, error_type: ErrorType, strategy: Strategy) -> float:
        known = self._estimates.get((error_type, strategy.id))
        if known is None:
            return strategy.timeout_s
        return _clamp(known.mean_s + _DEVIATIONS * known.deviation_s, strategy)

    def completed(self, error_type: ErrorType, strategy: Strategy, took_s: float, at: float) -> LearnedTimeout:
        """An attempt completed in `took_s`."""
        key = (error_type, strategy.id)
        known = self._estimates.get(key)
        if known is None:
            self._estimates[key] = _Estimate(took_s, took_s / 2)
        else:
            known.deviation_s += _GAIN_DEVIATION * (abs(known.mean_s - took_s) - known.deviation_s)
            known.mean_s += _GAIN_MEAN * (took_s - known.mean_s)
        return LearnedTimeout(error_type, strategy.id, self.timeout_s(error_type, strategy), at)

    def timed_out(self, error_type: ErrorType, strategy: Strategy, at: float) -> LearnedTimeout:
        """An attempt was ended at its deadline: allow twice as much next time, within the bounds."""
        longer = _clamp(2 * self.timeout_s(error_type, strategy), strategy)
        self.restore(LearnedTimeout(error_type, strategy.id, longer, at))
        return LearnedTimeout(error_type, strategy.id, longer, at)

    def restore(self, learned: LearnedTimeout) -> None:
        """Go on from a recorded value: as if it were the first sample's (mean plus four halves of it)."""
        mean = learned.timeout_s / (1 + _DEVIATIONS / 2)
        self._estimates[learned.error_type, learned.strategy_id] = _Estimate(mean, mean / 2)

    def forget(self, strategy_id: str | None) -> None:
        self._estimates = {
            key: known for key, known in self._estimates.items() if strategy_id is not None and key[1] != strategy_id
        }


def _clamp(timeout_s: float, strategy: Strategy) -> float:
    return min(max(timeout_s, strategy.timeout_min_s), strategy.timeout_max_s)
