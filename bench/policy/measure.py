"""Scenarios × policies × seeds, and what is said of them.

For each seed a world is drawn anew: its strategies, their rates, its incidents. All policies meet the same one. Figures of a seed are
over all its incidents; of them the median, the 10th and the 90th percentile over the seeds are given. Ratios are taken within a seed
first. `pooled` is the ratio of the sums over all seeds: downtime has a long tail, and a seed's ratio hangs on a handful of incidents
that a person ended.

`late` is over the second half of the incidents of each type: after 200 of 400. `adapted` is about a change of the best strategies: after
how many incidents what the last WINDOW took, which all came after the change, is at most WITHIN times what they took the oracle. That
hangs on luck; `expected` and `readapted` say the same by expectation (expected.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from statistics import mean, median, quantiles, stdev
from typing import Any, NamedTuple

from bench.policy.host import Account, Host
from bench.policy.policies import engine_of
from bench.policy.world import CHANGE_AT, TYPES, Scenario, Truth

WINDOW = 20
WITHIN = 1.10
BIN = 20
FIXED = "written"
ORACLES = ("oracle", "shortest")
Json = Any

_EVERY = tuple(range(len(TYPES)))
SCENARIOS = (
    Scenario("stationary", "nothing changes"),
    Scenario("drift of one", "the best strategies of one type change, at all levels", drifting=(0,)),
    Scenario("drift of all", "those of all types change, at all levels", drifting=_EVERY),
    Scenario("drift of level 1", "those of all types change, at level 1 alone", drifting=_EVERY, levels=(1,)),
    Scenario("many alike", "a hundred components that are alike", components=100),
    Scenario("components differ", "eight components with rates of their own", differ=1.0),
    Scenario("little to gain", "rates of a level lie a third as far apart", closeness=2 / 3),
)
_POLICIES = {"written": 1, "uniform": 1, "learned": 1, "oracle": 1, "shortest": 1}  # how many orders
_ALL_POLICIES = {**_POLICIES, "written": 3, "quickest": 1, "restart": 1, "cautious": 1, "downtime": 1}


class Row(NamedTuple):
    kind: int
    number: int
    downtime_s: float
    without_person_s: float
    attempts: int
    impact: float
    persons: int
    told: int
    held_s: float
    expected_s: float
    oracle_s: float


Runs = dict[str, list[list[Row]]]  # policy → for each order, all incidents


def run(seeds: int, per_type: int, say: Callable[[str], None]) -> Json:
    """{"scenarios": {name: figures}}. `per_type` is twice CHANGE_AT where `late` and `adapted` are to be what they say."""
    found: dict[str, Json] = {}
    with ProcessPoolExecutor() as pool:
        for scenario in SCENARIOS:
            say(f"policy: {scenario.name}, {seeds} seeds")
            worlds = list(pool.map(_world, [(scenario, seed, per_type) for seed in range(1, seeds + 1)]))
            found[scenario.name] = {**asdict(scenario), **_figures(scenario, worlds, per_type)}
            if scenario.drifting and per_type > CHANGE_AT + BIN:
                unchanged = found[SCENARIOS[0].name]["expected"]
                found[scenario.name]["readapted"] = _readapted(found[scenario.name]["expected"], unchanged)
    return {"seeds": seeds, "incidents_per_type": per_type, "types": len(TYPES), "scenarios": found}


def _world(what: tuple[Scenario, int, int]) -> Runs:
    """One seed: all policies in one world."""
    scenario, seed, per_type = what
    truth = Truth(scenario, seed)
    incidents = truth.incidents(per_type)
    policies = _ALL_POLICIES if scenario.name == SCENARIOS[0].name else _POLICIES
    runs: Runs = {}
    for policy, orders in policies.items():
        runs[policy] = []
        for order in range(orders):
            host = Host(truth, incidents)
            runs[policy].append([_row(one) for one in host.run(engine_of(policy, truth, host, order))])
    return runs


def _row(one: Account) -> Row:
    return Row(
        one.incident.kind,
        one.incident.number,
        one.downtime_s,
        one.downtime_s - one.person_s,
        one.attempts,
        one.impact,
        one.persons,
        one.told,
        one.held_s,
        one.expected_s,
        one.oracle_s,
    )


# --- figures


def _figures(scenario: Scenario, worlds: list[Runs], per_type: int) -> Json:
    drifting = [kind for kind in scenario.drifting if per_type > CHANGE_AT + WINDOW]
    policies = {}
    for name in worlds[0]:
        mine = [world[name] for world in worlds]
        policies[name] = {
            **_sums(mine),
            "ratio_to_fixed": _ratio(mine, [world[FIXED] for world in worlds], lambda row: row.downtime_s),
            "late": {oracle: _late(mine, [world[oracle] for world in worlds], per_type) for oracle in ORACLES},
            "curve": _curve(mine, [world["shortest"] for world in worlds], per_type, _EVERY),
        }
        if drifting:
            policies[name]["curve_of_changed"] = _curve(
                mine, [world["shortest"] for world in worlds], per_type, drifting
            )
            policies[name]["adapted"] = {
                figure: _adapted(mine, [world["oracle"] for world in worlds], per_type, drifting, figure)
                for figure in ("downtime_s", "without_person_s")
            }
    return {"policies": policies, "expected": _expected(worlds, per_type, drifting or _EVERY)}


def _expected(worlds: list[Runs], per_type: int, kinds: Iterable[int]) -> Json:
    """What the learned choices come to by expectation, beside the oracle's (expected.py): `late` over the second half of all incidents,
    with the standard error over the seeds; `curve` by bins of BIN incidents, of these `kinds`."""
    runs, wanted = [world["learned"][0] for world in worlds], set(kinds)
    late = [_gap([row for row in rows if row.number >= per_type // 2]) for rows in runs]

    def bin_from(first: int) -> list[list[Row]]:
        return [[row for row in rows if row.kind in wanted and first <= row.number < first + BIN] for rows in runs]

    curve = [
        {"from": first, "ratio": _gap([row for rows in bin_from(first) for row in rows])}
        for first in range(0, per_type - BIN + 1, BIN // 2)
    ]
    pooled = _gap([row for rows in runs for row in rows if row.number >= per_type // 2])
    error = stdev(late) / len(late) ** 0.5 if len(late) > 1 else 0.0
    return {"late": {**spread(late), "pooled": pooled, "standard_error": error}, "curve": curve}


def _gap(rows: Sequence[Row]) -> float:
    return sum(row.expected_s for row in rows) / sum(row.oracle_s for row in rows)


def _readapted(changed: Json, unchanged: Json) -> Json:
    """After how many incidents the expected downtime of BIN incidents in a row, which all came after the change, is for good within WITHIN
    of the oracle's; and of what it is at the same number where nothing changed. None: not among those measured."""
    pairs = [
        (one["from"] + BIN - CHANGE_AT, one["ratio"], other["ratio"])
        for one, other in zip(changed["curve"], unchanged["curve"], strict=True)
        if one["from"] >= CHANGE_AT
    ]
    return {
        "of_the_oracle": _for_good([(end, ratio <= WITHIN) for end, ratio, _ in pairs]),
        "of_the_unchanged": _for_good([(end, ratio <= WITHIN * usual) for end, ratio, usual in pairs]),
    }


