"""What an observer says of a unit: its state is compared, its pid and its past are only shown."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import uvloop

from error_daemon.execute import frames_pb2 as frames
from error_daemon.execute.host import HostCounters
from error_daemon.execute.observing import observe
from error_daemon.execute.program import Programs
from error_daemon.execute.usage import HostUsage
from tests.fakes.told_systemd import Unit, told_systemd

WEB = Unit(pid=77, restarts=4, active_since_us=1_790_000_000_250_000)
STATE = {"LoadState": "loaded", "ActiveState": "active", "SubState": "running", "Result": "success"}


async def look(timeout_s: float = 20.0, **params: object) -> frames.Observation:
    programs = Programs(lambda _, __: None, lambda _: None)
    order = frames.ProbeOrder(
        probe="o",
        kind="unit",
        params_json=json.dumps(params),
        target_json='{"unit": "web.service"}',
        timeout_s=timeout_s,
    )
    [seen] = (
        await observe(frames.Observe(round_id="r", observers=[order]), programs, HostUsage(HostCounters()))
    ).observations
    return seen


def test_a_unit_is_its_state_and_its_pid_is_only_shown(bus_at: Path) -> None:
    async def main() -> None:
        async with told_systemd(bus_at, web=WEB):
            plain, counted = await asyncio.gather(look(), look(restarts=True))
            absent = await look(unit="nothing.service")
        assert dict(plain.facts) == {**STATE, "UnitFileState": "enabled"}
        assert dict(plain.others) == {
            "MainPID": "77",
            "NRestarts": "4",
            "ActiveEnterTimestamp": "2026-09-21T14:13:20.250000+00:00",
        }
        assert dict(counted.facts) == {**plain.facts, "NRestarts": "4"}
        assert absent.facts["LoadState"] == "not-found"

    uvloop.run(main())


def test_a_unit_that_nobody_can_be_asked_of_is_a_problem_and_no_state(bus_at: Path) -> None:
    async def main() -> None:
        assert "the system bus cannot be reached" in (await look()).problem
        async with told_systemd(bus_at, web=WEB) as told:
            told.is_silent = True
            assert (await look(timeout_s=0.2)).problem == "the observer did not end within 0.2 s"

    uvloop.run(main())
