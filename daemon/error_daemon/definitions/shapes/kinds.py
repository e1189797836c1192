"""The kinds of targets, probes and strategies: which keys an entry of each kind has.

`params()` gives the mapping that the worker gets for the kind, with durations as seconds under names that end in `_s`.
The JSON Schema for editors comes from these models, so every field is described.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

from error_daemon.definitions.shapes.fields import (
    AbsolutePath,
    ActiveStates,
    Body,
    Command,
    Environment,
    ErrorTypes,
    ExitCodes,
    Group,
    Headers,
    Instances,
    Method,
    Names,
    OwnVariables,
    Port,
    SignalName,
    Statuses,
    TargetKinds,
    Text,
    UnitActionName,
    UnitGraph,
    UnitName,
    UnitWords,
    Url,
    VaryingFilledText,
    VaryingRegex,
    Weight,
)
from error_daemon.definitions.shapes.observers import ObserverEntry
from error_daemon.model import Json
from error_daemon.settings import Duration


class Entry(BaseModel):
    """Anything written as a mapping. Keys that are not known are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def models_by_kind(entry: Any) -> dict[str, type[Entry]]:
    """The models of TargetEntry, ProbeEntry or StrategyEntry, by the kinds that they are for."""
    models: tuple[type[Entry], ...] = get_args(get_args(entry)[0])
    return {kind: model for model in models for kind in get_args(model.model_fields["kind"].annotation)}


# --- what strategies and probes share ------------------------------------------------------------------------------


class _Program(Entry):
    command: Command = Field(description="Program and arguments, as a list. Never a shell.")
    cwd: AbsolutePath | None = Field(default=None, description="Directory to run in; that of the daemon if absent.")
    environment: Environment = Field(default={}, description="Variables that the program gets beside the basic ones.")
    success_exit_codes: ExitCodes = Field(default=[0], min_length=1, description="Exit codes that mean success.")

    def program(self) -> dict[str, Json]:
        cwd = {"cwd": self.cwd} if self.cwd is not None else {}
        environment = {"environment": self.environment} if self.environment else {}
        return {"command": self.command, **cwd, **environment, "success_exit_codes": self.success_exit_codes}


class _Request(Entry):
    url: Url = Field(description="http:// or https:// URL.")
    headers: Headers = Field(default={}, description="Headers of the request.")
    success_status: Statuses = Field(
        default=(200, 299), description='Status that means success: "204", "2xx", "200-399".'
    )

    def request(self) -> dict[str, Json]:
        low, high = self.success_status
        return {"url": self.url, "headers": self.headers, "min_status": low, "max_status": high}


# --- targets -------------------------------------------------------------------------------------------------------


class _Target(Entry):
    probes: Names = Field(default=(), description="Names of the probes that say how this target is.")
    depends_on: Names = Field(default=(), description="Names of the targets that must be well for this one to be.")
    weight: Weight = Field(default=1.0, description="What it is worth, above 0 to 1000; an ordinary target is worth 1.")
    variables: OwnVariables = Field(default={}, description="Texts of its own, by name: ${port} is its variable port.")
    instances: Instances = Field(
        default=[],
        description="Only of a family, such as shop-*: what the * stands for, or that with variables of each.",
    )
    observe: list[ObserverEntry] = Field(
        default=[],
        max_length=8,
        description="What of its state `error-cli test` compares; absent: what its kind offers.",
    )

    def params(self) -> dict[str, Json]:
        return {}


class ProcessTarget(_Target):
    """A program that the daemon itself can start and stop."""

    kind: Literal["process"] = Field(description="A program that the daemon can start and stop.")
    command: Command = Field(description="Program and arguments that start it, as a list. Never a shell.")
    cwd: AbsolutePath | None = Field(default=None, description="Directory it runs in; that of the daemon if absent.")
    environment: Environment = Field(default={}, description="Variables that it gets beside the basic ones.")
    pid_file: AbsolutePath = Field(description="File that names its process: the pid, and in line 2 its start ticks.")
    log_file: AbsolutePath | None = Field(default=None, description="Its output is appended here; absent: dropped.")

    def params(self) -> dict[str, Json]:
        cwd = {"cwd": self.cwd} if self.cwd is not None else {}
        environment = {"environment": self.environment} if self.environment else {}
        files = {"pid_file": self.pid_file, "log_file": self.log_file or ""}
        return {"command": self.command, **cwd, **environment, **files}


class ServiceTarget(_Target):
    """What a service manager starts and stops."""

    kind: Literal["service"] = Field(description="Something that a service manager starts and stops.")
    unit: UnitName | None = Field(default=None, description="Its systemd unit, as in nginx.service.")

    def params(self) -> dict[str, Json]:
        return {"unit": self.unit} if self.unit is not None else {}


class OtherTarget(_Target):
    """A target that only its probes and strategies know more about."""

    kind: Literal["host", "database", "application"] = Field(description="What sort of thing it is.")


TARGETS = (ProcessTarget, ServiceTarget, OtherTarget)
TargetEntry = Annotated[ProcessTarget | ServiceTarget | OtherTarget, Field(discriminator="kind")]