def _for_good(ends: Sequence[tuple[int, bool]]) -> int | None:
    found = None
    for end, is_within in reversed(ends):
        if not is_within:
            break
        found = end
    return found


def _sums(mine: list[list[list[Row]]]) -> Json:
    def each(figure: Callable[[list[Row]], float]) -> Json:
        return spread([mean(figure(rows) for rows in orders) for orders in mine])

    return {
        "downtime_s": each(lambda rows: mean(row.downtime_s for row in rows)),
        "without_person_s": each(lambda rows: mean(row.without_person_s for row in rows)),
        "p95_s": each(lambda rows: quantiles([row.downtime_s for row in rows], n=20)[-1]),
        "median_s": each(lambda rows: median(row.downtime_s for row in rows)),
        "attempts": each(lambda rows: mean(row.attempts for row in rows)),
        "impact": each(lambda rows: mean(row.impact for row in rows)),
        "persons_per_100": each(lambda rows: 100 * mean(row.persons for row in rows)),
        "told_per_100": each(lambda rows: 100 * mean(row.told for row in rows)),
        "held_ratio": each(lambda rows: sum(row.held_s for row in rows) / sum(row.downtime_s for row in rows)),
    }


def _late(mine: list[list[list[Row]]], oracle: list[list[list[Row]]], per_type: int) -> Json:
    def is_late(row: Row) -> bool:
        return row.number >= per_type // 2

    return {
        "downtime": _ratio(mine, oracle, lambda row: row.downtime_s, is_late),
        "without_person": _ratio(mine, oracle, lambda row: row.without_person_s, is_late),
        "attempts": _ratio(mine, oracle, lambda row: row.attempts, is_late),
        "impact": _ratio(mine, oracle, lambda row: row.impact, is_late),
    }


