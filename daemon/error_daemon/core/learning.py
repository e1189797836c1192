"""What attempts have taught (B8, B10): per error type and strategy, fading with age, with a prior pooled from the same strategy
under other error types.

Every sum fades by half each `half_life_s`, so a stale score fades and a changed service is noticed. The success rate is a Beta
posterior: its prior is worth `PRIOR_STRENGTH` attempts at the strategy's rate elsewhere, so one failure condemns nobody and a strategy
that works for its siblings starts with credit. Attempts whose verdict is unknown, or whose worker was lost, teach nothing: the caller
does not tell. Stability is told when its window closes.

What is not known of a strategy beside its success (time, impact, stability, tasks) is taken from itself under other error types, else
from the other strategies for this error type, else 0.5: being unknown must neither bar a strategy from being explored nor favour it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields

from error_daemon.core.score import strategy_score, time_score
from error_daemon.model import ErrorType, Score

PRIOR_STRENGTH = 2.0
_NEUTRAL = 0.5


@dataclass(slots=True)
class Experience:
    """Faded sums over attempts. All but `samples` and `at` fade."""

    weight: float = 0.0  # attempts
    successes: float = 0.0
    time_s: float = 0.0
    impact: float = 0.0
    tasks: float = 0.0
    stability_weight: float = 0.0
    stability: float = 0.0
    samples: float = 0.0  # attempts ever, unfaded
    at: float = 0.0

    def fade(self, now: float, half_life_s: float) -> None:
        factor = 0.5 ** (max(0.0, now - self.at) / half_life_s)
        self.at = max(self.at, now)
        for name in _FADING:
            setattr(self, name, getattr(self, name) * factor)

    def add(self, other: Experience) -> None:
        for name in (*_FADING, "samples"):
            setattr(self, name, getattr(self, name) + getattr(other, name))


_FADING = tuple(item.name for item in fields(Experience) if item.name not in {"samples", "at"})


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a strategy for one error type, at one moment."""

    samples: float  # faded
    alpha: float
    beta: float
    time_score: float
    mean_impact: float
    mean_stability: float
    task_rate: float

    @property
    def mean(self) -> float:
        return self.alpha / (self.alpha + self.beta)

    def score(self, success_rate: float) -> float:
        return strategy_score(success_rate, self.time_score, self.mean_impact, self.mean_stability, self.task_rate)


class Learning:
    def __init__(self, half_life_s: float) -> None:
        self._half_life_s = half_life_s
        self._own: dict[tuple[ErrorType, str], Experience] = {}
        self._by_strategy: dict[str, Experience] = {}  # over all error types
        self._by_type: dict[ErrorType, Experience] = {}  # over all strategies

    def attempt(self, key: tuple[ErrorType, str], success: bool, lesson: Lesson, now: float) -> Score:
        """An attempt got a verdict."""
        for experience in self._touched(key, now):
            experience.weight += 1.0
            experience.successes += success
            experience.time_s += lesson.time_s
            experience.impact += lesson.impact
            experience.tasks += lesson.task_rate
            experience.samples += 1
        return self.score(key, now)

    def stability(self, key: tuple[ErrorType, str], stability: float, now: float) -> Score:
        """A stability window closed: 1 when the recovery held, else the share of the window that it did hold."""
        for experience in self._touched(key, now):
            experience.stability_weight += 1.0
            experience.stability += stability
        return self.score(key, now)

    def known(self, key: tuple[ErrorType, str], now: float) -> Known:
        own = self._faded(self._own.get(key), now)
        pool = self._faded(self._by_strategy.get(key[1]), now)
        others = self._faded(self._by_type.get(key[0]), now)
        elsewhere_ok = max(0.0, pool.successes - own.successes)
        elsewhere = max(0.0, pool.weight - own.weight)
        prior = (elsewhere_ok + 1.0) / (elsewhere + 2.0)
        best = next((known for known in (own, pool, others) if known.weight > 0.0), _NOTHING)
        held = next((known for known in (own, pool, others) if known.stability_weight > 0.0), _NOTHING)
        return Known(
            samples=own.weight,
            alpha=PRIOR_STRENGTH * prior + own.successes,
            beta=PRIOR_STRENGTH * (1.0 - prior) + own.weight - own.successes,
            time_score=time_score(best.time_s / best.weight) if best.weight else _NEUTRAL,
            mean_impact=best.impact / best.weight if best.weight else _NEUTRAL,
            mean_stability=held.stability / held.stability_weight if held.stability_weight else _NEUTRAL,
            task_rate=best.tasks / best.weight if best.weight else _NEUTRAL,
        )

    def score(self, key: tuple[ErrorType, str], now: float) -> Score:
        own = self._faded(self._own.get(key), now)
        known = self.known(key, now)
        metrics = {item.name: getattr(own, item.name) for item in fields(Experience)}
        return Score(key[0], key[1], known.score(known.mean), int(own.samples), now, metrics)

    def restore(self, scores: Iterable[Score]) -> None:
        """Go on from recorded scores. Only onto an empty memory."""
        for score in scores:
            own = Experience(**{k: float(v) for k, v in score.metrics.items() if k in Experience.__slots__})
            self._own[score.error_type, score.strategy_id] = own
        self._pool()

    def forget(self, strategy_id: str | None) -> int:
        """Forget one strategy, or (None) everything. Returns how many scores are gone."""
        gone = [key for key in self._own if strategy_id in (None, key[1])]
        for key in gone:
            del self._own[key]
        self._pool()
        return len(gone)

    def _pool(self) -> None:
        """Work the pools out anew."""
        self._by_strategy, self._by_type = {}, {}
        for (error_type, strategy_id), own in self._own.items():
            by_strategy = self._by_strategy.setdefault(strategy_id, Experience(at=own.at))
            by_type = self._by_type.setdefault(error_type, Experience(at=own.at))
            for pool in (by_strategy, by_type):
                now = max(pool.at, own.at)
                pool.fade(now, self._half_life_s)
                own.fade(now, self._half_life_s)
                pool.add(own)

    def _touched(self, key: tuple[ErrorType, str], now: float) -> tuple[Experience, Experience, Experience]:
        own = self._own.setdefault(key, Experience(at=now))
        by_strategy = self._by_strategy.setdefault(key[1], Experience(at=now))
        by_type = self._by_type.setdefault(key[0], Experience(at=now))
        for experience in (own, by_strategy, by_type):
            experience.fade(now, self._half_life_s)
        return own, by_strategy, by_type

    def _faded(self, experience: Experience | None, now: float) -> Experience:
        if experience is None:
            return _NOTHING
        experience.fade(now, self._half_life_s)
        return experience


@dataclass(frozen=True, slots=True)
class Lesson:
    """What one attempt showed beside success."""

    time_s: float
    impact: float
    task_rate: float


_NOTHING = Experience()  # never changed: what is known of a strategy that was never tried
