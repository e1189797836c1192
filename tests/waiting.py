"""Waiting for what is announced to nobody: look again and again, up to a bound that only something broken comes near."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

PATIENCE_S = 90.0
_PAUSE_S = 0.01
T = TypeVar("T")


def eventually(what: str, look: Callable[[], T | None], within_s: float = PATIENCE_S) -> T:
    """The first answer of `look` that is true. Fails with `what` when there is none in time."""
    deadline = time.monotonic() + within_s
    while not (answer := look()):
        assert time.monotonic() < deadline, f"not within {within_s:g} s: {what}"
        time.sleep(_PAUSE_S)
    return answer


async def soon(what: str, look: Callable[[], object], within_s: float = PATIENCE_S) -> None:
    """`eventually`, for a test on a loop that has to go on meanwhile."""
    deadline = time.monotonic() + within_s
    while not look():
        assert time.monotonic() < deadline, f"not within {within_s:g} s: {what}"
        await asyncio.sleep(_PAUSE_S)