def _ratio(
    mine: list[list[list[Row]]],
    others: list[list[list[Row]]],
    figure: Callable[[Row], float],
    is_wanted: Callable[[Row], bool] = lambda _row: True,
) -> Json:
    def total(orders: list[list[Row]]) -> float:
        return mean(sum(figure(row) for row in rows if is_wanted(row)) for rows in orders)

    above, below = [total(orders) for orders in mine], [total(orders) for orders in others]
    return {**spread([a / b for a, b in zip(above, below, strict=True)]), "pooled": sum(above) / sum(below)}


def _curve(
    mine: list[list[list[Row]]], oracle: list[list[list[Row]]], per_type: int, kinds: Iterable[int]
) -> list[Json]:
    """By bins of BIN incidents of a type: downtime beside that of `shortest`."""
    wanted = set(kinds)

    def fits(first: int) -> Callable[[Row], bool]:
        return lambda row: row.kind in wanted and first <= row.number < first + BIN

    return [
        {"from": first, **_ratio(mine, oracle, lambda row: row.downtime_s, fits(first))}
        for first in range(0, per_type - BIN + 1, BIN)
    ]


def _adapted(
    mine: list[list[list[Row]]], oracle: list[list[list[Row]]], per_type: int, kinds: Sequence[int], figure: str
) -> Json:
    """How many incidents after the change. Of each seed and type alone, and of all together; None: not among those measured."""
    pairs = [
        (_after(one[0], kind, figure), _after(other[0], kind, figure))
        for one, other in zip(mine, oracle, strict=True)
        for kind in kinds
    ]
    each = [_first_within(one, other) for one, other in pairs]
    together = [[sum(column) for column in zip(*side, strict=True)] for side in zip(*pairs, strict=True)]
    never = per_type - CHANGE_AT + 1
    counted = sorted(never if one is None else one for one in each)
    return {
        "median": median(counted),
        "p10": counted[len(counted) // 10],
        "p90": counted[-1 - len(counted) // 10],
        "never": sum(one is None for one in each) / len(each),
        "pooled": _first_within(*together),
        "pooled_running": [
            round(sum(together[0][end - WINDOW : end]) / sum(together[1][end - WINDOW : end]), 3)
            for end in range(WINDOW, len(together[0]) + 1, 5)
        ],
    }


def _after(rows: list[Row], kind: int, figure: str) -> list[float]:
    changed = [row for row in rows if row.kind == kind and row.number >= CHANGE_AT]
    return [getattr(row, figure) for row in sorted(changed, key=lambda row: row.number)]


def _first_within(mine: Sequence[float], oracle: Sequence[float]) -> int | None:
    for end in range(WINDOW, len(mine) + 1):
        if sum(mine[end - WINDOW : end]) <= WITHIN * sum(oracle[end - WINDOW : end]):
            return end
    return None


def spread(values: Sequence[float]) -> dict[str, float]:
    """Over the seeds."""
    ordered = sorted(values)
    tenth = len(ordered) // 10
    return {"median": median(ordered), "p10": ordered[tenth], "p90": ordered[-1 - tenth]}
