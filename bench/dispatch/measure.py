"""dispatch: from an event to the code that is run for it, ours beside systems that others use for that, at the same offered rates.

    error-recovery     a fault's sending → the strategy's code in a worker (lag.py: sent_to_strategy)
    Celery, Redis      a task's sending → its first line in a worker
    ansible-rulebook   a webhook's sending → the line that its action prints is read

All take turns in the same run; every second round in the opposite order. None is pinned to a core; the sender is. What had not begun when
nothing more had for two seconds is counted as `unbegun_ratio`. `family_cpu_us` is the CPU per event of all processes (Redis included),
without the sender's.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from bench.daemon_process import DaemonProcess
from bench.dispatch.systems import Celery, Redis, Rulebook, System
from bench.lag import Lag, Times, times
from bench.measuring import LineProcess, LoadProcess, Numbers, least, median
from bench.packages import Missing

OURS = "error-recovery"
CELERY = "Celery, Redis"
RULEBOOK = "ansible-rulebook"
_WARM_S = 1.0
_REST_S = 2.0
_POLL_S = 0.1
Taken = dict[str, dict[str, Times]]


def run(rates: Sequence[int], rounds: int, seconds: float, say: Callable[[str], None]) -> dict[str, object]:
    """{"rounds": [{rate: {system: figures}}], "medians", "least": the same without rounds, "left_out": {system: why}}."""
    left_out: dict[str, str] = {}
    taken: list[Taken] = []
    with tempfile.TemporaryDirectory(prefix="error-recovery-bench-") as directory, ExitStack() as running:
        turns = _turns(Path(directory), running, left_out, say)
        for number in range(rounds):
            names = list(reversed(turns)) if number % 2 else list(turns)
            found: Taken = {}
            for rate in rates:
                say(f"dispatch, round {number + 1} of {rounds}: {rate} a second")
                figures = {name: turns[name](rate, seconds) for name in names}
                found[str(rate)] = {name: figures[name] for name in turns}
            taken.append(found)
    medians = {rate: _medians([found[rate] for found in taken]) for rate in taken[0]}
    quietest = {rate: least([found[rate] for found in taken]) for rate in taken[0]}
    return {"rounds": taken, "medians": medians, "least": quietest, "left_out": left_out}


def _turns(
    directory: Path, running: ExitStack, left_out: dict[str, str], say: Callable[[str], None]
) -> dict[str, Callable[[int, float], Times]]:
    say("dispatch: starting the systems")
    daemon = running.enter_context(DaemonProcess(directory, is_pinned=False))
    lag = Lag(daemon, {}, running.enter_context(LoadProcess()), Numbers(), say)
    turns: dict[str, Callable[[int, float], Times]] = {OURS: lambda rate, seconds: _ours(lag, rate, seconds)}
    sender = running.enter_context(_Sender())
    try:
        celery = running.enter_context(Celery(directory, running.enter_context(Redis(say))))
        turns[CELERY] = lambda rate, seconds: sender.measure(celery, rate, seconds)
    except Missing as missing:
        left_out[CELERY] = str(missing)
    try:
        rulebook = running.enter_context(Rulebook(directory))
        turns[RULEBOOK] = lambda rate, seconds: sender.measure(rulebook, rate, seconds)
    except Missing as missing:
        left_out[RULEBOOK] = str(missing)
    for why in left_out.values():
        say(f"left out: {why}")
    return turns


def _ours(lag: Lag, rate: int, seconds: float) -> Times:
    figures = lag.recoveries(rate, seconds)
    return {
        **figures["sent_to_strategy"],
        "family_cpu_us": figures["cost"]["family_cpu_us"],
        "unbegun_ratio": 0.0,  # Lag raises where there are any
    }


class _Sender(LineProcess):
    def __init__(self) -> None:
        super().__init__("bench.dispatch.sender")
        self._next = 0

    def measure(self, system: System, rate: int, seconds: float) -> Times:
        self._send(system, rate, _WARM_S)
        cpu_s = system.cpu_s()
        sent_at, began_at = self._send(system, rate, seconds)
        cpu_s = system.cpu_s() - cpu_s
        return {
            **times([(at - sent_at[number]) * 1e6 for number, at in began_at.items()]),
            "family_cpu_us": cpu_s * 1e6 / max(1, len(began_at)),
            "unbegun_ratio": 1 - len(began_at) / len(sent_at),
        }

    def _send(self, system: System, rate: int, seconds: float) -> tuple[dict[int, float], dict[int, float]]:
        """When each was sent and began, by number; both CLOCK_MONOTONIC."""
        first, self._next = self._next, self._next + int(rate * seconds)
        plan = {"kind": system.kind, "address": system.address, "rate": rate, "seconds": seconds, "first": first}
        self.say(json.dumps(plan))
        sent_at = {int(number): at for number, at in json.loads(self.hear()).items()}
        return sent_at, {number: at for number, at in _all_begun(system, len(sent_at)).items() if number in sent_at}


def _all_begun(system: System, expected: int) -> dict[int, float]:
    """Those that begin until all have, or none has for a while."""
    begun: dict[int, float] = {}
    last_at = time.monotonic()
    while len(begun) < expected and time.monotonic() < last_at + _REST_S:
        if more := system.begun():
            begun |= more
            last_at = time.monotonic()
        time.sleep(_POLL_S)
    return begun


def _medians(rounds: Sequence[dict[str, Times]]) -> dict[str, Times]:
    return {
        name: {figure: median([found[name][figure] for found in rounds]) for figure in rounds[0][name]}
        for name in rounds[0]
    }
