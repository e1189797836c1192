"""What all entries of definitions share, and the keys that several kinds have.

Every field is described: the JSON Schema for editors and the tables of docs/definitions.md come from these models. `params()` of a kind
gives the mapping that the worker gets for it, with durations as seconds under names that end in `_s`.
"""

from __future__ import annotations

from typing import Any, get_args

from pydantic import BaseModel, ConfigDict, Field

from error_daemon.definitions.shapes.fields import AbsolutePath, Command, Environment, ExitCodes, Headers, Statuses, Url
from error_daemon.model import Json


class Entry(BaseModel):
    """Anything written as a mapping. Keys that are not known are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def models_by_kind(entry: Any) -> dict[str, type[Entry]]:
    """The models of TargetEntry, ProbeEntry or StrategyEntry, by the kinds that they are for."""
    models: tuple[type[Entry], ...] = get_args(get_args(entry)[0])
    return {kind: model for model in models for kind in get_args(model.model_fields["kind"].annotation)}


class ProgramEntry(Entry):
    command: Command = Field(description="Program and arguments, as a list. Never a shell.")
    cwd: AbsolutePath | None = Field(default=None, description="Directory to run in; that of the daemon if absent.")
    environment: Environment = Field(default={}, description="Variables that the program gets beside the basic ones.")
    success_exit_codes: ExitCodes = Field(default=[0], min_length=1, description="Exit codes that mean success.")

    def program(self) -> dict[str, Json]:
        cwd = {"cwd": self.cwd} if self.cwd is not None else {}
        environment = {"environment": self.environment} if self.environment else {}
        return {"command": self.command, **cwd, **environment, "success_exit_codes": self.success_exit_codes}


class RequestEntry(Entry):
    url: Url = Field(description="http:// or https:// URL.")
    headers: Headers = Field(default={}, description="Headers of the request.")
    success_status: Statuses = Field(
        default=(200, 299), description='Status that means success: "204", "2xx", "200-399".'
    )

    def request(self) -> dict[str, Json]:
        low, high = self.success_status
        return {"url": self.url, "headers": self.headers, "min_status": low, "max_status": high}
