"""Which strategy of a level (B10): by score, exploring by Thompson sampling.

The score is B8's; its success rate is drawn from the strategy's Beta posterior, so a strategy is tried as often as it is likely to be
the best one (Thompson 1933; Chapelle and Li, "An Empirical Evaluation of Thompson Sampling", NIPS 2011). Nothing is drawn for a critical
error, which takes the best mean, nor where there is no choice. The state of the generator before the first draw is part of the choice,
beside the posteriors and the draws: with these the choice can be made again, and is the same (explain.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from error_daemon.core.experience import Known
from error_daemon.core.rng import Generator
from error_daemon.model import Candidate, Strategy
from error_daemon.model.value import value


@value
class Choice:
    strategy: Strategy
    candidates: tuple[Candidate, ...]
    explored: bool  # the draw preferred it to the one with the best mean
    reason: str
    may_explore: bool
    rng_state: str = ""  # hexadecimal: the generator before the first draw; empty where nothing was drawn


def select(strategies: Sequence[Strategy], known: Callable[[str], Known], may_explore: bool, rng: Generator) -> Choice:
    """One of `strategies` (at least one, in the operator's order: the earlier wins a tie)."""
    if len(strategies) == 1:
        (only,) = strategies
        weighed = _weigh(only.id, known(only.id), None)
        return Choice(only, (weighed,), False, "the only strategy of this level", may_explore)
    facts = [known(strategy.id) for strategy in strategies]
    rng_state = f"{rng.state:016x}" if may_explore else ""
    candidates = tuple(
        _weigh(strategy.id, fact, rng if may_explore else None)
        for strategy, fact in zip(strategies, facts, strict=True)
    )
    best = max(range(len(candidates)), key=lambda i: (candidates[i].score, -i))
    greedy = max(range(len(candidates)), key=lambda i: (facts[i].score(facts[i].mean), -i))
    reason = _reason(candidates, best, greedy, may_explore)
    return Choice(strategies[best], candidates, best != greedy, reason, may_explore, rng_state)


def _weigh(strategy_id: str, known: Known, rng: Generator | None) -> Candidate:
    draw = rng.beta(known.alpha, known.beta) if rng else known.mean
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
    )


def _reason(candidates: tuple[Candidate, ...], best: int, greedy: int, may_explore: bool) -> str:
    chosen = candidates[best]
    if best != greedy:
        return f"explored: its draw {chosen.draw:.2f} beat {candidates[greedy].strategy_id}, which has the best record"
    if not may_explore:
        return f"best score {chosen.score:.2f} by record; a critical error is no time to explore"
    return f"best score {chosen.score:.2f} of {len(candidates)}"
