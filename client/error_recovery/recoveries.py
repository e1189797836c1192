"""Recovery handlers for types of exceptions, registered at run time with the strategy that they want.

    @error_recovery.recovers(ConnectionError, strategy="reconnect")
    def reconnect_database(request): ...

A fault of such an exception, or of one that derives from it, says in its attributes what the application has for it:

    error_recovery.handler     the name under which the handler is offered: "reconnect_database"
    error_recovery.strategy    the strategy that it wants: "reconnect"; absent where it wants none

What is done is for the operator's definitions to say: a rule can ask for these attributes, and a strategy of kind `handler` can
take the handler's name from the fault (docs/client.md). Of several registered types the one nearest to the exception's own in its
method resolution order counts; of several handlers for one type, the newest.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from error_recovery.handler_runs import Handler

HANDLER = "error_recovery.handler"
STRATEGY = "error_recovery.strategy"
H = TypeVar("H", bound=Handler)


@dataclass(frozen=True, slots=True)
class Recovery:
    """A handler and how it is offered. `strategy`: the one that it wants; `name`: empty for the name of the function."""

    handler: Handler
    strategy: str = ""
    name: str = ""

    def __post_init__(self) -> None:
        if not callable(self.handler):
            raise TypeError(f"a handler is a function of one Request, and not a {type(self.handler).__name__}")

    @property
    def offered_as(self) -> str:
        name = self.name or getattr(self.handler, "__name__", "") or type(self.handler).__name__
        return "handler" if name == "<lambda>" else name


Registered: TypeAlias = "tuple[Recovery, tuple[type[BaseException], ...]]"


class Recoveries:
    """What is registered: one by one for good (`register`), and all at once in the place of those before (`give`). Safe for any
    thread; reading takes no lock."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._registered: list[Registered] = []
        self._given: list[Registered] = []
        self._by_type: dict[type[BaseException], Recovery] = {}
        self._by_name: dict[str, Handler] = {}
        self.on_change: Callable[[], None] = lambda: None
        """Called after each registration."""

    @property
    def handlers(self) -> Mapping[str, Handler]:
        """By the name under which each is offered."""
        return self._by_name

    def register(self, recovery: Recovery, *types: type[BaseException]) -> None:
        """Offers the handler, for exceptions of these types or, without any, by its name alone. Raises TypeError."""
        _check(types)
        with self._lock:
            self._registered.append((recovery, types))
            self._index()
        self.on_change()

    def give(self, given: Sequence[Registered]) -> None:
        """Takes the place of what was given before. Raises TypeError."""
        for _, types in given:
            _check(types)
        with self._lock:
            self._given = list(given)
            self._index()

    def clear(self) -> None:
        """Forgets all of them."""
        with self._lock:
            self._registered, self._given = [], []
            self._index()

    def attributes_of(self, exc: BaseException) -> dict[str, str]:
        """What a fault of `exc` says of the handler for it; empty where there is none."""
        by_type = self._by_type
        if not by_type:
            return {}
        for each in type(exc).__mro__:
            recovery = by_type.get(each)
            if recovery is not None:
                wanted = {STRATEGY: recovery.strategy} if recovery.strategy else {}
                return {HANDLER: recovery.offered_as, **wanted}
        return {}

    def _index(self) -> None:
        """Readers see the old or the new, and nothing between."""
        entries = [*self._registered, *self._given]
        self._by_name = {recovery.offered_as: recovery.handler for recovery, _ in entries}
        self._by_type = {each: recovery for recovery, types in entries for each in types}


def _check(types: Sequence[type[BaseException]]) -> None:
    for each in types:
        if not (isinstance(each, type) and issubclass(each, BaseException)):
            raise TypeError(f"{each!r} is not a type of exceptions")


recoveries = Recoveries()


def recovers(*types: type[BaseException], strategy: str = "", name: str = "") -> Callable[[H], H]:
    """Registers the decorated function as the recovery handler for exceptions of these types.

    `strategy`: the strategy that it wants, which rules can ask for; `name`: what it is offered as, else the function's own name.
    What it gets and may return: see `attach`. It is offered once `install` was called, before or after this.
    """

    def register(handler: H) -> H:
        recoveries.register(Recovery(handler, strategy, name), *types)
        return handler

    return register
