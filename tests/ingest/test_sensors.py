"""All sensors together: as the settings want them, on a host that has nothing, and on this one."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import uvloop

from error_daemon.ingest.sensors.assembly import Sensors
from error_daemon.ingest.sensors.sampler import LATE
from error_daemon.model.diagnostic import Diagnostic, Standing
from error_daemon.settings import SensorSettings
from tests.execute.rig import WallClock
from tests.ingest.test_sensor_desk import Intake
from tests.waiting import soon

QUIET = SensorSettings(process_exits=False, links=False, clock=False)  # those that do not read files


def with_sensors(
    body: Callable[[Sensors, Intake, list[str]], Awaitable[None]], settings: SensorSettings, root: Path = Path("/")
) -> None:
    async def main() -> None:
        intake, said = Intake(), list[str]()
        sensors = Sensors(
            settings, {}, WallClock(), intake.take, on_problem=said.append, on_news=said.append, root=root
        )
        sensors.start()
        try:
            await body(sensors, intake, said)
        finally:
            sensors.stop()

    uvloop.run(main())


def by_name(sensors: Sensors) -> dict[str, Diagnostic]:
    return {diagnostic.name: diagnostic for diagnostic in sensors.diagnostics()}


def test_a_host_that_has_nothing_is_said_once_and_shown_whenever_somebody_asks(tmp_path: Path) -> None:
    async def body(sensors: Sensors, intake: Intake, said: list[str]) -> None:
        [line] = said
        assert line.startswith("not seen on this host: kernel-log (")
        shown = by_name(sensors)
        assert {name for name, one in shown.items() if one.standing is Standing.UNAVAILABLE} == {
            "kernel-log",
            "group-memory",
            "pressure",
            "mounts",
            "cpu",
            "network",
            "heat",
            "memory-errors",
        }
        assert shown["memory-errors"].says == ("there is no memory controller that counts errors (EDAC); it needs EDAC")
        assert intake.faults == []

    with_sensors(body, QUIET, tmp_path)


def test_sensors_that_are_switched_off_are_not_there() -> None:
    async def body(sensors: Sensors, intake: Intake, said: list[str]) -> None:
        assert [(one.name, one.standing) for one in sensors.diagnostics()] == [("all", Standing.UNAVAILABLE)]
        assert (said, sensors.readings.current()) == ([], {})

    with_sensors(body, SensorSettings(enabled=False))


def test_on_this_host_all_start_and_leave_nothing_open() -> None:
    before = len(os.listdir("/proc/self/fd"))

    async def body(sensors: Sensors, intake: Intake, said: list[str]) -> None:
        await soon("it is sampled", lambda: "steal_ratio" in sensors.readings.current())
        assert sensors.readings.current()[LATE] >= 0
        shown = by_name(sensors)
        assert shown["loop"].standing in (Standing.GOOD, Standing.NOTICE)
        assert {"kernel-log", "process-exits", "group-memory", "pressure", "mounts", "links", "clock"} <= shown.keys()
        assert all(one.says for one in shown.values())

    with_sensors(body, SensorSettings())
    assert len(os.listdir("/proc/self/fd")) <= before + 1


def test_errors_of_the_memory_are_told_with_the_sample_that_shows_them(tmp_path: Path) -> None:
    folder = tmp_path / "sys/devices/system/edac/mc/mc0"
    folder.mkdir(parents=True)
    (folder / "ce_count").write_text("0\n")
    (folder / "ue_count").write_text("0\n")

    async def body(sensors: Sensors, intake: Intake, said: list[str]) -> None:
        await soon("it is sampled", lambda: "memory_uncorrected_per_s" in sensors.readings.current())
        (folder / "ue_count").write_text("1\n")
        await intake.counts(1)
        [fault] = intake.faults
        assert fault.message == "1 errors of the memory that could not be corrected"
        assert (fault.source, fault.type.value) == ("sensor/memory-errors", "hardware")

    with_sensors(body, QUIET, tmp_path)
