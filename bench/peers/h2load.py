"""The load of the comparison with peers: h2load, which sends the same prepared gRPC message again and again.

It is written in C and takes some microseconds a request, where a client of grpcio takes a hundred: so the server is the limit, and not the
sender. Its share of its core is in the result, all the same. It says how many answers had HTTP's status 200; whether gRPC's was OK is for
the caller to look at, before and after.
"""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench import machine
from bench.measuring import quantile
from bench.packages import require

_MOST_S = 60.0


@dataclass(frozen=True, slots=True)
class Loaded:
    calls: int
    seconds: float
    load_cpu_s: float
    p50_us: float | None
    p99_us: float | None


def require_h2load(say: Callable[[str], None]) -> None:
    require("the comparison with peers", {"h2load": "nghttp2-client", "taskset": "util-linux"}, say)


class H2Load:
    """`directory` is for its files. One connection, one thread, pinned to the load's core."""

    def __init__(self, directory: Path, message: bytes) -> None:
        self._body = directory / "message"
        self._body.write_bytes(b"\0" + len(message).to_bytes(4, "big") + message)
        self._log = directory / "calls"

    def send(self, address: str, method: str, calls: int, in_flight: int) -> Loaded:
        """Raises RuntimeError where an answer was not one."""
        self._log.unlink(missing_ok=True)
        core = ",".join(map(str, machine.load_core()))
        command = ["taskset", "-c", core, "h2load", "-c1", "-t1", f"-n{calls}", f"-m{in_flight}", f"-d{self._body}"]
        headers = ["-Hcontent-type: application/grpc", "-Hte: trailers"]
        began_at, cpu_s = time.monotonic(), _children_cpu_s()
        done = subprocess.run(
            [*command, *headers, f"--log-file={self._log}", f"http://{address}{method}"],
            check=True,
            capture_output=True,
            text=True,
            timeout=_MOST_S,
        )
        seconds, cpu_s = time.monotonic() - began_at, _children_cpu_s() - cpu_s
        if f"{calls} succeeded, 0 failed, 0 errored, 0 timeout" not in done.stdout:
            raise RuntimeError(f"not every call was answered: {done.stdout}")
        found = re.search(r"finished in ([\d.]+)(us|ms|s)", done.stdout)
        if found:  # what it took without starting the program
            seconds = float(found[1]) * {"us": 1e-6, "ms": 1e-3, "s": 1.0}[found[2]]
        took_us = [float(line.rsplit("\t", 1)[1]) for line in self._log.read_text().splitlines()]
        return Loaded(calls, seconds, cpu_s, quantile(took_us, 0.5), quantile(took_us, 0.99))


def _children_cpu_s() -> float:
    times = os.times()
    return times.children_user + times.children_system
