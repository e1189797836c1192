"""An attempt on a unit ends as its job does; whatever goes wrong on the bus, it ends, and says what is known."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import uvloop

from error_daemon.errors import PermanentError
from error_daemon.execute import frames_pb2 as frames
from error_daemon.execute.attempt import run_attempt, run_probes
from error_daemon.execute.host import HostCounters
from error_daemon.execute.program import Programs
from error_daemon.execute.usage import HostUsage
from error_daemon.units.bus import NoBus, system_bus
from error_daemon.units.job import Job
from tests.fakes.told_systemd import ToldSystemd, Unit, told_systemd

PATIENCE_S = 20.0


def with_systemd(directory: Path, body: Callable[[ToldSystemd], Awaitable[None]]) -> None:
    async def main() -> None:
        async with told_systemd(directory, demo=Unit()) as told:
            await asyncio.wait_for(body(told), PATIENCE_S)

    uvloop.run(main())


async def act(action: str, timeout_s: float = PATIENCE_S, programs: Programs | None = None) -> tuple[str, str]:
    order = frames.RunAttempt(
        attempt_id="a1",
        kind="unit",
        params_json=f'{{"action": "{action}"}}',
        target_json='{"unit": "demo.service"}',
        timeout_s=timeout_s,
    )
    programs = programs or Programs(lambda _, __: None, lambda _: None)
    task = asyncio.ensure_future(run_attempt(order, programs, HostUsage(HostCounters()), lambda _: None))
    ended = await task
    return ended.outcome, ended.detail


@pytest.mark.parametrize("is_early", [False, True], ids=["after its number", "before its number"])
@pytest.mark.parametrize(
    ("result", "outcome"),
    [
        ("done", "completed"),
        ("failed", "failed"),
        ("timeout", "failed"),
        ("dependency", "failed"),
        ("skipped", "failed"),
    ],
)
def test_the_result_of_the_job_is_the_outcome_whenever_it_is_told(
    bus_at: Path, result: str, outcome: str, is_early: bool
) -> None:
    async def body(told: ToldSystemd) -> None:
        told.ends["RestartUnit"] = result
        told.is_early = is_early
        kind, detail = await act("restart")
        assert (kind, told.asked) == (outcome, ["RestartUnit demo.service"])
        assert result in detail

    with_systemd(bus_at, body)


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        ("org.freedesktop.DBus.Error.AccessDenied", "refused"),
        ("org.freedesktop.DBus.Error.InteractiveAuthorizationRequired", "refused"),
        ("org.freedesktop.systemd1.UnitMasked", "refused"),
        ("org.freedesktop.systemd1.TransactionIsDestructive", "failed"),
    ],
)
def test_what_was_not_run_is_refused(bus_at: Path, error: str, outcome: str) -> None:
    async def body(told: ToldSystemd) -> None:
        told.refuses = error
        assert (await act("start"))[0] == outcome

    with_systemd(bus_at, body)


def test_a_job_that_does_not_end_is_cancelled_at_the_deadline(bus_at: Path) -> None:
    async def body(told: ToldSystemd) -> None:
        told.ends["RestartUnit"] = ""
        kind, detail = await act("restart", timeout_s=0.1)
        assert (kind, told.asked) == ("timed_out", ["RestartUnit demo.service", "Cancel 1"])
        assert detail.startswith(
            "restart of demo.service: job 1 had not ended within 0.1 s and was cancelled; active/running"
        )

    with_systemd(bus_at, body)


def test_a_job_whose_number_comes_after_the_deadline_is_cancelled_all_the_same(bus_at: Path) -> None:
    async def body(told: ToldSystemd) -> None:
        told.ends["RestartUnit"] = ""
        told.keeps_waiting = "RestartUnit"
        job = Job(await system_bus(), "restart", "demo.service")
        running = asyncio.ensure_future(job.run())
        await told.was_asked.wait()
        running.cancel()
        await asyncio.wait({running})
        assert not await job.is_queued(0.0)
        told.speak()
        assert await job.is_queued(PATIENCE_S)
        await job.cancel()
        assert told.asked == ["RestartUnit demo.service", "Cancel 1"]

    with_systemd(bus_at, body)


def test_a_look_that_is_refused_before_anything_is_run_is_refused(bus_at: Path) -> None:
    async def body(told: ToldSystemd) -> None:
        told.refuses_looks = "org.freedesktop.DBus.Error.AccessDenied"
        assert await act("restart") == ("refused", "restart of demo.service: no (AccessDenied)")
        assert told.asked == []

    with_systemd(bus_at, body)


def test_a_bus_that_is_lost_while_the_job_runs_leaves_the_outcome_failed_and_not_known(bus_at: Path) -> None:
    async def body(told: ToldSystemd) -> None:
        told.ends["RestartUnit"] = ""
        attempt = asyncio.ensure_future(act("restart"))
        await told.was_asked.wait()
        await told.lose()
        kind, detail = await attempt
        assert kind == "failed"
        assert "was lost" in detail

    with_systemd(bus_at, body)


def test_a_worker_that_leaves_cancels_no_job(bus_at: Path) -> None:
    async def body(told: ToldSystemd) -> None:
        told.ends["RestartUnit"] = ""
        programs = Programs(lambda _, __: None, lambda _: None)
        attempt = asyncio.ensure_future(act("restart", programs=programs))
        await told.was_asked.wait()
        programs.close()
        attempt.cancel()
        await asyncio.wait({attempt})
        assert told.asked == ["RestartUnit demo.service"]

    with_systemd(bus_at, body)


def test_attempts_side_by_side_each_have_the_end_of_their_own_job(bus_at: Path) -> None:
    async def body(told: ToldSystemd) -> None:
        told.ends |= {"RestartUnit": "failed", "ReloadUnit": "done"}
        ended = await asyncio.gather(*(act(action) for action in ["restart", "reload"] * 20))
        assert [kind for kind, _ in ended] == ["failed", "completed"] * 20

    with_systemd(bus_at, body)


def test_a_connection_that_was_lost_is_made_anew(bus_at: Path) -> None:
    async def main() -> None:
        async with told_systemd(bus_at, demo=Unit()) as told:
            assert (await act("restart"))[0] == "completed"
            await told.lose()
        with pytest.raises(NoBus):
            await system_bus()
        assert (await act("restart"))[0] == "refused"
        async with told_systemd(bus_at, demo=Unit()):
            assert (await act("restart"))[0] == "completed"

    uvloop.run(main())


def test_without_a_bus_a_look_sees_nothing(bus_at: Path) -> None:
    async def main() -> str:
        order = frames.ProbeOrder(probe="p", kind="unit", target_json='{"unit": "demo.service"}', timeout_s=5)
        programs = Programs(lambda _, __: None, lambda _: None)
        usage = HostUsage(HostCounters())
        ended = await run_probes(frames.RunProbes(round_id="r", probes=[order]), programs, usage, lambda _: None)
        return ended.readings[0].value

    assert uvloop.run(main()) == "unknown"
    assert issubclass(NoBus, PermanentError)
