"""What is taken where the record has no outcome: the learned success rate, and how long the strategy usually takes.

The rate of a strategy for a case is its posterior, Beta(alpha, beta), as the engine itself would know it (experience.py). The
likeliest course has a strategy help where the mean is at least one half, and never one of which nothing is known. Beside it
the history is drawn several times: each draw first takes one rate a strategy and type of error from its posterior, then each
attempt's outcome with that rate (the posterior predictive; Gelman et al., "Bayesian Data Analysis", 3rd ed. 2013, ch. 1).
Drawing every attempt with the mean would make the range of a sum over a thousand attempts far too narrow: if the rate is wrong,
it is wrong for all of them.

The rates are drawn by Latin hypercube sampling (McKay, Beckman, Conover, "A comparison of three methods ...", Technometrics 21,
1979): of n draws each has a rate from another n-th of the posterior, so that few draws show its whole breadth. Which
outcome an attempt has depends on the error, the moment and the number of the attempt alone, so that the same attempts have the
same luck under any definitions.

An analytic expectation was not chosen: what one ticket does changes what is learned, and what the brakes let through for the
others.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from error_daemon.core.learning import Case, Learning
from error_daemon.core.replay.result import Rate
from error_daemon.core.rng import Generator
from error_daemon.intervals import beta_cumulative, beta_interval
from error_daemon.model import ErrorType, LearnedTimeout, Score

LOW, HIGH = 0.05, 0.95  # the ends of a 90 % interval
FEW = 20  # draws of which one in twenty is less than one
_LIKELY = 0.5


@dataclass(frozen=True, slots=True)
class _Known:
    rate: Rate
    alpha: float
    beta: float


class Estimates:
    """`at`: the moment as of which the learned counts."""

    def __init__(
        self, learned: Sequence[Score], timeouts: Sequence[LearnedTimeout], half_life_s: float, at: float
    ) -> None:
        self.learned = learned
        self.timeouts = timeouts
        self._learning = Learning(half_life_s)
        self._learning.restore(learned)
        self._takes_s = _takes_s(learned)
        self._at = at
        self.draws = 0  # how many there are; before the first one is made
        self._known: dict[tuple[Case, str], _Known] = {}
        self._shares: dict[tuple[ErrorType, str], list[float]] = {}

    def rate(self, case: Case, strategy_id: str) -> Rate:
        """`samples` 0: nothing at all is known of it."""
        return self._of(case, strategy_id).rate

    def helps(self, draw: int, case: Case, strategy_id: str, luck: str) -> bool:
        """Whether an attempt helps in a drawn course (from 1), or in the likeliest one (0). `luck` names the attempt."""
        known = self._of(case, strategy_id)
        if not draw:
            return known.rate.samples > 0.0 and known.rate.mean >= _LIKELY
        needed = Generator(_seed(f"{draw} {strategy_id} {luck}")).uniform()
        # as often as the rate of this draw: the rate is at least `needed` if its share of the posterior reaches up to there
        return beta_cumulative(known.alpha, known.beta, needed) <= self._share(draw, case.error_type, strategy_id)

    def takes_s(self, draw: int, error_type: ErrorType, strategy_id: str, timeout_s: float) -> float:
        """The mean for this type of error, else for any; of one that was never timed any part of its timeout, or half of it."""
        takes_s = self._takes_s.get((error_type, strategy_id)) or self._takes_s.get((None, strategy_id))
        if takes_s is not None:
            return min(takes_s, timeout_s)
        return timeout_s * (self._share(draw, error_type, f"time of {strategy_id}") if draw else 0.5)

    def _of(self, case: Case, strategy_id: str) -> _Known:
        known = self._known.get((case, strategy_id))
        if known is None:
            found = self._learning.known(case, strategy_id, self._at)
            samples = sum(one.weight for one in found.evidence)
            low, high = beta_interval(found.alpha, found.beta)
            rate = Rate(found.mean, low, high, samples)
            known = self._known[case, strategy_id] = _Known(rate, found.alpha, found.beta)
        return known

    def _share(self, draw: int, error_type: ErrorType, of: str) -> float:
        """How much of the posterior is below what this draw takes, in an order of the draws that differs from figure to
        figure."""
        shares = self._shares.get((error_type, of))
        if shares is None:
            dice = Generator(_seed(f"{error_type.value} {of}"))
            order = sorted((dice.bits(), place) for place in range(self.draws))
            shares = [_share(place, self.draws) for _, place in order]
            self._shares[error_type, of] = shares
        return shares[draw - 1]


def _share(place: int, draws: int) -> float:
    """The middle of an equal part; of few draws, whose least and greatest are shown, the ends of the 90 % interval are two."""
    return (place + 0.5) / draws if draws >= FEW else LOW + (HIGH - LOW) * place / (draws - 1)


def _takes_s(scores: Iterable[Score]) -> Mapping[tuple[ErrorType | None, str], float]:
    sums: dict[tuple[ErrorType | None, str], tuple[float, float]] = {}
    for score in scores:
        weight, time_s = float(score.metrics.get("weight", 0.0)), float(score.metrics.get("time_s", 0.0))
        for key in ((score.error_type, score.strategy_id), (None, score.strategy_id)):
            before = sums.get(key, (0.0, 0.0))
            sums[key] = before[0] + weight, before[1] + time_s
    return {key: time_s / weight for key, (weight, time_s) in sums.items() if weight > 0.0}


def _seed(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")
