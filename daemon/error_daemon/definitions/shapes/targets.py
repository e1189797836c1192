"""The kinds of targets: which keys each has."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from error_daemon.definitions.shapes.entry import Entry
from error_daemon.definitions.shapes.fields import (
    AbsolutePath,
    Command,
    Environment,
    Instances,
    Names,
    OwnVariables,
    UnitName,
    Weight,
)
from error_daemon.definitions.shapes.observers import ObserverEntry
from error_daemon.model import Json


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


def lacks_unit(own: str | None, target: TargetEntry) -> bool:
    """Neither an entry, which names `own`, nor the target that it is for says which unit is meant."""
    return own is None and not (isinstance(target, ServiceTarget) and target.unit)
