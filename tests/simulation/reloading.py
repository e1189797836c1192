"""Other definitions in the place of those in force: what a `reload` says of the house, always from what it was at first.

    gone        targets that are not defined any more, nor are their rules
    patients    by target, what is written of it otherwise
    bulkheads   all of them

A target that is gone for the daemon falls ill, and gets well, as before.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from random import Random
from typing import Any

from tests.simulation.house import HOUR_S, STRATEGIES, House, patient_from_json, to_json
from tests.simulation.random_house import random_bulkheads, random_ladder
from tests.simulation.scenario import Input

_CHANGES = (
    "ladder",
    "mode",
    "recovers",
    "probes",
    "response_class",
    "entry_level",
    "isolate",
    "window_s",
    "patience_s",
    "weight",
    "needs_are_declared",
)


def reloaded(first: House, what: Input) -> House:
    """The house as the daemon is told of it from then on."""
    changes: Mapping[str, Mapping[str, Any]] = what.get("patients", {})
    patients = tuple(
        patient_from_json({**to_json(each), **changes.get(each.id, {})})
        for each in first.patients
        if each.id not in what.get("gone", ())
    )
    return replace(first, patients=patients, bulkheads=tuple(what.get("bulkheads", first.bulkheads)))


def random_reloads(random: Random, house: House, breaks: list[float]) -> list[Input]:
    inputs: list[Input] = []
    for _ in range(random.choice((0, 0, 1, 2, 4))):
        soon = random.random() < 0.8
        at = random.choice(breaks) + random.expovariate(0.5) if soon else random.uniform(0.0, HOUR_S)
        inputs.append({"at": round(at, 3), "do": "reload", **_what(random, house)})
    return inputs


def _what(random: Random, house: House) -> dict[str, Any]:
    names = [patient.id for patient in house.patients]
    what: dict[str, Any] = {}
    if random.random() < 0.4:
        what["gone"] = sorted(random.sample(names, random.randint(1, len(names) // 2)))
    changed = random.sample(names, random.randint(0, len(names)))
    if changed:
        what["patients"] = {name: _changes(random, names) for name in sorted(changed)}
    if random.random() < 0.4:
        what["bulkheads"] = list(random_bulkheads(random, names))
    return what


def _changes(random: Random, names: list[str]) -> dict[str, Any]:
    return {name: _change(random, name, names) for name in random.sample(_CHANGES, random.choice((1, 1, 2, 5)))}


def _change(random: Random, name: str, names: list[str]) -> Any:
    if name == "ladder":
        return {str(level): list(offered) for level, offered in random_ladder(random).items()}
    values: dict[str, tuple[Any, ...]] = {
        "mode": ("auto", "approve", "observe"),
        "recovers": tuple(names),
        "probes": (1, 2),
        "response_class": ("", "transient", "permanent", "cascading"),
        "entry_level": (1, 3, 5),
        "isolate": ("", *STRATEGIES[0]),
        "window_s": (2.0, 30.0, 300.0),
        "patience_s": (1.0, 5.0),
        "weight": (0.5, 1.0, 5.0, 30.0),
        "needs_are_declared": (True, False),
    }
    return random.choice(values[name])
