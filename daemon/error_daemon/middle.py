"""What those who serve calls ask of the middle: contracts, and the values that go with them. The other way round, what the middle asks of
the world, is ports.py.

Calls that are not `async` return at once and never block the loop.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from error_daemon.model import (
    Answer,
    Answered,
    Approval,
    AttemptRecord,
    BrakeView,
    Decision,
    Diagnostic,
    ErrorView,
    FoundWorkflow,
    Json,
    Notice,
    Reloaded,
    RepeatStep,
    RepeatWish,
    RunView,
    Summary,
    Workflow,
)
from error_daemon.model.audit import Checked, Entry, EntryFilter, Head, Kept
from error_daemon.model.hook import Delivery, HookView
from error_daemon.model.views import HostState, Layers, Now, Scores, ScoreWish, TargetStates


class Intake(Protocol):
    """Takes one fault: keeps it in the ring, gives it to the engine, starts what follows. Synchronous: it is the fault path."""

    def take(self, payload: bytes, *, is_trusted: bool = True, is_test: bool = False) -> tuple[str, bool]:
        """Returns (error_id, opened). `is_trusted`: it is the word of an operator or of the daemon itself; else it is a claim, and cannot
        be that a sensor has seen it. `is_test`: it is of a test of a recovery, and may say so (ingest/marks.py).
        Raises InputError, or TransientError when it must be sent again later.
        On return the fault is safe from `kill -9`."""

    async def settled(self) -> None:
        """Returns when all that was taken is as durable as `ring.durability` says. For "process" that is at once."""


@dataclass(frozen=True, slots=True)
class ErrorFilter:
    """None and empty mean any."""

    status: str = ""
    type: str = ""
    component: str = ""
    target: str = ""
    min_severity: int = 0
    state: str = ""  # a model.State
    held_by: str = ""  # ErrorView.held_by: the brake that a ticket waits for; "approval": it waits for a person


class After(NamedTuple):
    """Where a page of a list begins, the newest first: after what has this time, and of those of the same time this id."""

    at: float
    id: str


class Control(Protocol):
    """Everything that people can see and steer. Raises NotFound, Refused, StoreUnavailable."""

    def status(self) -> Mapping[str, Json]: ...

    async def errors(
        self, wanted: ErrorFilter, limit: int, after: After | None = None
    ) -> tuple[Sequence[ErrorView], int]:
        """Newest fault first, and how many match without the limit, on all pages together."""

    def attempting(self, target: str) -> int:
        """How many errors of the target are being attempted; of all, where none is named."""

    def error(self, error_id: str) -> ErrorView:
        """By id, or by a prefix that names one error."""

    def approvals(self, limit: int) -> tuple[Sequence[Approval], int]:
        """What waits for a person's yes or no, what runs out soonest first, and how much there is without the limit."""

    def approval(self, error_id: str) -> Approval | None:
        """Of one error, by its whole id; None where nothing of it waits for a person."""

    async def fault(self, error_id: str) -> bytes | None:
        """The fault that opened its ring slot, or else the newest of the record, serialised; None where neither has one."""

    async def attempts(self, error_id: str) -> Sequence[AttemptRecord]: ...

    async def decisions(self, error_id: str) -> Sequence[Decision]: ...

    async def decision(self, any_id: str) -> tuple[Decision, AttemptRecord | None]:
        """By decision id, attempt id, or error id (its newest decision)."""

    async def sentences(self, decision: Decision, attempt: AttemptRecord | None) -> Sequence[str]:
        """Who reported it, why it was decided so, what came of it and what would have changed it, in words."""

    async def history(self, limit: int, after: After | None = None, **wanted: Json) -> Sequence[AttemptRecord]:
        """Attempts, newest first."""

    async def metrics(self, since: float, until: float) -> Mapping[str, Json]:
        """All recovery metrics from `since`, which belongs to the range, to `until`, which does not; 0: from the first record, till now.

        Three entries. "recovery": core/metrics' RecoveryMetrics, made plain by rpc/plain.py: every dataclass a mapping of its fields and
        its properties, enums their values, mappings keyed by text, None where a figure is not known. "strategies": of each strategy and
        error type what was learned, over all time, as mappings with the fields of StrategyMetrics. "lag": the fields of LagFigures,
        since the daemon's start. Raises StoreUnavailable."""

    def brakes(self) -> Sequence[BrakeView]:
        """Every brake as it is now, the outermost first, with how many tickets wait for it."""

    # Steering. `by`: who did it, in words for people, shown and recorded as it is; empty where they do not say.

    def resolve(self, error_id: str, note: str, by: str) -> ErrorView: ...

    def flush(self, error_id: str | None, by: str) -> tuple[int, int]:
        """None: all. Returns (tickets purged, attempts left running)."""

    async def reset_ladder(self, error_id: str, by: str) -> ErrorView:
        """Back to its first level. One that has failed is tried again at once."""

    async def forget(self, strategy_id: str | None, by: str) -> int:
        """Forget what was learned. Returns how many scores."""

    def pause(self, target: str, for_s: float, reason: str, by: str) -> Sequence[BrakeView]:
        """Begin no attempt on `target` ("": on any) for `for_s` seconds; 0: until it is resumed. Attempts that run come to their end. In
        the place of what was paused there before. Returns all pauses that are in force, with how many tickets wait for each. Raises
        NotFound for a target that is not defined."""

    def resume(self, target: str, by: str) -> bool:
        """Let go what was paused as `target` ("": the pause of everything; those of single targets stay). Whether something was."""

    async def answer(self, error_id: str, answer: Answer) -> tuple[Answered, bool]:
        """A person says yes to what is proposed for the error, which is then done; or no, and it has failed. `error_id` may be a prefix;
        `answer.decision_id` is what they have seen, empty for whatever is proposed; `answer.at` is not looked at. Returns with whether the
        record has the answer, so that it outlives the daemon. Raises NotFound, or Refused where nothing waits for an answer, something
        else does, or the opposite was said before."""

    def reset_breaker(self, target: str, by: str) -> bool:
        """Close the breaker of `target` ("": the global one) at once. Whether it was not closed."""

    async def reload(self, by: str, *, dry_run: bool) -> Reloaded:
        """Read the definitions again, and take them if nothing is wrong in them. `dry_run`: only say what would change. `by` as for pause.
        Raises Refused while the daemon stops."""

    def replay(
        self, files: Mapping[str, str], since: float, until: float, seed: int
    ) -> AsyncGenerator[Mapping[str, Json], None]:
        """Run the record from `since` to `until` (0: till now) through other definitions: name of a YAML file → its text. Nothing is done,
        and nothing of what the daemon knows is changed. The same seed gives the same result.

        Yields mappings {"phase": what is being done, in words, "done_ratio": 0 to 1} now and then, and at last one that also has "result":
        core/replay's Replayed, made plain by rpc/plain.py. Closing the iterator ends the replay. Raises, before it yields anything,
        ConfigError with all that is wrong in the definitions, TransientError while too many analyses are running, StoreUnavailable. Refused
        where the range has more than can be replayed."""

    async def diagnose(self) -> Sequence[Diagnostic]:
        """How the daemon and its host are, area by area. Never raises: what can't be looked at is `unavailable`."""

    def test(self, wish: RepeatWish) -> AsyncGenerator[RepeatStep, None]:
        """The same fault again and again through the intake, and the state of its target after each pass (A13). The plan comes first; where
        a step awaits a number, it goes on when `continue_test` has that number. The last step has the end. Closing the iterator ends
        the test: what waits is let go, what runs comes to its end. Raises NotFound for names that are not defined, Refused."""

    def continue_test(self, test_id: str, number: int) -> None:
        """A person says that the pass may begin: the target is broken, where it was to be. Raises NotFound."""

    def watch(self, error_id: str | None, most_per_s: int = 0) -> AsyncGenerator[Notice | Summary, None]:
        """Everything that happens from now on. A watcher that does not keep up loses the oldest, and is told so. `most_per_s`: so many
        in a second at most, with summaries of what was left out; 0: all."""


