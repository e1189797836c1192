"""The kinds of strategies: which keys each has."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from error_daemon.definitions.shapes.entry import Entry, ProgramEntry, RequestEntry
from error_daemon.definitions.shapes.fields import (
    Body,
    ErrorTypes,
    Group,
    Method,
    Name,
    SignalName,
    TargetKinds,
    Text,
    UnitActionName,
    UnitGraph,
    UnitName,
    VaryingFilledText,
)
from error_daemon.model import Json
from error_daemon.setting_values import Duration


class BackoffEntry(Entry):
    """Waiting between attempts at one level: base · factor^n up to cap, each drawn at random from below that."""

    base: Duration = Field(default=0.1, gt=0, description="Longest wait before the second attempt.")
    factor: float = Field(default=2.0, ge=1, le=100, allow_inf_nan=False, description="Growth from one to the next.")
    cap: Duration = Field(default=30.0, gt=0, description="No wait is longer than this.")


class _Strategy(Entry):
    name: Text = Field(default="", description="For people.")
    timeout: Duration = Field(default=30.0, gt=0, description="How long an attempt may take, until that was learned.")
    timeout_min: Duration | None = Field(
        default=None, gt=0, description="The learned timeout is never below this; absent: a quarter of timeout."
    )
    timeout_max: Duration = Field(default=240.0, gt=0, description="The learned timeout is never above this.")
    max_attempts: int = Field(default=1, ge=1, le=5, description="Attempts at one level for a transient error.")
    backoff: BackoffEntry = Field(default=BackoffEntry(), description="Waiting between these attempts.")
    for_errors: ErrorTypes = Field(default=frozenset(), description="Types of errors it helps with; absent: any.")
    for_targets: TargetKinds = Field(
        default=frozenset(), description="Kinds of targets it is for; absent: any that fit."
    )

    def least_timeout_s(self) -> float:
        """However quick it was so far, it is given this long: it is slowest when it is needed most."""
        return self.timeout / 4 if self.timeout_min is None else self.timeout_min


class ExecOperation(ProgramEntry):
    """A program to run again."""

    kind: Literal["exec"] = Field(description="Run a program.")

    def params(self) -> dict[str, Json]:
        return self.program()


class HttpOperation(RequestEntry):
    """A request to send again."""

    kind: Literal["http"] = Field(description="Send an HTTP request.")
    method: Method = Field(default="POST", description="Method of the request.")
    body: Body = Field(default="", description="Body of the request.")

    def params(self) -> dict[str, Json]:
        return {**self.request(), "method": self.method, "body": self.body}


OperationEntry = Annotated[ExecOperation | HttpOperation, Field(discriminator="kind")]


class RetryStrategy(_Strategy):
    """Does the operation again; without one, only the probes look again."""

    kind: Literal["retry", "exponential_backoff"] = Field(description="Do the operation again, or only look again.")
    operation: OperationEntry | None = Field(
        default=None, description="What to do again; absent: nothing, the probes just look again."
    )

    def params(self) -> dict[str, Json]:
        return {"operation": {"kind": self.operation.kind, **self.operation.params()}} if self.operation else {}


class ExecStrategy(ExecOperation, _Strategy):
    """Runs a program."""


class HttpStrategy(HttpOperation, _Strategy):
    """Sends a request."""


RESTART_ROOM_S = 1.0  # beside the grace: to kill what did not heed it, wait until it is gone, and start the new one


class RestartStrategy(_Strategy):
    """What is for processes only, and stops them."""

    stop_grace: Duration = Field(default=2.0, description="How long a process may take to end before SIGKILL.")

    def restart_s(self) -> float:
        """The longest that one process may take to be stopped and started again."""
        return self.stop_grace + RESTART_ROOM_S

    def least_timeout_s(self) -> float:
        """Never so short that a process which does not heed the signal is stopped and not started again."""
        return max(super().least_timeout_s(), self.restart_s())


class ProcessRestartStrategy(RestartStrategy):
    """Stops the target's process and starts it anew."""

    kind: Literal["process_restart"] = Field(description="Stop the target's process and start it anew.")
    stop_signal: SignalName = Field(default="SIGTERM", description="Signal that asks it to end.")

    def params(self) -> dict[str, Json]:
        return {"stop_signal": self.stop_signal, "stop_grace_s": self.stop_grace}


class GroupRestartStrategy(RestartStrategy):
    """Restarts the target's group in the order of its dependencies: dependents are stopped first, and started last."""

    kind: Literal["group_restart"] = Field(
        description="Restart the target with what depends on it: dependents stop first, dependencies start first."
    )
    include: Group = Field(
        default="dependents",
        description="Who is restarted with the target: its dependents, its dependencies, or both; with all of theirs.",
    )

    def params(self) -> dict[str, Json]:
        return {"include": self.include, "stop_grace_s": self.stop_grace}


class UnitStrategy(_Strategy):
    """Has systemd do something with a unit, over D-Bus."""

    kind: Literal["unit"] = Field(description="Have systemd start, stop, restart or reload a unit, over D-Bus.")
    action: UnitActionName = Field(description="What is done with it.")
    unit: UnitName | None = Field(default=None, description="The unit; that of the target if absent.")
    graph: UnitGraph | None = Field(
        default=None,
        description="systemd: wait, too, for what systemd stops or restarts with it, by its own graph.",
    )

    def params(self) -> dict[str, Json]:
        unit = {"unit": self.unit} if self.unit is not None else {}
        return {"action": self.action, **unit, **({"graph": self.graph} if self.graph is not None else {})}


class HandlerStrategy(_Strategy):
    """Asks an attached application to run a recovery handler of its own."""

    kind: Literal["handler"] = Field(description="Ask an application to run a recovery handler of its own.")
    application: VaryingFilledText = Field(description="Name under which the application attaches.")
    handler: VaryingFilledText = Field(description="Name of the handler that it offers.")

    def params(self) -> dict[str, Json]:
        return {"application": self.application, "handler": self.handler}


_HOURS = 3600.0


class GuidedStrategy(_Strategy):
    """Leads a person through a workflow (USER_GUIDED). What a person needs is not learned from, so its times stay as they are."""

    kind: Literal["guided"] = Field(description="Lead a person through a workflow.")
    workflow: Name = Field(description="The workflow.")
    exclusive: bool = Field(
        default=False,
        description="Whether nothing else may be done to the target meanwhile. Else the recoveries of other errors go on.",
    )
    timeout: Duration = Field(default=8 * _HOURS, gt=0, description="How long people have for it.")
    timeout_max: Duration = Field(default=30 * 24 * _HOURS, gt=0, description="`timeout` is never above this.")

    def params(self) -> dict[str, Json]:
        return {"workflow": self.workflow, "exclusive": self.exclusive}


StrategyEntry = Annotated[
    RetryStrategy
    | ExecStrategy
    | HttpStrategy
    | ProcessRestartStrategy
    | GroupRestartStrategy
    | UnitStrategy
    | HandlerStrategy
    | GuidedStrategy,
    Field(discriminator="kind"),
]
