"""Real processes that die, come back and are started by others, and what the watch reports of them: all of it once by pidfds alone, and
once with notices of the kernel, where it gives them."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from error_daemon.errors import TransientError
from error_daemon.ingest.dying.notices import DyingNotices
from error_daemon.ingest.process_watch import SOURCE, ProcessWatch
from error_daemon.model import Target
from error_daemon.model.diagnostic import Standing
from error_recovery.v1 import fault_pb2
from tests.ingest.early_deaths import opened

PATIENCE_S = 20.0
NEVER_S = 1e6


class _StoppedClock:
    at = 1_790_000_000.0

    def now(self) -> float:
        return self.at

    def from_monotonic(self, monotonic_s: float) -> float:
        return monotonic_s


class _Desk:
    """Takes faults, or refuses the first few; tests wait for them here."""

    def __init__(self, refuse: int = 0) -> None:
        self.faults: list[fault_pb2.Fault] = []
        self.problems: list[str] = []
        self._refuse = refuse
        self._news = asyncio.Event()

    def take(self, payload: bytes) -> None:
        if self._refuse:
            self._refuse -= 1
            raise TransientError("the ring is full", 0.1)
        self.faults.append(fault_pb2.Fault.FromString(payload))
        self._news.set()

    async def reports(self, number: int) -> list[fault_pb2.Fault]:
        async def wait() -> None:
            while len(self.faults) < number:
                self._news.clear()
                await self._news.wait()

        await asyncio.wait_for(wait(), PATIENCE_S)
        return self.faults


class _House:
    """Children with a pid file each."""

    def __init__(self, directory: Path, has_notices: bool) -> None:
        self._directory = directory
        self._has_notices = has_notices
        self._children: list[subprocess.Popen[bytes]] = []

    def pid_file(self, name: str) -> Path:
        return self._directory / f"{name}.pid"

    def start(self, name: str) -> subprocess.Popen[bytes]:
        child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
        self._children.append(child)
        self.pid_file(name).write_text(f"{child.pid}\n")
        return child

    def notices(self) -> DyingNotices:
        return opened() if self._has_notices else DyingNotices()

    def targets(self, *names: str) -> dict[str, Target]:
        return {name: Target(name, "process", {"pid_file": str(self.pid_file(name))}) for name in names}

    def close(self) -> None:
        for child in self._children:
            child.kill()
            child.communicate()


@pytest.fixture(params=["pidfd", "notices"])
def house(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[_House]:
    house = _House(tmp_path, has_notices=request.param == "notices")
    yield house
    house.close()


def _watching(
    house: _House,
    names: tuple[str, ...],
    body: Callable[[ProcessWatch, _Desk], Awaitable[None]],
    *,
    refuse: int = 0,
    look_again_s: float = NEVER_S,
) -> None:
    async def go() -> None:
        desk = _Desk(refuse)
        watch = ProcessWatch(
            house.targets(*names),
            _StoppedClock(),
            desk.take,
            desk.problems.append,
            look_again_s,
            notices=house.notices(),
        )
        watch.start()
        try:
            await body(watch, desk)
        finally:
            watch.stop()
        assert _pidfds() == 0

    asyncio.run(go())


def _pidfds() -> int:
    """How many this process has open."""
    return sum("pidfd" in os.readlink(entry) for entry in Path("/proc/self/fd").iterdir() if entry.is_symlink())


def test_a_death_is_reported_once_with_all_that_rules_need(house: _House) -> None:
    child = house.start("web")

    async def body(_watch: ProcessWatch, desk: _Desk) -> None:
        assert desk.faults == []
        child.kill()
        [fault] = await desk.reports(1)
        assert (fault.target, fault.context.component, fault.source) == ("web", "web", SOURCE)
        assert fault.type == fault_pb2.ERROR_TYPE_SYSTEM
        assert fault.fingerprint == "process-death:web"
        assert f"pid {child.pid}" in fault.message
        assert fault.occurred_at_unix_ns == 1_790_000_000 * 10**9

    _watching(house, ("web",), body)


def test_one_that_is_dead_at_the_start_is_reported_and_one_never_started_is_not(house: _House) -> None:
    child = house.start("dead")
    child.kill()
    child.wait()

    async def body(_watch: ProcessWatch, desk: _Desk) -> None:
        assert [fault.target for fault in desk.faults] == ["dead"]
        assert "is not running" in desk.faults[0].message

    _watching(house, ("dead", "never"), body)


def test_a_dead_process_that_nobody_has_waited_for_is_dead(house: _House) -> None:
    child = house.start("web")
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # dead, and still in the table

    async def body(_watch: ProcessWatch, desk: _Desk) -> None:
        assert [fault.target for fault in desk.faults] == ["web"]

    _watching(house, ("web",), body)


def test_a_pid_that_belongs_to_another_process_by_now_is_dead(house: _House) -> None:
    child = house.start("web")
    house.pid_file("web").write_text(f"{child.pid} 1\n")  # no process of ours started with the kernel

    async def body(_watch: ProcessWatch, desk: _Desk) -> None:
        assert [fault.target for fault in desk.faults] == ["web"]

    _watching(house, ("web",), body)


@pytest.mark.parametrize("content", [b"", b"web", b"\xff\xfe", b"-1", b"0", b"99999999999999999999"])
def test_a_pid_file_with_nonsense_names_no_living_process(house: _House, content: bytes) -> None:
    house.pid_file("web").write_bytes(content)

    async def body(_watch: ProcessWatch, desk: _Desk) -> None:
        assert [fault.target for fault in desk.faults] == ["web"]

    _watching(house, ("web",), body)


def test_a_process_with_a_name_in_other_bytes_is_alive_all_the_same(house: _House) -> None:
    code = "import ctypes; ctypes.CDLL(None).prctl(15, b'caf\\xe9) Z', 0, 0, 0); print('named', flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"named\n"
        house.pid_file("web").write_text(str(child.pid))

        async def body(_watch: ProcessWatch, desk: _Desk) -> None:
            assert desk.faults == []

        _watching(house, ("web",), body)
        child.kill()


def test_one_that_somebody_else_has_restarted_already_is_not_reported_and_watched_on(house: _House) -> None:
    first = house.start("web")

    async def body(_watch: ProcessWatch, desk: _Desk) -> None:
        second = house.start("web")  # the pid file names the second before the first is gone
        first.kill()
        first.wait()
        for _ in range(3):  # its pidfd is ready: the loop sees that in its next turns, and watches the second
            await asyncio.sleep(0)
        second.kill()
        [fault] = await desk.reports(1)
        assert f"pid {second.pid}" in fault.message

    _watching(house, ("web", "other"), body)


def test_after_a_recovery_the_new_process_is_watched(house: _House) -> None:
    first = house.start("web")

    async def body(watch: ProcessWatch, desk: _Desk) -> None:
        first.kill()
        await desk.reports(1)
        second = house.start("web")
        watch.look("web")
        watch.look("web")
        watch.look("somebody else")
        second.kill()
        faults = await desk.reports(2)
        assert f"pid {second.pid}" in faults[1].message

    _watching(house, ("web",), body)


def test_one_that_was_started_by_hand_is_found_and_watched(house: _House) -> None:
    async def body(watch: ProcessWatch, desk: _Desk) -> None:
        child = house.start("web")
        while "web" not in watch.watched():
            await asyncio.wait_for(asyncio.sleep(0), PATIENCE_S)
        child.kill()
        [fault] = await desk.reports(1)
        assert f"pid {child.pid}" in fault.message

    _watching(house, ("web",), body, look_again_s=0.001)


def test_a_report_that_was_refused_is_made_again(house: _House) -> None:
    child = house.start("web")

    async def body(_watch: ProcessWatch, desk: _Desk) -> None:
        child.kill()
        [fault] = await desk.reports(1)
        assert f"pid {child.pid}" in fault.message
        assert len(desk.problems) == 3
        assert "the ring is full" in desk.problems[0]

    _watching(house, ("web",), body, refuse=3, look_again_s=0.001)


def test_one_that_stays_dead_is_reported_again_until_its_pid_file_is_gone(house: _House) -> None:
    child = house.start("web")

    async def go() -> None:
        desk, clock = _Desk(0), _StoppedClock()
        watch = ProcessWatch(house.targets("web"), clock, desk.take, desk.problems.append, 0.001, repeat_s=60.0)
        watch.start()
        child.kill()
        assert len(await desk.reports(1)) == 1
        clock.at += 60.0
        assert "is not running" in (await desk.reports(2))[1].message
        house.pid_file("web").unlink()
        clock.at += 60.0
        for _ in range(50):
            await asyncio.sleep(0.001)  # many looks
        assert len(desk.faults) == 2
        watch.stop()

    asyncio.run(go())


def test_targets_of_other_kinds_are_not_watched(house: _House) -> None:
    async def go() -> None:
        desk = _Desk()
        watch = ProcessWatch({"host": Target("host", "host")}, _StoppedClock(), desk.take, desk.problems.append)
        watch.start()
        watch.stop()
        assert (desk.faults, desk.problems) == ([], [])

    asyncio.run(go())


def test_after_a_reload_others_are_watched_and_what_is_gone_is_not(house: _House) -> None:
    gone, stays, new = house.start("gone"), house.start("stays"), house.start("new")

    async def body(watch: ProcessWatch, desk: _Desk) -> None:
        watch.redefine(house.targets("stays", "new"))
        assert set(watch.watched()) == {"stays", "new"}
        gone.kill()
        for child in (stays, new):
            child.kill()
        faults = await desk.reports(2)
        assert sorted(fault.target for fault in faults) == ["new", "stays"]
        watch.redefine({})
        assert not watch.watched()

    _watching(house, ("gone", "stays"), body)


def test_a_target_with_another_pid_file_is_watched_by_that(house: _House) -> None:
    house.start("old")
    child = house.start("web")
    moved = {"old": replace(house.targets("old")["old"], params={"pid_file": str(house.pid_file("web"))})}

    async def body(watch: ProcessWatch, desk: _Desk) -> None:
        watch.redefine(moved)
        child.kill()
        [fault] = await desk.reports(1)
        assert (fault.target, f"pid {child.pid}" in fault.message) == ("old", True)

    _watching(house, ("old",), body)


def test_while_a_test_breaks_the_target_its_deaths_are_its_own_and_afterwards_it_is_looked_at(house: _House) -> None:
    mended, dead = house.start("mended"), house.start("dead")

    async def body(watch: ProcessWatch, desk: _Desk) -> None:
        for name in ("mended", "dead"):
            watch.hush(name, True)
        for child in (mended, dead):
            child.kill()
        deadline = asyncio.get_running_loop().time() + PATIENCE_S
        while watch.watched():
            assert asyncio.get_running_loop().time() < deadline, "their deaths were not seen"
            await asyncio.sleep(0.001)
        assert desk.faults == []
        house.start("mended")
        for name in ("mended", "dead"):
            watch.hush(name, False)
        [fault] = await desk.reports(1)
        assert fault.target == "dead"
        assert list(watch.watched()) == ["mended"]

    _watching(house, ("mended", "dead"), body)


def test_a_target_without_a_process_of_its_own_can_be_hushed_too(house: _House) -> None:
    async def body(watch: ProcessWatch, desk: _Desk) -> None:
        watch.hush("db", True)
        watch.hush("db", False)
        assert desk.faults == []

    _watching(house, (), body)


def test_it_says_how_deaths_are_told_here(house: _House) -> None:
    house.start("web")

    async def body(watch: ProcessWatch, _desk: _Desk) -> None:
        diagnostic = watch.diagnostic()
        assert (diagnostic.area, diagnostic.standing) == ("sensors", Standing.GOOD)
        assert diagnostic.figures == {"watched": 1.0}
        assert diagnostic.says.startswith("1 living processes of targets; their deaths are told ")

    _watching(house, ("web",), body)
