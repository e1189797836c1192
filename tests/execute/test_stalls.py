"""Time in which a process stood still: seen by itself, told from work of its own, and no time of deadlines and probes."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import uvloop

from error_daemon.execute import frames_pb2 as frames
from error_daemon.execute.deadline import AttemptDeadline
from error_daemon.execute.host import HostCounters
from error_daemon.execute.looking import look_with
from error_daemon.execute.program import Programs
from error_daemon.execute.stalls import EVERY_S, LATE_S, Stalls
from error_daemon.execute.usage import HostUsage
from error_daemon.execute.withheld import CpuTicks, HostTimes
from tests.execute.rig import PoolRig, shell, with_pool
from tests.waiting import soon


def _with_stalls(body: Callable[[Stalls], Awaitable[None]]) -> Stalls:
    async def main() -> Stalls:
        stalls = Stalls()
        stalls.begin()
        await body(stalls)
        stalls.end()
        return stalls

    return uvloop.run(main())


def _stop_myself(span_s: float) -> None:
    """Stopped by a child of ours, and continued by it."""
    script = f"kill -STOP {os.getpid()}; sleep {span_s}; kill -CONT {os.getpid()}"
    child = os.posix_spawn("/bin/sh", ["sh", "-c", script], dict(os.environ))
    os.waitpid(child, 0)


def test_a_process_that_was_stopped_knows_for_how_long() -> None:
    async def body(stalls: Stalls) -> None:
        await asyncio.sleep(0)
        began_s = time.monotonic()
        _stop_myself(0.6)
        wall_s = time.monotonic() - began_s
        assert 0.6 - EVERY_S - LATE_S < stalls.look() <= wall_s

    _with_stalls(body)


def test_a_loop_that_is_busy_with_work_of_its_own_has_no_excuse() -> None:
    async def body(stalls: Stalls) -> None:
        began_s, until_s = time.monotonic(), time.process_time() + 0.5
        while time.process_time() < until_s:
            pass
        # the neighbours may have had some of it, but what was used is not counted
        assert stalls.look() <= max(0.0, time.monotonic() - began_s - 0.5) + 0.01

    _with_stalls(body)


def test_nothing_is_counted_while_nobody_has_begun() -> None:
    stalls = Stalls()
    _stop_myself(0.3)
    assert stalls.look() == 0.0


def test_a_worker_that_was_stopped_beyond_a_deadline_does_not_end_what_has_completed(tmp_path: Path) -> None:
    go, begun = tmp_path / "go", tmp_path / "begun"

    async def body(rig: PoolRig) -> None:
        script = f": > {begun}; while [ ! -e {go} ]; do sleep 0.01; done"
        running = asyncio.ensure_future(rig.run(shell(script, timeout_s=1.0)))
        await soon("the program runs", begun.exists)
        [worker] = rig.pool.pids()
        os.kill(worker, signal.SIGSTOP)
        continued_s = time.monotonic() + 1.5
        await soon("the theft is over", lambda: time.monotonic() > continued_s)
        go.touch()
        os.kill(worker, signal.SIGCONT)
        outcome = await running
        assert (outcome.kind.value, rig.answers.losses) == ("completed", [])
        assert outcome.withheld_s > 1.0

    with_pool(body)


def _looks(tmp_path: Path, withheld_each_s: float, script: str) -> tuple[list[str], list[float], int]:
    """The readings of an exec probe of 1 s, how often it was told that it takes longer, and how often the probe looked."""
    stood_s = 0.0

    def times() -> HostTimes:
        nonlocal stood_s
        stood_s += withheld_each_s
        return HostTimes(time.clock_gettime(time.CLOCK_MONOTONIC), CpuTicks(), (), stood_s)

    async def main() -> tuple[list[str], list[float]]:
        command = ["/bin/sh", "-c", f"echo >> {tmp_path}/looks; {script}"]
        order = frames.ProbeOrder(probe="p", kind="exec", params_json=json.dumps({"command": command}), timeout_s=1.0)
        longer: list[float] = []
        programs = Programs(lambda _, __: None, lambda _: None)
        readings = await look_with("r", [order], programs, times, longer.append)
        return [reading.value for reading in readings], longer

    values, longer = uvloop.run(main())
    return values, longer, len((tmp_path / "looks").read_text().splitlines())


def test_what_a_probe_did_not_see_while_the_host_withheld_its_time_is_looked_at_once_more(tmp_path: Path) -> None:
    script = f"sleep 0.3; [ $(wc -l < {tmp_path}/looks) -ge 2 ]"
    assert _looks(tmp_path, 0.3, script) == (["ok"], [1.0], 2)


def test_where_nothing_was_withheld_a_probe_looks_once(tmp_path: Path) -> None:
    assert _looks(tmp_path, 0.0, "exit 1") == (["not_ok"], [], 1)


def test_what_is_ok_is_ok_however_long_it_took(tmp_path: Path) -> None:
    assert _looks(tmp_path, 0.3, "sleep 0.3") == (["ok"], [], 1)


def test_a_target_that_is_not_well_is_not_asked_for_ever(tmp_path: Path) -> None:
    assert _looks(tmp_path, 0.9, "sleep 0.3; exit 1") == (["not_ok"], [1.0], 2)


def test_counters_of_version_1_are_read(tmp_path: Path) -> None:
    (tmp_path / "stat").write_text("cpu  1 0 0 1 0 0 0 0 0 0\n")
    (tmp_path / "meminfo").write_text("MemTotal: 100 kB\nMemAvailable: 40 kB\nBuffers: 1 kB\n")
    (tmp_path / "cpu.cfs_quota_us").write_text("20000\n")
    (tmp_path / "cpu.stat").write_text("nr_periods 1\nnr_throttled 1\nthrottled_time 2500000000\n")
    counters = HostCounters(str(tmp_path / "stat"), str(tmp_path / "meminfo"), [str(tmp_path)])
    try:
        assert counters.times().throttled_s == (2.5,)
    finally:
        counters.close()


def test_what_somebody_else_has_counted_is_not_counted_again() -> None:
    async def body(stalls: Stalls) -> None:
        since = stalls.now()
        began_s = time.monotonic()
        _stop_myself(0.4)
        stalls.end()
        stalls.begin(since)
        assert 0.4 - EVERY_S - LATE_S < stalls.look() <= time.monotonic() - began_s

    _with_stalls(body)


def test_a_worker_that_was_stopped_before_its_strategy_waited_for_the_first_time_knows_it_too() -> None:
    """From there on its timers would have seen it."""

    async def attempt(usage: HostUsage) -> AttemptDeadline:
        deadline = AttemptDeadline(0.5, usage, lambda longer_s: None)
        _stop_myself(1.0)
        await asyncio.sleep(0.05)  # of the half second that it has
        return deadline

    async def body() -> None:
        usage = HostUsage(HostCounters())
        deadline = await asyncio.ensure_future(attempt(usage))
        assert not deadline.has_passed
        assert 1.0 - EVERY_S - LATE_S < deadline.withheld_s(usage.times()) <= usage.now_s() - deadline.began_at_s
        deadline.end()

    uvloop.run(body())
