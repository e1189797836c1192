"""A test of a recovery (A13): the same fault again and again, and what was seen of its target's state after each pass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from error_daemon.model.orders import Observation
from error_daemon.model.record import AttemptRecord


@dataclass(frozen=True, slots=True)
class RepeatWish:
    """What a person wants tested. What is empty is found: the first rule in mode auto that all the others fit."""

    target: str = ""
    rule: str = ""
    strategy: str = ""  # only this one is run; empty: the ladder, as for any fault
    repeat: int = 10
    timeout_s: float = 60.0  # of one pass
    triggers: int = 10  # how many at once, after the passes; 0: none
    breaks: bool = False  # the caller breaks the target before each pass
    by: str = ""


@dataclass(frozen=True, slots=True)
class RepeatPlan:
    """What will be done. `why_not`: why it proves nothing, because the rule may not act; empty where it may."""

    test_id: str
    wish: RepeatWish
    rule: str
    mode: str
    target: str
    ladder: Mapping[int, tuple[str, ...]]  # what may be run, by level
    fault: str  # in a sentence
    observers: tuple[str, ...]
    why_not: str = ""


@dataclass(frozen=True, slots=True)
class Difference:
    """A part of the state that is not as it was after the first pass. None: it is not there. `is_unsteady`: it changes from look to
    look while nobody does anything, so nothing follows from it."""

    observer: str
    fact: str
    first: str | None
    now: str | None
    is_unsteady: bool = False


@dataclass(frozen=True, slots=True)
class RepeatPass:
    number: int
    error_id: str
    state: str  # of the error, as the pass ended
    reason: str
    is_recovered: bool
    attempts: tuple[AttemptRecord, ...]  # of the error, in their order
    duration_s: float  # from the fault to its end
    observations: tuple[Observation, ...] = ()
    differences: tuple[Difference, ...] = ()
    was_well: bool = False  # no probe saw that the caller had broken the target
    others: tuple[str, ...] = ()  # other errors of the target that were recovered meanwhile


@dataclass(frozen=True, slots=True)
class Triggered:
    """The same fault many times at once."""

    faults: int
    tickets: int
    passed: RepeatPass

    @property
    def is_one(self) -> bool:
        """One recovery came of them."""
        recoveries = sum(attempt.verdict.value == "recovered" for attempt in self.passed.attempts)
        return self.tickets == 1 and self.passed.is_recovered and recoveries <= 1


@dataclass(frozen=True, slots=True)
class RepeatEnd:
    """What it has come to. `verdict`: idempotent | deviated | not_recovered | many (one fault, several recoveries) | unproven."""

    verdict: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RepeatStep:
    """What a test tells as it goes: one of these, besides how far it is."""

    text: str
    done_ratio: float
    plan: RepeatPlan | None = None
    awaits: int = (
        0  # it waits for the caller's word to begin this pass (the last one is that of the triggers); 0: it does not
    )
    passed: RepeatPass | None = None
    triggered: Triggered | None = None
    end: RepeatEnd | None = None
