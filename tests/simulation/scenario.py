"""A scenario: a house, a seed for its luck, and what happens to it from outside. Plain data, as it stands in tests/scenarios/*.json.

Each input says `at` how many seconds what is done (`do`), with what that needs:

    break       target, illness                       a target falls ill
    heal        target                                it gets well without the daemon
    report      component, message, type, ...         a stray fault, from anybody
    kill        worker                                a worker dies, with what it runs
    crash       after, down_s                         the daemon ends after so many more effects, and starts again
    set_clock   by_s                                  the host's clock is set
    commit      lag_s                                 from now on the record takes so long; null: it stalls
    probes      target, lies, cries, blind, takes_s   from now on its probes are so good
    drift       target, illness, strategy, rate       from now on the strategy cures it at this rate
    person      act, pick, ...                        see people.py
    predict     target, probability, for_s            something foresees a failure
    reload      gone, patients, bulkheads             other definitions (reloading.py)
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.simulation import house as houses
from tests.simulation.house import HOUR_S, House

Input = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Scenario:
    seed: int
    house: House
    inputs: tuple[Input, ...]
    lasts_s: float = HOUR_S
    about: str = ""  # what it shows
    broke: str = ""  # the invariant that it broke when it was found


def save(scenario: Scenario, path: Path) -> None:
    """One line for each patient and each input, so that people can read it and change it."""
    head = {name: getattr(scenario, name) for name in ("about", "broke", "seed", "lasts_s")}
    house = houses.to_json(scenario.house)
    patients = house.pop("patients")
    text = [json.dumps(head)[:-1] + ',\n"house": ' + json.dumps(house)[:-1] + ', "patients": ' + _lines(patients)]
    path.write_text(text[0] + '},\n"inputs": ' + _lines(scenario.inputs) + "}\n")


def load(path: Path) -> Scenario:
    data = json.loads(path.read_text())
    return Scenario(**{**data, "house": houses.from_json(data["house"]), "inputs": tuple(data["inputs"])})


def _lines(items: Any) -> str:
    return "[\n" + ",\n".join("  " + json.dumps(item) for item in items) + "\n]"
