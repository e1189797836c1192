"""A job of systemd: asked for, waited for, cancelled.

    asked for ──► queued ──► removed, with its result: done, failed, timeout, dependency, canceled, skipped ...
        │            │
     refused     cancelled by us

systemd tells of the end of a job in the signal JobRemoved, which may come before the answer that has the job's path. So signals are
gathered from before the question. reset-failed makes no job: its answer is its end.

**With its group**: systemd adds jobs to a stop or restart, as its own dependency graph says: what requires the unit, is bound to it or is
part of it, and runs, is stopped or restarted too, in the order of After= and Before=. All of them are queued at once, so whoever of
the dependents has a job when ours is answered, or has had one since we asked, belongs to it. (EnqueueUnitJob would name them, but only
to root.)
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from error_daemon.units.bus import SYSTEMD, NoBus, Signal, SystemBus
from error_daemon.units.state import MANAGER, MANAGER_PATH, running_dependents

DONE = "done"
_METHODS = {
    "start": "StartUnit",
    "stop": "StopUnit",
    "restart": "RestartUnit",
    "reload": "ReloadUnit",
    "reload-or-restart": "ReloadOrRestartUnit",
}
RESET_FAILED = "reset-failed"
_REMOVED = f"type='signal',sender='{SYSTEMD}',path='{MANAGER_PATH}',interface='{MANAGER}',member='JobRemoved'"


class Job:
    """One job on one unit. `path` is empty until it is queued. `others`: of its group, by their paths, the units that they are for."""

    def __init__(self, bus: SystemBus, action: str, unit: str, *, with_group: bool = False) -> None:
        self.bus = bus
        self._action = action
        self.unit = unit
        self._with_group = with_group
        self._results: dict[str, str] = {}
        self._units: dict[str, str] = {}
        self._ended = asyncio.get_running_loop().create_future()
        self._asking: asyncio.Future[Sequence[Any]] | None = None
        self._is_whole = False  # its path is known, and `others`
        self.path = ""
        self.others: dict[str, str] = {}

    @property
    def number(self) -> str:
        return self.path.rpartition("/")[2]

    async def run(self) -> str:
        """Its result, when it has ended. Raises BusRefusal where there was no job; NoBus."""
        if self._action == RESET_FAILED:
            await self.bus.call(MANAGER_PATH, MANAGER, "ResetFailedUnit", "s", self.unit)
            return DONE
        await self.bus.hear(_REMOVED)
        with self.bus.listening(self._heard):
            await self._queue()
            if not self._have_all_ended():
                await asyncio.wait({self._ended, self.bus.lost}, return_when=asyncio.FIRST_COMPLETED)
        if not self._have_all_ended():
            raise NoBus(f"the system bus was lost while job {self.number} ran: how it ended is not known")
        return self._results[self.path]

    def ended_badly(self) -> dict[str, str]:
        """Of its group, the units whose jobs were not done, and how these ended."""
        ended = {unit: self._results.get(path, "not known") for path, unit in self.others.items()}
        return {unit: result for unit, result in ended.items() if result not in (DONE, "skipped")}

    async def _queue(self) -> None:
        dependents = await running_dependents(self.bus, self.unit) if self._with_group else []
        self._asking = asyncio.ensure_future(
            self.bus.call(MANAGER_PATH, MANAGER, _METHODS[self._action], "ss", self.unit, "replace")
        )
        self._asking.add_done_callback(self._answered)
        await asyncio.shield(self._asking)
        if dependents:
            [listed] = await self.bus.call(MANAGER_PATH, MANAGER, "ListUnitsByNames", "as", dependents)
            queued = {job: name for name, *_, number, _, job in listed if number}
            ended = {job: name for job, name in self._units.items() if name in dependents}
            self.others = {job: name for job, name in {**ended, **queued}.items() if job != self.path}
        self._is_whole = True

    def _answered(self, asking: asyncio.Future[Sequence[Any]]) -> None:
        """Also when whoever ran it was cancelled while the answer was on its way: the job is there, and may have to be cancelled."""
        if not asking.cancelled() and asking.exception() is None:
            [self.path] = asking.result()

    async def is_queued(self, within_s: float) -> bool:
        """Whether systemd has told its number; if it was asked and has not, wait so long for the answer."""
        if self._asking is not None:
            await asyncio.wait({self._asking}, timeout=within_s)
        return bool(self.path)

    def _have_all_ended(self) -> bool:
        return self._is_whole and self._results.keys() >= {self.path, *self.others}

    async def cancel(self) -> None:
        """Whoever queued a job may cancel it. Raises as `run`."""
        await self.bus.call(self.path, f"{SYSTEMD}.Job", "Cancel")

    def _heard(self, signal: Signal) -> None:
        if signal.member != "JobRemoved":
            return
        _, path, unit, result = signal.body
        self._results[path] = result
        self._units[path] = unit
        if self._have_all_ended() and not self._ended.done():
            self._ended.set_result(None)
