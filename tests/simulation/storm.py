"""A seed's scenario: a house of its own, and an hour of storm over it."""

from __future__ import annotations

from random import Random
from typing import Any

from tests.simulation.house import HOUR_S, STRATEGIES, House, Illness, Patient
from tests.simulation.random_house import TENANTS, TYPES, random_house
from tests.simulation.reloading import random_reloads
from tests.simulation.scenario import Input, Scenario


def scenario(seed: int) -> Scenario:
    random = Random(seed)
    house = random_house(random)
    inputs = [*_storms(random, house), *_incidents(random, house), *_strays(random, house)]
    inputs += [
        *_deaths(random, house, inputs),
        *_disturbances(random, house),
        *_people(random, house, inputs),
        *_forecasts(random, house),
    ]
    inputs += random_reloads(random, house, [float(what["at"]) for what in inputs if what["do"] == "break"])
    return Scenario(seed, house, tuple(sorted(inputs, key=lambda what: float(what["at"]))))


# --- the hour


def _at(random: Random, until: float = HOUR_S) -> float:
    return round(random.uniform(0.0, until), 3)


def _soon(random: Random, breaks: list[float]) -> float:
    """Mostly in the moments after something broke."""
    if random.random() < 0.3:
        return _at(random)
    return round(random.choice(breaks) + random.expovariate(0.5), 3)


def _break(random: Random, at: float, patient: Patient) -> Input:
    return {"at": at, "do": "break", "target": patient.id, "illness": random.choice(patient.illnesses).id}


def _storms(random: Random, house: House) -> list[Input]:
    """Many fall ill within moments of each other."""
    inputs: list[Input] = []
    for _ in range(random.randint(1, 3)):
        begins, lasts = _at(random, HOUR_S - 60.0), random.choice((0.01, 1.0, 10.0))
        tenant = random.choice(TENANTS)
        struck = [patient for patient in house.patients if tenant in ("", patient.tenant)]
        inputs += [_break(random, round(begins + random.uniform(0.0, lasts), 3), patient) for patient in struck]
    return inputs


def _incidents(random: Random, house: House) -> list[Input]:
    inputs = [_break(random, _at(random), random.choice(house.patients)) for _ in range(random.randint(10, 30))]
    inputs += [
        {"at": _at(random), "do": "heal", "target": random.choice(house.patients).id}
        for _ in range(random.randint(0, 3))
    ]
    return inputs


def _strays(random: Random, house: House) -> list[Input]:
    """Faults from anybody, of what may be well, or not known at all; some in a burst."""
    inputs: list[Input] = []
    for _ in range(random.randint(0, 12)):
        at, what = _at(random), _stray(random, house)
        times = random.choice((1, 1, 1, 5))
        inputs += [{"at": round(at + 0.2 * number, 3), **what} for number in range(times)]
    return inputs


def _stray(random: Random, house: House) -> dict[str, Any]:
    patient = random.choice(house.patients)
    component = random.choice((patient.id, patient.id, "nobody"))
    what: dict[str, Any] = {
        "do": "report",
        "component": component,
        "type": random.choice(TYPES),
        "message": random.choice(("slow", "odd", "gone")),
    }
    if patient.is_named_by_fault and random.random() < 0.8:
        what["target"] = patient.id
    if random.random() < 0.2:
        what["fingerprint"] = f"own of {component}"
    if random.random() < 0.7:
        what["ago_s"] = random.choice((0.0, 0.0, 2.0, 300.0, -5.0))
    if random.random() < 0.3:
        what["severity"] = random.randint(1, 5)
    if random.random() < 0.2:
        what["count"] = random.randint(2, 1000)
    if random.random() < 0.1:
        what["retry_success"] = True
    return what


