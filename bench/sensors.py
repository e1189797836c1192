"""sensors: from the event to its fault at the intake, for each sensor whose event can be caused on this machine (sensor_events.py); and
what all of them cost. What cannot be caused is left out, and named.

The cost is CPU time of a process that only has the sensors, on an idle loop, less that of the same process without them, in percent of one
core.
"""

from __future__ import annotations

import asyncio
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median, quantiles

import uvloop

from bench.sensor_events import EVENTS, Event
from error_daemon.ingest.sensors.assembly import Sensors
from error_daemon.runtime.clock import SteadyClock
from error_daemon.settings import SensorSettings

_COST_S = 20.0
_QUICK_COST_S = 5.0


def run(rounds: int, quick: bool, say: Callable[[str], None]) -> dict[str, object]:
    """{"latency": {event: {"p50_ms", "p99_ms", "samples"}}, "left_out": {event: why}, "cost_percent": share of one core}."""
    with tempfile.TemporaryDirectory(prefix="error-recovery-bench-") as name:
        latency, left_out = uvloop.run(_latencies(Path(name), rounds, say))
    say("sensors: their cost")
    span_s = _QUICK_COST_S if quick else _COST_S
    costs = [_cost(True, span_s) - _cost(False, span_s) for _ in range(1 if quick else 5)]
    return {"latency": latency, "left_out": left_out, "cost_percent": 100 * median(costs)}


async def _latencies(
    folder: Path, rounds: int, say: Callable[[str], None]
) -> tuple[dict[str, dict[str, float]], dict[str, str]]:
    latency: dict[str, dict[str, float]] = {}
    left_out: dict[str, str] = {}
    for event, made in EVENTS.items():
        say(f"sensors: {event}")
        try:
            samples = await _measure(made, folder, rounds)
        except (OSError, asyncio.TimeoutError) as error:
            left_out[event] = str(error) or "it was not noticed"
            continue
        p99 = quantiles(samples, n=100)[98] if len(samples) > 1 else samples[0]
        latency[event] = {"p50_ms": median(samples) * 1e3, "p99_ms": p99 * 1e3, "samples": len(samples)}
    return latency, left_out


async def _measure(made: Callable[[Path], Event], folder: Path, rounds: int) -> list[float]:
    event = made(folder)
    samples: list[float] = []
    try:
        for number in range(rounds):
            samples.append(await event.once(number))  # noqa: PERF401  what was seen before it fails is kept
    finally:
        event.close()
    return samples


def _cost(has_sensors: bool, span_s: float) -> float:
    """CPU time over wall time, of a process of its own."""
    program = f"from bench.sensors import idle; idle({has_sensors}, {span_s})"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return float(ran.stdout)


def idle(has_sensors: bool, span_s: float) -> None:
    """The process whose cost is measured. Prints it."""

    async def main() -> None:
        settings = SensorSettings(enabled=has_sensors)
        sensors = Sensors(settings, {}, SteadyClock(), lambda _: None, on_problem=lambda _: None)
        sensors.start()
        await asyncio.sleep(1.0)
        before, began_s = resource.getrusage(resource.RUSAGE_SELF), time.monotonic()
        await asyncio.sleep(span_s)
        after = resource.getrusage(resource.RUSAGE_SELF)
        used_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        print(used_s / (time.monotonic() - began_s))
        sensors.stop()

    uvloop.run(main())
