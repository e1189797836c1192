"""What the simulator knows at one moment, for those who check it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from error_daemon.core.brakes.pause import Pause
from tests.simulation.agenda import Agenda
from tests.simulation.dice import Dice
from tests.simulation.house import House, Patient
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
    life: int = 0  # how often the daemon was started
    _roots: dict[str, frozenset[str]] = field(default_factory=dict)

    @property
    def t(self) -> float:
        return self.agenda.t

    def roots(self, target: str) -> frozenset[str]:
        """What it depends on, as the operator declared it, directly and by others."""
        known = self._roots.get(target)
        if known is None:
            patient = self.patients[target]
            direct = patient.needs if patient.needs_are_declared else ()
            known = self._roots[target] = frozenset(direct).union(*(self.roots(root) for root in direct))
        return known