class Views(Protocol):
    """What pages are made from. Nothing is changed by asking. Raises NotFound, StoreUnavailable, TransientError."""

    async def now(self) -> Now:
        """Everything at one moment: the very same value to all who ask within half a second, or longer where it is costly."""

    async def targets(self, name: str) -> TargetStates:
        """All targets in the order of the definitions; or the one of this name."""

    async def layers(self, since: float, until: float) -> Layers:
        """Of the range; both 0: of the last 24 hours, as they were worked out some seconds ago."""

    async def scores(self, wish: ScoreWish) -> Scores: ...

    def host(self, prefix: str, last_s: float, points: int) -> HostState:
        """How each sensor is, and the figures whose names begin with `prefix`, each with at most so many values of the last `last_s`."""


@dataclass(frozen=True, slots=True)
class RunFilter:
    """Empty means any. `state`: of model.RunState."""

    state: str = ""
    error_id: str = ""
    workflow_id: str = ""


@dataclass(frozen=True, slots=True)
class StepDone:
    """Somebody says that a step is done. `is_forced`: on, whatever its probe sees; then the note says why."""

    step: int
    note: str
    is_forced: bool
    by: str


class Workflows(Protocol):
    """What leads people (D6). Every act answers with the run after it, once that is in the record or can't be; `step` is the one that
    whoever acts sees. Raises NotFound, and Refused where the run is at another step by now, or has ended. `by` as for Control."""

    def all(self) -> Sequence[Workflow]:
        """Those that are defined."""

    async def find(self, error_id: str, text: str) -> Sequence[tuple[FoundWorkflow, str]]:
        """Those that fit an error, by id or prefix, or else a few words; the best first, each with the run of it for that error that is
        open, or an empty text."""

    async def start(self, workflow_id: str, error_id: str, by: str) -> tuple[RunView, bool]:
        """A run for an error, or for none; the one that is open already, if there is one, and whether it was."""

    async def complete(self, run_id: str, done: StepDone) -> RunView:
        """The step's probe is asked. What it saw is in the newest event, which says too whether the run went on. Raises InputError."""

    async def back(self, run_id: str, step: int, note: str, by: str) -> RunView: ...

    async def abort(self, run_id: str, note: str, by: str) -> RunView: ...

    async def run(self, run_id: str) -> RunView: ...

    async def runs(self, wanted: RunFilter, limit: int) -> tuple[Sequence[RunView], str]:
        """The newest first, and why those that have ended may be missing."""


