"""Makes a failing scenario small: as little as still breaks the same promise.

First whole inputs are left out, by delta debugging (Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", IEEE TSE
2002): ever smaller pieces, as long as what is left still fails. Then patients that nothing happens to, then what is odd about the
others, each by itself. Every draw of the simulation has a name (dice.py), so that what is left keeps its luck.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import MISSING, fields, replace
from typing import TypeVar

from tests.simulation.house import House, Illness, Patient
from tests.simulation.scenario import Input, Scenario
from tests.simulation.simulate import simulate

T = TypeVar("T")
MOST_RUNS = 1500


class _NoRunsLeft(Exception):
    """Small enough."""


class Shrinking:
    """`smallest` is the smallest scenario found so far that breaks `promise`."""

    def __init__(self, scenario: Scenario, promise: str, *, twice: bool, say: Callable[[str], None]) -> None:
        self.smallest, self.promise = scenario, promise
        self.runs = 0
        self._twice, self._say = twice, say

    def shrink(self) -> Scenario:
        try:
            size = 0
            while size != (size := _size(self.smallest)):
                self._inputs()
                self._patients()
                self._oddities()
        except _NoRunsLeft:
            self._say(f"stopped after {MOST_RUNS} runs")
        return self.smallest

    def _fails(self, candidate: Scenario) -> bool:
        if self.runs >= MOST_RUNS:
            raise _NoRunsLeft
        self.runs += 1
        try:
            result = simulate(candidate, twice=self._twice)
        except (KeyError, IndexError, StopIteration):
            return False  # it makes no sense any more
        if result.promise != self.promise:
            return False
        self.smallest = candidate
        self._say(f"{len(candidate.inputs)} inputs, {len(candidate.house.patients)} targets, {self.runs} runs")
        return True

    def _inputs(self) -> None:
        def with_inputs(inputs: Sequence[Input]) -> Scenario:
            return replace(self.smallest, inputs=tuple(inputs))

        _reduce(self.smallest.inputs, lambda inputs: self._fails(with_inputs(inputs)))

    def _patients(self) -> None:
        def with_patients(patients: Sequence[Patient]) -> Scenario:
            return replace(self.smallest, house=replace(self.smallest.house, patients=_consistent(patients)))

        _reduce(self.smallest.house.patients, lambda patients: self._fails(with_patients(patients)))

    def _oddities(self) -> None:
        for make in (_plainer_house, _plainer_patients, _plainer_inputs):
            for candidate in make(self.smallest):
                self._fails(candidate(self.smallest))


def _reduce(items: Sequence[T], fails: Callable[[Sequence[T]], bool]) -> None:
    """Leave out as much as can be left out."""
    pieces = 2
    while items:
        length = max(1, len(items) // pieces)
        for begin in range(0, len(items), length):
            rest = (*items[:begin], *items[begin + length :])
            if fails(rest):
                items, pieces = rest, max(pieces - 1, 2)
                break
        else:
            if length == 1:
                return
            pieces = min(pieces * 2, len(items))


def _consistent(patients: Sequence[Patient]) -> tuple[Patient, ...]:
    names = {patient.id for patient in patients}
    return tuple(replace(each, needs=tuple(name for name in each.needs if name in names)) for each in patients)


def _size(scenario: Scenario) -> int:
    return len(repr(scenario))


# --- candidates: each is worked out from the smallest scenario there is when its turn comes

Change = Callable[[Scenario], Scenario]


def _defaults(thing: House | Patient | Illness) -> Iterator[tuple[str, object]]:
    for item in fields(thing):
        if item.default is not MISSING and getattr(thing, item.name) != item.default:
            yield item.name, item.default


def _plainer_house(scenario: Scenario) -> Iterator[Change]:
    for name, value in _defaults(scenario.house):
        yield lambda s, name=name, value=value: replace(s, house=replace(s.house, **{name: value}))  # type: ignore[misc]
    for name in ("fails_rate", "refused_rate", "hangs_rate", "worsens_rate", "late_wake_rate"):
        yield lambda s, name=name: replace(s, house=replace(s.house, **{name: 0.0}))  # type: ignore[misc]


def _plainer_patients(scenario: Scenario) -> Iterator[Change]:
    for place, patient in enumerate(scenario.house.patients):
        for name, value in _defaults(patient):
            yield _patient_change(place, lambda each, name=name, value=value: replace(each, **{name: value}))  # type: ignore[misc]
        for number, illness in enumerate(patient.illnesses):
            yield _patient_change(place, lambda each, number=number: _without_illness(each, number))  # type: ignore[misc]
            for name, value in _defaults(illness):
                yield _patient_change(
                    place,
                    lambda each, number=number, name=name, value=value: _plainer_illness(each, number, {name: value}),  # type: ignore[misc]
                )


def _patient_change(place: int, change: Callable[[Patient], Patient]) -> Change:
    def changed(scenario: Scenario) -> Scenario:
        patients = list(scenario.house.patients)
        if place < len(patients):
            patients[place] = change(patients[place])
        return replace(scenario, house=replace(scenario.house, patients=tuple(patients)))

    return changed


def _without_illness(patient: Patient, number: int) -> Patient:
    return replace(patient, illnesses=(*patient.illnesses[:number], *patient.illnesses[number + 1 :]))


def _plainer_illness(patient: Patient, number: int, values: dict[str, object]) -> Patient:
    illnesses = list(patient.illnesses)
    if number < len(illnesses):
        illnesses[number] = replace(illnesses[number], **values)  # type: ignore[arg-type]
    return replace(patient, illnesses=tuple(illnesses))


def _plainer_inputs(scenario: Scenario) -> Iterator[Change]:
    """Inputs without what they can do without; and the hour ends soon after the last of them."""
    for place, what in enumerate(scenario.inputs):
        for name in ("ago_s", "severity", "count", "retry_success", "fingerprint", "tenant"):
            if name in what:
                yield lambda s, place=place, name=name: _without(s, place, name)  # type: ignore[misc]
    ends = max((float(what["at"]) for what in scenario.inputs), default=0.0) + 600.0
    if ends < scenario.lasts_s:
        yield lambda s: replace(s, lasts_s=ends)


def _without(scenario: Scenario, place: int, name: str) -> Scenario:
    plainer = {key: value for key, value in scenario.inputs[place].items() if key != name}
    return replace(scenario, inputs=(*scenario.inputs[:place], plainer, *scenario.inputs[place + 1 :]))
