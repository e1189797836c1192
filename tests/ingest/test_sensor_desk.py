"""From sightings to faults, with their targets; and the loop that sensors live on."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
import uvloop

from error_daemon.errors import InputError, TransientError
from error_daemon.ingest.decode import decode
from error_daemon.ingest.sensors.contract import Sighting
from error_daemon.ingest.sensors.desk import Reporter, SensorDesk
from error_daemon.ingest.sensors.subjects import Subjects, unit_of
from error_daemon.model import ErrorType, Fault, Severity, Target
from tests.execute.rig import WallClock

PATIENCE_S = 20.0
OOM = Sighting("oom-kill", "mysqld", "the kernel killed mysqld", Severity.HIGH, group="/system.slice/mysql.service")
DISK = Sighting(
    "io-error", "sda", "it does not read", Severity.HIGH, ErrorType.HARDWARE, {"sector": "7", "ratio": 0.25}
)


class Intake:
    """Takes faults, or refuses the first few."""

    def __init__(self, *refusals: Exception) -> None:
        self.faults: list[Fault] = []
        self._refusals = list(refusals)
        self._news = asyncio.Event()

    def take(self, payload: bytes) -> None:
        if self._refusals:
            raise self._refusals.pop(0)
        self.faults.append(decode(payload, WallClock().now()))
        self._news.set()

    async def counts(self, total: int) -> list[int]:
        async def wait() -> None:
            while sum(fault.count for fault in self.faults) < total:
                self._news.clear()
                await self._news.wait()

        await asyncio.wait_for(wait(), PATIENCE_S)
        return [fault.count for fault in self.faults]


class Rig:
    def __init__(self, intake: Intake, targets: dict[str, Target], root: Path, repeat_s: float) -> None:
        self.intake = intake
        self.problems: list[str] = []
        self.news: list[str] = []
        self.bugs: list[str] = []
        self.subjects = Subjects(targets, root)
        self.reporter = Reporter(
            self.subjects,
            WallClock(),
            intake.take,
            on_problem=self.problems.append,
            on_news=self.news.append,
            repeat_s=repeat_s,
        )
        self.desk = SensorDesk("test", self.reporter, self.bugs.append)


def with_desk(
    body: Callable[[Rig], Awaitable[None]],
    *refusals: Exception,
    targets: dict[str, Target] | None = None,
    root: Path = Path("/"),
    repeat_s: float = 1000.0,
) -> None:
    async def main() -> None:
        rig = Rig(Intake(*refusals), targets or {}, root, repeat_s)
        try:
            await body(rig)
        finally:
            rig.desk.close()
            rig.reporter.close()

    uvloop.run(main())


def test_a_sighting_becomes_a_fault_that_says_what_where_and_how_much() -> None:
    async def body(rig: Rig) -> None:
        rig.desk.happened(DISK)
        [fault] = rig.intake.faults
        assert (fault.type, fault.severity, fault.message) == (ErrorType.HARDWARE, Severity.HIGH, "it does not read")
        assert (fault.component, fault.operation, fault.hardware_id, fault.target) == ("sda", "io-error", "sda", "")
        assert (fault.source, fault.explicit_fingerprint) == ("sensor/test", "io-error:sda")
        assert fault.attributes == {"sector": "7", "ratio": "0.25"}

    with_desk(body)


def test_a_sighting_about_a_unit_names_the_target_that_has_it() -> None:
    async def body(rig: Rig) -> None:
        rig.desk.happened(OOM)
        [fault] = rig.intake.faults
        assert (fault.target, fault.component, fault.explicit_fingerprint) == (
            "database",
            "database",
            "oom-kill:database",
        )

    with_desk(body, targets={"database": Target("database", "service", {"unit": "mysql.service"})})


def test_a_target_that_is_gone_by_now_is_left_out() -> None:
    async def body(rig: Rig) -> None:
        rig.desk.happened(OOM)
        [fault] = rig.intake.faults
        assert (fault.target, fault.component) == ("", "mysqld")

    targets = {"database": Target("database", "service", {"unit": "mysql.service"})}
    with_desk(body, InputError("fault.target", "no such target"), targets=targets)


def test_a_process_belongs_to_the_target_of_its_pid_file_or_of_its_group(tmp_path: Path) -> None:
    (tmp_path / "web.pid").write_text("4711\n123\n")
    (tmp_path / "proc/4712").mkdir(parents=True)
    (tmp_path / "proc/4712/cgroup").write_text("4:memory:/x\n0::/system.slice/nginx.service/worker\n")
    targets = {
        "web": Target("web", "process", {"pid_file": str(tmp_path / "web.pid")}),
        "gone": Target("gone", "process", {"pid_file": str(tmp_path / "gone.pid")}),
        "nginx": Target("nginx", "service", {"unit": "nginx.service"}),
        "other": Target("other", "host", {}),
    }
    subjects = Subjects(targets, tmp_path)
    names = [subjects.target_of(Sighting("crash", "x", "x", pid=pid)) for pid in (4711, 4712, 4713, 0)]
    assert names == ["web", "nginx", "", ""]
    assert subjects.target_of(Sighting("x", "x", "x", target="said", unit="nginx.service")) == "said"


def test_a_control_group_belongs_to_its_innermost_unit() -> None:
    assert unit_of("/user.slice/user-0.slice/user@0.service/app.slice/web.service/worker") == "web.service"
    assert unit_of("/system.slice") == unit_of("/") == unit_of("") == ""


def test_equal_events_that_come_fast_are_two_faults_with_all_their_counts() -> None:
    async def body(rig: Rig) -> None:
        for _ in range(1000):
            rig.desk.happened(DISK)
        assert await rig.intake.counts(1000) == [1, 999]

    with_desk(body)


def test_of_events_that_are_over_nothing_is_kept_while_others_go_on() -> None:
    async def body(rig: Rig) -> None:
        for number in [*range(300), *range(300)]:
            rig.desk.happened(replace(DISK, about=f"disk{number}"))
        await rig.intake.counts(600)
        for _ in range(2):
            rig.desk.happened(DISK)
        await rig.intake.counts(602)
        assert len(rig.reporter._newest) <= 1

    with_desk(body)


def test_a_state_is_told_once_until_it_is_left() -> None:
    async def body(rig: Rig) -> None:
        for _ in range(10):
            rig.desk.entered(DISK)
        assert rig.desk.is_in("io-error", "sda")
        rig.desk.left("io-error", "sda", "it reads")
        rig.desk.left("io-error", "sda", "it reads")
        assert not rig.desk.is_in("io-error", "sda")
        assert rig.news == ["it reads (sensor/test: io-error of sda is over)"]
        assert len(rig.intake.faults) == 1

    with_desk(body)


def test_a_state_that_lasts_is_told_again() -> None:
    async def body(rig: Rig) -> None:
        rig.desk.entered(DISK)
        rig.desk.entered(OOM)
        await rig.intake.counts(4)
        assert [fault.operation for fault in rig.intake.faults[:4]] == ["io-error", "oom-kill"] * 2

    with_desk(body, repeat_s=0.5)


def test_a_fault_that_could_not_be_taken_is_told_again() -> None:
    async def body(rig: Rig) -> None:
        rig.desk.happened(DISK)
        assert rig.intake.faults == []
        assert await rig.intake.counts(1) == [1]
        assert rig.problems == ["it does not read, and that could not be taken yet: the ring is full"]

    with_desk(body, TransientError("the ring is full", 0.1))


def test_of_a_fault_that_could_not_be_taken_is_said_once_and_once_more_when_it_is_given_up() -> None:
    async def body(rig: Rig) -> None:
        for number in range(1001):
            rig.desk.happened(replace(DISK, about=f"disk{number}"))
        assert len(rig.problems) == 1001
        assert ("is given up" in rig.problems[999], "is given up" in rig.problems[1000]) == (False, True)
        await rig.intake.counts(1000)
        assert len(rig.problems) == 1001

    with_desk(body, *[TransientError("the ring is full", 0.25) for _ in range(1001 + 1000)])


def test_a_state_that_was_entered_while_its_target_was_hushed_is_told_when_that_is_over() -> None:
    async def body(rig: Rig) -> None:
        rig.reporter.hush("db", True)
        rig.desk.entered(replace(DISK, target="db"))
        assert rig.intake.faults == []
        rig.reporter.hush("db", False)
        await rig.intake.counts(1)

    with_desk(body)


def test_one_that_is_refused_for_good_is_a_problem_and_no_more() -> None:
    async def body(rig: Rig) -> None:
        rig.desk.happened(DISK)
        assert rig.problems == ["it does not read, and that could not be taken: fault.message: is bad"]

    with_desk(body, InputError("fault.message", "is bad"))


def test_texts_that_are_too_long_or_no_text_are_cut_to_what_a_fault_may_have() -> None:
    async def body(rig: Rig) -> None:
        rig.desk.happened(Sighting("x", "ä" * 500, "\udcff" + "é" * 5000, figures={"line": "ü" * 5000}))
        [fault] = rig.intake.faults
        assert len(fault.component.encode()) == 200
        assert fault.message.startswith("?é")
        assert fault.attributes["line"] == "ü" * 500

    with_desk(body)


def test_a_callback_that_raises_ends_its_sensor_and_nothing_else() -> None:
    async def body(rig: Rig) -> None:
        reading, writing = os.pipe()
        done = asyncio.Event()

        def act() -> None:
            raise ZeroDivisionError("of all things")

        def on_bug(text: str) -> None:
            rig.bugs.append(text)
            desk.close()
            done.set()

        desk = SensorDesk("broken", rig.reporter, on_bug)
        desk.on_readable(reading, act)
        os.write(writing, b"x")
        await asyncio.wait_for(done.wait(), PATIENCE_S)
        os.close(reading)
        os.close(writing)
        assert rig.bugs == ["ZeroDivisionError: of all things"]
        rig.desk.happened(DISK)
        assert len(rig.intake.faults) == 1

    with_desk(body)


@pytest.mark.parametrize("fails", [False, True])
def test_what_may_block_is_done_in_a_thread_and_its_answer_comes_on_the_loop(fails: bool) -> None:
    async def body(rig: Rig) -> None:
        answers: asyncio.Queue[object] = asyncio.Queue()

        def work() -> object:
            if fails:
                raise FileNotFoundError("it")
            return 7

        rig.desk.in_thread(work, answers.put_nowait)
        answer = await asyncio.wait_for(answers.get(), PATIENCE_S)
        assert isinstance(answer, FileNotFoundError) if fails else answer == 7

    with_desk(body)
