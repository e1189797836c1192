"""One measurement: a plan is carried out against a contender, and the CPU time that the contender took for it is read."""

from __future__ import annotations

import json
import statistics
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from types import TracebackType
from typing import TypeVar

from bench.contender import ROOT, Contender, CpuTime, python
from bench.daemon_process import DaemonProcess
from bench.load import Plan, Result

_END_S = 5.0
Self = TypeVar("Self", bound="LineProcess")


@dataclass(frozen=True, slots=True)
class Measured:
    """`cpu` until the last answer; `settled_cpu` and `settled_s` until the record was written as well."""

    result: Result
    began_at: float  # CLOCK_MONOTONIC
    cpu: CpuTime
    settled_cpu: CpuTime
    settled_s: float


class LineProcess:
    """A process that is told a line and answers with lines; the end of its input ends it. Use as a context manager."""

    def __init__(self, module: str) -> None:
        self._module = module
        self._process = subprocess.Popen(
            python(module), cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __enter__(self: Self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._process.communicate(timeout=_END_S)  # closes its input: it ends by itself
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()

    @property
    def pid(self) -> int:
        return self._process.pid

    def say(self, line: str) -> None:
        assert self._process.stdin, "it is a pipe"
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def hear(self) -> str:
        assert self._process.stdout, "it is a pipe"
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._module} has ended; its last words are above")
        return line.rstrip("\n")


class LoadProcess(LineProcess):
    """The load generator (load.py)."""

    def __init__(self) -> None:
        super().__init__("bench.load")

    def prepare(self, plan: Plan) -> None:
        """It is ready to send, and begins at "go"."""
        self.say(json.dumps(asdict(plan)))
        if self.hear() != "ready":
            raise RuntimeError("the load generator lost its way")

    def result(self) -> Result:
        return Result(**json.loads(self.hear()))

    def measure(self, plan: Plan, contender: Contender) -> Measured:
        self.prepare(plan)
        if isinstance(contender, DaemonProcess):
            contender.settle()
        began_at, before = time.monotonic(), contender.cpu()
        self.say("go")
        result = self.result()
        cpu = contender.cpu().since(before)
        if isinstance(contender, DaemonProcess):
            contender.settle()
        settled_cpu = contender.cpu().since(before)
        return Measured(result, began_at, cpu, settled_cpu, time.monotonic() - began_at)


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


def least(rounds: Sequence[Mapping[str, Mapping[str, float | None]]]) -> dict[str, dict[str, float | None]]:
    """By contender, the smallest of each time and cost of all rounds: others on the machine only ever add to them."""
    return {
        name: {
            figure: min((value for taken in rounds if (value := taken[name][figure]) is not None), default=None)
            for figure in figures
            if figure.endswith("_us")
        }
        for name, figures in rounds[0].items()
    }
