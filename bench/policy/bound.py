"""How near the oracle anybody could come: learners that are told more than a daemon can know, beside the engine's own, on the ladder alone.

Learners × scenarios × seeds, by expectation (expected.py), as ratios to the oracle that has B8 with the true rates. `late`: over incidents
200 to 400 of each type, the ratio of the sums over all seeds; `standard_error` and `less_than_learned` (how far below the engine's own,
with a standard error of its own) are of the ratios of the single seeds. `curve`: by WINDOW incidents of the types that change.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from statistics import mean, stdev
from typing import Any

from bench.policy.alone import Cost, climb, learner_of
from bench.policy.measure import SCENARIOS, WINDOW
from bench.policy.told import Told
from bench.policy.world import CHANGE_AT, TYPES, Scenario, Truth

Json = Any
OWN = "learned"
STILL = 2  # times as many seeds where nothing changes: learners are closer to each other there

_RANGES = {
    OWN: None,
    "told the ranges, draws": Told("draw"),
    "told the ranges, index": Told("index"),
    "told the ranges, shown all": Told("mean", is_shown=True),
}
_CHANGE = {
    OWN: None,
    "told of the change, draws": Told("draw", "anew"),
    "told of the change, index": Told("index", "anew"),
    "told what changed, index": Told("index", "those"),
    "told of the change, shown all": Told("mean", "anew", is_shown=True),
}
_NAMES = ("stationary", "drift of all", "drift of level 1", "components differ")


def run(seeds: int, per_type: int, say: Callable[[str], None]) -> Json:
    """{"scenarios": {name: {"seeds", "learners": {learner: figures}}}}."""
    found: dict[str, Json] = {}
    with ProcessPoolExecutor() as pool:
        for scenario in (one for one in SCENARIOS if one.name in _NAMES):
            count = seeds if scenario.drifting or scenario.differ else STILL * seeds
            say(f"bound: {scenario.name}, {count} seeds")
            worlds = list(pool.map(_world, [(scenario, seed, per_type) for seed in range(1, count + 1)]))
            own = [world[OWN] for world in worlds]
            learners = {
                name: _figures(scenario, [world[name] for world in worlds], own, per_type) for name in worlds[0]
            }
            found[scenario.name] = {"seeds": count, "learners": learners}
    return {"incidents_per_type": per_type, "types": len(TYPES), "scenarios": found}


def _world(what: tuple[Scenario, int, int]) -> dict[str, list[Cost]]:
    """One seed: all learners in one world."""
    scenario, seed, per_type = what
    truth = Truth(scenario, seed)
    first = min(CHANGE_AT, per_type // 2)
    return {
        name: climb(truth, per_type, learner_of(told, truth), first) for name, told in _learners_of(scenario).items()
    }


def _learners_of(scenario: Scenario) -> dict[str, Told | None]:
    if scenario.drifting:
        return _CHANGE
    return {name: told for name, told in _RANGES.items() if not scenario.differ or not told or told.explores == "draw"}


def _figures(scenario: Scenario, mine: list[list[Cost]], own: list[list[Cost]], per_type: int) -> Json:
    each = [_ratio(rows) for rows in mine]
    less = [_ratio(other) - ratio for other, ratio in zip(own, each, strict=True)]
    wanted = scenario.drifting or range(len(TYPES))
    changed = [row for rows in mine for row in rows if row.kind in wanted]
    return {
        "late": _ratio([row for rows in mine for row in rows]),
        "standard_error": _standard_error(each),
        "less_than_learned": mean(less),
        "less_standard_error": _standard_error(less),
        "curve": [
            {"after": begin + WINDOW - CHANGE_AT, "ratio": _ratio(rows)}
            for begin in range(CHANGE_AT, per_type - WINDOW + 1, WINDOW // 2)
            if (rows := [row for row in changed if begin <= row.number < begin + WINDOW])
        ],
    }


def _ratio(rows: Sequence[Cost]) -> float:
    return sum(row.expected_s for row in rows) / sum(row.oracle_s for row in rows)


def _standard_error(values: Sequence[float]) -> float:
    return stdev(values) / len(values) ** 0.5 if len(values) > 1 else 0.0
