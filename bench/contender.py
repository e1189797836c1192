"""A server that is measured: a child process on a core of its own, whose CPU time can be read, and that always ends."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, TypeVar

import psutil

from bench import machine

ROOT = Path(__file__).resolve().parent.parent
_END_S = 20.0
Self = TypeVar("Self", bound="Contender")


@dataclass(frozen=True, slots=True)
class CpuTime:
    """Seconds of CPU, user and system: of the server's own process, and of it with all processes that it has started."""

    own_s: float
    family_s: float

    def since(self, earlier: CpuTime) -> CpuTime:
        return CpuTime(self.own_s - earlier.own_s, self.family_s - earlier.family_s)


class Contender:
    """Use as a context manager. `address` is where it serves."""

    def __init__(
        self,
        command: list[str],
        errors: IO[bytes] | int | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.address = ""
        self.process = subprocess.Popen(
            command,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env={**os.environ, **(environment or {})},
        )
        self._facts = psutil.Process(self.process.pid)

    def __enter__(self: Self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def end(self) -> None:
        """Ask it to end, and make sure of it and of its children."""
        family = self._family()
        self.process.terminate()
        try:
            self.process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for process in psutil.wait_procs(family[1:], timeout=2.0)[1]:
            process.kill()
        if self.process.stdout:
            self.process.stdout.close()

    def pin(self) -> None:
        """Its own process to the server's core. Its children may run anywhere, as in production."""
        machine.pin(self.process.pid, machine.server_core())
        for child in self._family()[1:]:
            machine.pin(child.pid, machine.cores())

    def cpu(self) -> CpuTime:
        times = [sum(process.cpu_times()[:2]) for process in self._family() if process.is_running()]
        return CpuTime(times[0], sum(times))

    def _family(self) -> list[psutil.Process]:
        return [self._facts, *self._facts.children(recursive=True)]


class Echo(Contender):
    """An echo: a program that prints its address as its first line. Without a name, the one on `grpc.aio` (echo_server.py)."""

    def __init__(self, command: list[str] | None = None, *, is_pinned: bool = True) -> None:
        command = command or python("bench.echo_server")
        super().__init__(command)
        assert self.process.stdout, "it is a pipe"
        self.address = self.process.stdout.readline().strip()
        if not self.address:
            self.end()
            raise RuntimeError(f"the echo did not start: {' '.join(command)}")
        if is_pinned:
            self.pin()


def python(module: str, *arguments: str) -> list[str]:
    """The command that runs it."""
    return [sys.executable, "-m", module, *arguments]
