"""What runs, and the places that it takes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from error_daemon.core.running import Running
from error_daemon.model import Severity
from tests.core.queued import queued

steps = st.lists(st.tuples(st.sampled_from(("begin", "end", "look", "answered")), st.integers(0, 3)), max_size=30)


@given(steps, st.lists(st.sampled_from(Severity), min_size=4, max_size=4), st.sampled_from(Severity))
def test_an_attempt_and_a_look_take_a_place_each_until_they_end(
    several: list[tuple[str, int]], severities: list[Severity], later: Severity
) -> None:
    running = Running()
    everybody = [queued(number, severity=severity) for number, severity in enumerate(severities)]
    attempts: dict[int, bool] = {}  # error → whether its place is an ordinary one
    looks: dict[int, bool] = {}
    for step, number in several:
        error = everybody[number]
        is_ordinary = error.severity is not Severity.CRITICAL
        if step == "begin" and number not in attempts:
            running.begin(f"attempt of {number}", error)
            attempts[number] = is_ordinary
            error.severity = later  # what it is now does not change whose place it has
        elif step == "look" and number not in looks:
            running.look(error)
            looks[number] = is_ordinary
        elif step == "end":
            ended = running.end(f"attempt of {number}")
            assert ended is (error if number in attempts else None)
            attempts.pop(number, None)
        elif step == "answered":
            running.answered(error)
            looks.pop(number, None)
        assert running.attempts() == len(attempts)
        assert running.places() == len(attempts) + len(looks)
        assert running.ordinary_places() == sum(attempts.values()) + sum(looks.values())
