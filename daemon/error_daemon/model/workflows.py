"""Runs of workflows: people are led through the steps that a definition has, and what they did and what was seen is kept."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from error_daemon.model.definitions import Workflow, WorkflowStep
from error_daemon.model.orders import Reading


class RunState(str, Enum):
    """core/workflow.py has the table."""

    ACTIVE = "active"
    COMPLETED = "completed"
    ABORTED = "aborted"
    EXPIRED = "expired"


class RunEventKind(str, Enum):
    """What happened to a run."""

    STARTED = "started"
    JOINED = "joined"  # a recovery has come to need what people are at already
    DONE = "done"  # a step: its probe has seen it, or it has none
    FORCED = "forced"  # a step: a person went on although its probe had not seen it
    NOT_OK = "not_ok"  # a step was said to be done, and its probe saw that it is not
    UNKNOWN = "unknown"  # a step was said to be done, and its probe could not look
    BACK = "back"
    ABORTED = "aborted"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class RunEvent:
    """`step` counts from 1: the step that it happened at. `reading`: what the probe of the step saw."""

    number: int  # of the run's events, from 1
    at: float
    kind: RunEventKind
    step: int
    by: str = ""  # in words for people; empty: they did not say
    note: str = ""
    reading: Reading | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """A run as it is after all of its events. It keeps the steps that it was started with, whatever is defined later."""

    run_id: str
    workflow_id: str
    name: str
    steps: tuple[WorkflowStep, ...]
    error_id: str  # empty: it was started for no error
    target: str  # what its probes look at; empty: nothing that is defined
    state: RunState
    step: int  # from 1; that of a completed run is its last
    expires_s: float
    deadline_at: float  # when the attempt that waits for it gives up; 0: none has
    attempt_id: str  # the newest attempt that waits, or waited, for it; empty: none
    events: tuple[RunEvent, ...]

    @property
    def started_at(self) -> float:
        return self.events[0].at

    @property
    def last_at(self) -> float:
        return self.events[-1].at

    @property
    def ended_at(self) -> float:
        """0: it has not."""
        return 0.0 if self.state is RunState.ACTIVE else self.last_at

    @property
    def expires_at(self) -> float:
        return self.deadline_at or self.last_at + self.expires_s


@dataclass(frozen=True, slots=True)
class RunProgress:
    """How far a run is. `remaining_s`: about how long the steps that are left take, as far as anybody has said."""

    done: int
    steps: int
    remaining_s: float


@dataclass(frozen=True, slots=True)
class FoundWorkflow:
    """A workflow that fits; the more `score`, the better. `because`: why it was found, in words."""

    workflow: Workflow
    score: float
    because: str


@dataclass(frozen=True, slots=True)
class RunView:
    """A run as it is shown. `said`: of each event, in words. `not_kept_because`: why its newest would not survive the daemon; empty: it is
    in the record."""

    run: Run
    progress: RunProgress
    said: tuple[str, ...]
    not_kept_because: str = ""
