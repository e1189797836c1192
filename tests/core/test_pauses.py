"""The pause switch in the engine: what it holds, and how that comes up again."""

from __future__ import annotations

import pytest

from error_daemon.core.brakes.pause import ALL, Pause
from error_daemon.core.policy import Policy
from error_daemon.errors import NotFound
from error_daemon.model import Severity, State
from tests.core.held_world import names, never, shown, world_of
from tests.core.world import fault


@pytest.mark.parametrize("target", [ALL, "aa"])
def test_what_is_paused_waits_until_it_is_resumed(target: str) -> None:
    world = world_of(1)
    world.pause(target)
    error_id = world.report(fault("aa"))
    world.run(500.0)
    assert (world.started, world.rounds) == ([], [])
    view = world.view(error_id)
    assert (view.state, view.held_by, view.parked_until) == (State.QUEUED, "pause", 0.0)
    assert view.reason.endswith("paused by ann until resumed: maintenance")
    assert shown(world, "pause", target).waiting == 1
    pause = world.resume(target)
    assert pause is not None
    assert pause.by == "ann"
    world.run(5.0)
    assert world.on() == ["aa"]
    assert world.rounds[0].target.id == "aa", "that was long ago: it is looked at first"
    assert world.tickets[0].planned
    world.quiet()


@pytest.mark.parametrize("target", [ALL, "aa"])
def test_a_pause_with_a_time_ends_by_itself(target: str) -> None:
    world = world_of(1)
    world.pause(target, for_s=60.0)
    error_id = world.report(fault("aa"))
    view = world.view(error_id)
    assert (view.held_by, view.parked_until) == ("pause", world.now + 60.0)
    world.run(59.9)
    assert world.rounds == []
    world.run(1.0)
    assert world.on() == ["aa"]
    assert world.engine.pauses() == []


def test_a_pause_of_one_target_holds_nobody_else() -> None:
    world = world_of(2)
    world.pause("aa")
    for name in names(2):
        world.report(fault(name))
    assert world.on() == ["ab"]


def test_a_pause_takes_the_place_of_the_one_before() -> None:
    world = world_of(1)
    world.pause("aa", for_s=5.0)
    world.report(fault("aa"))
    world.pause("aa", for_s=50.0)
    world.run(40.0)
    assert (world.started, world.rounds) == ([], [])
    world.run(15.0)
    assert world.on() == ["aa"]


def test_two_pauses_are_two() -> None:
    world = world_of(1)
    world.pause()
    world.pause("aa")
    error_id = world.report(fault("aa"))
    world.resume()
    world.run(5.0)
    assert world.view(error_id).held_by == "pause"
    assert world.started == []
    assert world.resume() is None
    world.resume("aa")
    world.run(5.0)
    assert world.on() == ["aa"]


def test_what_runs_comes_to_its_end_while_everything_is_paused() -> None:
    world = world_of(1)
    error_id = world.report(fault("aa"))
    world.pause()
    world.run(5.0)
    assert world.state(error_id) is State.WATCHING
    assert world.tickets[0].planned


def test_a_level_that_fails_while_everything_is_paused_waits_before_the_next() -> None:
    world = world_of(1)
    world.plan = never
    world.report(fault("aa"))
    world.pause()
    world.run(5.0)
    assert world.levels() == [1]
    world.resume()
    world.run(5.0)
    assert world.levels() == [1, 2]


def test_nobody_can_pause_what_there_is_not() -> None:
    world = world_of(1)
    with pytest.raises(NotFound, match="no target 'zz' is defined"):
        world.pause("zz")
    assert world.resume("zz") is None


def test_what_has_gathered_goes_slowly_and_the_worst_first() -> None:
    world = world_of(200, Policy(capacity=1000, throttle_per_s=100, slow_start_s=10.0))
    world.pause()
    for number, name in enumerate(names(200)):
        world.report(fault(name, severity=Severity.CRITICAL if number == 150 else None))
    world.run(30.0)
    world.resume()
    began = world.now
    world.run(60.0)
    looked = [order.target.id for order in world.rounds]
    assert looked[0] == names(200)[150]
    assert set(world.on()) == set(names(200))
    first, fifth = (sum(began + s <= at < began + s + 1.0 for at in world.started_at) for s in (0, 4))
    assert first <= 10, "attempts and looks have one budget"
    assert fifth >= 2 * first
    assert shown(world, "throttle").state == "closed"
    world.quiet()


def test_one_that_was_reported_a_moment_ago_is_not_looked_at_after_a_pause() -> None:
    world = world_of(1)
    world.pause()
    world.report(fault("aa"))
    world.run(0.5)
    world.resume()
    assert world.on() == ["aa"]


def test_a_pause_that_was_in_force_before_a_restart_can_be_put_in_force_again() -> None:
    world = world_of(1)
    world.pause()
    world.report(fault("aa"))
    world.crash()
    world.engine.pause(Pause(ALL, world.now - 5.0, 0.0, "maintenance", "ann"))
    world.run(30.0)
    assert [order.target.id for order in world.started] == []
