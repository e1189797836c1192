"""Which strategy of a level (B10): by score, exploring by Thompson sampling.

The score is B8's; its success rate is drawn from the strategy's Beta posterior, so a strategy is tried as often as it is likely to be
the best one (Thompson 1933; Chapelle and Li, "An Empirical Evaluation of Thompson Sampling", NIPS 2011). Nothing is drawn for a critical
error, which takes the best mean, nor where there is no choice. Every draw stands in the decision: it can be recomputed from the record.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from error_daemon.core.learning import Known
from error_daemon.core.rng import Generator
from error_daemon.model import Candidate, Strategy


@dataclass(frozen=True, slots=True)
class Choice:
    strategy: Strategy
    candidates: tuple[Candidate, ...]
    explored: bool  # the draw preferred it to the one with the best mean
    reason: str


def select(strategies: Sequence[Strategy], known: Callable[[str], Known], may_explore: bool, rng: Generator) -> Choice:
    """One of `strategies` (at least one, in the operator's order: the earlier wins a tie)."""
    facts = [known(strategy.id) for strategy in strategies]
    if len(strategies) == 1:
        return Choice(
            strategies[0], (_weigh(strategies[0].id, facts[0], None),), False, "the only strategy of this level"
        )
    candidates = tuple(
        _weigh(strategy.id, fact, rng if may_explore else None)
        for strategy, fact in zip(strategies, facts, strict=True)
    )
    best = max(range(len(candidates)), key=lambda i: (candidates[i].score, -i))
    greedy = max(range(len(candidates)), key=lambda i: (facts[i].score(facts[i].mean), -i))
    return Choice(strategies[best], candidates, best != greedy, _reason(candidates, best, greedy, may_explore))


def _weigh(strategy_id: str, known: Known, rng: Generator | None) -> Candidate:
    draw = rng.beta(known.alpha, known.beta) if rng else known.mean
    return Candidate(
        strategy_id=strategy_id,
        samples=known.samples,
        alpha=known.alpha,
        beta=known.beta,
        draw=draw,
        time_score=known.time_score,
        mean_impact=known.mean_impact,
        mean_stability=known.mean_stability,
        task_rate=known.task_rate,
        score=known.score(draw),
    )


def _reason(candidates: tuple[Candidate, ...], best: int, greedy: int, may_explore: bool) -> str:
    chosen = candidates[best]
    if best != greedy:
        return f"explored: its draw {chosen.draw:.2f} beat {candidates[greedy].strategy_id}, which has the best record"
    if not may_explore:
        return f"best score {chosen.score:.2f} by record; a critical error is no time to explore"
    return f"best score {chosen.score:.2f} of {len(candidates)}"