def _deaths(random: Random, house: House, inputs_before: list[Input]) -> list[Input]:
    """Of workers and of the daemon, where it hurts: mostly soon after something broke."""
    breaks = [float(what["at"]) for what in inputs_before if what["do"] == "break"]
    inputs: list[Input] = []
    for _ in range(random.randint(0, 6)):
        at = _soon(random, breaks)
        struck = random.sample(range(house.workers), random.choice((1, 1, house.workers)))
        inputs += [{"at": at, "do": "kill", "worker": worker} for worker in struck]
    for _ in range(random.choice((0, 1, 2, 3, 4))):
        down_s = random.choice((0.05, 1.0, 1.0, 30.0, 400.0))
        inputs.append({"at": _soon(random, breaks), "do": "crash", "after": random.randint(0, 60), "down_s": down_s})
    return inputs


def _disturbances(random: Random, house: House) -> list[Input]:
    inputs: list[Input] = [
        {"at": _at(random), "do": "set_clock", "by_s": random.choice((-3600.0, -10.0, -0.5, 0.5, 3600.0))}
        for _ in range(random.choice((0, 0, 1, 2)))
    ]
    inputs.append({"at": 0.0, "do": "commit", "lag_s": random.choice((0.1, 0.1, 2.0, 20.0))})
    inputs += [
        {"at": _at(random), "do": "commit", "lag_s": random.choice((None, 0.01, 0.1, 5.0, 60.0))}
        for _ in range(random.choice((0, 0, 1, 2)))
    ]
    for _ in range(random.choice((0, 1, 3))):
        illness = random.choice(random.choice(house.patients).illnesses)
        inputs.append(_drift(random, house, illness))
    for _ in range(random.choice((0, 0, 1, 2))):
        name, worse = random.choice((("lies", 0.5), ("cries", 0.3), ("blind", 1.0), ("takes_s", 5.0)))
        at, target = _at(random), random.choice(house.patients).id
        inputs.append({"at": at, "do": "probes", "target": target, name: worse})
        inputs.append({"at": round(at + random.choice((1.0, 60.0)), 3), "do": "probes", "target": target, name: 0.002})
    return inputs


def _drift(random: Random, house: House, illness: Illness) -> Input:
    strategy = random.choice(random.choice(list(STRATEGIES.values())))
    target = next(patient.id for patient in house.patients if illness in patient.illnesses)
    rate = random.choice((0.0, 0.5, 1.0))
    return {
        "at": _at(random),
        "do": "drift",
        "target": target,
        "illness": illness.id,
        "strategy": strategy,
        "rate": rate,
    }


def _people(random: Random, house: House, inputs_before: list[Input]) -> list[Input]:
    breaks = [float(what["at"]) for what in inputs_before if what["do"] == "break"]
    acts = ["resolve", "flush", "flush_all", "reset", "forget", "deny", "reset_breaker", "resume"]
    acts += ["approve"] * 4 + ["pause"] * 3
    inputs: list[Input] = []
    for _ in range(random.choice((0, 0, 2, 4, 8))):
        what: dict[str, Any] = {"at": _soon(random, breaks), "do": "person", "act": random.choice(acts)}
        what |= _how(random, what["act"], house)
        inputs.append(what)
    approving = {"do": "person", "act": "approve"}
    if any(patient.mode == "approve" for patient in house.patients):
        times = random.choice((0, 5, 20))
        inputs += [{"at": _soon(random, breaks), **approving, "pick": random.randrange(1000)} for _ in range(times)]
    return inputs


def _how(random: Random, act: str, house: House) -> dict[str, Any]:
    target = random.choice((None, random.choice(house.patients).id))
    if act == "pause":
        return {"target": target, "for_s": random.choice((0.0, 2.0, 60.0, 600.0))}
    if act in {"resume", "reset_breaker"}:
        return {"target": target}
    return {"pick": random.randrange(1000)}


def _forecasts(random: Random, house: House) -> list[Input]:
    return [
        {
            "at": _at(random),
            "do": "predict",
            "target": random.choice(house.patients).id,
            "probability": 0.9,
            "for_s": random.choice((1.0, 20.0, 1000.0)),
        }
        for _ in range(random.choice((0, 0, 1, 3)))
    ]
