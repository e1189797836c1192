"""Everything at one moment: put together as often as it is worth, and no more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from error_daemon.errors import TransientError
from error_daemon.model import (
    Diagnostic,
    Json,
    Run,
    RunEvent,
    RunEventKind,
    RunState,
    Severity,
    Standing,
    WorkflowStep,
)
from error_daemon.model.views import Need, Situation
from error_daemon.runtime.views.day import EVERY_S, Day
from error_daemon.runtime.views.now import AGE_S, MOST, Newest, with_runs
from error_daemon.runtime.views.pulse import Pulse
from tests.runtime.joined import HandClock, Joined, web_fault

SENSORS = [
    Diagnostic("sensors", "cpu", Standing.GOOD, "calm"),
    Diagnostic("sensors", "clock", Standing.NOTICE, "not synchronised"),
    Diagnostic("sensors", "heat", Standing.UNAVAILABLE, "no zone"),
]


class Watched:
    """A Newest over a real engine, of which the status and the sensors are the test's."""

    def __init__(self, directory: Path) -> None:
        self.joined = Joined(directory)
        self.store: dict[str, Json] = {"available": True, "detail": "", "rows_waiting": 0}
        self.sensors: Sequence[Diagnostic] = SENSORS
        self.asked = 0
        pulse = Pulse(self.joined.counters, self.joined.clock)
        self.newest = Newest(
            self.joined.loop,
            self.joined.clock,
            pulse,
            status=self._status,
            sensors=lambda: self.sensors,
            runs=lambda: [],
        )

    def _status(self) -> Mapping[str, Json]:
        self.asked += 1
        return {"store": self.store, "started_at": 5.0}


@asynccontextmanager
async def watched(directory: Path) -> AsyncIterator[Watched]:
    one = Watched(directory)
    try:
        yield one
    finally:
        one.joined.close()


def test_who_asks_within_half_a_second_gets_the_very_same(tmp_path: Path) -> None:
    async def body() -> None:
        async with watched(tmp_path) as seen:
            first = await seen.newest.now()
            everybody = await asyncio.gather(*(seen.newest.now() for _ in range(50)))
            assert all(one is first for one in everybody)
            targets = await seen.newest.targets()
            assert all(one is targets for one in await asyncio.gather(*(seen.newest.targets() for _ in range(50))))
            assert seen.asked == 1
            seen.joined.clock.at += AGE_S
            assert await seen.newest.now() is not first

    asyncio.run(body())


def test_what_is_costly_is_put_together_less_often(tmp_path: Path) -> None:
    async def body() -> None:
        async with watched(tmp_path) as seen:
            clock, joined = seen.joined.clock, seen.joined
            joined.intake.take(web_fault())
            slow = joined.engine.brakes

            def slowly(*given: object, **named: object) -> object:
                clock.at += 0.25
                return slow(*given, **named)  # type: ignore[arg-type]

            joined.engine.brakes = slowly  # type: ignore[assignment,method-assign]
            first = await seen.newest.now()
            assert first.took_s == 0.25
            clock.at = first.at + 4.9
            assert await seen.newest.now() is first
            clock.at = first.at + 5.1
            assert await seen.newest.now() is not first

    asyncio.run(body())


def test_others_have_their_turn_while_much_is_put_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("error_daemon.runtime.turns.PART", 2)

    async def body() -> None:
        async with watched(tmp_path) as seen:
            for number in range(8):
                seen.joined.intake.take(web_fault(fingerprint=f"f{number}"))
            turns = 0

            async def count() -> None:
                nonlocal turns
                while True:
                    turns += 1
                    await asyncio.sleep(0)

            counting = asyncio.ensure_future(count())
            await seen.newest.now()
            counting.cancel()
            assert turns >= 3

    asyncio.run(body())


