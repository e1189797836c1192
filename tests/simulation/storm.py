"""A seed's scenario: a house of its own, and an hour of storm over it."""

from __future__ import annotations

from random import Random
from typing import Any

from tests.simulation.house import HOUR_S, STRATEGIES, Cure, House, Illness, Patient, Quality
from tests.simulation.scenario import Input, Scenario

_TYPES = ("network", "resource", "hardware", "system", "database", "worker", "data", "timeout", "configuration")
_TENANTS = ("", "", "north", "south", "west")


def scenario(seed: int) -> Scenario:
    random = Random(seed)
    house = _house(random)
    inputs = [*_storms(random, house), *_incidents(random, house), *_strays(random, house)]
    inputs += [
        *_deaths(random, house, inputs),
        *_disturbances(random, house),
        *_people(random, house, inputs),
        *_forecasts(random, house),
    ]
    return Scenario(seed, house, tuple(sorted(inputs, key=lambda what: float(what["at"]))))


# --- the house


def _house(random: Random) -> House:
    count = random.randint(4, 12)
    names = [f"target-{number}" for number in range(count)]
    patients = tuple(_patient(random, name, names[:place]) for place, name in enumerate(names))
    return House(
        patients=patients,
        policy=_policy(random),
        bulkheads=_bulkheads(random, names),
        workers=random.randint(1, 4),
        slots=random.choice((8, 256, 256)),
        hangs_rate=random.choice((0.0, 0.02, 0.1)),
    )


def _policy(random: Random) -> dict[str, Any]:
    policy: dict[str, Any] = {
        "capacity": random.choice((1, 2, 4, 8)),
        "flap_threshold_s": random.choice((0.5, 5.0, 5.0, 20.0)),
        "flap_longest_s": random.choice((5.0, 60.0, 300.0)),
        "retry_failed_after_s": random.choice((60.0, 300.0, 600.0)),
        "half_life_s": random.choice((600.0, 86400.0)),
        "seed": random.randrange(1 << 30),
    }
    if random.random() < 0.5:
        policy["throttle_per_s"] = random.choice((1, 3, 10))
    if random.random() < 0.5:
        policy["slow_start_s"] = random.choice((0.0, 30.0))
    if random.random() < 0.5:
        policy["global_limits"] = _global_limits(random)
    if random.random() < 0.5:
        policy["target_limits"] = _target_limits(random)
    return policy


def _global_limits(random: Random) -> dict[str, float]:
    return {
        "window_s": random.choice((10.0, 60.0, 600.0)),
        "ratio": random.choice((0.15, 0.5)),
        "samples": random.choice((3, 8, 20)),
        "open_s": random.choice((1.0, 30.0)),
    }


def _target_limits(random: Random) -> dict[str, float]:
    return {
        "failures": random.choice((1, 2, 5)),
        "window_s": random.choice((5.0, 30.0, 300.0)),
        "rolling_window_s": random.choice((300.0, 600.0)),
        "open_s": random.choice((1.0, 30.0)),
        "successes": random.choice((1, 3)),
    }


def _bulkheads(random: Random, targets: list[str]) -> tuple[dict[str, Any], ...]:
    bulkheads: list[dict[str, Any]] = []
    for number in range(random.choice((0, 0, 1, 3))):
        one: dict[str, Any] = {"id": f"bulkhead {number}", "max_concurrency": random.choice((1, 2, 4))}
        one["queue_size"] = random.choice((0, 2, 100))
        one["timeout_s"] = random.choice((0.5, 5.0, 60.0))
        one["fallback"] = random.choice(("wait", "fail", *(each["id"] for each in bulkheads)))
        if random.random() < 0.5:
            one["levels"] = sorted(random.sample((1, 2, 3, 4, 5), 2))
        if random.random() < 0.3:
            one["priorities"] = sorted(random.sample((0, 1, 2, 3), 2))
        if random.random() < 0.3:
            one["rules"] = sorted(random.sample(targets, 2))
        if random.random() < 0.3:
            one["per_tenant"] = True
        elif random.random() < 0.3:
            one["tenant"] = "north|south"
        bulkheads.append(one)
    return tuple(bulkheads)


def _patient(random: Random, name: str, earlier: list[str]) -> Patient:
    levels = sorted(random.sample((1, 2, 3, 4, 5), random.randint(1, 4)))
    ladder = {level: _some(random, STRATEGIES[level]) for level in levels}
    needs = tuple(random.sample(earlier, min(len(earlier), random.choice((0, 0, 1, 1, 2)))))
    illnesses = tuple(_illness(random, number, ladder) for number in range(random.randint(1, 3)))
    return Patient(
        id=name,
        ladder=ladder,
        illnesses=illnesses,
        needs=needs,
        needs_are_declared=random.random() < 0.8,
        tenant=random.choice(_TENANTS),
        mode=random.choice(("auto",) * 8 + ("approve", "observe")),
        isolate="cut-off" if random.random() < 0.15 else "",
        approval_expires_s=random.choice((5.0, 60.0)),
        hardware=random.choice(("", "", "rack 1", "rack 2")),
        response_class=random.choice(("", "", "transient", "permanent", "cascading")),
        entry_level=random.choice((1, 1, 3)),
        hold_s=random.choice((0.0, 0.0, 0.05, 1.0)),
        within_s=random.choice((0.1, 0.3, 1.0)),
        patience_s=random.choice((1.0, 5.0, 20.0)),
        window_s=random.choice((2.0, 30.0, 300.0)),
        probes=random.randint(1, 2),
        is_named_by_fault=random.random() < 0.2,
        quality=_quality(random),
        weight=random.choice((0.5, 1.0, 1.0, 5.0)),
    )


def _some(random: Random, names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(random.sample(names, random.randint(1, len(names))))


def _illness(random: Random, number: int, ladder: dict[int, tuple[str, ...]]) -> Illness:
    offered = [name for names in ladder.values() for name in names]
    flaps = random.random() < 0.2
    return Illness(
        id=f"illness {'abc'[number]}",
        error_type=random.choice(_TYPES),
        cures={name: _cure(random) for name in offered if random.random() < 0.6},
        severity=random.choice((0, 0, 0, 1, 2, 3, 4, 5)),
        report_every_s=random.choice((0.3, 2.0, 15.0)),
        most_reports=random.choice((1, 2, 4)),
        copies=random.choice((1, 1, 1, 50)),
        tells_when=random.choice(("now", "now", "never", "late")),
        heals_after_s=random.choice((0.0, 0.0, 3.0, 60.0)),
        comes_back=random.randint(1, 4) if flaps else 0,
        comes_back_after_s=random.choice((0.3, 2.0, 8.0)),
        is_seen=random.random() < 0.95,
        shows_on=random.randint(1, 2),
    )


def _cure(random: Random) -> Cure:
    return Cure(
        round(random.random(), 2), random.choice((0.02, 0.5, 2.0, 2.0, 6.0)), random.choice((0.0, 0.3, 0.9, 1.0))
    )


def _quality(random: Random) -> Quality:
    return Quality(
        lies=random.choice((0.0, 0.0, 0.0, 0.1)),
        cries=random.choice((0.0, 0.0, 0.0, 0.05)),
        blind=random.choice((0.0, 0.0, 0.0, 0.3)),
        takes_s=random.choice((0.002, 0.002, 0.05, 1.5)),
    )


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
        tenant = random.choice(_TENANTS)
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
        "type": random.choice(_TYPES),
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
