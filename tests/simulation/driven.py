"""The one place that knows the engine's calls: one life of an engine, from a start of the daemon to its end.

Every call that can change something is noted with what it was given, so that a life can be lived again (`again`): the same calls on a
fresh engine must give the same effects.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from error_daemon.core import effects as fx
from error_daemon.core.brakes.global_breaker import GlobalLimits
from error_daemon.core.brakes.pause import Pause
from error_daemon.core.brakes.target_breaker import TargetLimits
from error_daemon.core.classify import Classification
from error_daemon.core.engine import Engine
from error_daemon.core.policy import Policy
from error_daemon.errors import NotFound, Refused
from error_daemon.model import (
    AttemptRecord,
    BrakeView,
    Bulkhead,
    Definitions,
    ErrorView,
    Fault,
    Fingerprint,
    LearnedTimeout,
    Priority,
    Score,
    SlotRef,
)
from error_daemon.runtime.restore import error_restored
from tests.simulation.house import House, definitions

ALL = 1 << 30
EVERYTHING = ""  # what is paused, where it is not one target
BY = "a person"


def policy_of(house: House) -> Policy:
    given = dict(house.policy)
    limits: dict[str, Any] = {}
    if "global_limits" in given:
        limits["global_limits"] = GlobalLimits(**given.pop("global_limits"))
    if "target_limits" in given:
        limits["target_limits"] = TargetLimits(**given.pop("target_limits"))
    return Policy(**given, **limits)


def bulkhead_of(data: Mapping[str, Any]) -> Bulkhead:
    sets: dict[str, Any] = {name: frozenset(data[name]) for name in ("levels", "rules") if name in data}
    if "priorities" in data:
        sets["priorities"] = frozenset(Priority(value) for value in data["priorities"])
    if "tenant" in data:
        sets["tenant"] = re.compile(data["tenant"])
    return Bulkhead(**{**data, **sets})


class Driven:
    def __init__(self, house: House) -> None:
        self.definitions = _defined(house)  # when it was started
        self.policy = policy_of(house)
        self.rules = {rule.id: rule for rule in self.definitions.rules}
        self.engine = Engine(self.definitions, self.policy)
        self.calls: list[tuple[str, tuple[Any, ...]]] = []
        self.drained: list[list[fx.Effect]] = []

    # --- what changes it

    def feed(self, event: fx.Event, now: float) -> None:
        self.calls.append(("feed", (event, now)))
        self.engine.feed(event, now)

    def drain(self) -> list[fx.Effect]:
        self.calls.append(("drain", ()))
        effects = self.engine.drain()
        self.drained.append(effects)
        return effects

    def call(self, act: str, *arguments: Any) -> bool:
        """A person's act. Whether it was done: the engine may refuse it, or not know what is meant."""
        self.calls.append((act, arguments))
        return _do(self.engine, act, arguments)

    def redefine(self, house: House, now: float) -> None:
        self.call("redefine", _defined(house), now)

    def restore_learned(self, scores: Iterable[Score], timeouts: Iterable[LearnedTimeout]) -> None:
        self.call("restore_learned", tuple(scores), tuple(timeouts))

    def restore_attempts(self, records: Iterable[AttemptRecord], now: float) -> None:
        self.call("restore_attempts", tuple(records), now)

    def restore_error(self, view: ErrorView, now: float) -> None:
        """As the daemon makes it from a row of the record."""
        self.feed(error_restored(view, self.rules.get(view.rule)), now)

    def again(self) -> list[list[fx.Effect]]:
        """What the same calls give on a fresh engine."""
        engine, drained = Engine(self.definitions, self.policy), []
        for act, arguments in self.calls:
            if act == "drain":
                drained.append(engine.drain())
            else:
                _do(engine, act, arguments)
        return drained

    # --- what it is asked

    def fingerprint(self, fault: Fault) -> Fingerprint:
        return self.engine.fingerprint(fault)

    def classify(self, fault: Fault) -> Classification:
        return self.engine.classify(fault)

    def slot_of(self, fingerprint: Fingerprint) -> SlotRef | None:
        return self.engine.slot_of(fingerprint)

    def must_be_classified(self, fingerprint: Fingerprint, now: float) -> bool:
        return self.engine.must_be_classified(fingerprint, now)

    def next_wake(self) -> float | None:
        return self.engine.next_wake()

    def view(self, error_id: str) -> ErrorView:
        return self.engine.view(error_id)

    def tickets(self) -> list[ErrorView]:
        """The errors with a ticket."""
        return self.engine.newest(ALL, lambda error: error.ticket is not None)[0]

    def brakes(self, now: float) -> list[BrakeView]:
        return self.engine.brakes(now)

    def is_at_rest(self) -> bool:
        engine = self.engine
        return not (engine.tickets_open() or engine.attempts_running() or engine.in_the_works())


def pause(target: str, at: float, until: float) -> Pause:
    return Pause(target, at, until, "maintenance", BY)


def _defined(house: House) -> Definitions:
    return Definitions(**definitions(house), bulkheads=tuple(map(bulkhead_of, house.bulkheads)))


def _do(engine: Engine, act: str, arguments: tuple[Any, ...]) -> bool:
    try:
        getattr(engine, act)(*arguments)
    except (NotFound, Refused):
        return False
    return True