class HookDesk(Protocol):
    """Hooks, for people: how each is, what became of what was sent, and sending it again. Raises NotFound."""

    @property
    def problem(self) -> str:
        """Why what waits would not survive a restart; empty where it would."""

    def views(self) -> Sequence[HookView]: ...

    def deliveries(self, hook: str, state: str) -> Sequence[Delivery]:
        """The newest event first. Empty: of any hook, in any state."""

    def redeliver(self, hook: str, delivery_id: str, by: str) -> int:
        """Send at once a delivery that waits or was given up, or ("") all of the hook that were. How many."""

    async def test(self, hook: str, by: str) -> tuple[bool, str, float]:
        """Send a test. Whether it arrived, what was answered or why there was no answer, and how long that took in seconds. Raises
        TransientError while too many tests are running."""


class AuditTrail(Protocol):
    """What people and the daemon did. Raises StoreUnavailable where the table is asked."""

    async def entries(self, wanted: EntryFilter, limit: int, before: int) -> Sequence[Entry]:
        """The newest first; `before`: only those with a smaller sequence, 0: all."""

    async def entry(self, sequence: int) -> Entry:
        """Raises NotFound."""

    def kept(self) -> Kept: ...

    async def verify(self, heads: Sequence[Head], by: str) -> tuple[Checked, Sequence[str]]:
        """Read all files; their names beside what was found. `heads`: that are remembered elsewhere. It is an act: `by` as for Control.
        Raises TransientError while too many analyses are running, or the files cannot be read; Refused where it took too long."""


class SensorReadings(Protocol):
    """The newest samples of the host's figures (docs/sensors.md has their names, which have units)."""

    def current(self) -> Mapping[str, float]:
        """The newest value of each figure that is known."""

    def series(self, name: str, last_s: float) -> tuple[Sequence[float], Sequence[float]]:
        """When (seconds since 1970) and what, the oldest first. Empty for a figure that is not there."""


class Applications(Protocol):
    """Applications that are attached with handlers of their own (HandlerService.Attach)."""

    def names(self) -> Sequence[str]: ...


# What looks at one area when somebody asks for a diagnosis. Called on the loop, and returns at once: what takes longer, or reads files, is
# behind the awaitable.
Diagnosing = Callable[[], Sequence[Diagnostic] | Awaitable[Sequence[Diagnostic]]]
