"""The simulated targets: who is ill, who falls ill with whom, who reports it, and what probes see of it.

A target is **down** while it is ill, or while something that it needs is down (it is *starved*, from a moment after the other went
down until a moment after it is back; a few then stay ill on their own account). Nothing cures a starved target but what it needs. While
a target is down it reports faults, some times; each time it goes down is one **bout**.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from error_daemon.model import ErrorType, Fault, ProbeOrder, Reading, ReadingValue, Severity
from tests.simulation.agenda import Agenda
from tests.simulation.dice import Dice
from tests.simulation.house import HOUR_S, Cure, House, Illness, Patient, Quality

_STAYS_ILL_RATE = 0.15  # of targets whose needs are met again
_IN_VAIN_S = 1.0  # how long a strategy takes that cannot help
_TWICE_RATE = 0.05  # of reports that are delivered twice
_STARVED = Illness("starved", "network", {}, report_every_s=4.0, most_reports=3, tells_when="now")
_STUCK = Illness("stuck", "timeout", {"restart": Cure(0.9, 1.0, 0.9), "reload": Cure(0.5, 0.3, 0.5)}, most_reports=4)

Report = Callable[[Fault], None]


@dataclass(slots=True)
class SimTarget:
    patient: Patient
    quality: Quality
    illness: Illness | None = None
    starved_by: set[str] = field(default_factory=set)
    bout: int = 0
    back: int = 0  # how often the illness is still to come back
    is_worse: bool = False
    attempts: int = 0
    rounds: int = 0
    rates: dict[tuple[str, str], float] = field(default_factory=dict)  # drifted: (illness, strategy) → rate

    @property
    def is_down(self) -> bool:
        return self.illness is not None or bool(self.starved_by)


class Targets:
    """`report(fault)` is called with each fault; `wall()` is what the host's clock says."""

    def __init__(self, house: House, dice: Dice, agenda: Agenda, report: Report, wall: Callable[[], float]) -> None:
        self._dice, self._agenda, self._report, self._wall = dice, agenda, report, wall
        self.by_id = {patient.id: SimTarget(patient, patient.quality) for patient in house.patients}
        self._dependents = {
            root: [patient.id for patient in house.patients if root in patient.needs] for root in self.by_id
        }
        self.is_quiet = False  # nothing falls ill any more, and probes say what is so
        self.down_s = 0.0  # over all targets
        self._down_since: dict[str, float] = {}

    # --- falling ill, and getting well

    def fall_ill(self, target_id: str, illness_id: str) -> None:
        target = self.by_id.get(target_id)
        if target is None or self.is_quiet:
            return
        illness = next((one for one in target.patient.illnesses if one.id == illness_id), _STUCK)
        self._begin(target, illness, illness.comes_back)

    def _begin(self, target: SimTarget, illness: Illness, back: int) -> None:
        if self.is_quiet:
            return
        was_down = target.is_down
        target.illness, target.back, target.is_worse = illness, back, False
        self._new_bout(target, illness)
        if illness.heals_after_s:
            self._agenda.after(illness.heals_after_s, self._heal_by_itself, target, target.bout)
        if not was_down:
            self._went_down(target)

    def _heal_by_itself(self, target: SimTarget, bout: int) -> None:
        if target.bout == bout:
            self.heal(target.patient.id)

    def heal(self, target_id: str) -> None:
        """It is not ill any more; it may still be starved."""
        target = self.by_id.get(target_id)
        if target is None or target.illness is None:
            return
        illness, target.illness, target.is_worse = target.illness, None, False
        if target.back > 0:
            again = self._dice.between(0.5, 1.5, "again", target_id, target.bout) * illness.comes_back_after_s
            self._agenda.after(again, self._begin, target, illness, target.back - 1)
        if not target.is_down:
            self._came_up(target)

    def _went_down(self, target: SimTarget) -> None:
        self._down_since[target.patient.id] = self._agenda.t
        for dependent in self._dependents[target.patient.id]:
            delay = self._dice.between(0.05, 4.0, "starve", dependent, target.bout)
            self._agenda.after(delay, self._starve, self.by_id[dependent], target)

    def _came_up(self, target: SimTarget) -> None:
        self.down_s += self._agenda.t - self._down_since.pop(target.patient.id, self._agenda.t)
        for dependent in self._dependents[target.patient.id]:
            delay = self._dice.between(0.05, 2.0, "relieve", dependent, target.bout)
            self._agenda.after(delay, self._relieve, self.by_id[dependent], target)

    def _starve(self, target: SimTarget, root: SimTarget) -> None:
        if not root.is_down or self.is_quiet:
            return
        was_down = target.is_down
        target.starved_by.add(root.patient.id)
        if not was_down:
            self._new_bout(target, _STARVED)
            self._went_down(target)

    def _relieve(self, target: SimTarget, root: SimTarget) -> None:
        if root.is_down or root.patient.id not in target.starved_by:
            return
        target.starved_by.discard(root.patient.id)
        stays = self._dice.happens(_STAYS_ILL_RATE, "stays", target.patient.id, target.bout)
        if not target.is_down and stays and not self.is_quiet:
            target.illness, target.back = _STUCK, 0
            self._new_bout(target, _STUCK)
        elif not target.is_down:
            self._came_up(target)

    def quiet(self) -> None:
        """From now on everything is well, and stays so."""
        self.is_quiet = True
        for target in self.by_id.values():
            was_down = target.is_down
            target.illness, target.quality, target.back = None, Quality(), 0
            target.starved_by.clear()
            if was_down:
                self._came_up(target)

    # --- faults

    def _new_bout(self, target: SimTarget, illness: Illness) -> None:
        target.bout += 1
        if illness.most_reports:
            delay = self._dice.between(0.0, 0.5, "first", target.patient.id, target.bout)
            self._agenda.after(delay, self._say, target, illness, target.bout, 0)

    def _say(self, target: SimTarget, illness: Illness, bout: int, number: int) -> None:
        if target.bout != bout or not target.is_down or self.is_quiet:
            return
        fault = self._fault(target, illness, bout, number)
        self._report(fault)
        if self._dice.happens(_TWICE_RATE, "twice", target.patient.id, bout, number):
            self._agenda.after(0.3, self._report, fault)
        if number + 1 < illness.most_reports:
            wait = self._dice.between(0.5, 1.5, "next", target.patient.id, bout, number) * illness.report_every_s
            self._agenda.after(wait, self._say, target, illness, bout, number + 1)

    def _fault(self, target: SimTarget, illness: Illness, bout: int, number: int) -> Fault:
        patient, when = target.patient, 0.0
        if illness.tells_when != "never":
            late = illness.tells_when == "late"
            when = self._wall() - (self._dice.between(0.1, 20.0, "late", patient.id, bout, number) if late else 0.0)
        return Fault(
            type=ErrorType(illness.error_type),
            message=f"{illness.id} after {bout * 10 + number} tries",
            severity=Severity(illness.severity) if illness.severity else None,
            component=patient.id,
            hardware_id=patient.hardware,
            target=patient.id if patient.is_named_by_fault else "",
            attributes={"tenant": patient.tenant} if patient.tenant else {},
            occurred_at=when,
            count=illness.copies,
        )

    # --- what attempts do, and what probes see

    def rate(self, target_id: str, strategy_id: str) -> float:
        """How likely the strategy is to cure what the target has, now."""
        target = self.by_id[target_id]
        if target.illness is None or target.starved_by:
            return 0.0
        drifted = target.rates.get((target.illness.id, strategy_id))
        if drifted is not None:
            return drifted
        cure = target.illness.cures.get(strategy_id)
        return cure.rate + (cure.later - cure.rate) * min(self._agenda.t / HOUR_S, 1.0) if cure else 0.0

    def takes_s(self, target_id: str, strategy_id: str) -> float:
        illness = self.by_id[target_id].illness
        cure = illness.cures.get(strategy_id) if illness else None
        return cure.takes_s if cure else _IN_VAIN_S

    def drift(self, target_id: str, illness_id: str, strategy_id: str, rate: float) -> None:
        if target_id in self.by_id:
            self.by_id[target_id].rates[illness_id, strategy_id] = rate

    def probes(self, target_id: str, **quality: float) -> None:
        if target_id in self.by_id and not self.is_quiet:
            target = self.by_id[target_id]
            target.quality = replace(target.quality, **quality)

    def readings(self, order: ProbeOrder, number: int, at: float) -> tuple[Reading, ...]:
        target = self.by_id[order.target.id]
        return tuple(
            Reading(probe.id, self._value(target, place, number), at=at) for place, probe in enumerate(order.probes)
        )

    def _value(self, target: SimTarget, place: int, number: int) -> ReadingValue:
        quality, name = target.quality, (target.patient.id, place, number)
        if quality.blind and self._dice.happens(quality.blind, "blind", *name):
            return ReadingValue.UNKNOWN
        if self._is_seen(target, place):
            lies = quality.lies and self._dice.happens(quality.lies, "lies", *name)
            return ReadingValue.OK if lies else ReadingValue.NOT_OK
        cries = quality.cries and self._dice.happens(quality.cries, "cries", *name)
        return ReadingValue.NOT_OK if cries else ReadingValue.OK

    def _is_seen(self, target: SimTarget, place: int) -> bool:
        if target.starved_by:
            return True
        illness = target.illness
        return illness is not None and illness.is_seen and (target.is_worse or place < illness.shows_on)
