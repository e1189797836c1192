"""The ways to choose. All run on the real engine; they differ in what the definitions offer, and in what is believed of the strategies.

    written    the fixed ladder: of each level the first strategy that the operator wrote, who does not know the rates: any order
    quickest   the fixed ladder of an operator who knows how long each strategy takes
    restart    the first strategy of level 1 as written, and then a restart
    uniform    the whole ladder, any strategy of a level as often as any other
    learned    the engine as it is: B8's score, learned, with Thompson sampling
    cautious   as learned, but nothing is drawn at the last level: a failure there costs a person (not in the engine)
    downtime   what the engine learned, drawn as it does, but chosen by the shortest expected downtime (not in the engine)
    oracle     B8's score with everything as it really is
    shortest   the shortest expected downtime with everything as it really is

`Board.recall` is where others than the engine's own memory may say what is known of the strategies; the replay of the record goes in
there, too. The engine still learns, and adapts its timeouts, under all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from bench.policy.expected import Foresight, foresight
from bench.policy.host import Host, target_name
from bench.policy.oracles import EVEN, Way, best_way, only, true
from bench.policy.world import (
    PERSON_S,
    RESTART,
    STABILITY_WINDOW_S,
    TYPES,
    Truth,
    mean_person_s,
    shuffled,
)
from error_daemon.core import score
from error_daemon.core.board import Board
from error_daemon.core.decide import case_of
from error_daemon.core.engine import Engine
from error_daemon.core.experience import Known
from error_daemon.core.policy import Policy
from error_daemon.core.rng import Generator
from error_daemon.core.ticket import Error, Ticket
from error_daemon.model import (
    Condition,
    Definitions,
    Mode,
    Probe,
    ResponseClass,
    Rule,
    Strategy,
    Target,
)

Ladder = dict[int, tuple[str, ...]]
Recall = Callable[[Error, Ticket], Mapping[str, Known]]

_TIMEOUT_S = 240.0


class InformedEngine(Engine):
    def inform(self, recall: Callable[[Board], Recall]) -> None:
        """Believe this of the strategies, and not what was learned."""
        self._board.recall = recall(self._board)

    def foresight(self, truth: Truth) -> Foresight:
        return foresight(self._board, truth, lambda incident: true(truth, incident))


def engine_of(policy: str, truth: Truth, host: Host, order: int) -> Engine:
    """`order`: which of the orders that an operator may write."""
    engine = InformedEngine(_definitions(truth, _ladders(policy, truth, order)), Policy(seed=truth.seed))
    if policy == "learned":
        host.foresee = engine.foresight(truth)
    elif policy == "uniform":
        engine.inform(lambda _board: lambda _error, _ticket: dict.fromkeys(truth.natures, _UNKNOWN))
    elif policy == "oracle":
        engine.inform(lambda _board: lambda _error, ticket: true(truth, host.incident_on(ticket.target.id)))
    elif policy == "shortest":
        engine.inform(lambda _board: lambda _error, ticket: _shortest(truth, host, ticket))
    elif policy == "cautious":
        engine.inform(lambda board: lambda error, ticket: _careful(board, truth, error, ticket))
    elif policy == "downtime":
        engine.inform(lambda board: _Sampled(board, truth).recall)
    return engine


_UNKNOWN = Known(0.0, 1.0, 1.0, *EVEN)


# --- definitions


def _ladders(policy: str, truth: Truth, order: int) -> list[Ladder]:
    """By type of error."""
    return [_ladder(policy, truth, order, kind) for kind in range(len(TYPES))]


def _ladder(policy: str, truth: Truth, order: int, kind: int) -> Ladder:
    written = {
        level: shuffled([one.id for one in natures], truth.seed, 7, order, kind, level)
        for level, natures in truth.by_level.items()
    }
    if policy == "written":
        return {level: (ids[0],) for level, ids in written.items()}
    if policy == "quickest":
        return {level: (min(natures, key=lambda one: one.time_s).id,) for level, natures in truth.by_level.items()}
    if policy == "restart":
        return {1: (written[1][0],), 3: (RESTART,)}
    return {level: tuple(ids) for level, ids in written.items()}


def _definitions(truth: Truth, ladders: Sequence[Ladder]) -> Definitions:
    rules = tuple(
        Rule(
            f"{error_type.value}-errors",
            Condition(types=frozenset({error_type})),
            ladder,
            mode=Mode.AUTO,
            response_class=ResponseClass.PERMANENT,
            stability_window_s=STABILITY_WINDOW_S,
        )
        for error_type, ladder in zip(TYPES, ladders, strict=True)
    )
    names = [target_name(number) for number in range(truth.scenario.components)]
    return Definitions(
        rules=rules,
        targets={name: Target(name, "service", probes=("answers",)) for name in names},
        strategies={
            one: Strategy(one, "exec", timeout_s=_TIMEOUT_S, timeout_max_s=_TIMEOUT_S) for one in truth.natures
        },
        probes={"answers": Probe("answers", "tcp")},
    )


# --- oracles


def _shortest(truth: Truth, host: Host, ticket: Ticket) -> dict[str, Known]:
    incident = host.incident_on(ticket.target.id)
    levels = {
        level: [Way(one.id, truth.rate(incident, one), one.mean_time_s, one.holds) for one in natures]
        for level, natures in truth.by_level.items()
    }
    return only(best_way(levels, ticket.level, mean_person_s()), truth)


def _careful(board: Board, truth: Truth, error: Error, ticket: Ticket) -> Mapping[str, Known]:
    """At the last level what has the best record; at the others what was learned."""
    if ticket.level != ticket.levels[-1]:
        return {}
    offered = board.mandates.ladders.offer(ticket.rule, ticket.error_type, ticket.target)[ticket.level]
    among = [one.id for one in offered]
    known = {one.id: board.learning.known(case_of(error, ticket), one.id, board.now, among) for one in offered}
    return only(max(known, key=lambda one: known[one].score(known[one].mean)), truth)


class _Sampled:
    """What the engine learned, drawn, and then the shortest way."""

    def __init__(self, board: Board, truth: Truth) -> None:
        self._board, self._truth = board, truth
        self._source = Generator(truth.seed)

    def recall(self, error: Error, ticket: Ticket) -> Mapping[str, Known]:
        offered = self._board.mandates.ladders.offer(ticket.rule, ticket.error_type, ticket.target)
        case = case_of(error, ticket)
        levels = {
            level: [self._way(one.id, self._board.learning.known(case, one.id, self._board.now)) for one in strategies]
            for level, strategies in offered.items()
            if level >= ticket.level
        }
        return only(best_way(levels, ticket.level, PERSON_S), self._truth)

    def _way(self, strategy_id: str, known: Known) -> Way:
        time_s = score.time_score(0.0) / known.time_score - 1.0
        return Way(strategy_id, self._source.beta(known.alpha, known.beta), 30.0 * time_s, known.mean_stability)
