"""How long a strategy may take, learned from how long it took (B11).

As TCP estimates its retransmission time (RFC 6298): a smoothed mean plus four mean deviations, per error type and strategy, clamped
to the strategy's bounds. Only attempts that completed teach. A time-out doubles the estimate (Karn's backoff), since the true time
is only known to be longer.

Time in which the host gave us no CPU is not the strategy's (A20): an attempt that took 3 s of which 2 s were withheld took 1 s. Else
one slow hour of the host would grant every later attempt the time to hang in.
"""

from __future__ import annotations

from dataclasses import dataclass

from error_daemon.model import ErrorType, LearnedTimeout, Outcome, Strategy

_GAIN_MEAN = 1 / 8
_GAIN_DEVIATION = 1 / 4
_DEVIATIONS = 4.0

Basis = tuple[float, float]  # smoothed mean and mean deviation, s
Bounds = tuple[float, float]  # the strategy's shortest and longest, s


def timeout_from(basis: Basis, bounds: Bounds) -> float:
    """What is learned gives this timeout, in s."""
    return min(max(basis[0] + _DEVIATIONS * basis[1], bounds[0]), bounds[1])


def bounds_of(strategy: Strategy) -> Bounds:
    return strategy.timeout_min_s, strategy.timeout_max_s


def granted_s(outcome: Outcome) -> float:
    """How long the attempt ran on time that the host gave it."""
    return max(0.0, outcome.execution_time_s - outcome.withheld_s)


@dataclass(slots=True)
class _Estimate:
    mean_s: float
    deviation_s: float


class Timeouts:
    """What has been learned so far."""

    def __init__(self) -> None:
        self._estimates: dict[tuple[ErrorType, str], _Estimate] = {}

    def basis(self, error_type: ErrorType, strategy: Strategy) -> Basis | None:
        """What `timeout_s` is made from; None: nothing was learned, and the operator's timeout holds."""
        known = self._estimates.get((error_type, strategy.id))
        return (known.mean_s, known.deviation_s) if known else None

    def timeout_s(self, error_type: ErrorType, strategy: Strategy) -> float:
        return self.given(error_type, strategy)[0]

    def given(self, error_type: ErrorType, strategy: Strategy) -> tuple[float, Basis | None]:
        """`timeout_s`, and its `basis`."""
        basis = self.basis(error_type, strategy)
        return timeout_from(basis, bounds_of(strategy)) if basis else strategy.timeout_s, basis

    def completed(self, error_type: ErrorType, strategy: Strategy, took_s: float, at: float) -> LearnedTimeout:
        """An attempt completed in `took_s` of granted time."""
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
        shortest, longest = bounds_of(strategy)
        longer = min(max(2 * self.timeout_s(error_type, strategy), shortest), longest)
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
