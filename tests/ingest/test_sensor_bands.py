"""When a wavering reading is a state, and when equal events are told: properties."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from error_daemon.ingest.sensors.bands import Band, Change, Hysteresis
from error_daemon.ingest.sensors.bursts import Bursts

_bands = st.builds(
    lambda leave, more, enter_for_s, leave_for_s: Band(leave + more, leave, enter_for_s, leave_for_s),
    st.floats(-100, 100),
    st.floats(0, 100),
    st.floats(0, 20),
    st.floats(0, 20),
)
_steps = st.lists(st.tuples(st.floats(0.01, 10), st.none() | st.floats(-300, 300)), max_size=80)


@given(band=_bands, steps=_steps)
def test_changes_alternate_and_each_was_spoken_for_all_the_time_that_it_takes(
    band: Band, steps: list[tuple[float, float | None]]
) -> None:
    state, now_s = Hysteresis(band), 0.0
    seen: list[tuple[float, float | None]] = []
    changes = []
    for step_s, reading in steps:
        now_s += step_s
        seen.append((now_s, reading))
        change = state.look(reading, now_s)
        if change is None:
            continue
        changes.append(change)
        is_entry = change is Change.ENTERED
        wanted_s = band.enter_for_s if is_entry else band.leave_for_s
        begins = [at for at, _ in seen if at <= now_s - wanted_s + 1e-9]
        since_s = max(begins) if begins else 0.0
        assert begins, "there was not so much time yet"
        spoke = [value for at, value in seen if at > since_s - 1e-9]
        assert all(value is not None and (value >= band.enter if is_entry else value <= band.leave) for value in spoke)
        seen = [(now_s, reading)] if not wanted_s else seen[-1:]
    assert changes == [Change.ENTERED, Change.LEFT] * (len(changes) // 2) + [Change.ENTERED] * (len(changes) % 2)
    assert state.is_in == bool(len(changes) % 2)


@given(
    band=_bands,
    start=st.booleans(),
    shares=st.lists(st.tuples(st.floats(0.001, 100), st.floats(0.001, 0.999)), max_size=50),
)
def test_between_the_thresholds_nothing_changes(band: Band, start: bool, shares: list[tuple[float, float]]) -> None:
    state, now_s = Hysteresis(band, is_in=start), 0.0
    for step_s, share in shares:
        now_s += step_s
        reading = band.leave + share * (band.enter - band.leave)
        if band.leave < reading < band.enter:
            assert state.look(reading, now_s) is None
    assert state.is_in is start


@given(readings=st.lists(st.floats(0.51, 0.99), max_size=50))
def test_what_swings_around_one_threshold_is_one_state(readings: list[float]) -> None:
    state = Hysteresis(Band(enter=0.75, leave=0.5))
    changes = [change for at, reading in enumerate(readings) if (change := state.look(reading, float(at)))]
    assert changes in ([], [Change.ENTERED])


def test_silence_is_neither_trouble_nor_calm() -> None:
    state = Hysteresis(Band(enter=1.0, leave=0.5, enter_for_s=10.0))
    assert [state.look(reading, at) for at, reading in ((0.0, 2.0), (5.0, None), (11.0, 2.0), (20.0, 2.0))] == [
        None
    ] * 4
    assert state.look(2.0, 21.0) is Change.ENTERED
    assert state.look(None, 1000.0) is None
    assert state.is_in


_events = st.lists(st.tuples(st.floats(0, 3), st.sampled_from("abcdef"), st.integers(1, 5)), max_size=100)


@given(events=_events, most=st.integers(1, 6))
def test_of_events_that_come_fast_none_is_lost_in_the_count(events: list[tuple[float, str, int]], most: int) -> None:
    bursts: Bursts[str] = Bursts(quiet_s=1.0, most=most)
    now_s, told = 0.0, 0
    times: dict[str, float] = {}
    for step_s, key, count in events:
        now_s += step_s
        for due, number in bursts.due(now_s):
            told += number
            times[due] = now_s
        if number := bursts.take(key, count, now_s):
            assert most < 6 or now_s - times.get(key, -10.0) >= 1.0, "told again before it was quiet for a second"
            times[key] = now_s
            told += number
    now_s += 1.0
    told += sum(number for _, number in bursts.due(now_s))
    now_s += 1.0
    assert told + sum(number for _, number in bursts.due(now_s)) == sum(count for _, _, count in events)


def test_the_first_is_told_at_once_and_the_rest_as_one() -> None:
    bursts: Bursts[str] = Bursts(quiet_s=1.0)
    assert [bursts.take("disk", 1, at) for at in (0.0, 0.1, 0.2, 0.9)] == [1, 0, 0, 0]
    assert bursts.due(0.95) == []
    assert bursts.due(1.0) == [("disk", 3)]
    assert "disk" in bursts
    assert bursts.due(2.0) == []
    assert not bursts
    assert bursts.take("disk", 1, 2.5) == 1
