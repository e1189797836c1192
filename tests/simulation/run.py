"""`make simulate SEEDS=N`: N seeds of an hour of storm each, on every core. The first that breaks a promise is made small and shown.

    python -m tests.simulation.run [--seeds N] [--first SEED] [--twice-every N] [--processes N] [--out DIRECTORY]

Exits with 1 if a promise was broken. The scenario is written into tests/scenarios/, where the tests replay it from then on.
"""

from __future__ import annotations

import argparse
import gc
import json
import multiprocessing
import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from tests.simulation.scenario import Scenario, save
from tests.simulation.shrink import Shrinking
from tests.simulation.simulate import Result, simulate
from tests.simulation.storm import scenario

SCENARIOS = Path(__file__).parents[1] / "scenarios"
_CHUNK = 8
_SAY_EVERY_S = 1.0


@dataclass(slots=True)
class Totals:
    seeds: int = 0
    events: int = 0
    effects: int = 0
    faults: int = 0
    attempts: int = 0
    crashes: int = 0
    twice: int = 0
    cpu_s: float = 0.0
    began_at: float = 0.0

    def add(self, result: Result) -> None:
        self.seeds += 1
        self.events += result.events
        self.effects += result.effects
        self.faults += result.faults
        self.attempts += result.attempts
        self.crashes += result.lives - 1
        self.twice += bool(result.digest)
        self.cpu_s += result.took_s

    def text(self) -> str:
        per_seed = (
            f"{1000 * self.cpu_s / max(self.seeds, 1):.0f} ms and {self.events // max(self.seeds, 1):,} events a seed"
        )
        counts = f"{self.seeds:,} seeds · {self.events:,} events · {self.faults:,} faults · {self.attempts:,} attempts"
        passed_s = time.perf_counter() - self.began_at
        return f"{counts} · {self.crashes:,} crashes · {self.twice:,} lived twice · {per_seed} · {passed_s:.0f} s"


def one(seed: int, twice_every: int) -> Result:
    """In a process of the pool. Garbage is collected between seeds: a simulation makes little, and keeps all of it."""
    gc.disable()
    if seed % 16 == 0:
        gc.collect()
    return simulate(scenario(seed), twice=bool(twice_every) and seed % twice_every == 0)


def results(seeds: Sequence[int], processes: int, twice_every: int) -> Iterator[Result]:
    work = partial(one, twice_every=twice_every)
    if processes == 1:
        yield from map(work, seeds)
        return
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        yield from pool.imap_unordered(work, seeds, chunksize=_CHUNK)


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    totals = Totals(began_at=time.perf_counter())
    said_at = 0.0
    for result in results(range(options.first, options.first + options.seeds), options.processes, options.twice_every):
        totals.add(result)
        if result.promise:
            _end_line()
            print(totals.text())
            _show(result, options.out)
            return 1
        if time.perf_counter() - said_at > _SAY_EVERY_S:
            said_at = time.perf_counter()
            _line(totals.text())
    _end_line()
    print(totals.text())
    print("every promise was kept")
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=1000, help="how many")
    parser.add_argument("--first", type=int, default=0, help="the first of them")
    parser.add_argument(
        "--twice-every", type=int, default=20, help="every so many are simulated twice and replayed; 0: none"
    )
    parser.add_argument("--processes", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--out", type=Path, default=SCENARIOS, help="where the scenario of a broken promise goes")
    return parser.parse_args(arguments)


def _show(result: Result, out: Path) -> None:
    print(f"seed {result.seed} broke a promise after {result.at_s:.3f} s: {result.promise}\n    {result.how}")
    small = _small(result)
    slug = "-".join("".join(c if c.isalnum() else " " for c in result.promise.lower()).split())[:60]
    path = out / f"{slug}-{result.seed}.json"
    save(small, path)
    print("the smallest scenario that breaks it:")
    for what in small.inputs:
        print("   ", json.dumps(what))
    print(f"{len(small.house.patients)} targets; the whole of it is in {path}")


def _small(result: Result) -> Scenario:
    whole = replace(scenario(result.seed), broke=f"{result.promise}: {result.how}"[:400])
    shrinking = Shrinking(whole, result.promise, twice="same" in result.promise, say=_line)
    small = shrinking.shrink()
    _end_line()
    return small


def _line(text: str) -> None:
    if sys.stdout.isatty():
        print(f"\r\033[K{text[:200]}", end="", flush=True)


def _end_line() -> None:
    if sys.stdout.isatty():
        print("\r\033[K", end="")


if __name__ == "__main__":
    sys.exit(main())
