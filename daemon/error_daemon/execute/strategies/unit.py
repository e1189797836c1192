"""unit: start, stop, restart or reload a unit of systemd, or reset its failed state. Completed if the job's result is "done".

    looked at ──► job asked for ──► job ended: completed if done, else failed
       │               │                │
    refused         refused         timed_out: the job is cancelled

**Refused**, because nothing was run: no system bus, no such unit, an action that it has not or not now, no permission (the daemon's user
needs a polkit rule: docs/units.md). No program is started and no privilege is needed: systemd does it, and polkit says who may ask.

**At the deadline** the job is cancelled. What it has begun stays: a service that was starting goes on to start, one that was stopped for
a restart stays down; the detail says how the unit was then. A worker that leaves cancels nothing: systemd ends the job without us.

**`graph: systemd`**: the jobs that systemd adds to this one, as its own dependencies say, are waited for too, and all must be done.

The detail names the main process before and after by pid and start ticks, so that a new one is known from the old.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from error_daemon.errors import PermanentError
from error_daemon.execute.params import required
from error_daemon.execute.strategies.contract import Context, Result
from error_daemon.model import OutcomeKind
from error_daemon.processes.identity import identify
from error_daemon.units.bus import BusRefusal, NoBus, SystemBus, system_bus
from error_daemon.units.job import DONE, Job
from error_daemon.units.state import UnitState, state_of

_CANCEL_S = 0.5
_NOT_ALLOWED = {
    "org.freedesktop.DBus.Error.AccessDenied",
    "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired",
}
_NOTHING_RUN = {
    *_NOT_ALLOWED,
    "org.freedesktop.systemd1.NoSuchUnit",
    "org.freedesktop.systemd1.UnitMasked",
    "org.freedesktop.systemd1.OnlyByDependency",
    "org.freedesktop.systemd1.JobTypeNotApplicable",
    "org.freedesktop.systemd1.ShuttingDown",
    "org.freedesktop.systemd1.BusShuttingDown",
}


class UnitAction:
    async def run(self, context: Context) -> Result:
        unit = str(context.params.get("unit") or required(context.target, "unit"))
        action = str(required(context.params, "action"))
        try:
            bus = await system_bus()
            before = await state_of(bus, unit)
        except (NoBus, BusRefusal) as error:  # nothing was run
            return Result(OutcomeKind.REFUSED, f"{action} of {unit}: {error}")
        if before.load not in ("loaded", "masked"):  # who is masked may still be stopped
            return Result(OutcomeKind.REFUSED, f"{action} of {unit}: its definition is {before.load}")
        was = _process(before)
        job = Job(bus, action, unit, with_group=context.params.get("graph") == "systemd")
        try:
            result = await job.run()
        except BusRefusal as error:
            kind = OutcomeKind.REFUSED if error.name in _NOTHING_RUN else OutcomeKind.FAILED
            hint = ": no polkit rule allows it to this user" if error.name in _NOT_ALLOWED else ""
            return Result(kind, f"{action} of {unit}{hint}: {error}")
        except asyncio.CancelledError:
            if context.programs.is_closed:  # the worker leaves
                raise
            return Result(OutcomeKind.TIMED_OUT, await _give_up(job, action, context.timeout_s))
        said = await _now(bus, unit, was)
        if job.others:
            said += f"; with it, as systemd's dependencies say: {', '.join(sorted(job.others.values()))}"
        if badly := job.ended_badly():
            ended = ", ".join(f"that of {other} with {how}" for other, how in sorted(badly.items()))
            return Result(
                OutcomeKind.FAILED, f"{action} of {unit}: job {job.number} ended with {result}, {ended}; {said}"
            )
        if result == DONE:
            return Result(detail=f"{action} of {unit}: done; {said}")
        return Result(OutcomeKind.FAILED, f"{action} of {unit}: job {job.number} ended with {result}; {said}")


def _process(state: UnitState) -> str:
    """ "pid 812 (start ticks 99123)"; empty where it has no main process."""
    return f"pid {state.main_pid} (start ticks {identify(state.main_pid).start_ticks})" if state.main_pid else ""


async def _now(bus: SystemBus, unit: str, was: str) -> str:
    try:
        after = await state_of(bus, unit)
    except PermanentError as error:
        return f"how it is now could not be seen: {error}"
    now = _process(after)
    said = f"{after.active}/{after.sub}" + (f", result {after.result}" if after.result not in ("", "success") else "")
    said += f", {now}" if now else ""
    return f"{said}, as before" if now and now == was else f"{said}; before: {was or 'no process'}"


async def _give_up(job: Job, action: str, timeout_s: float) -> str:
    what = f"{action} of {job.unit}"
    if not await job.is_queued(_CANCEL_S / 2):
        return f"{what}: systemd did not answer within {timeout_s:g} s, so whether there was a job is not known"
    cancelled, said = "could not be cancelled", "how it is now was not seen"
    with suppress(PermanentError, asyncio.TimeoutError):
        await asyncio.wait_for(job.cancel(), _CANCEL_S / 2)
        cancelled = "was cancelled"
        said = (await asyncio.wait_for(state_of(job.bus, job.unit), _CANCEL_S / 2)).describe()
    return f"{what}: job {job.number} had not ended within {timeout_s:g} s and {cancelled}; {said}"
