"""A run of a workflow, as one table; pure.

A run is *active* from its first step until the last is done (*completed*), a person gives it up (*aborted*), or nobody does anything for
too long, or the attempt that waits for it reaches its deadline (*expired*). Nothing leads back from there: who wants to begin again starts
another.

A step is done when its probe has seen that it is: `ok` leads on. `not_ok` and `unknown` leave the run at its step, and are kept with what
the probe saw. A person who knows better goes on all the same, with a note that says why; that is kept as *forced*, and is no reading of
`ok`. A step without a probe is done when a person says so.

Several people are at one run. Whoever acts says which step they see; where it is another by now, nothing changes, and they are told what
happened meanwhile.

    act(run, what happens, ...) → the run after it; raises Refused or InputError, and then nothing has changed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from error_daemon.errors import InputError, Refused
from error_daemon.model import (
    Reading,
    ReadingValue,
    Run,
    RunEvent,
    RunEventKind,
    RunProgress,
    RunState,
    Workflow,
)


class Happening(str, Enum):
    """What happens to a run."""

    JOIN = "join"  # an attempt waits for it from now on
    ADVANCE = "advance"  # a step is done, and another follows
    STAY = "stay"  # a step was said to be done, and is not, or nobody can see whether it is
    BACK = "back"
    FINISH = "finish"  # the last step is done
    ABORT = "abort"
    EXPIRE = "expire"


_ACTIVE = RunState.ACTIVE
TABLE: dict[tuple[RunState, Happening], RunState] = {
    (_ACTIVE, Happening.JOIN): _ACTIVE,
    (_ACTIVE, Happening.ADVANCE): _ACTIVE,
    (_ACTIVE, Happening.STAY): _ACTIVE,
    (_ACTIVE, Happening.BACK): _ACTIVE,
    (_ACTIVE, Happening.FINISH): RunState.COMPLETED,
    (_ACTIVE, Happening.ABORT): RunState.ABORTED,
    (_ACTIVE, Happening.EXPIRE): RunState.EXPIRED,
}
"""Every other pair is refused."""

_STEPS = {Happening.ADVANCE: 1, Happening.BACK: -1}  # how far it goes on


@dataclass(frozen=True, slots=True)
class Waiting:
    """What an attempt wants of a run: it gives up at `deadline_at`."""

    attempt_id: str
    deadline_at: float


# --- its life


@dataclass(frozen=True, slots=True)
class Start:
    """`error_id`, `target`: empty where it is for none."""

    run_id: str
    error_id: str
    target: str
    by: str
    at: float


def started(workflow: Workflow, start: Start) -> Run:
    return Run(
        run_id=start.run_id,
        workflow_id=workflow.id,
        name=workflow.name,
        steps=workflow.steps,
        error_id=start.error_id,
        target=start.target,
        state=RunState.ACTIVE,
        step=1,
        expires_s=workflow.expires_s,
        deadline_at=0.0,
        attempt_id="",
        events=(RunEvent(1, start.at, RunEventKind.STARTED, 1, start.by),),
    )


def joined(run: Run, waiting: Waiting, by: str, at: float) -> Run:
    """An attempt waits for it. A deadline that an earlier one gave it, of before a restart, stays."""
    deadline_at = min(run.deadline_at or waiting.deadline_at, waiting.deadline_at)
    after = _after(run, Happening.JOIN, RunEvent(_next(run), at, RunEventKind.JOINED, run.step, by))
    return replace(after, deadline_at=deadline_at, attempt_id=waiting.attempt_id)


def expect(run: Run, step: int) -> None:
    """Raises Refused unless the run is open, and at this step."""
    if run.state is not RunState.ACTIVE:
        raise Refused(f"the run is {run.state.value}: {_last(run)}")
    if step != run.step:
        at = f"step {run.step} of {len(run.steps)} ({run.steps[run.step - 1].id})"
        raise Refused(f"the run is not at step {step} but at {at}: {_last(run)}")


@dataclass(frozen=True, slots=True)
class Done:
    """Somebody says that a step is done. `reading`: of its probe; None: it has none. `is_forced`: on, whatever the probe saw."""

    step: int
    by: str
    at: float
    reading: Reading | None = None
    note: str = ""
    is_forced: bool = False


def completed(run: Run, done: Done) -> Run:
    """On to the next step; or not, by what the probe saw."""
    expect(run, done.step)
    kind = _kind_of(done)
    event = RunEvent(_next(run), done.at, kind, run.step, done.by, done.note, done.reading)
    if kind not in (RunEventKind.DONE, RunEventKind.FORCED):
        return _after(run, Happening.STAY, event)
    return _after(run, Happening.ADVANCE if run.step < len(run.steps) else Happening.FINISH, event)


def _kind_of(done: Done) -> RunEventKind:
    if done.reading is None or done.reading.value is ReadingValue.OK:
        return RunEventKind.DONE
    if not done.is_forced:
        return RunEventKind.NOT_OK if done.reading.value is ReadingValue.NOT_OK else RunEventKind.UNKNOWN
    if not done.note:
        raise InputError("note", "is empty: say why you go on although the probe has not seen that it is done")
    return RunEventKind.FORCED


def back(run: Run, step: int, by: str, note: str, at: float) -> Run:
    """To the step before."""
    expect(run, step)
    if run.step == 1:
        raise Refused("the run is at its first step")
    return _after(run, Happening.BACK, RunEvent(_next(run), at, RunEventKind.BACK, run.step, by, note))


def aborted(run: Run, by: str, note: str, at: float) -> Run:
    return _after(run, Happening.ABORT, RunEvent(_next(run), at, RunEventKind.ABORTED, run.step, by, note))


def expired(run: Run, at: float, note: str) -> Run:
    return _after(run, Happening.EXPIRE, RunEvent(_next(run), at, RunEventKind.EXPIRED, run.step, note=note))


def _after(run: Run, happening: Happening, event: RunEvent) -> Run:
    state = TABLE.get((run.state, happening))
    if state is None:
        raise Refused(f"the run is {run.state.value}: {_last(run)}")
    step = run.step + _STEPS.get(happening, 0)
    return replace(run, state=state, step=step, events=(*run.events, event))


def _next(run: Run) -> int:
    return len(run.events) + 1


# --- what is said of it


def progress(run: Run) -> RunProgress:
    is_over = run.state is RunState.COMPLETED
    left = () if is_over else run.steps[run.step - 1 :]
    return RunProgress(len(run.steps) - len(left), len(run.steps), sum(step.takes_s for step in left))


def said(run: Run, event: RunEvent) -> str:
    """What happened, in words: who, what, and what the probe saw or the person noted."""
    who = event.by or "nobody named"
    step = f"step {event.step} ({run.steps[event.step - 1].id})"
    what = {
        RunEventKind.STARTED: f"{who} started it",
        RunEventKind.JOINED: "a recovery waits for it",
        RunEventKind.DONE: f"{who} did {step}",
        RunEventKind.FORCED: f"{who} went on from {step} without a reading of ok",
        RunEventKind.NOT_OK: f"{who} tried {step}, which is not done",
        RunEventKind.UNKNOWN: f"{who} tried {step}, of which nothing can be seen",
        RunEventKind.BACK: f"{who} went back from {step}",
        RunEventKind.ABORTED: f"{who} aborted it at {step}",
        RunEventKind.EXPIRED: f"it expired at {step}",
    }[event.kind]
    seen = f"{event.reading.probe}: {event.reading.detail}" if event.reading and event.reading.detail else ""
    return "; ".join(filter(None, (what, seen, event.note)))


def _last(run: Run) -> str:
    return said(run, run.events[-1])
