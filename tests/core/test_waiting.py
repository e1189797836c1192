"""Lanes and gates: one event brings up one, and no wake-up is lost."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from error_daemon.core.board import Board
from error_daemon.core.brakes.global_breaker import GlobalLimits
from error_daemon.core.brakes.hold import Hold
from error_daemon.core.policy import Policy
from error_daemon.core.queue import Place
from error_daemon.core.ticket import Error
from error_daemon.core.waiting import Waiting
from error_daemon.model import Definitions, Severity, State
from tests.core.held_world import TOLERANT, never, world_of
from tests.core.queued import queued
from tests.core.world import fault

ROOM = {"a": 1, "b": 2}  # how many at a time may have a thing

things = st.sampled_from(tuple(ROOM))
severities = st.sampled_from((Severity.LOW, Severity.MEDIUM, Severity.CRITICAL))
picks = st.integers(0, 99)


class Turns(RuleBasedStateMachine):
    """Errors that each want one thing. Each thing has a gate, and room for so many; it may be shut until a time, or until it is opened."""

    def __init__(self) -> None:
        super().__init__()
        self.board = Board(Definitions(), Policy())
        self.board.now = 1000.0
        self.shut_lanes: dict[bool, Hold] = {}  # by is_critical
        self.waiting = Waiting(self.board, self.shut_lanes.get)
        self.board.on_timer = self.waiting.wake
        self.wants: dict[str, str] = {}  # error → thing
        self.everybody: list[Error] = []
        self.inside: dict[str, list[Error]] = {thing: [] for thing in ROOM}
        self.shut: dict[str, float] = {}  # thing → until when; 0: until it is opened

    def any_queued(self, pick: int) -> Error | None:
        waiting = [error for error in self.everybody if error.state is State.QUEUED]
        return waiting[pick % len(waiting)] if waiting else None

    @rule(thing=things, several=st.lists(severities, min_size=1, max_size=4), pumps=st.booleans())
    def report(self, thing: str, several: list[Severity], pumps: bool) -> None:
        for severity in several:
            error = queued(len(self.everybody), self.board.now, severity)
            self.everybody.append(error)
            self.wants[error.error_id] = thing
            self.waiting.push(error, "its first attempt")
        self.then(pumps)

    @rule(pick=picks, severity=severities)
    def rank_anew(self, pick: int, severity: Severity) -> None:
        error = self.any_queued(pick)
        if error:
            error.severity = severity
            self.waiting.rank_anew(error)

    @rule(pick=picks)
    def purge(self, pick: int) -> None:
        error = self.any_queued(pick)
        if error:
            error.state, error.ticket = State.FLUSHED, None
            self.board.cancel_timer(error)

    @rule(pick=picks, thing=things)
    def want_something_else(self, pick: int, thing: str) -> None:
        """Only one that is ready: what the others wait for does not change under them."""
        error = self.any_queued(pick)
        if error and error.ticket and error.ticket.hold is None:
            self.wants[error.error_id] = thing

    @rule(thing=things, pumps=st.booleans())
    def end(self, thing: str, pumps: bool) -> None:
        if self.inside[thing]:
            error = self.inside[thing].pop(0)
            error.state, error.ticket = State.WATCHING, None
            self.waiting.call(thing)
            self.then(pumps)

    @rule(thing=things, for_s=st.sampled_from((0.0, 1.0, 5.0)))
    def shut_a_thing(self, thing: str, for_s: float) -> None:
        """Who waits for it to be opened is called when there is another time for that."""
        was_shut = thing in self.shut
        self.shut[thing] = self.board.now + for_s if for_s else 0.0
        if was_shut:
            self.waiting.call(thing)

    @rule(thing=things, pumps=st.booleans())
    def open_a_thing(self, thing: str, pumps: bool) -> None:
        if self.shut.pop(thing, None) is not None:
            self.waiting.call(thing)
            self.then(pumps)

    @rule(is_critical=st.booleans(), for_s=st.sampled_from((0.0, 2.0, 2.0)))
    def shut_a_lane(self, is_critical: bool, for_s: float) -> None:
        self.shut_lanes[is_critical] = Hold("throttle", "enough", self.board.now + for_s if for_s else 0.0)

    @rule()
    def open_the_lanes(self) -> None:
        self.shut_lanes.clear()
        self.pump()

    @rule(for_s=st.sampled_from((0.5, 3.0)))
    def let_time_pass(self, for_s: float) -> None:
        end = self.board.now + for_s
        while (at := self.board.timers.next_at()) is not None and at <= end:
            self.board.now = max(self.board.now, at)
            for call in self.board.timers.due(self.board.now):
                call()
            self.pump()
        self.board.now = end

    def then(self, pumps: bool) -> None:
        """Something else may happen first."""
        if pumps:
            self.pump()

    @rule()
    def pump(self) -> None:
        for is_critical, hold in list(self.shut_lanes.items()):
            if hold.until and hold.until <= self.board.now:
                del self.shut_lanes[is_critical]
        while (place := self.waiting.next()) is not None:
            if place.is_valid():
                self.come_up(place)
            self.waiting.pass_on(place)
        for lane in self.waiting.lanes:
            shut, wake = self.shut_lanes.get(lane.is_critical), self.board.timers.next_at()
            if shut is not None and shut.until and list(lane.places()):
                assert wake is not None, "a lane that is held until a time is asked for again then"
                assert wake <= shut.until

    def come_up(self, place: Place) -> None:
        error, thing = place.error, self.wants[place.error.error_id]
        if self.is_shut(thing):
            self.waiting.wait(error, Hold("shut", "it is shut", self.shut[thing], thing))
        elif len(self.inside[thing]) >= ROOM[thing]:
            self.waiting.wait(error, Hold("full", "others have it", 0.0, thing))
        else:
            self.inside[thing].append(error)
            error.state = State.ATTEMPTING

    def is_shut(self, thing: str) -> bool:
        until = self.shut.get(thing)
        return until is not None and (until == 0.0 or until > self.board.now)

    @invariant()
    def who_is_queued_has_one_place(self) -> None:
        ready = [place.error for lane in self.waiting.lanes for place in lane.places()]
        at_gates = [place.error for gate in self.waiting.gates.values() for place in gate.places()]
        expected = [error.error_id for error in self.everybody if error.state is State.QUEUED]
        assert sorted(error.error_id for error in ready + at_gates) == sorted(expected)

    @invariant()
    def nobody_waits_for_what_has_room_unless_it_is_called(self) -> None:
        called = {place.called_by for lane in self.waiting.lanes for place in lane.heap}
        for thing, gate in self.waiting.gates.items():
            is_called = thing in called or gate.timer in self.board.timers._calls
            has_room = len(self.inside[thing]) < ROOM[thing] and not self.is_shut(thing)
            assert not list(gate.places()) or is_called or not has_room

    def teardown(self) -> None:
        """Whatever happened: once nothing is shut, and who has something ends, everybody gets a turn."""
        self.shut_lanes.clear()
        for thing in ROOM:
            self.open_a_thing(thing, pumps=False)
        for _ in range(len(self.everybody) + 1):
            self.pump()
            for thing in ROOM:
                self.end(thing, pumps=False)
        assert [error for error in self.everybody if error.state is State.QUEUED] == []
        assert {error.state for error in self.everybody} <= {State.WATCHING, State.FLUSHED}


TestTurns = Turns.TestCase
TestTurns.settings = settings(max_examples=100, stateful_step_count=50, deadline=None)


def test_one_event_brings_up_one_after_the_other_until_one_waits_there_again() -> None:
    turns = Turns()
    turns.shut_a_thing("b", 0.0)
    turns.report("b", [Severity.MEDIUM] * 4, pumps=True)
    turns.open_a_thing("b", pumps=True)
    assert [error.state for error in turns.everybody] == [State.ATTEMPTING] * 2 + [State.QUEUED] * 2


def test_a_ticket_that_ends_after_it_was_called_up_leaves_the_next_its_turn() -> None:
    turns = Turns()
    turns.shut_a_thing("a", 0.0)
    turns.report("a", [Severity.MEDIUM] * 2, pumps=True)
    turns.open_a_thing("a", pumps=False)
    turns.purge(0)
    turns.pump()
    assert [error.state for error in turns.everybody] == [State.FLUSHED, State.ATTEMPTING]


# --- in the engine


def test_several_that_wait_for_one_target_all_get_their_turn() -> None:
    world = world_of(1, policy=Policy(capacity=50, target_limits=TOLERANT, global_limits=GlobalLimits(samples=9999)))
    world.plan = never
    ids = [world.report(fault("aa", message)) for message in ("a", "b", "c", "d", "e")]
    world.flush(ids[1])
    world.resolve(ids[3])
    world.run(30.0)
    tried = {order.error_id for order in world.started}
    assert tried == {ids[0], ids[2], ids[4]}
    assert world.engine._dispatch.waiting.gates == {}
