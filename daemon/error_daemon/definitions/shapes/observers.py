"""The kinds of observers: what of a target's state must be the same after each of its recoveries (`error-cli test`).

`observers_of` gives those of a target: the ones that are written, else what its kind offers: of a process how many of it run, of what has a
systemd unit the state of that. The readings of its probes belong to its state in any case.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from error_daemon.definitions.shapes.entry import Entry
from error_daemon.definitions.shapes.fields import (
    AbsolutePath,
    Command,
    Environment,
    Headers,
    Name,
    UnitName,
    Url,
    VaryingFilledText,
    VaryingRegexes,
    VaryingTexts,
)
from error_daemon.model import Json, Observer
from error_daemon.setting_values import Duration


class _Observer(Entry):
    name: Name | None = Field(default=None, description="What it is called; absent: by its kind.")
    timeout: Duration = Field(default=5.0, gt=0, description="How long one look may take.")

    def params(self) -> dict[str, Json]:
        return {}


class ProcessObserver(_Observer):
    """The process of a pid file, and how many run the same program."""

    kind: Literal["process"] = Field(
        description="Whether the process of a pid file lives, and how many run its program."
    )
    pid_file: AbsolutePath | None = Field(default=None, description="The pid file; that of the target if absent.")
    program: VaryingFilledText | None = Field(
        default=None, description="Name of the program whose processes are counted; absent: the target's command."
    )
    same_process: bool = Field(default=False, description="Whether it must stay the very same process.")

    def params(self) -> dict[str, Json]:
        return {"pid_file": self.pid_file or "", "program": self.program or "", "same_process": self.same_process}


class UnitObserver(_Observer):
    """The state of a systemd unit."""

    kind: Literal["unit"] = Field(description="State of a systemd unit, as `systemctl show` has it.")
    unit: UnitName | None = Field(default=None, description="Name of the unit; that of the target if absent.")
    restarts: bool = Field(default=False, description="Whether systemd must not have restarted it by itself meanwhile.")

    def params(self) -> dict[str, Json]:
        return {"unit": self.unit or "", "restarts": self.restarts}


class FilesObserver(_Observer):
    """Which files there are, and what is in them."""

    kind: Literal["files"] = Field(description="Which files there are, and the digests of what is in them.")
    paths: Annotated[list[AbsolutePath], Field(min_length=1)] = Field(
        description="Files, directories with all below them, or globs; ** stands for any directories."
    )
    ignore: VaryingTexts = Field(
        default=[], description="Globs of what is left out, for the whole path or its last part."
    )
    ignore_lines: VaryingRegexes = Field(
        default=[], description="Regular expressions: lines that have one are left out."
    )

    def params(self) -> dict[str, Json]:
        return {"paths": self.paths, "ignore": self.ignore, "ignore_lines": self.ignore_lines}


class HttpObserver(_Observer):
    """What an HTTP request is answered with."""

    kind: Literal["http"] = Field(description="Status and body of the answer to a GET request.")
    url: Url = Field(description="http:// or https:// URL.")
    headers: Headers = Field(default={}, description="Headers of the request.")
    ignore: VaryingRegexes = Field(
        default=[], description="Regular expressions for what is taken out of the body first."
    )

    def params(self) -> dict[str, Json]:
        return {"url": self.url, "headers": self.headers, "ignore": self.ignore}


class ExecObserver(_Observer):
    """What a program prints."""

    kind: Literal["exec"] = Field(description="Exit code and output of a program.")
    command: Command = Field(description="Program and arguments, as a list. Never a shell.")
    cwd: AbsolutePath | None = Field(default=None, description="Directory to run in; that of the daemon if absent.")
    environment: Environment = Field(default={}, description="Variables that the program gets beside the basic ones.")
    ignore: VaryingRegexes = Field(
        default=[], description="Regular expressions for what is taken out of the output first."
    )

    def params(self) -> dict[str, Json]:
        cwd = {"cwd": self.cwd} if self.cwd is not None else {}
        return {"command": self.command, **cwd, "environment": self.environment, "ignore": self.ignore}


class SqlObserver(_Observer):
    """The rows that a query gives."""

    kind: Literal["sql"] = Field(description="The rows that a query of a SQLite or DuckDB file gives.")
    engine: Literal["sqlite", "duckdb"] = Field(description="What kind of file it is.")
    database: AbsolutePath = Field(description="The file; it is only read.")
    query: VaryingFilledText = Field(description="One query. Give it an ORDER BY: rows have no order of their own.")

    def params(self) -> dict[str, Json]:
        return {"engine": self.engine, "database": self.database, "query": self.query}


ObserverEntry = Annotated[
    ProcessObserver | UnitObserver | FilesObserver | HttpObserver | ExecObserver | SqlObserver,
    Field(discriminator="kind"),
]


def observers_of(entries: Sequence[ObserverEntry], kind: str, params: dict[str, Json]) -> tuple[Observer, ...]:
    """`kind` and `params`: of the target. Each has a name of its own: `files`, `files 2`."""
    if not entries:
        return _usual(kind, params)
    found: list[Observer] = []
    times: Counter[str] = Counter()
    for entry in entries:
        name = entry.name or entry.kind
        times[name] += 1
        unique = f"{name} {times[name]}" if times[name] > 1 else name
        found.append(Observer(unique, entry.kind, entry.params(), entry.timeout))
    return tuple(found)


def _usual(kind: str, params: dict[str, Json]) -> tuple[Observer, ...]:
    if kind == "process":
        return (Observer("process", "process"),)
    if params.get("unit"):
        return (Observer("unit", "unit"),)
    return ()
