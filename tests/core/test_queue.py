"""Where tickets wait, and in which order they go."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from error_daemon.core.policy import Policy
from error_daemon.core.queue import OLDER_S, Gate, Lane, Place, rank
from error_daemon.model import Priority, Severity, State
from tests.core.queued import queued
from tests.core.world import Plan, World, fault, house, rule


def place(number: int, opened_at: float, priority: Priority = Priority.NORMAL) -> Place:
    error = queued(number, opened_at)
    assert error.ticket is not None
    error.ticket.queued = number
    return Place(rank(priority, opened_at), number, number, error, "")


tickets = st.tuples(st.sampled_from(Priority), st.floats(0.0, 1e6), st.floats(0.0, 1e6))


@given(st.lists(tickets, min_size=2, max_size=2))
def test_the_order_of_any_two_tickets_never_changes_with_time(pair: list[tuple[Priority, float, float]]) -> None:
    """Rank does not ask what time it is: it is the age at any moment, with what the priority adds, the other way round."""
    (first, a, _), (second, b, later) = pair
    now = max(a, b) + later
    ages = [now - a + OLDER_S[first], now - b + OLDER_S[second]]
    ranks = [rank(first, a), rank(second, b)]
    if abs(ages[0] - ages[1]) > 1e-6:
        assert (ages[0] > ages[1]) == (ranks[0] < ranks[1])


@given(tickets)
def test_whatever_waits_comes_before_all_that_is_newer_by_an_hour(one: tuple[Priority, float, float]) -> None:
    priority, opened_at, _ = one
    assert all(rank(priority, opened_at) < rank(other, opened_at + 3600.1) for other in Priority)


def test_at_the_same_age_what_matters_more_goes_first() -> None:
    assert sorted(Priority, key=lambda priority: rank(priority, 5.0)) == list(Priority)


@given(st.lists(st.integers(0, 9), max_size=12))
def test_a_lane_gives_the_oldest_first_and_those_of_one_moment_as_they_came(ages: list[int]) -> None:
    lane = Lane(is_critical=False)
    assert lane.front() is None
    for number, at in enumerate(ages):
        lane.push(place(number, at))
    assert len(list(lane.places())) == len(ages)
    given_out = []
    while (front := lane.front()) is not None:
        assert lane.pop() is front
        given_out.append(front.number)
    assert given_out == sorted(range(len(ages)), key=lambda number: (ages[number], number))


def test_a_place_is_valid_while_its_ticket_is_queued_and_has_no_newer_one() -> None:
    one = place(1, 0.0)
    assert one.is_valid()
    assert one.error.ticket is not None
    one.error.ticket.queued = 2
    assert not one.is_valid()
    one.error.ticket.queued = 1
    one.error.state = State.PARKED
    assert not one.is_valid()
    one.error.state, one.error.ticket = State.QUEUED, None
    assert not one.is_valid()


def test_a_gate_calls_the_first_that_still_waits() -> None:
    gate, places = Gate(), [place(number, number) for number in range(4)]
    for one in reversed(places):
        gate.wait(one)
    places[0].error.ticket = None
    assert {one.number for one in gate.places()} == {1, 2, 3}
    assert gate.call() is places[1]
    places[2].error.state = State.PARKED
    assert gate.call() is places[3]
    assert gate.call() is None


# --- in the engine


def test_the_older_goes_first_though_it_must_be_looked_at_and_the_newer_need_not() -> None:
    names = [f"{chr(97 + number // 26)}{chr(97 + number % 26)}" for number in range(60)]
    world = World(house(*(rule(name, (1,)) for name in names)), Policy(capacity=1))
    world.plan = lambda order: Plan(takes_s=2.0)
    for name in names:
        world.report(fault(name))
        world.run(0.5)
    assert world.on() == names[: len(world.started)]
    assert len(world.started) >= 14
    world.quiet()


def test_those_of_one_moment_that_must_all_be_looked_at_are_still_recovered() -> None:
    names = [f"{chr(97 + number // 26)}{chr(97 + number % 26)}" for number in range(150)]
    policy = Policy(capacity=500, throttle_per_s=100, slow_start_s=10.0)
    world = World(house(*(rule(name, (1,)) for name in names)), policy)
    world.pause()
    for name in names:
        world.report(fault(name))
    world.run(30.0)
    world.resume()
    world.run(60.0)
    assert world.on() == names
    world.quiet()


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(Severity), st.sampled_from((0.0, 0.01, 700.0, 3000.0))), min_size=3, max_size=8)
)
def test_one_at_a_time_they_go_in_the_order_of_their_ranks(several: list[tuple[Severity, float]]) -> None:
    world = World(house(*(rule(f"c{chr(97 + n)}", (1,)) for n in range(len(several)))), Policy(capacity=1))
    world.plan = lambda order: Plan(takes_s=2.0)
    world.pause()
    for number, (severity, gap_s) in enumerate(several):
        world.report(fault(f"c{chr(97 + number)}", severity=severity))
        world.run(gap_s)
    views = world.engine.newest(99, lambda error: True)[0]
    priority = {v.target: world.engine._board.by_id(v.error_id).classification.priority for v in views}  # type: ignore[union-attr]
    opened = {view.target: view.opened_at for view in views}
    expected = sorted(opened, key=lambda name: (rank(priority[name], opened[name]), name))
    world.resume()
    world.run(60.0)
    assert world.on() == expected
    world.quiet()
