"""The garbage collector, in a process of its own, which is the one that it changes."""

from __future__ import annotations

import subprocess
import sys

_SCRIPT = """
import gc
from error_daemon import garbage

walked = []
garbage.tame()
gc.callbacks.append(lambda phase, facts: walked.append(facts["generation"]) if phase == "stop" else None)
stays = [[number] for number in range({count})]
class Knot:
    count = 0
    def __del__(self):
        Knot.count += 1
knots = {knots}
while knots:
    knot = Knot()
    knot.itself = knot
    del knot
    knots -= 1
    stays += [[number] for number in range(1000)]
print(gc.get_freeze_count() >= len(stays) - 60_000, 2 in walked, Knot.count > {knots} - 60)
"""


def _said(count: int, knots: int) -> str:
    ran = subprocess.run(
        [sys.executable, "-c", _SCRIPT.format(count=count, knots=knots)], capture_output=True, text=True, check=True
    )
    return ran.stdout.strip()


def test_what_stays_is_frozen_and_never_walked_through_again_and_cycles_that_die_young_are_freed() -> None:
    assert _said(300_000, 200) == "True False True"
