"""A worker that does jobs, the files in /var/spool/queue-worker: something to break, for 60-queue-worker.yaml.example.

It touches its heartbeat when it has done a job, or has found none: never from a thread of its own, which would go on beating while
the work hangs.
"""

from __future__ import annotations

import signal
import time
from pathlib import Path

QUEUE = Path("/var/spool/queue-worker")
HEARTBEAT = Path("/run/queue-worker/heartbeat")
signal.signal(signal.SIGHUP, lambda *_: None)  # where a real one connects to its queue anew
QUEUE.mkdir(parents=True, exist_ok=True)

while True:
    jobs = sorted(QUEUE.iterdir())
    if jobs:
        jobs[0].unlink()
    HEARTBEAT.touch()
    if not jobs:
        time.sleep(0.1)
