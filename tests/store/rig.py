"""What the tests of the store share: rows as the daemon appends them, and a store whose callbacks are kept."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

import uvloop

from error_daemon.model import Json
from error_daemon.ports import Store
from error_daemon.settings import StoreSettings
from error_daemon.store.client import DuckStore
from error_daemon.store.opening import Patience
from tests.fakes.memory_store import MemoryStore

T0 = 1_700_000_000.0
DEADLINE_S = 60.0
QUICK = Patience(first_delay_s=0.02, longest_delay_s=0.2, lock_s=0.2, stop_s=20.0)
SETTINGS = StoreSettings.model_validate({"batch_interval": "5ms", "batch_rows": 50})


class AnyStore(Store, Protocol):
    """What the daemon uses of a store."""

    available: bool
    detail: str
    rows_written: int

    async def forget(self, error_type: str | None, strategy_id: str | None) -> int: ...


class Kept(AbstractAsyncContextManager["Kept"]):
    """A started store with what its callbacks were told, and waits with a limit."""

    def __init__(self, make: Callable[[Callable[[int], None], Callable[[str], None]], AnyStore]) -> None:
        self.committed: list[int] = []
        self.problems: list[str] = []
        self._news = asyncio.Event()
        self.store = make(self._on_committed, self._on_problem)

    async def __aenter__(self) -> Kept:
        await self.store.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.store.stop()

    def _on_committed(self, number: int) -> None:
        self.committed.append(number)
        self._news.set()

    def _on_problem(self, text: str) -> None:
        self.problems.append(text)
        self._news.set()

    async def until(self, holds: Callable[[], bool]) -> None:
        """Until the callbacks have made it true."""

        async def wait() -> None:
            while not holds():
                self._news.clear()
                await self._news.wait()

        await asyncio.wait_for(wait(), DEADLINE_S)

    async def written(self, number: int) -> None:
        await self.until(lambda: bool(self.committed) and self.committed[-1] >= number)

    async def query(self, name: str, **params: Json) -> list[dict[str, Json]]:
        return await self.store.query(name, **params)


def duck(path: Path, patience: Patience = QUICK, settings: StoreSettings = SETTINGS) -> Kept:
    return Kept(lambda on_committed, on_problem: DuckStore(str(path), settings, on_committed, on_problem, patience))


def memory(path: Path) -> Kept:
    return Kept(MemoryStore)


def run(test: Coroutine[Any, Any, None], on_uvloop: bool = True) -> None:
    """Run an async test on the loop that the daemon uses."""
    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop() if on_uvloop else asyncio.new_event_loop()
    try:
        loop.run_until_complete(asyncio.wait_for(test, 2 * DEADLINE_S))
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


def attempt(number: int, **columns: Json) -> dict[str, Json]:
    return {
        "id": f"a{number:06}",
        "error_id": "00000000000000e1",
        "decision_id": f"d{number:06}",
        "strategy_id": "restart",
        "target": "web",
        "level": 1,
        "error_type": "system",
        "started_at": T0 + number,
        "execution_time_s": 0.25,
        "outcome": "completed",
        "verdict": "recovered",
        "success": True,
        "impact_score": 0.5,
        "stability_score": -1.0,
        "lag_s": 0.001,
        "document": {"detail": 'said "no"', "readings": [1, None]},
        **columns,
    }


def score(error_type: str, strategy_id: str, value: float = 0.5) -> dict[str, Json]:
    return {
        "error_type": error_type,
        "strategy_id": strategy_id,
        "score": value,
        "last_updated": T0 + 0.123456,
        "samples": 2.5,
        "metrics": {"alpha": 1.5},
    }


def timeout(error_type: str, strategy_id: str) -> dict[str, Json]:
    return {"error_type": error_type, "strategy_id": strategy_id, "timeout": 3.5, "last_updated": T0}


def error(error_id: str, **columns: Json) -> dict[str, Json]:
    return {"error_id": error_id, "type": "system", "severity": 3, "attempts": 0, "flapping": False, **columns}
