"""What a policy comes to by expectation, rather than by luck.

Twenty incidents hang on one or two for which a person came: their downtime says little about how well is chosen. So when an incident
begins, the engine is asked what it would choose now at each level (drawn with a generator of the bench, so that its own history stays as
it is), and the downtime of this ladder is reckoned from the true rates:

    V(level) = time + P(helps) * (start + P(does not hold) * V(level above)) + P(does not help) * (half of within_s + V(level above))

where above the last level a person comes, and what comes back there begins there again. Beside it stands what the oracle (B8 with the true
rates) would choose for the same incident. Over many incidents and seeds the sums of both have the ratio that the downtimes would have, were
there no luck; brakes, timeouts that cut off, and flapping are not in it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bench.policy.host import target_name
from bench.policy.world import STARTS_IN_S, TYPES, Incident, Nature, Truth, mean_person_s
from error_daemon.core.board import Board
from error_daemon.core.experience import Known
from error_daemon.core.learning import Case
from error_daemon.core.rng import Generator
from error_daemon.core.select import select
from error_daemon.model import Rule, Strategy, Target, Verification

Foresight = Callable[[Incident, float], tuple[float, float]]
_STARTS_S = sum(STARTS_IN_S) / 2


def foresight(board: Board, truth: Truth, true: Callable[[Incident], Mapping[str, Known]]) -> Foresight:
    """For an incident and the time: the expected downtime, and the oracle's. `true`: what the latter knows."""
    source = Generator(truth.seed ^ 0x5EED)

    def foresee(incident: Incident, now: float) -> tuple[float, float]:
        rule, target = _place_of(board, incident)
        case, facts = Case(TYPES[incident.kind], target.id), true(incident)
        learned: dict[int, Nature] = {}
        best: dict[int, Nature] = {}
        for level, strategies in board.mandates.ladders.offer(rule, case.error_type, target).items():
            among = [strategy.id for strategy in strategies]

            def known(strategy_id: str, among: list[str] = among) -> Known:
                return board.learning.known(case, strategy_id, now, among)

            learned[level] = truth.natures[_chosen(strategies, known, source, True)]
            best[level] = truth.natures[_chosen(strategies, facts.__getitem__, source, False)]
        return downtime_s(truth, incident, learned), downtime_s(truth, incident, best)

    return foresee


def _place_of(board: Board, incident: Incident) -> tuple[Rule, Target]:
    return board.definitions.rules[incident.kind], board.definitions.targets[target_name(incident.component)]


def _chosen(
    strategies: tuple[Strategy, ...], known: Callable[[str], Known], source: Generator, may_explore: bool
) -> str:
    return select(strategies, known, may_explore, source).strategy.id


def downtime_s(truth: Truth, incident: Incident, ladder: Mapping[int, Nature]) -> float:
    """By expectation, where on each level this strategy is taken."""
    above_s = person_s = mean_person_s()
    for level in sorted(ladder, reverse=True):
        nature = ladder[level]
        rate, time_s = truth.rate(incident, nature), nature.mean_time_s
        again_s = time_s if above_s == person_s else above_s
        helped_s = _STARTS_S + (1.0 - nature.holds) * again_s
        above_s = time_s + rate * helped_s + (1.0 - rate) * (Verification().within_s / 2 + above_s)
    return above_s