# --- probes --------------------------------------------------------------------------------------------------------


class _Probe(Entry):
    timeout: Duration = Field(default=2.0, gt=0, description="How long one look may take.")


class TcpProbe(_Probe):
    """Good when a connection can be made."""

    kind: Literal["tcp"] = Field(description="Good when a TCP connection can be made.")
    host: VaryingFilledText = Field(description="Name or address to connect to.")
    port: Port = Field(description="Port to connect to.")

    def params(self) -> dict[str, Json]:
        return {"host": self.host, "port": self.port}


class HttpProbe(_Request, _Probe):
    """Good when the answer has the status, and the text, that are wanted."""

    kind: Literal["http"] = Field(description="Good when an HTTP request is answered as wanted.")
    method: Method = Field(default="GET", description="Method of the request.")
    body_pattern: VaryingRegex = Field(
        default="", description="Regular expression that the answer must contain; empty: any."
    )

    def params(self) -> dict[str, Json]:
        return {**self.request(), "method": self.method, "body_pattern": self.body_pattern}


class ExecProbe(_Program, _Probe):
    """Good when a program ends with an exit code that means so."""

    kind: Literal["exec"] = Field(description="Good when a program says so by its exit code.")
    unknown_exit_codes: ExitCodes = Field(default=[], description="Exit codes that mean: could not look.")

    def params(self) -> dict[str, Json]:
        return {**self.program(), "unknown_exit_codes": self.unknown_exit_codes}


class ProcessProbe(_Probe):
    """Good when the process of a pid file is alive."""

    kind: Literal["process"] = Field(description="Good when the process that a pid file names is alive.")
    pid_file: AbsolutePath | None = Field(default=None, description="The pid file; that of the target if absent.")

    def params(self) -> dict[str, Json]:
        return {"pid_file": self.pid_file} if self.pid_file is not None else {}


class FileProbe(_Probe):
    """Good when a file, or the file system that holds it, is as wanted."""

    kind: Literal["file"] = Field(description="Good when a file, or the file system that holds it, is as wanted.")
    path: AbsolutePath = Field(description="The file.")
    exists: bool = Field(default=True, description="Whether it is to be there.")
    max_age: Duration | None = Field(default=None, description="It must have been changed within this time.")
    min_bytes: int = Field(default=0, ge=0, description="It must have at least this many bytes.")
    pattern: VaryingRegex = Field(default="", description="Regular expression that it must contain; empty: any.")
    min_free_ratio: float | None = Field(
        default=None, ge=0, le=1, allow_inf_nan=False, description="Free part of its file system, 0 to 1, at least."
    )

    def params(self) -> dict[str, Json]:
        wanted = {"exists": self.exists, "max_age_s": self.max_age, "min_bytes": self.min_bytes}
        return {"path": self.path, **wanted, "pattern": self.pattern, "min_free_ratio": self.min_free_ratio}


class UnitProbe(_Probe):
    """Good when systemd says of a unit what is wanted."""

    kind: Literal["unit"] = Field(description="Good when a systemd unit is in the state that is wanted.")
    unit: UnitName | None = Field(default=None, description="The unit; that of the target if absent.")
    active_state: ActiveStates = Field(
        default=("active", "reloading"), description="States (ActiveState of systemd) that are good."
    )
    sub_state: UnitWords = Field(default=(), description="States of its type (SubState) that are good; absent: any.")
    result: UnitWords = Field(default=(), description="Results of its last run (Result) that are good; absent: any.")

    def params(self) -> dict[str, Json]:
        unit = {"unit": self.unit} if self.unit is not None else {}
        states = {"active_state": [*self.active_state], "sub_state": [*self.sub_state], "result": [*self.result]}
        return {**unit, **states}


ProbeEntry = Annotated[
    TcpProbe | HttpProbe | ExecProbe | ProcessProbe | FileProbe | UnitProbe, Field(discriminator="kind")
]


# --- strategies ----------------------------------------------------------------------------------------------------


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


class ExecOperation(_Program):
    """A program to run again."""

    kind: Literal["exec"] = Field(description="Run a program.")

    def params(self) -> dict[str, Json]:
        return self.program()


class HttpOperation(_Request):
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


def lacks_unit(entry: UnitProbe | UnitStrategy, target: TargetEntry) -> bool:
    """Neither of them says which unit is meant."""
    return entry.unit is None and not (isinstance(target, ServiceTarget) and target.unit)


class HandlerStrategy(_Strategy):
    """Asks an attached application to run a recovery handler of its own."""

    kind: Literal["handler"] = Field(description="Ask an application to run a recovery handler of its own.")
    application: VaryingFilledText = Field(description="Name under which the application attaches.")
    handler: VaryingFilledText = Field(description="Name of the handler that it offers.")

    def params(self) -> dict[str, Json]:
        return {"application": self.application, "handler": self.handler}


StrategyEntry = Annotated[
    RetryStrategy
    | ExecStrategy
    | HttpStrategy
    | ProcessRestartStrategy
    | GroupRestartStrategy
    | UnitStrategy
    | HandlerStrategy,
    Field(discriminator="kind"),
]
