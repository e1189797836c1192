"""Records how the host was when attempts were made (D4): one look for all that were started shortly before it.

A look takes milliseconds of a thread, so it is taken a little after an attempt was handed out, and at most every `_EVERY_S`; the row
names the attempts that it stands for. In a storm that is one row each two seconds, whatever there is to recover.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from error_daemon.errors import StoreUnavailable
from error_daemon.model import Json
from error_daemon.ports import Clock, Store

_log = structlog.get_logger()
_AFTER_S = 0.05  # not while the attempt is on its way
_EVERY_S = 2.0
_MOST_ATTEMPTS = 1000  # named in a row


class SystemStates:
    """`look()` blocks: it is called in a thread."""

    def __init__(self, store: Store, clock: Clock, look: Callable[[], dict[str, Json]]) -> None:
        self._store = store
        self._clock = clock
        self._look = look
        self._attempts: list[str] = []
        self._timer: asyncio.TimerHandle | None = None
        self._looking: asyncio.Task[None] | None = None
        self._looked_at = 0.0
        self._is_closed = False

    def attempted(self, attempt_id: str) -> None:
        """An attempt has been handed out."""
        if self._is_closed or len(self._attempts) >= _MOST_ATTEMPTS:
            return
        self._attempts.append(attempt_id)
        if self._timer is None and self._looking is None:
            self._set_timer()

    async def finish(self) -> None:
        """The last look, where attempts wait for one. Nothing is looked at after it."""
        self._is_closed = True
        if self._timer:
            self._timer.cancel()
        if self._looking:
            await asyncio.wait({self._looking})
        if self._attempts:
            await self._record()

    def _set_timer(self) -> None:
        delay_s = max(_AFTER_S, self._looked_at + _EVERY_S - self._clock.now())
        self._timer = asyncio.get_running_loop().call_later(delay_s, self._begin)

    def _begin(self) -> None:
        self._timer = None
        self._looking = asyncio.ensure_future(self._record())

    async def _record(self) -> None:
        attempts, self._attempts = self._attempts, []
        at = self._looked_at = self._clock.now()
        try:
            state = await asyncio.get_running_loop().run_in_executor(None, self._look)
            row = {"id": f"{at:.6f}", "at": at, "attempts": attempts, "document": state}
            self._store.append("system_states", row)
        except StoreUnavailable:
            pass  # recoveries go on without it
        except Exception as error:  # noqa: BLE001  a look that fails must not end the looks
            _log.error("system_state_unknown", exc_info=error)
        self._looking = None
        if self._attempts and not self._is_closed:
            self._set_timer()
