"""Standing in for a function of somebody else, and going away again.

    before put     owner.name is before
    put            owner.name is ours, which calls before
    taken back     owner.name is before again; or, where others have put themselves on top of ours meanwhile, theirs:
                   then ours stays in their chain, switched off, and only passes on

Put again while it stands on top, nothing changes. Put again with others on top, a new one goes on top of those and the old one is
switched off: whether they call it can't be known, and so nothing is missed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

Function: TypeAlias = Callable[..., Any]


class Switch:
    """Whether one function of ours looks at what passes."""

    def __init__(self) -> None:
        self.is_on = True


class Patch:
    """`build(before, switch)` makes the function that takes the place of `owner.name`. Not safe for several threads at once."""

    def __init__(self, owner: object, name: str, build: Callable[[Function, Switch], Function]) -> None:
        self._owner = owner
        self._name = name
        self._build = build
        self._before: Function | None = None
        self._ours: Function | None = None
        self._switch = Switch()

    def put(self) -> None:
        current: Function = getattr(self._owner, self._name)
        if self._ours is not None and current is self._ours:
            return
        self._switch.is_on = False
        self._switch = Switch()
        self._before = current
        self._ours = self._build(current, self._switch)
        setattr(self._owner, self._name, self._ours)

    def take_back(self) -> None:
        if self._ours is None:
            return
        self._switch.is_on = False
        if getattr(self._owner, self._name) is self._ours:
            setattr(self._owner, self._name, self._before)
        self._ours = self._before = None
