"""A process that puts, counts, marks and releases as fast as it can, and says what it was told. It is killed by the test.

Each line on standard output is written after the ring's call has returned: it stands for an acknowledgement.
"""

from __future__ import annotations

import itertools
import os
import sys
from pathlib import Path

from error_daemon.model import Priority, Progress, SlotState
from error_daemon.ring.mapped import Geometry
from error_daemon.ring.opening import open_ring


def main() -> None:
    slots = {Priority.CRITICAL: 1, Priority.HIGH: 1, Priority.NORMAL: 64, Priority.LOW: 1}
    ring = open_ring(Path(sys.argv[1]), Geometry(512, slots))
    kept = [found.slot for found in ring.kept()]
    say = sys.stdout.fileno()
    for number in itertools.count():
        if len(kept) == 64:
            slot = kept.pop(0)
            os.write(say, f"releasing {slot.sequence}\n".encode())
            ring.release(slot)
        payload = f"fault {number} ".encode() * (1 + number % 30)
        slot = ring.put(Priority.NORMAL, os.urandom(16), payload, 1, 1e9)
        os.write(say, f"put {slot.sequence} {payload.hex()}\n".encode())
        kept.append(slot)
        if number % 3 == 0:
            total = ring.add(slot, number)
            os.write(say, f"count {slot.sequence} {total}\n".encode())
        if number % 5 == 0:
            ring.mark(slot, Progress(SlotState.RUNNING, 3, 7, 2))
            os.write(say, f"running {slot.sequence}\n".encode())


main()