def test_what_is_not_as_it_should_be_is_said(tmp_path: Path) -> None:
    async def body() -> None:
        async with watched(tmp_path) as seen:
            now = await seen.newest.now()
            assert [one.name for one in now.sensors] == ["clock"]
            assert (now.sensors_blind, list(now.stale)) == (1, [])
            seen.store |= {"available": False, "detail": "the disk is full", "rows_waiting": 12}
            seen.sensors = SENSORS[2:]
            seen.joined.loop.keeping.withhold_learned()
            seen.joined.clock.at += 1.0
            stale = {one.part: one for one in (await seen.newest.now()).stale}
            assert set(stale) == {"record", "learned", "sensors"}
            assert "the disk is full; 12 rows wait in memory" in stale["record"].why
            assert stale["learned"].since == 5.0

    asyncio.run(body())


def test_targets_are_of_what_was_open_then(tmp_path: Path) -> None:
    async def body() -> None:
        async with watched(tmp_path) as seen:
            seen.joined.intake.take(web_fault())
            [web] = await seen.newest.targets()
            assert (web.name, web.health, web.open_errors) == ("web", "recovering", 1)

    asyncio.run(body())


def test_the_next_step_of_a_workflow_stands_between_answers_and_failures() -> None:
    def need(kind: str) -> Need:
        return Need(kind, "", Severity.HIGH, "", "", "", "", "", 0.0)

    step = WorkflowStep("pull", "Pull the disk", expected="its light is off")
    event = RunEvent(1, 100.0, RunEventKind.STARTED, 1)
    run = Run("w1", "disk", "Mend the disk", (step,), "beef", "db", RunState.ACTIVE, 1, 60.0, 0.0, "", (event,))
    asked = Situation((), (), 0, 0, (), 0, (need("approval"), need("failed")), 3, {})
    found = with_runs(asked, [run])
    assert [one.kind for one in found.needs] == ["approval", "workflow", "failed"]
    assert (found.needs[1].run_id, found.needs[1].action) == ("w1", "step 1 of 1: Pull the disk")
    assert (found.needs[1].until, found.needs_more) == (160.0, 3)
    assert with_runs(asked, [run] * MOST).needs_more == 5


def test_figures_of_the_day_are_worked_out_once_and_then_again_in_time() -> None:
    async def body() -> None:
        clock, asked = HandClock(), []

        async def metrics(since: float, until: float) -> Json:
            asked.append((since, until))
            return {"number": len(asked)}

        day = Day(clock, metrics)
        found, stale = await day.figures()
        assert (found.metrics, stale, found.until - found.since) == ({"number": 1}, [], 86400.0)
        await day.figures()
        assert len(asked) == 1
        clock.at += EVERY_S
        assert (await day.figures())[0].metrics == {"number": 1}  # while they are worked out anew
        await asyncio.sleep(0)
        assert (await day.figures())[0].metrics == {"number": 2}

    asyncio.run(body())


def test_figures_that_cannot_be_worked_out_say_why() -> None:
    async def body() -> None:
        async def refuse(_since: float, _until: float) -> Json:
            raise TransientError("two analyses are running already", 5.0)

        found, [stale] = await Day(HandClock(), refuse).figures()
        assert found.metrics is None
        assert stale.why.endswith("two analyses are running already")

    asyncio.run(body())


def test_figures_that_a_bug_keeps_from_being_worked_out_are_said_to_be_so_and_tried_again(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def body() -> None:
        clock, wrong = HandClock(), [KeyError("outcome")]

        async def metrics(_since: float, _until: float) -> Json:
            if wrong:
                raise wrong.pop()
            return {"number": 1}

        day = Day(clock, metrics)
        found, [stale] = await day.figures()
        assert found.metrics is None
        assert stale.why.endswith("KeyError('outcome')")
        clock.at += EVERY_S
        assert (await day.figures())[0].metrics == {"number": 1}

    asyncio.run(body())
    assert "the figures of the day were not worked out" in capsys.readouterr().out


def test_nobody_waits_long_for_figures_that_are_not_there_yet() -> None:
    async def body() -> None:
        release = asyncio.Event()

        async def slow(_since: float, _until: float) -> Json:
            await release.wait()
            return {}

        day = Day(HandClock(), slow)
        found, [stale] = await day.figures(0.0)
        assert (found.at, stale.why) == (0.0, "the figures of the last 24 hours are being worked out")
        release.set()
        assert (await day.figures())[0].at

    asyncio.run(body())
