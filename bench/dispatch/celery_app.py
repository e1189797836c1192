"""What Celery's workers run: a task that writes down when it began, and nothing else.

BENCH_BROKER   redis://...
BENCH_BEGUN    file to which each worker appends (number, CLOCK_MONOTONIC) as 16 bytes
"""

from __future__ import annotations

import os
import struct
import time
from functools import lru_cache
from typing import Any

import celery

BEGUN = struct.Struct("<qd")
TASK = "bench.began"

app: Any = celery.Celery("bench", broker=os.environ.get("BENCH_BROKER", ""))
app.conf.update(task_ignore_result=True, broker_connection_retry_on_startup=True, worker_hijack_root_logger=False)


def began(number: int, _fault: str) -> None:
    at = time.monotonic()  # first of all
    os.write(_file(), BEGUN.pack(number, at))


@lru_cache(maxsize=1)
def _file() -> int:
    """Of this process; appended to in one piece each, so that workers do not disturb each other."""
    return os.open(os.environ["BENCH_BEGUN"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)


app.task(name=TASK)(began)
