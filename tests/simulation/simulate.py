"""One scenario, simulated: what came of it, and whether it is the same a second time."""

from __future__ import annotations

import time
import traceback
from dataclasses import dataclass
from hashlib import blake2b

from tests.simulation.scenario import Scenario
from tests.simulation.scene import Broken
from tests.simulation.world import World

RAISED = "the engine does not raise"


@dataclass(frozen=True, slots=True)
class Result:
    seed: int
    promise: str = ""  # the one that was broken; empty: none
    how: str = ""
    at_s: float = 0.0
    events: int = 0
    effects: int = 0
    faults: int = 0
    attempts: int = 0
    lives: int = 0
    took_s: float = 0.0  # of the CPU
    digest: str = ""  # of the whole history; empty: not asked for


def simulate(scenario: Scenario, *, twice: bool = False) -> Result:
    """`twice`: and again, and each life of the engine once more from what was fed to it; all must be the same, byte for byte."""
    began = time.process_time()
    world, broken = _run(scenario)
    digest = ""
    if twice and broken is None:
        digest = history(world)
        broken = _differs(scenario, world, digest)
    return Result(
        seed=scenario.seed,
        promise=broken.promise if broken else "",
        how=broken.how if broken else "",
        at_s=world.scene.t,
        events=world.events,
        effects=world.effects,
        faults=world.faults,
        attempts=world.promises.attempts.started,
        lives=len(world.lives),
        took_s=time.process_time() - began,
        digest=digest,
    )


def _run(scenario: Scenario) -> tuple[World, Broken | None]:
    world = World(scenario)
    try:
        world.run()
    except Broken as broken:
        return world, broken
    except Exception as error:  # noqa: BLE001  whatever it is, the engine must not have raised it
        last = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{last.filename.rpartition('/')[2]}, {last.name}"
        return world, Broken(f"{RAISED}: {type(error).__name__} in {place}", f"{error!r}, line {last.lineno}")
    return world, None


def history(world: World) -> str:
    """A digest of every effect of every life, as it is written."""
    digest = blake2b(digest_size=16)
    for daemon in world.lives:
        for effects in daemon.drained:
            digest.update(repr(effects).encode())
    return digest.hexdigest()


def _differs(scenario: Scenario, world: World, digest: str) -> Broken | None:
    for life, daemon in enumerate(world.lives):
        for number, (first, again) in enumerate(zip(daemon.drained, daemon.again(), strict=True)):
            if repr(first) != repr(again):
                return Broken("replay gives the same effects", f"life {life}, batch {number}: {first} != {again}")
    if history(_run(scenario)[0]) != digest:
        return Broken("same seed, same history", f"seed {scenario.seed}")
    return None
