"""group_restart: stop a group of processes, dependents first, then start them, each after those that it depends on.

    checked ──► held ──► stopped, last to first ──► started, first to last, each seen well before the next ──► completed
       │                      │                         │
    refused           failed, timed_out         failed, timed_out: what is still stopped is named

**Checked** before anything is stopped: every member is of kind `process` and has a command and a pid file. **Held**: the lock of
every member's instance, in the order of their pid files, so that groups that overlap wait for each other without a deadlock.
**Seen well**: one look with all its probes has at least one ok and no not_ok; a member without probes is well while its process
lives. Looks are a few milliseconds apart at first.

**A member does not come up** when it can't be started, or when its process is gone and stays gone for `_GONE_S` (a service that puts
itself into the background writes its own pid file a moment later). Nothing is started on top of it; members that do not depend on
it are. The attempt has failed. When the deadline comes first, it has timed out: too little time is learned from that. Either way
what was started is left running, and the detail says who did not come up and what was seen of it, who was started, and who is
still stopped; of these, who ran before.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

from error_daemon.errors import InputError, PermanentError
from error_daemon.execute import instance as instances
from error_daemon.execute.frames_pb2 import ProbeReading
from error_daemon.execute.instance import Hold, Instance
from error_daemon.execute.strategies.contract import Context, Member, Result
from error_daemon.model import OutcomeKind, ReadingValue
from error_daemon.processes.identity import Identity

_FIRST_DELAY_S = 0.005
_GROWTH = 1.6
_LONGEST_DELAY_S = 0.25
_GONE_S = 0.5


@dataclass(slots=True)
class _Step:
    """A member, and how far it has come."""

    member: Member
    instance: Instance
    before: Identity | None = None
    is_stopped: bool = False  # by us, or about to be
    started: Identity | None = None
    is_well: bool = False


class GroupRestart:
    async def run(self, context: Context) -> Result:
        steps = [_Step(member, _instance(member, context)) for member in context.group]
        _refuse_odd(steps)
        restart = _Restart(steps)
        try:
            return await restart.run()
        except asyncio.CancelledError:
            # the deadline; or the worker leaves, and then nobody hears it
            restart.problems.append(f"{restart.doing} when the deadline of {context.timeout_s:g} s came")
            return restart.unfinished(OutcomeKind.TIMED_OUT)


def _instance(member: Member, context: Context) -> Instance:
    if member.kind != "process":
        raise InputError(member.id, f"is of kind {member.kind}: only processes can be restarted in a group")
    try:
        return instances.instance_of(member.params, context.params)
    except InputError as error:
        raise InputError(f"{member.id}.{error.field}", error.problem) from error


def _refuse_odd(steps: Sequence[_Step]) -> None:
    if not steps:
        raise InputError("group", "has no members")
    pid_files = [step.instance.pid_file for step in steps]
    twice = next((name for name in pid_files if pid_files.count(name) > 1), None)
    if twice is not None:  # it would wait for its own lock
        raise InputError("group", f"has two members with the pid file {twice}")


class _Restart:
    """One restart of a group; its notes are true at every moment, because the deadline may end it at any."""

    def __init__(self, steps: Sequence[_Step]) -> None:
        self._steps = steps
        self.doing = "was waiting for another restart of a member"
        self.problems: list[str] = []

    async def run(self) -> Result:
        async with AsyncExitStack() as stack:
            try:
                earlier = self._note_who_runs()
                holds = await self._hold(stack)
                now = self._note_who_runs()
                had_to_wait = any(held.had_to_wait for held in holds.values())
                if had_to_wait and all(one and one != other for one, other in zip(now, earlier, strict=True)):
                    return Result(detail="restarted meanwhile by another attempt")
            except OSError as error:
                raise PermanentError(f"{_why(error)}; nothing was stopped") from error
            if await self._stop() and await self._start(holds):
                return self._finished()
            return self.unfinished(OutcomeKind.FAILED)

    def _note_who_runs(self) -> list[Identity | None]:
        for step in self._steps:
            named = instances.running(step.instance)
            step.before = named if named is not None and named.lives() else None
        return [step.before for step in self._steps]

    async def _hold(self, stack: AsyncExitStack) -> dict[str, Hold]:
        in_order = sorted(self._steps, key=lambda step: step.instance.pid_file)
        return {step.member.id: await stack.enter_async_context(instances.hold(step.instance)) for step in in_order}

    async def _stop(self) -> bool:
        """Whether all are stopped, dependents first."""
        for step in reversed(self._steps):
            self.doing = f"was stopping {step.member.id}"
            step.is_stopped = True
            try:
                await instances.stop(step.instance)
            except Exception as error:  # noqa: BLE001 whatever it is, nobody is left stopped in silence
                step.is_stopped = False
                self.problems.append(f"{step.member.id} could not be stopped: {_why(error)}")
                return False
        return True

    async def _start(self, holds: dict[str, Hold]) -> bool:
        """Whether all came up. Nothing is started on top of what did not."""
        down: set[str] = set()
        for step in self._steps:
            member = step.member
            if down & member.depends_on:
                down.add(member.id)
                continue
            try:
                step.started = instances.start(step.instance, holds[member.id])
                problem = await self._see_well(step)
            except Exception as error:  # noqa: BLE001 whatever it is, nobody is left stopped in silence
                problem = _why(error)
            if problem:
                down.add(member.id)
                self.problems.append(f"{member.id} did not come up: {problem}")
        return not down

    async def _see_well(self, step: _Step) -> str:
        """Wait until it is; or why it will not be, in words."""
        loop = asyncio.get_running_loop()
        delay_s = _FIRST_DELAY_S
        lived_at = loop.time()
        self.doing = f"{step.member.id} was started and not looked at yet"
        while True:
            readings = await step.member.look()
            lives = _lives(step.instance)
            step.is_well = _is_well(readings) if step.member.has_probes else lives
            if step.is_well:
                return ""
            seen = _seen(readings)
            self.doing = f"{step.member.id} was started and not well yet{seen}"
            lived_at = loop.time() if lives else lived_at
            if loop.time() - lived_at >= _GONE_S:
                return f"its process is gone{seen}"
            await asyncio.sleep(delay_s)
            delay_s = min(_LONGEST_DELAY_S, delay_s * _GROWTH)

    def _finished(self) -> Result:
        done = ", ".join(map(_name, self._steps))
        count = len(self._steps)
        return Result(detail=f"started, each seen well: {done}", affected_tasks=count, recovered_tasks=count)

    def unfinished(self, kind: OutcomeKind) -> Result:
        started = [_name(step) for step in self._steps if step.started is not None]
        stopped = [_name(step) for step in self._steps if step.is_stopped and step.started is None]
        untouched = [step.member.id for step in self._steps if not step.is_stopped]
        parts = [*self.problems]
        for words, names in (("started", started), ("still stopped", stopped), ("not touched", untouched)):
            if names:
                parts.append(f"{words}: {', '.join(names)}")
        well = sum(step.is_well for step in self._steps)
        return Result(kind, "; ".join(parts), affected_tasks=len(self._steps), recovered_tasks=well)


def _is_well(readings: Sequence[ProbeReading]) -> bool:
    values = {reading.value for reading in readings}
    return ReadingValue.OK.value in values and ReadingValue.NOT_OK.value not in values


def _seen(readings: Sequence[ProbeReading]) -> str:
    """ " (db-answers not_ok: connection refused by 127.0.0.1:5432)": what keeps it from being well."""
    bad = [f"{one.probe} {one.value}: {one.detail}" for one in readings if one.value != ReadingValue.OK.value]
    return f" ({'; '.join(bad)})" if bad else ""


def _lives(instance: Instance) -> bool:
    """Whether the process that its pid file names by now is there."""
    named = instances.running(instance)
    return named is not None and named.lives()


def _name(step: _Step) -> str:
    if step.started is not None:
        return f"{step.member.id} (pid {step.started.pid})"
    return f"{step.member.id} (ran before)" if step.before is not None else step.member.id


def _why(error: Exception) -> str:
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}"
    return str(error) if isinstance(error, PermanentError) else f"{type(error).__name__}: {error}"
