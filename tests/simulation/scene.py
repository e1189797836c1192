"""What the simulator knows at one moment, for those who check it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from error_daemon.core.brakes.pause import Pause
from tests.simulation.agenda import Agenda
from tests.simulation.dice import Dice
from tests.simulation.house import House, Patient, declared_needs
from tests.simulation.keeping import Record, Ring
from tests.simulation.targets import Targets
from tests.simulation.workers import Workers


class Broken(Exception):
    """A promise was broken: which, and how."""

    def __init__(self, promise: str, how: str) -> None:
        super().__init__(f"{promise}: {how}")
        self.promise, self.how = promise, how


@dataclass(slots=True)
class Scene:
    house: House
    dice: Dice
    agenda: Agenda
    ring: Ring
    record: Record
    targets: Targets
    workers: Workers
    patients: Mapping[str, Patient]
    now: Callable[[], float]  # the daemon's clock
    patient_of: dict[str, Patient | None] = field(default_factory=dict)  # by error; None: no rule is for it
    tenant_of: dict[str, str] = field(default_factory=dict)  # by error
    pauses: dict[str, Pause] = field(default_factory=dict)  # by target; they outlive the daemon
    component_of: dict[str, str] = field(default_factory=dict)  # by error
    life: int = 0  # how often the daemon was started
    _roots: dict[str, frozenset[str]] = field(default_factory=dict)

    def move_in(self, house: House) -> set[str]:
        """From now on that is what is defined. The targets of which something is written otherwise, or nothing any more."""
        before, self.house = self.house, house
        self.patients = {patient.id: patient for patient in house.patients}
        self.patient_of = {error_id: self.patients.get(name) for error_id, name in self.component_of.items()}
        self._roots = {}
        were = {patient.id: patient for patient in before.patients}
        changed = [
            each
            for each in (*were.values(), *self.patients.values())
            if were.get(each.id) != self.patients.get(each.id)
        ]
        return {target for each in changed for target in (each.id, each.rule_target(before), each.rule_target(house))}

    @property
    def t(self) -> float:
        return self.agenda.t

    def roots(self, target: str) -> frozenset[str]:
        """What it depends on, as the operator declared it, directly and by others."""
        known = self._roots.get(target)
        if known is None:
            patient = self.patients.get(target)
            direct = declared_needs(patient, self.house) if patient else ()
            known = self._roots[target] = frozenset(direct).union(*(self.roots(root) for root in direct))
        return known
