"""Waiting between attempts at one level: exponential, with full jitter (AWS Architecture Blog, "Exponential Backoff And
Jitter", 2015), so that errors with a common cause do not come back in step."""

from __future__ import annotations

from error_daemon.core.rng import Generator
from error_daemon.model import Backoff


def delay_s(backoff: Backoff, failures: int, rng: Generator) -> float:
    """Seconds to wait after `failures` (from 1) failed attempts: above 0, at most `cap_s`."""
    exponent = min(failures - 1, 16)  # far more than a level's attempts; keeps the power finite
    return min(backoff.base_s * backoff.factor**exponent, backoff.cap_s) * rng.uniform()
