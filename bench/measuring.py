"""One measurement: a plan is carried out against a contender, and the CPU time that the contender took for it is read."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from types import TracebackType

from bench.contender import ROOT, Contender, CpuTime
from bench.daemon_process import DaemonProcess
from bench.load import Plan, Result

_END_S = 5.0


@dataclass(frozen=True, slots=True)
class Measured:
    """`cpu` until the last answer; `settled_cpu` and `settled_s` until the record was written as well."""

    result: Result
    began_at: float  # CLOCK_MONOTONIC
    cpu: CpuTime
    settled_cpu: CpuTime
    settled_s: float


class LoadProcess:
    """The load generator (load.py). Use as a context manager."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.load"], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __enter__(self) -> LoadProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._process.communicate(timeout=_END_S)  # closes its input: it ends by itself
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()

    def measure(self, plan: Plan, contender: Contender) -> Measured:
        self._say(json.dumps(asdict(plan)))
        if self._hear() != "ready":
            raise RuntimeError("the load generator lost its way")
        if isinstance(contender, DaemonProcess):
            contender.settle()
        began_at, before = time.monotonic(), contender.cpu()
        self._say("go")
        line = self._hear()
        cpu = contender.cpu().since(before)
        if isinstance(contender, DaemonProcess):
            contender.settle()
        settled_cpu = contender.cpu().since(before)
        return Measured(Result(**json.loads(line)), began_at, cpu, settled_cpu, time.monotonic() - began_at)

    def _say(self, line: str) -> None:
        assert self._process.stdin, "it is a pipe"
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def _hear(self) -> str:
        assert self._process.stdout, "it is a pipe"
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the load generator has ended; its last words are above")
        return line.rstrip("\n")


class Numbers:
    """Gives each plan fault numbers of its own, so that no two of a run are equal."""

    def __init__(self) -> None:
        self._plans = 0

    def next(self) -> int:
        self._plans += 1
        return self._plans << 20


def quantile(samples: Sequence[float], ratio: float) -> float | None:
    """None where fewer than ten samples lie above it: it would be hearsay."""
    if len(samples) * (1 - ratio) < 1 or (ratio > 0.99 and len(samples) < 1000):
        return None
    ordered = sorted(samples)
    return ordered[min(len(ordered) - 1, int(ratio * len(ordered)))]


def median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None
