"""A house made up by a seed: targets that need each other, illnesses, rules, brakes."""

from __future__ import annotations

from random import Random
from typing import Any

from tests.simulation.house import STRATEGIES, Cure, House, Illness, Patient, Quality

TYPES = ("network", "resource", "hardware", "system", "database", "worker", "data", "timeout", "configuration")
TENANTS = ("", "", "north", "south", "west")


def random_house(random: Random) -> House:
    count = random.randint(4, 12)
    names = [f"target-{number}" for number in range(count)]
    is_flat = random.random() < 0.25  # nothing needs anything: all may be recovered side by side
    patients = tuple(_patient(random, name, [] if is_flat else names[:place]) for place, name in enumerate(names))
    return House(
        patients=patients,
        policy=_policy(random),
        bulkheads=random_bulkheads(random, names),
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


def random_bulkheads(random: Random, targets: list[str]) -> tuple[dict[str, Any], ...]:
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
    ladder = random_ladder(random)
    needs = tuple(random.sample(earlier, min(len(earlier), random.choice((0, 0, 1, 1, 2)))))
    illnesses = tuple(_illness(random, number, ladder) for number in range(random.randint(1, 3)))
    return Patient(
        id=name,
        ladder=ladder,
        illnesses=illnesses,
        needs=needs,
        needs_are_declared=random.random() < 0.8,
        tenant=random.choice(TENANTS),
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


def random_ladder(random: Random) -> dict[int, tuple[str, ...]]:
    levels = sorted(random.sample((1, 2, 3, 4, 5), random.randint(1, 4)))
    return {level: _some(random, STRATEGIES[level]) for level in levels}


def _some(random: Random, names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(random.sample(names, random.randint(1, len(names))))


def _illness(random: Random, number: int, ladder: dict[int, tuple[str, ...]]) -> Illness:
    offered = [name for names in ladder.values() for name in names]
    flaps = random.random() < 0.2
    return Illness(
        id=f"illness {'abc'[number]}",
        error_type=random.choice(TYPES),
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
