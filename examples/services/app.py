"""A service that leaks as much memory as the file /run/leak says, in MiB: something to break, for 60-memory-leak.yaml.example."""

from __future__ import annotations

import signal
import time
from pathlib import Path

LEAK = Path("/run/leak")
signal.signal(signal.SIGHUP, lambda *_: None)  # asked to let go of its caches: it has none, this is a leak
leaked: list[bytearray] = []

while True:
    if LEAK.exists():
        leaked.append(bytearray(b"x") * (int(LEAK.read_text()) << 20))
        LEAK.unlink()
    time.sleep(0.02)
