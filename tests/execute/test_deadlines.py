"""Deadlines on granted CPU time: real programs, and the kernel's counters in files that the test writes."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
import uvloop

from error_daemon.execute import frames_pb2 as frames
from error_daemon.execute.attempt import run_attempt
from error_daemon.execute.exchange import Answer, Request, exchange
from error_daemon.execute.framing import encode
from error_daemon.execute.host import HostCounters
from error_daemon.execute.link import Heartbeat, WorkerLink
from error_daemon.execute.program import Programs
from error_daemon.execute.reach import Deadline
from error_daemon.execute.usage import HostUsage
from error_daemon.execute.withheld import STRETCH
from error_daemon.processes.identity import Identity
from tests.execute.rig import PATIENCE_S, PoolRig, shell, with_pool

MUCH_S = 1000.0


class Host:
    """What the kernel says of a host, as files."""

    def __init__(self, folder: Path, cpu_max: str = "20000 100000\n") -> None:
        self.folder = folder
        self.group = folder / "group"
        self.group.mkdir()
        (folder / "meminfo").write_text("MemTotal: 100 kB\nMemFree: 30 kB\nMemAvailable: 40 kB\nBuffers: 1 kB\n")
        (self.group / "cpu.max").write_text(cpu_max)
        self.count(0, 1000)
        self.throttle(0.0)

    def count(self, stolen: int, total: int) -> None:
        self._write(self.folder / "stat", f"cpu  {total - stolen:020} 0 0 0 0 0 0 {stolen:020} 0 0\n")

    def throttle(self, throttled_s: float) -> None:
        self._write(self.group / "cpu.stat", f"usage_usec 5\nthrottled_usec {round(throttled_s * 1e6):020}\n")

    @staticmethod
    def _write(path: Path, text: str) -> None:
        """In one step and without changing the length, as readers see the kernel's."""
        fd = os.open(path, os.O_WRONLY | os.O_CREAT)
        try:
            os.pwrite(fd, text.encode(), 0)
        finally:
            os.close(fd)

    def counters(self) -> HostCounters:
        groups = [str(self.folder / "none"), str(self.group), str(self.folder)]
        return HostCounters(str(self.folder / "stat"), str(self.folder / "meminfo"), groups)


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def _attempt(
    host: Host,
    script: str,
    timeout_s: float,
    *,
    on_started: Callable[[], None] = lambda: None,
    on_longer: Callable[[], None] = lambda: None,
) -> tuple[frames.AttemptEnded, list[float]]:
    """How a script's attempt ended, and by how much its deadline was put off each time."""
    put_offs: list[float] = []

    def announce(_owner: str, _program: Identity) -> None:
        asyncio.get_running_loop().call_soon(on_started)  # when the strategy waits: before that nothing is counted

    def put_off(longer_s: float) -> None:
        put_offs.append(longer_s)
        on_longer()

    async def main() -> frames.AttemptEnded:
        counters = host.counters()
        params_json = json.dumps({"command": ["/bin/sh", "-c", script]})
        order = frames.RunAttempt(attempt_id="a", kind="exec", params_json=params_json, timeout_s=timeout_s)
        try:
            programs = Programs(announce, lambda _program: None)
            return await asyncio.create_task(run_attempt(order, programs, HostUsage(counters), put_off))
        finally:
            counters.close()

    return uvloop.run(main()), put_offs


def test_where_nothing_is_withheld_the_deadline_comes_when_it_said(host: Host) -> None:
    ended, put_offs = _attempt(host, "exec sleep 1000", 0.2)
    assert (ended.outcome, ended.detail) == ("timed_out", "ended at its deadline of 0.2 s")
    assert (ended.withheld_s, put_offs) == (0.0, [])
    assert ended.execution_time_s >= 0.19


def test_a_program_that_was_throttled_gets_the_time_back_and_completes(host: Host, tmp_path: Path) -> None:
    word = tmp_path / "word"
    ended, put_offs = _attempt(
        host,
        f"while [ ! -e {word} ]; do sleep 0.01; done",
        1.0,
        on_started=lambda: host.throttle(MUCH_S),
        on_longer=word.touch,
    )
    assert ended.outcome == "completed"
    assert 0 < put_offs[0] <= 1.01
    assert ended.execution_time_s > 0.99
    assert ended.withheld_s == ended.execution_time_s  # throttled all the while, and no longer


def test_a_host_that_grants_nothing_puts_a_deadline_off_three_times_its_length_and_no_further(host: Host) -> None:
    ended, put_offs = _attempt(host, "exec sleep 1000", 0.2, on_started=lambda: host.throttle(MUCH_S))
    assert ended.outcome == "timed_out"
    assert ended.execution_time_s >= STRETCH * 0.2 - 0.02
    assert sum(put_offs) <= (STRETCH - 1) * 0.2 + 0.02
    assert ended.detail.startswith("ended at its deadline of 0.2 s; 0.")
    assert ended.detail.endswith("s more on the clock, in which the host withheld the CPU")


