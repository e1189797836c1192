"""ingest: faults a second and CPU per fault, with everything on, beside the bare echo of the same bytes in the same way.

Four ways to send: unary with one call on its way, unary with 16, a stream with a fault in each message (64 on their way), a stream of
batches of 64 (4 on their way). Three sorts of faults: equal, distinct and matched by a rule that observes, distinct and matched by none.
The contenders take turns; a figure is the median of the rounds. CPU is that of the daemon's own process until the last answer, and that of
it with its workers and the store's writer until all is in the record.

`faults_per_s` counts what was accepted, `recorded_per_s` the same faults until all of it was in the record: what could go on for hours.

The load generator is Python, too, and has one core: where the server's core is not busy, the rate is the sender's limit and not the
server's. `busy_ratio` says so, and `per_core` what the CPU per fault would allow.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bench import echo_server
from bench.contender import Contender, Echo
from bench.daemon_process import DaemonProcess
from bench.faults import SORTS
from bench.load import Plan
from bench.measuring import LoadProcess, Measured, Numbers, median

Figures = dict[str, float]

_SERVICE = "/error_recovery.v1.FaultService/"


@dataclass(frozen=True, slots=True)
class Way:
    """One way to send."""

    name: str
    shape: str
    window: int
    batch: int = 0

    def method(self, is_echo: bool) -> str:
        if is_echo:
            return echo_server.UNARY if self.shape == "unary" else echo_server.STREAM
        return _SERVICE + ("Report" if self.shape == "unary" else "StreamReports")


WAYS = (
    Way("unary, 1 in flight", "unary", 1),
    Way("unary, 16 in flight", "unary", 16),
    Way("stream, one a message", "stream", 64, 1),
    Way("stream, batches of 64", "stream", 4, 64),
)
ECHO = "bare echo"


@dataclass(frozen=True, slots=True)
class Ingest:
    daemon: DaemonProcess
    echo: Echo
    load: LoadProcess
    numbers: Numbers
    say: Callable[[str], None]

    def run(self, rounds: int, seconds: float) -> dict[str, object]:
        """{"rounds": [...], "medians": {way: {contender: figures}}}; with figures beside the echo's in the medians."""
        all_rounds: list[dict[str, dict[str, Figures]]] = []
        for number in range(rounds):
            taken: dict[str, dict[str, Figures]] = {}
            for way in WAYS:
                self.say(f"ingest, round {number + 1} of {rounds}: {way.name}")
                taken[way.name] = self._round(way, seconds, reverse=number % 2 == 1)
            all_rounds.append(taken)
        medians = {way.name: _medians([taken[way.name] for taken in all_rounds]) for way in WAYS}
        return {"rounds": all_rounds, "medians": medians}

    def _round(self, way: Way, seconds: float, *, reverse: bool) -> dict[str, Figures]:
        names = [ECHO, *SORTS]
        taken = {name: self._one(way, name, seconds) for name in (reversed(names) if reverse else names)}
        for name in SORTS:
            taken[name] |= _beside(taken[name], taken[ECHO])
        return {name: taken[name] for name in names}

    def _one(self, way: Way, name: str, seconds: float) -> Figures:
        is_echo = name == ECHO
        contender: Contender = self.echo if is_echo else self.daemon
        plan = Plan(
            address=contender.address,
            method=way.method(is_echo),
            shape=way.shape,
            faults=SORTS.get(name, "equal"),
            is_echo=is_echo,
            first_number=self.numbers.next(),
            batch=way.batch,
            window=way.window,
            seconds=seconds,
        )
        return _figures(self.load.measure(plan, contender))


def _figures(measured: Measured) -> Figures:
    result = measured.result
    faults = max(1, result.faults)
    cpu_us = measured.cpu.own_s * 1e6 / faults
    return {
        "faults_per_s": result.faults / result.seconds,
        "recorded_per_s": result.faults / measured.settled_s,
        "refused_ratio": result.refused / (result.faults + result.refused or 1),
        "cpu_us": cpu_us,
        "family_cpu_us": measured.settled_cpu.family_s * 1e6 / faults,
        "busy_ratio": measured.cpu.own_s / result.seconds,
        "load_busy_ratio": result.load_cpu_s / result.seconds,
        "per_core": 1e6 / cpu_us if cpu_us else 0.0,
    }


def _beside(figures: Figures, echo: Figures) -> Figures:
    return {
        "own_cpu_us": figures["cpu_us"] - echo["cpu_us"],
        "cpu_ratio": figures["cpu_us"] / echo["cpu_us"],
        "rate_ratio": figures["faults_per_s"] / echo["faults_per_s"],
    }


def _medians(rounds: list[dict[str, Figures]]) -> dict[str, dict[str, float | None]]:
    return {
        name: {figure: median([taken[name][figure] for taken in rounds]) for figure in rounds[0][name]}
        for name in rounds[0]
    }
