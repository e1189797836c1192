"""Which strategy of a level (B10): by score, exploring by Thompson sampling.

The score is B8's; its success rate is drawn from the strategy's Beta posterior, so a strategy is tried the more often the likelier it is
to be the best one (Thompson 1933). Drawn as it is, the posterior is explored longer than pays; here the evidence counts SHARPNESS times in
a draw (the reshaping of Chapelle and Li, "An Empirical Evaluation of Thompson Sampling", NIPS 2011). Nothing is drawn for a critical error,
which takes the best mean, nor where there is no choice. The state of the generator before the first draw is part of the choice, beside the
posteriors, the sharpness and the draws: with these the choice can be made again, and is the same (explain.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

from error_daemon.core.experience import UNKNOWN, Known
from error_daemon.core.rng import Generator
from error_daemon.model import Candidate, Strategy
from error_daemon.model.value import value

SHARPNESS = 3.0


@value
class Choice:
    strategy: Strategy
    candidates: tuple[Candidate, ...]
    explored: bool  # the draw preferred it to the one with the best mean
    reason: str
    may_explore: bool
    rng_state: str = ""  # hexadecimal: the generator before the first draw; empty where nothing was drawn
    sharpness: float = 1.0  # how many times over the evidence counted in the draws


def select(
    strategies: Sequence[Strategy],
    known: Callable[[str], Known],
    may_explore: bool,
    rng: Generator,
    sharpness: float = SHARPNESS,
) -> Choice:
    """One of `strategies` (at least one, in the operator's order: the earlier wins a tie)."""
    if len(strategies) == 1:
        (only,) = strategies
        fact = known(only.id)
        weighed = _untried(only.id) if fact is UNKNOWN else _weigh(only.id, fact, fact.mean)
        return Choice(only, (weighed,), False, "the only strategy of this level", may_explore)
    facts = [known(strategy.id) for strategy in strategies]
    rng_state = f"{rng.state:016x}" if may_explore else ""
    candidates = tuple(
        _weigh(strategy.id, fact, _drawn(fact, sharpness, rng) if may_explore else fact.mean)
        for strategy, fact in zip(strategies, facts, strict=True)
    )
    best = max(range(len(candidates)), key=lambda i: (candidates[i].score, -i))
    greedy = max(range(len(candidates)), key=lambda i: (facts[i].score(facts[i].mean), -i))
    reason = _reason(candidates, best, greedy, may_explore)
    return Choice(strategies[best], candidates, best != greedy, reason, may_explore, rng_state, sharpness)


@lru_cache(maxsize=1024)
def _untried(strategy_id: str) -> Candidate:
    """Of which nothing is known: it is weighed alike whenever that is."""
    return _weigh(strategy_id, UNKNOWN, UNKNOWN.mean)


def _drawn(known: Known, sharpness: float, rng: Generator) -> float:
    return rng.beta(sharpness * known.alpha, sharpness * known.beta)


def _weigh(strategy_id: str, known: Known, draw: float) -> Candidate:
    return Candidate(
        strategy_id,
        known.samples,
        known.alpha,
        known.beta,
        draw,
        known.time_score,
        known.mean_impact,
        known.mean_stability,
        known.task_rate,
        known.score(draw),
        known.evidence,
        known.local_strength,
    )


def _reason(candidates: tuple[Candidate, ...], best: int, greedy: int, may_explore: bool) -> str:
    chosen = candidates[best]
    if best != greedy:
        return f"explored: its draw {chosen.draw:.2f} beat {candidates[greedy].strategy_id}, which has the best record"
    if not may_explore:
        return f"best score {chosen.score:.2f} by record; a critical error is no time to explore"
    return f"best score {chosen.score:.2f} of {len(candidates)}"