def test_stolen_time_counts_by_its_share(host: Host) -> None:
    ended, put_offs = _attempt(host, "exec sleep 1000", 0.4, on_started=lambda: host.count(1000, 3000))
    assert ended.outcome == "timed_out"
    assert 0 < put_offs[0] <= 0.21
    assert ended.withheld_s == pytest.approx(ended.execution_time_s / 2, rel=0.05)
    assert ended.execution_time_s - ended.withheld_s >= 0.38


def test_a_group_without_a_quota_is_not_asked(tmp_path: Path) -> None:
    host = Host(tmp_path, "max 100000\n")
    counters = host.counters()
    try:
        assert counters.times().throttled_s == (None,)
        (host.group / "cpu.max").write_text("20000 100000\n")
        counters.refresh()
        assert counters.times().throttled_s == (0.0,)
    finally:
        counters.close()


def test_figures_of_the_host_come_from_the_same_files(host: Host) -> None:
    counters = host.counters()
    try:
        usage = HostUsage(counters)
        host.count(0, 2000)
        seen = usage.fresh(counters.times().ticks)
        assert (seen.cpu_percent, seen.memory_percent) == (100.0, 60.0)
    finally:
        counters.close()


def test_a_workers_own_counters_are_there() -> None:
    async def body(rig: PoolRig) -> None:
        outcome = await rig.run(shell("exit 0"))
        assert 0.0 <= outcome.withheld_s <= outcome.execution_time_s + 0.01

    with_pool(body)


@pytest.mark.parametrize(("room_s", "is_answered"), [(PATIENCE_S, True), (0.0, False)])
def test_an_answer_may_be_waited_for_beyond_the_span_where_there_is_room(room_s: float, is_answered: bool) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        deadline = Deadline(0.05, room_s)
        done = asyncio.Event()

        async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            too_late = asyncio.Event()
            loop.call_later(deadline.left_s() + 0.02, too_late.set)
            await too_late.wait()
            writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
            writer.close()
            await asyncio.wait((loop.create_task(writer.wait_closed()),))
            done.set()

        async with await asyncio.start_server(answer, "127.0.0.1") as server:
            port = server.sockets[0].getsockname()[1]
            given = await exchange(Request(f"http://127.0.0.1:{port}/", "GET", {}), deadline)
            await done.wait()
        assert isinstance(given, Answer) == is_answered

    uvloop.run(main())


# --- the daemon's side -----------------------------------------------------------------------------------------------


def _with_link(body: Callable[[WorkerLink], Awaitable[None]]) -> None:
    """A link to a process that says nothing by itself; the test says it for it."""

    pid = os.posix_spawn("/bin/sleep", ["sleep", "1000"], {}, setsid=True)

    async def main() -> None:
        link = WorkerLink(pid, Heartbeat(every_s=1.0, hung_after_s=MUCH_S), lambda _link, _message: None)
        link.is_ready = True
        try:
            await body(link)
        finally:
            link.end("the test is over")
            await asyncio.wait_for(link.ended, PATIENCE_S)

    uvloop.run(main())


def _beats_until_overdue(link: WorkerLink) -> int:
    for beat in range(1000):
        if not link.is_ready:
            return beat
        link.beat()
    raise AssertionError("it is waited for without end")


def _put_off(link: WorkerLink, longer_s: float) -> None:
    told = frames.DeadlinePutOff(attempt_id="a", longer_s=longer_s)
    link.data_received(encode(frames.FromWorker(put_off=told).SerializeToString()))


@pytest.mark.parametrize(
    ("put_offs", "more_beats"),
    [([], 0), ([5.0], 5), ([5.0, 2.5], 8), ([1e9], 21), ([15.0, 15.0], 21)],  # at most 20 s more, and one for rounding
)
def test_the_daemon_waits_longer_for_an_attempt_whose_deadline_was_put_off(
    put_offs: list[float], more_beats: int
) -> None:
    async def body(link: WorkerLink) -> None:
        link.send_attempt(b"", replace(shell(""), attempt_id="a", timeout_s=10.0))
        for longer_s in put_offs:
            _put_off(link, longer_s)
        assert _beats_until_overdue(link) == Heartbeat().beats(10.0 + 2.0) + 1 + more_beats
        assert "no answer for a 2 s after its deadline" in await asyncio.wait_for(link.ended, PATIENCE_S)

    _with_link(body)


def test_a_deadline_of_an_attempt_that_is_not_known_can_be_put_off_in_vain() -> None:
    async def body(link: WorkerLink) -> None:
        _put_off(link, 5.0)
        link.beat()
        assert link.is_ready

    _with_link(body)
