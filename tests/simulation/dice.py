"""Chance that can be looked up: every draw has a name, and the same name has the same draw, whatever was drawn before.

So dropping one input of a scenario leaves the luck of all the others as it was, and a failing scenario can be made smaller.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import TypeVar

T = TypeVar("T")


class Dice:
    __slots__ = ("_salt",)

    def __init__(self, seed: int) -> None:
        self._salt = seed.to_bytes(16, "big")

    def uniform(self, *name: object) -> float:
        """In [0, 1)."""
        text = "/".join(map(str, name)).encode()
        return int.from_bytes(blake2b(text, digest_size=7, salt=self._salt).digest(), "big") / 2**56

    def happens(self, rate: float, *name: object) -> bool:
        return rate > 0.0 and self.uniform(*name) < rate

    def between(self, low: float, high: float, *name: object) -> float:
        return low + (high - low) * self.uniform(*name)

    def pick(self, options: Sequence[T], *name: object) -> T:
        return options[int(self.uniform(*name) * len(options))]
