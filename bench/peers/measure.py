"""peers: what a unary call costs a server, ours with everything on beside bare echoes of others, under the same load.

Each server in turn has the same core for itself; each second round goes the other way round. They get the same bytes, a fault in a
ReportRequest, and answer with as many as a receipt has. An echo does nothing else; the daemon checks the fault, finds its error and counts
it in the ring, and is asked afterwards whether it has counted every one.

    cpu_us            user and system time of the server's own process, a call
    load_busy_ratio   how busy the sender was (h2load.py): below 1 the rate is the server's
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any

import grpc

from bench import echo_server, faults
from bench.contender import Contender, Echo, python
from bench.daemon_process import DaemonProcess
from bench.measuring import least, median
from bench.packages import Missing
from bench.peers.build import build_echo, library_version
from bench.peers.h2load import H2Load, require_h2load

Figures = dict[str, float | None]

OURS = "error-recovery, equal faults"
AIO = "grpc.aio (Python)"
CPP = "C++ callback"
IN_FLIGHT = (1, 16)
_REPORT = "/error_recovery.v1.FaultService/Report"
_PYTHON = {
    AIO: "bench.echo_server",
    "grpcio, threads (Python)": "bench.peers.sync_echo",
    "grpclib (Python)": "bench.peers.grpclib_echo",
    "our wire alone, an echo": "bench.peers.wire_echo",
}
_WARM_CALLS = 2000


@dataclass(frozen=True, slots=True)
class _Server:
    contender: Contender
    method: str


def run(rounds: int, seconds: float, say: Callable[[str], None]) -> dict[str, object]:
    """{"rounds": [{in flight: {server: figures}}], "medians", "least": {in flight: {server: figures}}, "left_out": {server: why}}. In the
    medians `cpu_ratio` and `rate_ratio` are ours beside the server's, medians of the rounds' own ratios. Raises Missing."""
    require_h2load(say)
    left_out: dict[str, str] = {}
    with tempfile.TemporaryDirectory(prefix="error-recovery-bench-") as directory, ExitStack() as running:
        place = Path(directory)
        servers = _servers(place, running, left_out, say)
        load = H2Load(place, _message())
        taken = []
        for number in range(rounds):
            say(f"peers, round {number + 1} of {rounds}")
            taken.append(_round(servers, load, seconds, reverse=number % 2 == 1))
    medians = {str(each): _medians([one[str(each)] for one in taken]) for each in IN_FLIGHT}
    quietest = {str(each): least([one[str(each)] for one in taken]) for each in IN_FLIGHT}
    versions = {CPP: library_version()} if CPP not in left_out else {}
    return {"rounds": taken, "medians": medians, "least": quietest, "left_out": left_out, "versions": versions}


def _message() -> bytes:
    """A ReportRequest."""
    return b"\x0a" + bytes((faults.FAULT_BYTES & 0x7F | 0x80, faults.FAULT_BYTES >> 7)) + faults.builder("equal")(0)


def _servers(
    directory: Path, running: ExitStack, left_out: dict[str, str], say: Callable[[str], None]
) -> dict[str, _Server]:
    say("peers: starting the servers")
    servers = {OURS: _Server(running.enter_context(DaemonProcess(directory)), _REPORT)}
    commands = {name: python(module) for name, module in _PYTHON.items()}
    try:
        commands[CPP] = [str(build_echo(say))]
    except Missing as missing:
        left_out[CPP] = str(missing)
        say(f"left out: {missing}")
    for name, command in commands.items():
        servers[name] = _Server(running.enter_context(Echo(command)), echo_server.UNARY)
    if CPP in commands:  # with a core for each of its threads
        echo = running.enter_context(Echo(commands[CPP], is_pinned=False))
        servers[f"{CPP}, on both cores"] = _Server(echo, echo_server.UNARY)
    for name, server in servers.items():
        _call(server, name)
    return servers


def _call(server: _Server, name: str) -> None:
    """Once, with a client that reads gRPC's status. Raises grpc.RpcError."""
    channel: Any = grpc.insecure_channel(server.contender.address)  # the stubs do not know methods without serialisers
    with channel:
        answer = channel.unary_unary(server.method)(_message(), timeout=10.0, wait_for_ready=True)
    if len(answer) < echo_server.ANSWER_BYTES - 4:
        raise RuntimeError(f"{name} answered with {len(answer)} bytes")


def _round(
    servers: dict[str, _Server], load: H2Load, seconds: float, *, reverse: bool
) -> dict[str, dict[str, Figures]]:
    names = list(reversed(servers)) if reverse else list(servers)
    taken: dict[str, dict[str, Figures]] = {}
    for in_flight in IN_FLIGHT:
        figures = {name: _one(servers[name], load, in_flight, seconds) for name in names}
        taken[str(in_flight)] = {name: figures[name] for name in servers}
    return taken


def _one(server: _Server, load: H2Load, in_flight: int, seconds: float) -> Figures:
    warm = load.send(server.contender.address, server.method, _WARM_CALLS, in_flight)
    calls = max(_WARM_CALLS, int(seconds * warm.calls / warm.seconds))
    before, counted = server.contender.cpu(), _counted(server.contender)
    loaded = load.send(server.contender.address, server.method, calls, in_flight)
    cpu = server.contender.cpu().since(before)
    if _counted(server.contender) < counted + calls:
        raise RuntimeError(f"{calls} faults were sent, but the daemon has not taken as many")
    return {
        "cpu_us": cpu.own_s * 1e6 / calls,
        "calls_per_s": calls / loaded.seconds,
        "p50_us": loaded.p50_us,
        "p99_us": loaded.p99_us,
        "busy_ratio": cpu.own_s / loaded.seconds,
        "load_busy_ratio": loaded.load_cpu_s / loaded.seconds,
    }


def _counted(contender: Contender) -> float:
    """Faults that the daemon has taken; an echo does not count."""
    return contender.status().faults_received if isinstance(contender, DaemonProcess) else inf


def _medians(rounds: list[dict[str, Figures]]) -> dict[str, Figures]:
    medians: dict[str, Figures] = {}
    for name in rounds[0]:
        medians[name] = {figure: median([taken[name][figure] for taken in rounds]) for figure in rounds[0][name]}
        for ratio, figure in (("cpu_ratio", "cpu_us"), ("rate_ratio", "calls_per_s")):
            medians[name][ratio] = median([_ratio(taken[OURS][figure], taken[name][figure]) for taken in rounds])
    return medians


def _ratio(value: float | None, base: float | None) -> float | None:
    return value / base if value is not None and base else None
