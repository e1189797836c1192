"""Looks at the host, recorded for the attempts that they stand for."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial

import pytest

from error_daemon.errors import StoreUnavailable
from error_daemon.model import Json
from error_daemon.ports import Row
from error_daemon.runtime import system_states
from error_daemon.runtime.clock import SteadyClock
from error_daemon.runtime.system_states import SystemStates
from tests.runtime.joined import HandStore


class ToldStore(HandStore):
    """`appended` is set with each row; the first `refused` are refused."""

    def __init__(self, refused: int = 0) -> None:
        super().__init__([])
        self.appended = asyncio.Event()
        self.refused = refused

    def append(self, table: str, row: Row) -> int:
        self.appended.set()
        if self.refused:
            self.refused -= 1
            raise StoreUnavailable("there is no room")
        return super().append(table, row)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system_states, "_AFTER_S", 0.001)
    monkeypatch.setattr(system_states, "_EVERY_S", 0.001)


async def _next(store: ToldStore) -> None:
    await asyncio.wait_for(store.appended.wait(), 30.0)
    store.appended.clear()


def test_one_look_stands_for_all_attempts_before_it() -> None:
    async def go() -> list[tuple[str, Mapping[str, Json]]]:
        store = ToldStore()
        states = SystemStates(store, SteadyClock(), lambda: {"load": [1.0]})
        states.attempted("a1")
        states.attempted("a2")
        await _next(store)
        states.attempted("a3")
        await _next(store)
        states.attempted("a4")
        await states.finish()
        states.attempted("a5")
        await states.finish()
        return store.rows

    rows = asyncio.run(go())
    assert [(table, row["attempts"], row["document"]) for table, row in rows] == [
        ("system_states", ["a1", "a2"], {"load": [1.0]}),
        ("system_states", ["a3"], {"load": [1.0]}),
        ("system_states", ["a4"], {"load": [1.0]}),
    ]


def test_a_look_that_fails_does_not_end_the_looks() -> None:
    async def go() -> list[Json]:
        store = ToldStore(refused=1)
        looks = iter([ValueError("no /proc")])
        failed = asyncio.Event()
        tell = partial(asyncio.get_running_loop().call_soon_threadsafe, failed.set)

        def look() -> dict[str, Json]:
            for error in looks:
                tell()
                raise error
            return {}

        states = SystemStates(store, SteadyClock(), look)
        states.attempted("a1")  # its look fails
        states.attempted("a2")
        await asyncio.wait_for(failed.wait(), 30.0)
        states.attempted("a3")  # its row is refused
        await _next(store)
        states.attempted("a4")
        await states.finish()
        return [row["attempts"] for _, row in store.rows]

    assert asyncio.run(go()) == [["a4"]]
