"""The circuit against a model that keeps the whole history, and its table."""

from __future__ import annotations

from math import inf

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from error_daemon.core.brakes.circuit import Circuit, CircuitState

OPEN_S, GROWTH, LONGEST_S, SUCCESSES = 10.0, 2.0, 35.0, 3
CLOSED, OPEN, HALF_OPEN = CircuitState.CLOSED, CircuitState.OPEN, CircuitState.HALF_OPEN


class CircuitAgainstItsTable(RuleBasedStateMachine):
    """The model is the table above the code, with a state that is written down instead of worked out."""

    def __init__(self) -> None:
        super().__init__()
        self.circuit = Circuit(OPEN_S, SUCCESSES, GROWTH, LONGEST_S)
        self.now = 100.0
        self.state, self.until, self.length, self.in_a_row = "closed", 0.0, OPEN_S, 0

    @rule(by=st.sampled_from((0.0, 0.5, 5.0, 10.0, 40.0)))
    def time_passes(self, by: float) -> None:
        self.now += by
        if self.state == "open" and self.now >= self.until:
            self.state, self.in_a_row = "half-open", 0

    @rule(longer=st.sampled_from((0.0, 3.0, 15.0, 100.0)))
    def trip(self, longer: float) -> None:
        self.circuit.trip(self.now, self.now + longer)
        if self.state == "half-open":
            self.length = min(GROWTH * self.length, LONGEST_S)
        if self.state != "open":
            self.until = self.now + self.length
        self.state, self.until = "open", max(self.until, self.now + longer)

    @rule(success=st.booleans())
    def tried(self, success: bool) -> None:
        closed = self.circuit.tried(success, self.now)
        expected = False
        if self.state == "half-open" and success:
            self.in_a_row += 1
            if self.in_a_row == SUCCESSES:
                expected, self.state, self.length = True, "closed", OPEN_S
        elif self.state == "half-open":
            self.length = min(GROWTH * self.length, LONGEST_S)
            self.state, self.until = "open", self.now + self.length
        assert closed is expected

    @precondition(lambda self: self.state != "closed")
    @rule()
    def close(self) -> None:
        self.circuit.close()
        self.state, self.length = "closed", OPEN_S

    @invariant()
    def same(self) -> None:
        assert self.circuit.state(self.now).value == self.state
        assert self.circuit.is_tripped == (self.state != "closed")
        if self.state == "open":
            assert self.circuit.open_until == self.until
        if self.state == "half-open":
            assert self.circuit.won == self.in_a_row


CircuitAgainstItsTable.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestCircuit = CircuitAgainstItsTable.TestCase


def test_each_edge_of_the_table() -> None:
    circuit = Circuit(10.0, 2)
    assert circuit.state(0.0) is CLOSED
    assert not circuit.tried(False, 0.0), "what is closed asks nobody"
    circuit.trip(0.0)
    assert (circuit.state(9.9), circuit.state(10.0)) == (OPEN, HALF_OPEN)
    assert not circuit.tried(True, 5.0), "one that was let through before it opened says nothing"
    circuit.trip(5.0, 30.0)
    assert (circuit.state(29.9), circuit.state(30.0)) == (OPEN, HALF_OPEN)
    assert not circuit.tried(True, 31.0)
    assert not circuit.tried(False, 32.0)
    assert (circuit.state(41.9), circuit.state(42.0)) == (OPEN, HALF_OPEN)
    assert not circuit.tried(True, 43.0)
    assert circuit.tried(True, 44.0)
    assert circuit.state(44.0) is CLOSED


def test_the_time_it_stays_open_grows_up_to_the_longest_and_begins_anew_when_it_has_closed() -> None:
    circuit, now, lengths = Circuit(10.0, 1, 2.0, 50.0), 0.0, []
    for _ in range(5):
        circuit.trip(now)
        lengths.append(circuit.open_until - now)
        now = circuit.open_until
    assert lengths == [10.0, 20.0, 40.0, 50.0, 50.0]
    assert circuit.tried(True, now)
    circuit.trip(now)
    assert circuit.open_until == now + 10.0


def test_without_growth_it_always_stays_open_for_the_same_time() -> None:
    circuit = Circuit(10.0, 1)
    circuit.trip(0.0)
    circuit.trip(10.0)
    assert circuit.open_until == 20.0
    assert circuit.open_until < inf
