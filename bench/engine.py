"""engine: events a second of the engine alone, with 10 thousand, 100 thousand and a million errors open, and the memory that each takes.

No ring, no record, no wire: events go in, effects are drained, and what they ask for is answered at once. Three loads, on the same engine:

    equal       faults of 2,000 errors that are known, drawn over all of them
    one         faults of one of them, again and again: no cache misses it, so only what the engine itself does more of could grow
    recovery    everything of one recovery on one of 400 targets: the fault, the attempt's end, the readings, the record's commit (4 events)

`growth` is µs per event beside that with the fewest open errors. CPU time of this process; the median of the batches.
"""

from __future__ import annotations

import gc
import re
import resource
import time
from collections.abc import Callable
from random import Random
from statistics import median

from error_daemon.core import effects as fx
from error_daemon.core.engine import Engine
from error_daemon.core.policy import Policy
from error_daemon.model import (
    Condition,
    Definitions,
    ErrorType,
    Fault,
    Mode,
    Outcome,
    OutcomeKind,
    Priority,
    Probe,
    Reading,
    ReadingValue,
    ResponseClass,
    Rule,
    SlotRef,
    Strategy,
    Target,
)

LOADS = ("equal", "one", "recovery")
_TARGETS = 400
_BATCH = 2000
_BATCHES = 15
_EVENTS_OF_A_RECOVERY = 4


def run(sizes: tuple[int, ...], say: Callable[[str], None]) -> dict[str, object]:
    """{"by_size": {open errors: figures}}."""
    figures: dict[str, dict[str, float]] = {}
    for size in sizes:
        say(f"engine with {size:,} open errors")
        figures[str(size)] = _measure(size)
    first = next(iter(figures.values()))
    for each in figures.values():
        for load in LOADS:
            each[f"growth_{load}"] = each[f"{load}_us"] / first[f"{load}_us"]
    return {"by_size": figures}


class _Load:
    """An engine, and a clock that only this moves."""

    def __init__(self, size: int) -> None:
        self.engine = Engine(_definitions(), Policy(capacity=10_000, known_errors=10 * size, throttle_per_s=500))
        self.now = 1_000_000.0
        self.sequence = 0

    def report(self, fault: Fault) -> None:
        engine = self.engine
        fingerprint = engine.fingerprint(fault)
        slot = engine.slot_of(fingerprint)
        may_open = engine.must_be_classified(fingerprint, self.now)
        if slot is None:
            self.sequence += 1
            slot = SlotRef(Priority.NORMAL, self.sequence, self.sequence)
        classification = engine.classify(fault) if may_open else None
        engine.feed(fx.FaultArrived(fault, fingerprint, slot, classification), self.now)

    def open(self, size: int) -> None:
        """So many errors that are open: nothing may be done about them."""
        for number in range(size):
            self.report(_fault("quiet", number))
            for effect in self.engine.drain():
                if isinstance(effect, fx.SaveError):
                    self.engine.feed(fx.ErrorsRecorded([effect.view]), self.now)
            self.engine.drain()

    def recover(self, number: int) -> int:
        """One recovery; how many attempts it took."""
        self.now += 0.02  # below the throttle
        self.report(_fault("loud", number, f"target-{number % _TARGETS:03d}"))
        started, todo = 0, self.engine.drain()
        while todo:
            for effect in todo:
                if isinstance(effect, fx.StartAttempt):
                    started += 1
                    ended = Outcome(effect.order.attempt_id, OutcomeKind.COMPLETED, "", self.now, 0.01)
                    self.engine.feed(fx.AttemptEnded(ended), self.now)
                elif isinstance(effect, fx.StartProbes):
                    seen = tuple(Reading(probe.id, ReadingValue.OK, "", self.now) for probe in effect.order.probes)
                    self.engine.feed(fx.ProbesEnded(effect.order.round_id, seen), self.now)
                elif isinstance(effect, fx.SaveError):
                    self.engine.feed(fx.ErrorsRecorded([effect.view]), self.now)
            todo = self.engine.drain()
        return started


def _measure(size: int) -> dict[str, float]:
    random = Random(size)
    before = _resident_bytes()
    load = _Load(size)
    load.open(size)
    gc.collect()
    memory = (_resident_bytes() - before) / size
    gc.freeze()
    faults = [_fault("quiet", random.randrange(size)) for _ in range(_BATCH)]
    took: dict[str, list[float]] = {name: [] for name in LOADS}
    number = 0
    for _ in range(_BATCHES):
        took["equal"].append(_report_us(load, faults))
        took["one"].append(_report_us(load, faults[:1] * _BATCH))
        began, attempts = time.process_time(), 0
        for _ in range(_BATCH // _EVENTS_OF_A_RECOVERY):
            number += 1
            attempts += load.recover(number)
        took["recovery"].append((time.process_time() - began) * 1e6 / _BATCH)
        assert attempts == _BATCH // _EVENTS_OF_A_RECOVERY, "every one of them is recovered"
    gc.unfreeze()
    figures = {"bytes_per_error": memory}
    for name, each in took.items():
        figures |= {f"{name}_us": median(each), f"{name}_events_per_s": 1e6 / median(each)}
    return figures


def _report_us(load: _Load, faults: list[Fault]) -> float:
    """CPU of one fault."""
    began = time.process_time()
    for fault in faults:
        load.report(fault)
        load.engine.drain()
    return (time.process_time() - began) * 1e6 / len(faults)


def _fault(component: str, number: int, target: str = "") -> Fault:
    return Fault(
        ErrorType.NETWORK,
        "connection refused",
        component=component,
        explicit_fingerprint=f"{component}-{number}",
        target=target,
    )


def _definitions() -> Definitions:
    names = [f"target-{number:03d}" for number in range(_TARGETS)]
    quiet = Rule("quiet", Condition(component=re.compile("quiet")), {1: ("fix",)}, target=names[0])
    loud = Rule(
        "loud",
        Condition(component=re.compile("loud")),
        {1: ("fix", "other")},
        mode=Mode.AUTO,
        response_class=ResponseClass.TRANSIENT,
    )
    return Definitions(
        rules=(quiet, loud),
        targets={name: Target(name, "service", probes=("port",)) for name in names},
        strategies={"fix": Strategy("fix", "exec"), "other": Strategy("other", "exec")},
        probes={"port": Probe("port", "tcp")},
    )


def _resident_bytes() -> float:
    with open("/proc/self/statm", encoding="ascii") as statm:
        return float(int(statm.read().split()[1]) * resource.getpagesize())
