"""A unit that fails is reported once, again while it stays so, and never when it was stopped or is being started again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import uvloop

from error_daemon.errors import TransientError
from error_daemon.ingest.unit_watch import SOURCE, UnitWatch
from error_daemon.model import Target
from error_recovery.v1 import fault_pb2
from tests.execute.rig import WallClock
from tests.fakes.told_systemd import ToldSystemd, Unit, told_systemd

PATIENCE_S = 20.0


class Heard:
    """What the watch took to the intake, and what it complained of."""

    def __init__(self) -> None:
        self.faults: list[fault_pb2.Fault] = []
        self.problems: list[str] = []
        self.refusals = 0  # as many are not taken
        self._news = asyncio.Event()

    def take(self, payload: bytes) -> None:
        if self.refusals:
            self.refusals -= 1
            raise TransientError("full", 1.0)
        self.faults.append(fault_pb2.Fault.FromString(payload))
        self._news.set()

    def problem(self, text: str) -> None:
        self.problems.append(text)
        self._news.set()

    async def until(self, is_true: Callable[[], bool]) -> None:
        async def wait() -> None:
            while not is_true():
                self._news.clear()
                await self._news.wait()

        await asyncio.wait_for(wait(), PATIENCE_S)

    def targets(self) -> list[str]:
        return [fault.target for fault in self.faults]


def targets(**units: str) -> dict[str, Target]:
    return {name: Target(name, "service", {"unit": f"{unit}.service"}) for name, unit in units.items()}


def watching(
    directory: Path,
    body: Callable[[ToldSystemd, UnitWatch, Heard], Awaitable[None]],
    watched: dict[str, Target],
    *,
    repeat_s: float = 60.0,
    refusals: int = 0,
    answer_s: float = PATIENCE_S,
    is_silent: bool = False,
) -> None:
    async def main() -> None:
        heard = Heard()
        heard.refusals = refusals
        watch = UnitWatch(
            watched,
            WallClock(),
            heard.take,
            heard.problem,
            repeat_s=repeat_s,
            look_again_s=0.01,
            connect_again_s=0.01,
            answer_s=answer_s,
        )
        async with told_systemd(directory, web=Unit(), db=Unit("failed", "failed", "exit-code")) as told:
            told.is_silent = is_silent
            watch.start()
            try:
                await body(told, watch, heard)
            finally:
                watch.stop()

    uvloop.run(main())


def test_a_unit_that_had_failed_and_one_that_fails_are_each_reported(bus_at: Path) -> None:
    async def body(told: ToldSystemd, _: UnitWatch, heard: Heard) -> None:
        await heard.until(lambda: heard.targets() == ["two"])
        told.become("web.service", "failed", result="signal")
        await heard.until(lambda: len(heard.faults) == 2)
        fault = heard.faults[1]
        assert (fault.target, fault.context.component, fault.source) == ("one", "one", SOURCE)
        assert fault.type == fault_pb2.ERROR_TYPE_SYSTEM
        assert fault.message == "the unit web.service of one has failed: result signal"

    watching(bus_at, body, targets(one="web", two="db"))


def test_a_unit_that_is_stopped_or_started_again_by_systemd_is_not_reported(bus_at: Path) -> None:
    async def body(told: ToldSystemd, _: UnitWatch, heard: Heard) -> None:
        await heard.until(lambda: heard.targets() == ["two"])  # all are watched by now
        told.become("web.service", "inactive", "dead")
        told.become("web.service", "failed", result="signal")
        told.become("web.service", "activating", "auto-restart", result="signal")  # before it is looked at
        told.become("db.service", "active", "running")
        told.become("db.service", "failed", result="watchdog")
        await heard.until(lambda: len(heard.faults) == 2)
        assert heard.targets() == ["two", "two"]
        assert "watchdog" in heard.faults[1].message

    watching(bus_at, body, targets(one="web", two="db"))


def test_one_that_stays_failed_is_reported_again(bus_at: Path) -> None:
    async def body(told: ToldSystemd, _: UnitWatch, heard: Heard) -> None:
        await heard.until(lambda: len(heard.faults) == 3)
        assert {fault.fingerprint for fault in heard.faults} == {"unit-failed:two"}

    watching(bus_at, body, targets(two="db"), repeat_s=0.02)


def test_a_report_that_could_not_be_taken_is_repeated(bus_at: Path) -> None:
    async def body(told: ToldSystemd, _: UnitWatch, heard: Heard) -> None:
        await heard.until(lambda: bool(heard.faults))
        assert len(heard.problems) == 2
        assert "could not be taken" in heard.problems[0]

    watching(bus_at, body, targets(two="db"), refusals=2)


def test_one_that_is_hushed_for_a_test_is_silent_until_that_is_over(bus_at: Path) -> None:
    async def body(told: ToldSystemd, watch: UnitWatch, heard: Heard) -> None:
        await heard.until(lambda: heard.targets() == ["two"])
        watch.hush("one", True)
        watch.hush("nobody", True)
        told.become("web.service", "failed", result="signal")
        told.become("db.service", "active")
        told.become("db.service", "failed", result="watchdog")
        await heard.until(lambda: heard.targets() == ["two", "two"])  # both were looked at by now
        watch.hush("nobody", False)
        watch.hush("one", False)
        await heard.until(lambda: heard.targets() == ["two", "two", "one"])

    watching(bus_at, body, targets(one="web", two="db"))


def test_one_that_was_mended_by_its_test_is_not_reported_after_it(bus_at: Path) -> None:
    async def body(told: ToldSystemd, watch: UnitWatch, heard: Heard) -> None:
        await heard.until(lambda: heard.targets() == ["two"])
        watch.hush("one", True)
        told.become("web.service", "failed", result="signal")
        told.become("web.service", "active", "running")
        watch.hush("one", False)
        told.become("db.service", "active")
        told.become("db.service", "failed", result="watchdog")
        await heard.until(lambda: len(heard.faults) == 2)
        assert heard.targets() == ["two", "two"]

    watching(bus_at, body, targets(one="web", two="db"))


def test_other_definitions_watch_other_units(bus_at: Path) -> None:
    async def body(told: ToldSystemd, watch: UnitWatch, heard: Heard) -> None:
        await heard.until(lambda: heard.targets() == ["two"])
        watch.redefine(targets(three="web"))
        told.become("db.service", "active")
        told.become("db.service", "failed")  # nobody's any more
        told.become("web.service", "failed")
        await heard.until(lambda: len(heard.faults) == 2)
        assert heard.targets() == ["two", "three"]

    watching(bus_at, body, targets(one="web", two="db"))


def test_a_watch_of_nothing_begins_when_definitions_name_a_unit(bus_at: Path) -> None:
    async def body(told: ToldSystemd, watch: UnitWatch, heard: Heard) -> None:
        watch.redefine(targets(two="db"))
        await heard.until(lambda: heard.targets() == ["two"])

    watching(bus_at, body, {})


def test_a_lost_bus_is_said_once_and_what_failed_meanwhile_is_reported_when_it_is_back(bus_at: Path) -> None:
    async def main() -> None:
        heard = Heard()
        watch = UnitWatch(
            targets(one="web"), WallClock(), heard.take, heard.problem, look_again_s=0.01, connect_again_s=0.01
        )
        watch.start()
        await heard.until(lambda: len(heard.problems) == 1)
        async with told_systemd(bus_at, web=Unit("failed", "failed", "signal")) as told:
            await heard.until(lambda: len(heard.faults) == 1)
            await told.lose()
        await heard.until(lambda: len(heard.problems) == 2)
        async with told_systemd(bus_at, web=Unit("failed", "failed", "timeout")):
            await heard.until(lambda: len(heard.faults) == 2)
        watch.stop()
        assert all(problem.startswith("units are not watched: the system bus") for problem in heard.problems[:2])

    uvloop.run(main())


def test_a_reload_while_a_unit_is_looked_at_does_not_end_the_watch(bus_at: Path) -> None:
    async def body(told: ToldSystemd, watch: UnitWatch, heard: Heard) -> None:
        await heard.until(lambda: heard.targets() == ["two"])
        told.is_silent = True
        told.was_looked_at.clear()
        watch.redefine(targets(two="db", first="web", gone="web"))
        await asyncio.wait_for(told.was_looked_at.wait(), PATIENCE_S)  # that is first; gone would be next
        watch.redefine(targets(two="db", other="db"))
        told.speak()
        await heard.until(lambda: heard.targets() == ["two", "other"])
        assert heard.problems == []

    watching(bus_at, body, targets(two="db"))


def test_a_watch_that_has_ended_is_begun_anew_by_a_reload(bus_at: Path) -> None:
    async def body(told: ToldSystemd, watch: UnitWatch, heard: Heard) -> None:
        broken = {"odd": Target("odd", "service", {"unit": 7})}  # no text: nothing that a bus can carry
        watch.redefine(broken)
        await heard.until(lambda: any("not watched any more" in problem for problem in heard.problems))
        watch.redefine(targets(two="db"))
        await heard.until(lambda: heard.targets() == ["two"])

    watching(bus_at, body, {})


def test_a_unit_whose_look_was_refused_is_tried_again_and_the_refusal_said_once(bus_at: Path) -> None:
    async def body(told: ToldSystemd, _: UnitWatch, heard: Heard) -> None:
        told.refuses_looks = "org.freedesktop.DBus.Error.AccessDenied"
        told.speak()
        for _again in range(3):
            told.was_looked_at.clear()
            await asyncio.wait_for(told.was_looked_at.wait(), PATIENCE_S)
        told.refuses_looks = ""
        await heard.until(lambda: heard.targets() == ["two"])
        assert heard.problems == ["the unit of two cannot be watched: no (AccessDenied)"]

    watching(bus_at, body, targets(two="db"), is_silent=True)


def test_a_unit_that_fails_while_looks_are_refused_is_reported_when_they_are_not(bus_at: Path) -> None:
    async def body(told: ToldSystemd, _: UnitWatch, heard: Heard) -> None:
        await heard.until(lambda: heard.targets() == ["two"])  # one is watched by now
        told.refuses_looks = "org.freedesktop.DBus.Error.LimitsExceeded"
        told.become("web.service", "failed", result="signal")
        await heard.until(lambda: bool(heard.problems))
        told.refuses_looks = ""
        await heard.until(lambda: heard.targets() == ["two", "one"])

    watching(bus_at, body, targets(one="web", two="db"))


def test_a_systemd_that_does_not_answer_is_said_and_asked_anew(bus_at: Path) -> None:
    async def body(told: ToldSystemd, _: UnitWatch, heard: Heard) -> None:
        await heard.until(lambda: bool(heard.problems))
        assert heard.problems == ["units are not watched: systemd does not answer within 0.5 s"]
        told.speak()
        await heard.until(lambda: heard.targets() == ["two"])

    watching(bus_at, body, targets(two="db"), is_silent=True, answer_s=0.5)


def test_who_hears_of_units_in_another_way_is_told_which_are_watched(bus_at: Path) -> None:
    async def body(_: ToldSystemd, watch: UnitWatch, heard: Heard) -> None:
        assert watch.is_watched("one") is None
        assert watch.targets_of("web.service") == ["one"]
        assert not watch.targets_of("another.service")
        await heard.until(lambda: watch.is_watched("one") is True)
        watch.hush("one", is_hushed=True)
        assert watch.is_hushed("one")

    watching(bus_at, body, targets(one="web", two="db"))


def test_units_of_a_host_without_a_bus_are_known_not_to_be_watched(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={tmp_path}/none")

    async def main() -> None:
        heard = Heard()
        watch = UnitWatch(targets(one="web"), WallClock(), heard.take, heard.problem)
        watch.start()
        await heard.until(lambda: watch.is_watched("one") is False)
        watch.stop()

    uvloop.run(main())
