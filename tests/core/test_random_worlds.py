"""Random walks through the simulated world: crashes between any two effects, lost workers, people, and a clock that is set."""

from __future__ import annotations

from random import Random

import pytest

from error_daemon.core.policy import Policy
from error_daemon.errors import Refused
from error_daemon.model import (
    AttemptOrder,
    Backoff,
    Definitions,
    ErrorType,
    Fault,
    Mode,
    OutcomeKind,
    ResponseClass,
    Severity,
    Strategy,
    Target,
    Verification,
)
from tests.core.test_by_hand import ALONE, BY_HAND
from tests.core.world import Plan, PowerCut, World, fault, house, rule

SEEDS = 60
EVENTS = 250
_KINDS = (OutcomeKind.COMPLETED,) * 4 + (
    OutcomeKind.FAILED,
    OutcomeKind.TIMED_OUT,
    OutcomeKind.LOST,
    OutcomeKind.REFUSED,
)


def _definitions() -> Definitions:
    quick = Verification(hold_s=0.0, within_s=0.3, patience_s=2.0)
    retry = Strategy("retry", "call", max_attempts=4, backoff=Backoff(0.05, 2.0, 1.0))
    other = Strategy("other", "call", error_types=frozenset({ErrorType.NETWORK}))
    return house(
        rule("web", (1, 3), verification=quick, stability_window_s=60.0),
        rule(
            "db",
            ladder={1: ("retry", "other"), 4: ("fix4",)},
            verification=quick,
            response_class=ResponseClass.TRANSIENT,
        ),
        rule("cache", (2,), verification=Verification(0.05, 0.3, 2.0), entry_level=2, stability_window_s=2.0),
        rule("seen", (1,), mode=Mode.OBSERVE),
        rule("hand", ladder={1: ("by-hand",), 2: ("alone",)}, target="web", verification=quick),
        rule("app", (1, 2), target=None, verification=quick),
        strategies=(retry, other, BY_HAND, ALONE),
        targets=(Target("a", "service", probes=("port",)), Target("b", "service", probes=("health",))),
    )


def _any_fault(random: Random, now: float) -> Fault:
    component = random.choice(("web", "web", "db", "db", "cache", "seen", "app", "hand", "nobody"))
    explicit = "mine" if component == "app" and random.random() < 0.5 else ""
    return fault(
        component,
        random.choice(("down", "slow")),
        random.choice((ErrorType.NETWORK, ErrorType.DATA)),
        random.choice((None, None, Severity.LOW, Severity.CRITICAL)),
        target=random.choice(("a", "b", "c", "")) if component == "app" else "",
        explicit_fingerprint=explicit,
        occurred_at=random.choice((0.0, now, now, now - 3.0)),
        count=random.choice((1, 1, 7)),
        retry_success=random.random() < 0.05,
    )


def _person(world: World, random: Random) -> None:
    views = world.engine.newest(10_000, lambda _error: True)[0]
    if not views:
        return
    error_id = random.choice(views).error_id
    act = random.choice(("resolve", "flush", "flush all", "reset", "forget"))
    try:
        if act == "resolve":
            world.resolve(error_id)
        elif act == "flush":
            world.flush(error_id)
        elif act == "flush all":
            world.flush()
        elif act == "reset":
            world.reset_ladder(error_id)
        else:
            world.engine.forget(random.choice((None, "fix1")))
    except Refused:
        assert act == "resolve"


def _step(world: World, random: Random) -> None:
    dice = random.random()
    if dice < 0.05:
        one = _any_fault(random, world.now)
        if one.component != "nobody":
            world.test(one, random.choice(("", "", "fix1", "retry")))
    elif dice < 0.45:
        world.report(_any_fault(random, world.now), breaks=random.random() < 0.8)
    elif dice < 0.80:
        world.run(random.choice((0.003, 0.02, 0.2, 0.2, 1.5, 7.0)))
    elif dice < 0.83:
        world.run(random.choice((61.0, 700.0)))
    elif dice < 0.88:
        world.failing[random.choice(("web", "db", "cache", "a", "b"))] = random.choice(
            (None, frozenset(), frozenset({"port"}))
        )
    elif dice < 0.91:
        world.lose_worker()
    elif dice < 0.96:
        _person(world, random)
    elif dice < 0.98:
        world.fuse = random.randint(1, 40)
    else:
        world.crash(random.choice((0.4711, 3.1415, 400.25, -100.77)))


def walk(seed: int) -> World:
    random = Random(seed)
    world = World(_definitions(), Policy(capacity=2, seed=seed))
    world.engine.listen(on=seed % 2 == 0)

    def plan(_: AttemptOrder) -> Plan:
        return Plan(random.choice(_KINDS), random.choice((0.01, 0.1, 2.0)), random.random() < 0.6)

    world.plan = plan
    world.along_s = (None, 0.0, 0.05)[seed % 3]
    for _ in range(EVENTS):
        try:
            _step(world, random)
        except PowerCut:
            world.crash()
    world.quiet()
    return world


@pytest.mark.parametrize("batch", range(4))
def test_whatever_happens_the_invariants_hold_and_quiet_leaves_nothing(batch: int) -> None:
    attempts = sum(len(walk(seed).started) for seed in range(batch, SEEDS, 4))
    assert attempts > SEEDS, "the walks do something"


def test_the_same_seed_has_the_same_effects() -> None:
    for seed in (3, 4):
        assert repr(walk(seed).log) == repr(walk(seed).log)
