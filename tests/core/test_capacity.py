"""Capacity in the engine: who gets the places for attempts, and that nobody waits for one for ever."""

from __future__ import annotations

from error_daemon.core.policy import Policy
from error_daemon.model import Severity, State
from tests.core.held_world import names, world_of
from tests.core.world import Plan, World, fault


def test_nothing_starves_however_many_critical_errors_there_are() -> None:
    world = world_of(120, Policy(capacity=8, throttle_per_s=500))
    world.plan = lambda order: Plan(takes_s=1.0)
    for name in names(8):
        world.report(fault(name, severity=Severity.CRITICAL))
        world.run(0.1)
    ordinary = world.report(fault(names(120)[9], severity=Severity.HIGH))
    opened = world.now
    for number, name in enumerate(names(120)[10:]):
        world.report(fault(name, f"m{number}", severity=Severity.CRITICAL))
        world.run(0.1)
    assert world.view(ordinary).opened_at == opened
    # By rank a high error goes before all critical ones that are ten minutes newer: nobody has come that late yet.
    assert world.state(ordinary) is State.QUEUED
    assert world.view(ordinary).held_by == "capacity"
    late = World(world.definitions, world.policy)
    late.plan = world.plan
    late.pause()
    ordinary = late.report(fault(names(120)[9], severity=Severity.HIGH))
    late.run(700.0)
    late.resume()
    late.run(20.0)
    assert late.state(ordinary) is State.WATCHING


def test_the_reserve_is_for_critical_errors_and_does_not_hold_the_older_back_for_ever() -> None:
    world = world_of(60, Policy(capacity=8, throttle_per_s=500))
    world.plan = lambda order: Plan(takes_s=1.0)
    every = names(60)
    world.pause(every[0])
    old = world.report(fault(every[0], severity=Severity.HIGH))
    for number in range(700):
        world.run(0.9)
        world.report(fault(every[0], severity=Severity.HIGH), breaks=False)
        if number == 10:
            break
    world.run(620.0)
    for name in every[1:30]:
        world.report(fault(name, severity=Severity.CRITICAL))
    world.resume(every[0])
    for name in every[30:]:
        world.run(0.1)
        world.report(fault(name, severity=Severity.CRITICAL))
    assert every[0] in world.on()[:20] or world.state(old) is not State.QUEUED
    world.quiet()


def test_an_eighth_of_the_places_is_kept_for_critical_errors() -> None:
    world = world_of(12, Policy(capacity=8))
    for name in names(10):
        world.report(fault(name))
    assert len(world.started) == 7
    held = world.view(next(v.error_id for v in world.engine.newest(20, lambda e: e.target == "ai")[0]))
    assert (held.held_by, held.reason) == ("capacity", "all 7 places for attempts are taken")
    world.report(fault("ak", severity=Severity.CRITICAL))
    assert len(world.started) == 8
    critical = world.report(fault("al", severity=Severity.CRITICAL))
    assert world.view(critical).reason == "all 8 places for attempts are taken"
    world.quiet()
