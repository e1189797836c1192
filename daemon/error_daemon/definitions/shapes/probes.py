"""The kinds of probes: which keys each has."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from error_daemon.definitions.shapes.entry import Entry, ProgramEntry, RequestEntry
from error_daemon.definitions.shapes.fields import (
    AbsolutePath,
    ActiveStates,
    ExitCodes,
    FilledText,
    Method,
    Port,
    UnitName,
    UnitWords,
    VaryingFilledText,
    VaryingRegex,
    VaryingText,
)
from error_daemon.model import Json
from error_daemon.setting_values import Duration


class _Probe(Entry):
    timeout: Duration = Field(default=2.0, gt=0, description="How long one look may take.")


class TcpProbe(_Probe):
    """Good when a connection can be made."""

    kind: Literal["tcp"] = Field(description="Good when a TCP connection can be made.")
    host: VaryingFilledText = Field(description="Name or address to connect to.")
    port: Port = Field(description="Port to connect to.")

    def params(self) -> dict[str, Json]:
        return {"host": self.host, "port": self.port}


class HttpProbe(RequestEntry, _Probe):
    """Good when the answer has the status, and the text, that are wanted."""

    kind: Literal["http"] = Field(description="Good when an HTTP request is answered as wanted.")
    method: Method = Field(default="GET", description="Method of the request.")
    body_pattern: VaryingRegex = Field(
        default="", description="Regular expression that the answer must contain; empty: any."
    )

    def params(self) -> dict[str, Json]:
        return {**self.request(), "method": self.method, "body_pattern": self.body_pattern}


class ExecProbe(ProgramEntry, _Probe):
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


class AlertProbe(_Probe):
    """Good when an alert that was told of is resolved. It is not looked for: its sender says so, in its own time."""

    kind: Literal["alert"] = Field(description="Good when an alert is resolved, by what its sender says.")
    alertname: VaryingFilledText | None = Field(default=None, description="The name of the alert; absent: any.")
    labels: dict[FilledText, VaryingText] = Field(
        default={},
        description="Labels that it must have, with their values. With neither name nor labels: alerts that name the target "
        "by their label error_recovery_target.",
    )
    settle: Duration = Field(
        default=360.0,
        description="How long its sender may take to say that it is over. Until then an alert that fires on means nothing; "
        "after that, that the attempt failed.",
    )
    stale_after: Duration = Field(
        default=18_000.0, gt=0, description="A word that is older than this says nothing any more."
    )

    def params(self) -> dict[str, Json]:
        name = {"alertname": self.alertname} if self.alertname is not None else {}
        return {**name, "labels": dict(self.labels), "settle_s": self.settle, "stale_after_s": self.stale_after}


ProbeEntry = Annotated[
    TcpProbe | HttpProbe | ExecProbe | ProcessProbe | FileProbe | UnitProbe | AlertProbe, Field(discriminator="kind")
]
