"""Values of which some are made for every fault."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from typing_extensions import dataclass_transform
else:

    def dataclass_transform(**_options: object) -> object:
        return lambda decorator: decorator


T = TypeVar("T")


@dataclass_transform(frozen_default=True)
def value(kind: type[T]) -> type[T]:
    """A dataclass that nobody writes to: mypy sees to that, and not Python, because freezing a dataclass makes it take four to eight
    times as long to make one. Equal values are the same key of a dictionary."""
    return dataclass(slots=True, unsafe_hash=True)(kind)
