"""Looking at all errors that are known without holding the loop up: the fault path waits for one part at most."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TypeVar

PART = 256
T = TypeVar("T")


async def in_turns(items: Sequence[T], add: Callable[[Sequence[T]], None]) -> None:
    """`add` them in parts of PART; between two of them the loop has its turn."""
    for first in range(0, len(items), PART):
        if first:
            await asyncio.sleep(0)
        add(items[first : first + PART])
