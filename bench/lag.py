"""lag: from a fault's sending to the strategy's code, at fixed offered rates, beside one unary round trip of the bare echoes.

The sender takes CLOCK_MONOTONIC when it sends each fault (unary, one a call, open loop). The record of the attempt says when the
strategy's code began to run, in a worker process, on the daemon's clock: CLOCK_MONOTONIC too, plus a constant that is known
(DaemonProcess.offset_s). The answer to the fault names its error, the attempt names it as well: so the two times meet.

    sent_to_strategy     what the title says
    received_to_strategy the daemon's own part of it: from the first line of its own code (attempts.lag_s)
    received_to_verdict  until its probes saw that it is well; of the newest 1,000 of a round, which is what one listing gives
    acknowledged         the fault's own round trip: from its sending to the receipt
    echo                 the round trip of the bare echo on grpc.aio at the same rate
    cpp_echo             the same of the one in C++, where it can be built
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bench import echo_server
from bench.contender import Contender, Echo
from bench.daemon_process import DaemonProcess
from bench.load import Plan, Result
from bench.measuring import LoadProcess, Measured, Numbers, median, quantile

Times = dict[str, float | None]  # p50, p99, p999 in µs; None: too few samples
Figures = dict[str, Times]

QUANTILES = {"p50_us": 0.5, "p99_us": 0.99, "p999_us": 0.999}
_FEWEST_ATTEMPTS_RATIO = 0.99


@dataclass(frozen=True, slots=True)
class Lag:
    daemon: DaemonProcess
    echoes: Mapping[str, Echo]  # "echo", and perhaps "cpp_echo"
    load: LoadProcess
    numbers: Numbers
    say: Callable[[str], None]

    def run(self, rates: Sequence[int], rounds: int, seconds: float) -> dict[str, object]:
        """{"rounds": [...], "medians": {rate: figures}}; `ratio` in them is against `echo`."""
        all_rounds: list[dict[str, Figures]] = []
        for number in range(rounds):
            taken: dict[str, Figures] = {}
            for rate in rates:
                self.say(f"lag, round {number + 1} of {rounds}: {rate} faults/s")
                taken[str(rate)] = self._round(rate, seconds, echo_first=number % 2 == 0)
            all_rounds.append(taken)
        medians = {str(rate): _medians([taken[str(rate)] for taken in all_rounds]) for rate in rates}
        return {"rounds": all_rounds, "medians": medians}

    def _round(self, rate: int, seconds: float, *, echo_first: bool) -> Figures:
        turns = [*self.echoes, ""] if echo_first else ["", *self.echoes]
        taken: Figures = {}
        for name in turns:
            taken |= self._echo(name, rate, seconds) if name else self.recoveries(rate, seconds)
        taken["ratio"] = {
            name: _ratio(taken["sent_to_strategy"][name], taken["echo"][name]) for name in taken["sent_to_strategy"]
        }
        return taken

    def _echo(self, name: str, rate: int, seconds: float) -> Figures:
        echo = self.echoes[name]
        measured = self.load.measure(self._plan(echo, rate, seconds), echo)
        return {name: times(measured.result.round_trips_us), f"{name}_cost": _cost(measured)}

    def recoveries(self, rate: int, seconds: float) -> Figures:
        measured = self.load.measure(self._plan(self.daemon, rate, seconds), self.daemon)
        return {**recovered(self.daemon, measured.result, measured.began_at), "cost": _cost(measured)}

    def _plan(self, contender: Contender, rate: int, seconds: float) -> Plan:
        is_echo = contender is not self.daemon
        return Plan(
            address=contender.address,
            method=echo_server.UNARY if is_echo else "/error_recovery.v1.FaultService/Report",
            shape="unary",
            faults="recovered",
            is_echo=is_echo,
            first_number=self.numbers.next(),
            rate=float(rate),
            seconds=seconds,
            warm_seconds=0.5,
        )


def recovered(daemon: DaemonProcess, result: Result, began_at: float) -> Figures:
    """What became of the faults that were sent, once it is recorded. Raises RuntimeError where too little did."""
    sent_at, offset_s = result.sent_at, daemon.offset_s
    attempts = daemon.attempts(began_at + offset_s - 1.0, len(sent_at) * 2)
    first = {attempt.error_id: attempt for attempt in attempts if attempt.error_id in sent_at}
    if len(first) < _FEWEST_ATTEMPTS_RATIO * len(sent_at):
        raise RuntimeError(f"{len(sent_at)} faults were sent, but only {len(first)} attempts are in the record")
    return {
        "sent_to_strategy": times(
            [(attempt.started_at - offset_s - sent_at[name]) * 1e6 for name, attempt in first.items()]
        ),
        "received_to_strategy": times([attempt.lag_s * 1e6 for attempt in first.values()]),
        "received_to_verdict": times(
            [
                (error.recovered_at - error.opened_at) * 1e6
                for error in daemon.newest_errors(len(sent_at))
                if error.error_id in sent_at and error.recovered_at > error.opened_at
            ]
        ),
        "acknowledged": times(result.round_trips_us),
        "sent_late": times(result.late_us),
    }


def times(samples: Sequence[float]) -> Times:
    return {"samples": float(len(samples)), **{name: quantile(samples, ratio) for name, ratio in QUANTILES.items()}}


def _cost(measured: Measured) -> Times:
    """CPU µs per fault, until it is recovered and that is in the record."""
    faults = max(1, measured.result.faults)
    return {
        "cpu_us": measured.settled_cpu.own_s * 1e6 / faults,
        "family_cpu_us": measured.settled_cpu.family_s * 1e6 / faults,
        "refused": float(measured.result.refused),
    }


def _ratio(value: float | None, base: float | None) -> float | None:
    return value / base if value is not None and base else None


def _medians(rounds: Sequence[Figures]) -> Figures:
    return {
        name: {figure: median([taken[name][figure] for taken in rounds]) for figure in rounds[0][name]}
        for name in rounds[0]
    }
