"""Who knows how the strategies really are, and what is best then.

    true, true_of   what the engine would know after very many attempts in cases like this one; so B8 can be asked with the true rates
    best_way        the strategy of a level with the shortest expected downtime
    only            belief that leaves no choice but one

**Shortest expected downtime.** From the highest level down, V(level) = the least, over its strategies, of

    time + P(helps) · P(does not hold) · V(level above) + P(does not help) · (half of within_s + V(level above))

where above the last level a person comes, and what comes back there begins there again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.policy.world import RELAPSES_WITHIN_S, STABILITY_WINDOW_S, Incident, Nature, Truth
from error_daemon.core import score
from error_daemon.core.experience import Known
from error_daemon.model import Verification

SURE = 1e6  # attempts: what is drawn is the rate itself
EVEN = (0.5, 0.5, 0.5, 0.5)  # time, impact, stability, tasks: no difference between strategies
_WITHIN_S = Verification().within_s


@dataclass(frozen=True, slots=True)
class Way:
    """One strategy as it is believed to be, or as it is."""

    strategy_id: str
    rate: float
    time_s: float
    holds: float


def true(truth: Truth, incident: Incident) -> dict[str, Known]:
    """Of every strategy."""
    return {nature.id: true_of(nature, truth.rate(incident, nature), incident) for nature in truth.natures.values()}


def true_of(nature: Nature, rate: float, incident: Incident) -> Known:
    """Of one strategy, were `rate` its rate of success."""
    soon, late = RELAPSES_WITHIN_S
    tasks = rate * nature.tasks if incident.tasks else 1.0
    impact = min(nature.memory / 100, 0.25) + min(nature.cpu / 100, 0.25) + nature.mean_time_up_to(60.0) / 240
    held = (soon + late) / 2 / STABILITY_WINDOW_S
    return Known(
        samples=SURE,
        alpha=max(rate * SURE, 1.0),
        beta=max((1.0 - rate) * SURE, 1.0),
        time_score=score.time_score(nature.mean_time_s),
        mean_impact=impact + 0.25 * (1.0 - tasks),
        mean_stability=nature.holds + (1.0 - nature.holds) * held,
        task_rate=tasks,
    )


def best_way(levels: Mapping[int, Sequence[Way]], level: int, person_s: float) -> str:
    """The strategy of `level` with the shortest expected downtime."""
    above_s, best = person_s, ""
    for here in sorted((one for one in levels if one >= level), reverse=True):
        is_last = above_s == person_s
        costs = [
            (_expected_s(way, above_s, way.time_s if is_last else above_s), way.strategy_id) for way in levels[here]
        ]
        above_s, best = min(costs)
    return best


def _expected_s(way: Way, above_s: float, again_s: float) -> float:
    return way.time_s + way.rate * (1.0 - way.holds) * again_s + (1.0 - way.rate) * (_WITHIN_S / 2 + above_s)


def only(chosen: str, truth: Truth) -> dict[str, Known]:
    """Belief that leaves no choice but this one."""
    return {
        one: Known(SURE, SURE, 1.0, *EVEN) if one == chosen else Known(SURE, 1.0, SURE, *EVEN) for one in truth.natures
    }
