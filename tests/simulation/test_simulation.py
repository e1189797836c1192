"""A quick share of the simulation; `make simulate SEEDS=...` runs as many as asked."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.simulation.run import one
from tests.simulation.scenario import load, save
from tests.simulation.shrink import Shrinking
from tests.simulation.simulate import simulate
from tests.simulation.storm import scenario

SEEDS = 240
PARTS = 4
ROOT = Path(__file__).parents[2]
KEPT = sorted((ROOT / "tests" / "scenarios").glob("*.json"))


@pytest.mark.parametrize("part", range(PARTS))
def test_no_hour_of_storm_breaks_a_promise(part: int) -> None:
    attempts = 0
    for seed in range(part, SEEDS, PARTS):
        result = simulate(scenario(seed))
        assert not result.promise, f"seed {seed}, {result.at_s:.3f} s: {result.promise}: {result.how}"
        attempts += result.attempts
    assert attempts > SEEDS // PARTS * 10, "there is something to keep promises about"


def test_the_same_seed_has_the_same_history_and_every_life_can_be_lived_again() -> None:
    for seed in range(8):
        result = simulate(scenario(seed), twice=True)
        assert result.digest
        assert not result.promise, f"seed {seed}: {result.promise}: {result.how}"


def test_the_history_is_the_same_in_another_process() -> None:
    """Whose hashes, and so whose order of sets, are others."""
    program = "from tests.simulation.test_simulation import digests; print(digests())"
    environment = {**os.environ, "PYTHONHASHSEED": "4711"}
    told = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert told.stdout.strip() == repr(digests())


def digests() -> list[str]:
    return [one(seed, twice_every=1).digest for seed in (5, 6)]


@pytest.mark.parametrize("path", KEPT, ids=lambda path: path.stem)
def test_a_kept_scenario_breaks_no_promise(path: Path) -> None:
    kept = load(path)
    assert kept.about, "it says what it is about"
    result = simulate(kept, twice=True)
    assert not result.promise, f"{result.promise}: {result.how}"


def test_a_scenario_is_the_same_after_it_was_written_and_read(tmp_path: Path) -> None:
    for seed in range(20):
        save(scenario(seed), tmp_path / "one.json")
        assert load(tmp_path / "one.json") == scenario(seed)


def test_a_failing_scenario_is_made_small() -> None:
    """Without room for any attempt no ticket can end; one fault is enough to show that."""
    whole = scenario(7)
    house = replace(whole.house, policy={**whole.house.policy, "capacity": 0})
    stuck = replace(whole, house=house)
    promise = simulate(stuck).promise
    assert promise == "in the end nothing waits"
    small = Shrinking(stuck, promise, twice=False, say=lambda _text: None).shrink()
    assert simulate(small).promise == promise
    assert (len(small.inputs), len(small.house.patients)) == (1, 1)
