"""A job of systemd: asked for, waited for, cancelled.

    asked for ──► queued ──► removed, with its result: done, failed, timeout, dependency, canceled, skipped ...
        │            │
     refused     cancelled by us

systemd tells of the end of a job in the signal JobRemoved, which may come before the answer that has the job's path. So signals are
gathered from before the question. reset-failed makes no job: its answer is its end.
"""

from __future__ import annotations

import asyncio

from error_daemon.units.bus import SYSTEMD, NoBus, Signal, SystemBus
from error_daemon.units.state import MANAGER, MANAGER_PATH

DONE = "done"
_METHODS = {
    "start": "StartUnit",
    "stop": "StopUnit",
    "restart": "RestartUnit",
    "reload": "ReloadUnit",
    "reload-or-restart": "ReloadOrRestartUnit",
}
RESET_FAILED = "reset-failed"
ACTIONS = (*_METHODS, RESET_FAILED)
_REMOVED = f"type='signal',sender='{SYSTEMD}',path='{MANAGER_PATH}',interface='{MANAGER}',member='JobRemoved'"


class Job:
    """One job on one unit. `path` is empty until it is queued."""

    def __init__(self, bus: SystemBus, action: str, unit: str) -> None:
        self._bus = bus
        self._action = action
        self._unit = unit
        self._results: dict[str, str] = {}
        self._ended = asyncio.get_running_loop().create_future()
        self.is_asked_for = False
        self.path = ""

    @property
    def number(self) -> str:
        return self.path.rpartition("/")[2]

    async def run(self) -> str:
        """Its result, when it has ended. Raises BusRefusal where there was no job; NoBus."""
        if self._action == RESET_FAILED:
            self.is_asked_for = True
            await self._bus.call(MANAGER_PATH, MANAGER, "ResetFailedUnit", "s", self._unit)
            return DONE
        await self._bus.hear(_REMOVED)
        with self._bus.listening(self._heard):
            self.is_asked_for = True
            [path] = await self._bus.call(MANAGER_PATH, MANAGER, _METHODS[self._action], "ss", self._unit, "replace")
            self.path = path
            if path not in self._results:
                await asyncio.wait({self._ended, self._bus.lost}, return_when=asyncio.FIRST_COMPLETED)
        if path not in self._results:
            raise NoBus(f"the system bus was lost while job {self.number} ran: how it ended is not known")
        return self._results[path]

    async def cancel(self) -> None:
        """Whoever queued a job may cancel it. Raises as `run`."""
        await self._bus.call(self.path, f"{SYSTEMD}.Job", "Cancel")

    def _heard(self, signal: Signal) -> None:
        if signal.member != "JobRemoved":
            return
        _, path, _, result = signal.body
        self._results[path] = result
        if path == self.path and not self._ended.done():
            self._ended.set_result(None)
