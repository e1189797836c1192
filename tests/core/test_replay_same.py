"""With the definitions, the seed and the learned state that it had, a replay decides what was decided."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from random import Random

import pytest

from error_daemon.core.effects import SaveFault
from error_daemon.core.policy import Policy
from error_daemon.core.replay import Certainty, History, Replayed, replay
from error_daemon.model import AttemptOrder, Decision, Severity
from tests.core.replayed_world import ToldWorld
from tests.core.test_random_worlds import _KINDS, _any_fault, _definitions
from tests.core.world import Plan

SEEDS = 40
EVENTS = 150
_SAME_MOMENT_S = 0.02  # a few rounds of probes


def _step(world: ToldWorld, random: Random) -> None:
    dice = random.random()
    if dice < 0.5:
        world.run(random.uniform(1e-5, 1e-3))
        world.report(_any_fault(random, world.now), breaks=random.random() < 0.8)
    elif dice < 0.9:
        world.run(random.choice((0.003, 0.02, 0.2, 0.2, 1.5, 7.0)) * random.uniform(0.5, 1.5))
    elif dice < 0.93:
        world.run(random.choice((61.0, 700.0)) * random.uniform(0.5, 1.5))
    else:
        target = random.choice(("web", "db", "cache", "a", "b"))
        world.failing[target] = random.choice((frozenset(), frozenset({"port"})))


def walk(seed: int) -> ToldWorld:
    """Without crashes, without people; no two things at one moment, and every target can be seen."""
    random, withholding = Random(seed), Random(seed)
    world = ToldWorld(_definitions(), Policy(capacity=2, seed=seed))

    def plan(_: AttemptOrder) -> Plan:
        takes_s = random.choice((0.05, 0.2, 2.0)) * random.uniform(0.5, 1.5)
        kind, cures = random.choice(_KINDS), random.random() < 0.6
        return Plan(kind, takes_s, cures, withheld_s=takes_s * withholding.choice((0.0, 0.0, 0.7)))

    world.plan = plan
    for _ in range(EVENTS):
        _step(world, random)
    world.quiet()
    return world


def _by_error(decisions: list[Decision]) -> dict[str, list[Decision]]:
    found: dict[str, list[Decision]] = defaultdict(list)
    for one in sorted(decisions, key=lambda decision: decision.at):
        found[one.error_id].append(one)
    return found


def _bare(decision: Decision) -> Decision:
    """Without its ids, which are counted, and what depends on the millisecond."""
    return replace(decision, decision_id="", attempt_id="", at=0.0, brakes=())


def _is_the_same(history: History, result: Replayed) -> None:
    totals = result.totals
    assert (totals.different, totals.only_then, totals.only_now, totals.faults_not_come) == (0, 0, 0, 0)
    assert totals.by_certainty.keys() <= {Certainty.KNOWN}
    assert not result.drawn
    assert not result.rates
    now = _by_error([step.decision for one in result.compared if one.now for step in one.now.steps])
    then = _by_error(list(history.decisions))
    assert now.keys() == then.keys()
    for error_id, decisions in then.items():
        assert [_bare(one) for one in now[error_id]] == [_bare(one) for one in decisions]
        for one, other in zip(now[error_id], decisions, strict=True):
            assert one.at == pytest.approx(other.at, abs=_SAME_MOMENT_S)
    assert totals.now.downtime_s.expected == pytest.approx(totals.then.downtime_s.expected, rel=0.01, abs=0.1)
    assert totals.now.attempts_by_strategy == totals.then.attempts_by_strategy
    assert totals.now.attempts_by_target == totals.then.attempts_by_target


@pytest.mark.parametrize("batch", range(4))
def test_a_replay_decides_what_was_decided(batch: int) -> None:
    for seed in range(batch, SEEDS, 4):
        world = walk(seed)
        history = world.history()
        assert len(history.decisions) > 20
        _is_the_same(history, replay(history, _definitions(), Policy(capacity=2, seed=seed), (), ()))


def test_what_was_learned_since_makes_no_difference() -> None:
    for seed in range(8):
        world = walk(seed)
        result = replay(world.history(), _definitions(), Policy(capacity=2, seed=seed), *world.learned())
        totals = result.totals
        assert (totals.different, totals.only_then, totals.only_now, totals.faults_not_come) == (0, 0, 0, 0)
        assert result.drawn == 0


def test_with_another_seed_the_choices_are_those_that_were_made() -> None:
    """Retries wait a drawn time, which may let others go first; what is chosen stays the same."""
    for seed in range(8):
        result = replay(walk(seed).history(), _definitions(), Policy(capacity=2, seed=4711), (), ())
        assert result.totals.different <= result.totals.same // 10


def test_with_only_the_faults_that_have_a_row_nearly_all_tickets_are_the_same() -> None:
    """Faults that were folded into an error with a slot are only counted."""
    same = different = missing = 0
    for seed in range(8):
        world = walk(seed)
        rows = [one.fault for one in world.log if isinstance(one, SaveFault)]
        history = replace(world.history(), faults=rows)
        totals = replay(history, _definitions(), Policy(capacity=2, seed=seed), (), ()).totals
        same += totals.same
        different += totals.different + totals.only_then + totals.only_now
        missing += totals.faults_missing
        assert len(rows) < len(world.faults)
    assert different <= same // 20
    assert missing <= same // 20


def test_the_same_replay_says_the_same() -> None:
    world = walk(5)
    changed = replace(_definitions(), rules=_definitions().rules[::-1])
    results = [replay(world.history(), changed, Policy(capacity=2, seed=5), *world.learned()) for _ in range(2)]
    assert repr(results[0]) == repr(results[1])


def test_the_random_walks_choose_among_several_candidates_too() -> None:
    decisions = [one for seed in range(8) for one in walk(seed).history().decisions]
    assert any(len(one.candidates) > 1 and one.rng_state for one in decisions)
    assert any(one.severity is Severity.CRITICAL for one in decisions)
