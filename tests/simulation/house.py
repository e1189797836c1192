"""What is simulated: targets with their illnesses, and what the operator wrote about them. Plain data, to JSON and back.

An **illness** is a failure mode. Each names the strategies that cure it, with their true success rate, the time they take, and the
rate that they have drifted to at the end of the hour. What it does not name does not help. A target that **needs** another
falls ill with it, some time later, and gets well some time after it; that is known to the daemon only where it is declared.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, field, fields, is_dataclass
from typing import Any

from error_daemon.model import (
    Backoff,
    Condition,
    ErrorType,
    Mode,
    Probe,
    ResponseClass,
    Rule,
    Strategy,
    Target,
    Verification,
)

HOUR_S = 3600.0
PROBES = ("port", "health")

STRATEGIES: dict[int, tuple[str, ...]] = {
    0: ("cut-off",),  # isolation
    1: ("retry", "reconnect"),
    2: ("retry-longer", "clear-cache"),
    3: ("restart", "reload"),
    4: ("restart-host-service", "restart-group"),
    5: ("rebuild",),
}
GROUP = "restart-group"
_TIMEOUT_S = 8.0


@dataclass(frozen=True, slots=True)
class Cure:
    rate: float
    takes_s: float
    later: float  # the rate at the end of the hour


@dataclass(frozen=True, slots=True)
class Illness:
    id: str
    error_type: str
    cures: Mapping[str, Cure]
    severity: int = 0  # 0: the fault does not say
    report_every_s: float = 2.0
    most_reports: int = 5
    copies: int = 1  # faults that one report stands for
    tells_when: str = "now"  # when it occurred, as the sender says: now | never | late
    heals_after_s: float = 0.0  # by itself; 0: never
    comes_back: int = 0  # how often it is back after it was cured
    comes_back_after_s: float = 1.0
    is_seen: bool = True  # whether probes can see it
    shows_on: int = 2  # how many of the target's probes see it at first; an attempt that fails may make it more


@dataclass(frozen=True, slots=True)
class Quality:
    """Of a target's probes: rates of saying ok while it is down, not_ok while it is well, and nothing; and how long they take."""

    lies: float = 0.0
    cries: float = 0.0
    blind: float = 0.0
    takes_s: float = 0.002


@dataclass(frozen=True, slots=True)
class Patient:
    """A target, its illnesses, and its rule."""

    id: str
    ladder: Mapping[int, tuple[str, ...]]
    illnesses: tuple[Illness, ...]
    needs: tuple[str, ...] = ()
    needs_are_declared: bool = True
    tenant: str = ""
    mode: str = "auto"
    response_class: str = ""
    entry_level: int = 1
    hold_s: float = 0.0
    within_s: float = 0.5
    patience_s: float = 5.0
    window_s: float = 60.0
    probes: int = 2
    isolate: str = ""
    approval_expires_s: float = 60.0
    hardware: str = ""
    is_named_by_fault: bool = False  # the rule leaves the target to the fault
    quality: Quality = Quality()
    weight: float = 1.0
    recovers: str = ""  # another target, to which its rule leads; only where definitions are reloaded

    def rule_target(self, house: House) -> str:
        """The target that its rule names, or leaves to the fault."""
        return self.recovers if any(other.id == self.recovers for other in house.patients) else self.id


@dataclass(frozen=True, slots=True)
class House:
    """`policy` and `bulkheads` have the fields of the engine's own types, whose settings are nested as they are there."""

    patients: tuple[Patient, ...]
    policy: Mapping[str, Any] = field(default_factory=dict)
    bulkheads: tuple[Mapping[str, Any], ...] = ()
    workers: int = 2
    slots: int = 256  # of the ring, for each priority
    fails_rate: float = 0.05  # of attempts: the strategy itself fails
    refused_rate: float = 0.02
    hangs_rate: float = 0.02
    worsens_rate: float = 0.05
    late_wake_rate: float = 0.02


def definitions(house: House) -> dict[str, Any]:
    """What the operator wrote, as the fields of `Definitions` that every engine knows."""
    return {
        "rules": tuple(_rule(patient, house) for patient in house.patients),
        "targets": {patient.id: _target(patient, house) for patient in house.patients},
        "strategies": {name: _strategy(name, level) for level, names in STRATEGIES.items() for name in names},
        "probes": {name: Probe(name, "tcp") for name in PROBES},
    }


def declared_needs(patient: Patient, house: House) -> tuple[str, ...]:
    """Of the targets that are defined."""
    names = {other.id for other in house.patients}
    return tuple(need for need in patient.needs if need in names) if patient.needs_are_declared else ()


def _target(patient: Patient, house: House) -> Target:
    needs = declared_needs(patient, house)
    return Target(patient.id, "service", probes=PROBES[: patient.probes], depends_on=needs, weight=patient.weight)


def _strategy(name: str, level: int) -> Strategy:
    tries = 4 if level == 1 else 2 if level == 2 else 1
    if name == GROUP:
        return Strategy(name, "group_restart", params={"include": "dependents"}, timeout_s=_TIMEOUT_S)
    return Strategy(name, "exec", timeout_s=_TIMEOUT_S, max_attempts=tries, backoff=Backoff(0.1, 2.0, 5.0))


def _rule(patient: Patient, house: House) -> Rule:
    return Rule(
        id=patient.id,
        when=Condition(component=re.compile(re.escape(patient.id))),
        ladder={level: tuple(names) for level, names in patient.ladder.items()},
        target=None if patient.is_named_by_fault else patient.rule_target(house),
        mode=Mode(patient.mode),
        response_class=ResponseClass(patient.response_class) if patient.response_class else None,
        entry_level=patient.entry_level,
        verification=Verification(patient.hold_s, patient.within_s, patient.patience_s),
        stability_window_s=patient.window_s,
        isolate=patient.isolate or None,
        approval_expires_s=patient.approval_expires_s,
    )


def error_type(illness: Illness) -> ErrorType:
    return ErrorType(illness.error_type)


# --- to JSON and back


def to_json(value: Any) -> Any:
    """What is as it always is, is left out."""
    if is_dataclass(value):
        items = ((item, getattr(value, item.name)) for item in fields(value))
        return {item.name: to_json(mine) for item, mine in items if mine != _default(item)}
    if isinstance(value, Mapping):
        return {str(key): to_json(item) for key, item in value.items()}
    return [to_json(item) for item in value] if isinstance(value, tuple) else value


def _default(item: Field[Any]) -> Any:
    return item.default if item.default_factory is MISSING else item.default_factory()


def from_json(data: Mapping[str, Any]) -> House:
    patients = tuple(patient_from_json(item) for item in data["patients"])
    return House(**{**data, "patients": patients, "bulkheads": tuple(data.get("bulkheads", ()))})


def patient_from_json(data: Mapping[str, Any]) -> Patient:
    return Patient(
        **{
            **data,
            "ladder": {int(level): tuple(names) for level, names in data["ladder"].items()},
            "illnesses": tuple(_illness(item) for item in data["illnesses"]),
            "needs": tuple(data.get("needs", ())),
            "quality": Quality(**data.get("quality", {})),
        }
    )


def _illness(data: Mapping[str, Any]) -> Illness:
    return Illness(**{**data, "cures": {name: Cure(**cure) for name, cure in data["cures"].items()}})
