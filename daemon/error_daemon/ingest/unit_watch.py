"""A unit that should run has failed: told by systemd in a signal on the system bus, without polling.

Watched are the units of targets of kind `service`. When a unit's ActiveState becomes `failed`, it is looked at: another state means that
somebody, or systemd itself, has begun to start it again. Otherwise a fault is reported. A unit that had failed before it was watched is
reported, too. One that stays failed is reported again every minute, and a report that could not be taken is repeated at the next look.

A unit that is stopped, or ends with success, has not failed. While systemd restarts a unit itself (`Restart=`), its state is
`activating`: that is systemd's business until it gives up.

    no bus ──► watching ──► lost, or silent ──► no bus: said once, tried again every few seconds
                  └► each second: units that are new or were refused are looked at, those that are still failed are counted on

Whatever is asked is answered within `answer_s`, or the connection is given up and made anew: a systemd that does not answer must not look
like one that has nothing to tell.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from error_daemon.errors import ErrorRecoveryError, PermanentError, TransientError
from error_daemon.ingest.own_fault import not_running
from error_daemon.model import Target
from error_daemon.ports import Clock

if TYPE_CHECKING:  # D-Bus is loaded where a target has a unit
    from error_daemon.units.bus import Signal, SystemBus
    from error_daemon.units.state import UnitState

SOURCE = "sensor/systemd"
_FAILED = "failed"


class UnitWatch:
    """`take(payload)`: the intake. `on_problem(text)` hears of faults that could not be reported, and of units that cannot be watched."""

    def __init__(
        self,
        targets: Mapping[str, Target],
        clock: Clock,
        take: Callable[[bytes], object],
        on_problem: Callable[[str], None],
        *,
        repeat_s: float = 60.0,
        look_again_s: float = 1.0,
        connect_again_s: float = 5.0,
        answer_s: float = 10.0,
    ) -> None:
        self._units = _units(targets)  # target → unit
        self._clock = clock
        self._take = take
        self._on_problem = on_problem
        self._repeat_s = repeat_s
        self._look_again_s = look_again_s
        self._connect_again_s = connect_again_s
        self._answer_s = answer_s
        self._names: dict[str, str] = {}  # target → its unit's own name, where the definitions have another for it
        self._paths: dict[str, set[str]] = {}  # path of a unit that is heard → targets
        self._heard: set[str] = set()  # targets whose units are, and were looked at
        self._refused: set[str] = set()  # targets of which was said that their units cannot be watched
        self._reported_at: dict[str, float] = {}  # target that has failed → when that was taken; 0: not yet
        self._hushed: set[str] = set()
        self._looks: set[asyncio.Task[None]] = set()
        self._task: asyncio.Task[None] | None = None
        self._is_told = False  # that units are not watched
        self._is_started = False

    def start(self) -> None:
        """Watch every unit; report those that have failed."""
        self._is_started = True
        if self._units and (self._task is None or self._task.done()):
            self._task = asyncio.ensure_future(self._run())
            self._task.add_done_callback(self._ended)

    def stop(self) -> None:
        self._is_started = False
        if self._task is not None:
            self._task.cancel()
            self._task = None

    def redefine(self, targets: Mapping[str, Target]) -> None:
        """Watch these, and no others any more. What is known of a target whose unit is the same stays known."""
        before, self._units = self._units, _units(targets)
        for target_id in [name for name, unit in before.items() if self._units.get(name) != unit]:
            self._heard.discard(target_id)
            self._refused.discard(target_id)
            self._names.pop(target_id, None)
            self._reported_at.pop(target_id, None)
            for named in self._paths.values():
                named.discard(target_id)
        if self._is_started:
            self.start()

    def hush(self, target_id: str, is_hushed: bool) -> None:
        """A person breaks and recovers the target for a test: its failures are not reported until that is over. Then it is looked at."""
        if is_hushed:
            self._hushed.add(target_id)
            return
        self._hushed.discard(target_id)
        if target_id in self._units:
            self._reported_at[target_id] = 0.0

    # --- for who hears of units in another way

    def targets_of(self, unit: str) -> Sequence[str]:
        """The targets that have this unit, by whichever of its names."""
        return [name for name, defined in self._units.items() if unit in (defined, self._names.get(name))]

    def is_watched(self, target_id: str) -> bool | None:
        """Whether its failures are told of here. None: that is not known yet."""
        if target_id in self._heard:
            return True
        return False if self._is_told or target_id in self._refused else None

    def is_hushed(self, target_id: str) -> bool:
        return target_id in self._hushed

    def _ended(self, task: asyncio.Task[None]) -> None:
        """It runs until it is stopped; if ever it does not, somebody has to know."""
        if not task.cancelled() and (error := task.exception()):
            self._on_problem(f"units are not watched any more: {type(error).__name__}: {error}")

    # --- the connection

    async def _run(self) -> None:
        from error_daemon.units.bus import connect

        while True:
            try:
                bus = await connect()
                try:
                    with bus.listening(self._signalled(bus)):
                        await self._watch(bus)
                finally:
                    self._forget()
                    bus.close()
            except PermanentError as error:
                if not self._is_told:
                    self._on_problem(f"units are not watched: {error}")
                self._is_told = True
            await asyncio.sleep(self._connect_again_s)

    async def _watch(self, bus: SystemBus) -> None:
        """Until the connection is lost, or systemd is silent, which raises NoBus."""
        from error_daemon.units.bus import NoBus
        from error_daemon.units.state import MANAGER, MANAGER_PATH

        await self._answered(bus.call(MANAGER_PATH, MANAGER, "Subscribe"))
        while bus.is_open:
            for target_id in [name for name in self._units if name not in self._heard]:
                await self._attend(bus, target_id, self._hear)
            self._is_told = False
            now = self._clock.now()
            for target_id, reported_at in list(self._reported_at.items()):
                if now - reported_at >= self._repeat_s:
                    await self._attend(bus, target_id, self._look)
            await asyncio.wait({bus.lost}, timeout=self._look_again_s)
        raise NoBus("the system bus was lost")

    async def _answered(self, question: Awaitable[object]) -> None:
        from error_daemon.units.bus import NoBus

        try:
            await asyncio.wait_for(question, self._answer_s)
        except asyncio.TimeoutError:
            raise NoBus(f"systemd does not answer within {self._answer_s:g} s") from None

    async def _attend(self, bus: SystemBus, target_id: str, how: Callable[[SystemBus, str], Awaitable[None]]) -> None:
        """Hear of it, or look at it. A refusal is said once, and concerns this unit only: the next round tries again. Raises NoBus."""
        from error_daemon.units.bus import NoBus

        try:
            await self._answered(how(bus, target_id))
        except NoBus:
            raise
        except ErrorRecoveryError as error:
            if target_id not in self._refused:
                self._on_problem(f"the unit of {target_id} cannot be watched: {error}")
            self._refused.add(target_id)
        else:
            self._refused.discard(target_id)

    def _forget(self) -> None:
        for task in self._looks:
            task.cancel()
        self._paths.clear()
        self._heard.clear()

    async def _hear(self, bus: SystemBus, target_id: str) -> None:
        """Be told of the unit's states from now on, and look at that which it has."""
        from error_daemon.units.state import heard_of, state_of

        unit = self._units.get(target_id)
        if unit is None:
            return  # redefined meanwhile, here and below
        path = (await state_of(bus, unit)).path
        await bus.hear(heard_of(path))
        if self._units.get(target_id) != unit:
            return
        self._paths.setdefault(path, set()).add(target_id)
        await self._look(bus, target_id)
        if self._units.get(target_id) == unit:
            self._heard.add(target_id)

    # --- what it tells

    def _signalled(self, bus: SystemBus) -> Callable[[Signal], None]:
        def heard(signal: Signal) -> None:
            targets = self._paths.get(signal.path)
            if not targets or signal.member != "PropertiesChanged":
                return
            changed = signal.body[1].get("ActiveState")
            if changed is None:
                return
            for target_id in targets:
                if changed.value != _FAILED:
                    self._reported_at.pop(target_id, None)
                elif target_id not in self._reported_at:
                    task = asyncio.ensure_future(self._look_after_signal(bus, target_id))
                    self._looks.add(task)
                    task.add_done_callback(self._looks.discard)

        return heard

    async def _look_after_signal(self, bus: SystemBus, target_id: str) -> None:
        try:
            await self._answered(self._look(bus, target_id))
        except ErrorRecoveryError as error:
            self._on_problem(f"the unit of {target_id} has failed, and could not be looked at: {error}")
            if target_id in self._units:
                self._reported_at.setdefault(target_id, 0.0)  # so that the next round looks

    async def _look(self, bus: SystemBus, target_id: str) -> None:
        from error_daemon.units.state import state_of

        unit = self._units.get(target_id)
        if unit is None:
            return
        state = await state_of(bus, unit)
        if self._units.get(target_id) != unit:
            return  # redefined meanwhile
        self._names[target_id] = state.name
        if state.active == _FAILED:
            self._report(target_id, state)
        else:
            self._reported_at.pop(target_id, None)

    def _report(self, target_id: str, state: UnitState) -> None:
        if target_id in self._hushed:
            return
        now = self._clock.now()
        message = f"the unit {state.name} of {target_id} has failed: result {state.result or 'not known'}"
        self._reported_at[target_id] = now
        try:
            self._take(not_running(target_id, message, source=SOURCE, fingerprint="unit-failed", at=now))
        except ErrorRecoveryError as error:
            if isinstance(error, TransientError):
                self._reported_at[target_id] = 0.0
            self._on_problem(f"{message}, and that could not be taken: {error}")


def _units(targets: Mapping[str, Target]) -> dict[str, str]:
    return {target.id: target.params["unit"] for target in targets.values() if target.params.get("unit")}
