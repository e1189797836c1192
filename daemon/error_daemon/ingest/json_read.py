"""
JSON of others, read with no pause for the garbage collector.

A megabyte of "[],[],[]" is a third of a million objects, and the collector goes through them again and again while they are
made: 100 to 150 ms on the daemon's loop, and it finds nothing, for JSON has no cycles. Without it the same takes 40.
"""

from __future__ import annotations

import gc
import json
from typing import Any


def read_json(raw: bytes) -> Any:
    """Raises ValueError for what is not JSON, RecursionError for what is nested too deep."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        return json.loads(raw)
    finally:
        if was_on:
            gc.enable()
