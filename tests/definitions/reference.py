"""The tables of docs/definitions.md, made from the models of what may be written.

A table stands between `<!-- keys: name -->` and `<!-- end -->`. `python -m tests.definitions.reference` writes them anew.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from error_daemon.definitions.complaints import written_key
from error_daemon.definitions.schema.value_types import written_duration
from error_daemon.definitions.shapes import document, fields, hooks, observers, patterns, probes, strategies, targets
from error_daemon.model import ErrorType, Mode, RecoveryClass, ResponseClass
from error_daemon.setting_values import Duration

PAGE = Path(__file__).parents[2] / "docs" / "definitions.md"

_TARGET, _PROBE, _STRATEGY = targets._Target, probes._Probe, strategies._Strategy
_OBSERVER = observers._Observer
TABLES: dict[
    str, tuple[type[BaseModel], type[BaseModel] | None]
] = {  # the model, and the one whose keys stand elsewhere
    "file": (document.Document, None),
    "defaults": (document.DefaultsEntry, None),
    "target": (_TARGET, None),
    "target process": (targets.ProcessTarget, _TARGET),
    "target service": (targets.ServiceTarget, _TARGET),
    "observer": (_OBSERVER, None),
    "observer process": (observers.ProcessObserver, _OBSERVER),
    "observer unit": (observers.UnitObserver, _OBSERVER),
    "observer files": (observers.FilesObserver, _OBSERVER),
    "observer http": (observers.HttpObserver, _OBSERVER),
    "observer exec": (observers.ExecObserver, _OBSERVER),
    "observer sql": (observers.SqlObserver, _OBSERVER),
    "probe": (_PROBE, None),
    "probe tcp": (probes.TcpProbe, _PROBE),
    "probe http": (probes.HttpProbe, _PROBE),
    "probe exec": (probes.ExecProbe, _PROBE),
    "probe process": (probes.ProcessProbe, _PROBE),
    "probe file": (probes.FileProbe, _PROBE),
    "probe unit": (probes.UnitProbe, _PROBE),
    "probe alert": (probes.AlertProbe, _PROBE),
    "strategy": (_STRATEGY, None),
    "backoff": (strategies.BackoffEntry, None),
    "strategy retry": (strategies.RetryStrategy, _STRATEGY),
    "strategy exec": (strategies.ExecStrategy, _STRATEGY),
    "strategy http": (strategies.HttpStrategy, _STRATEGY),
    "strategy process_restart": (strategies.ProcessRestartStrategy, _STRATEGY),
    "strategy group_restart": (strategies.GroupRestartStrategy, _STRATEGY),
    "strategy unit": (strategies.UnitStrategy, _STRATEGY),
    "strategy handler": (strategies.HandlerStrategy, _STRATEGY),
    "strategy guided": (strategies.GuidedStrategy, _STRATEGY),
    "rule": (document.RuleEntry, None),
    "when": (document.WhenEntry, None),
    "approval": (document.ApprovalEntry, None),
    "verify": (document.VerifyEntry, None),
    "bulkhead": (document.BulkheadEntry, None),
    "bulkhead when": (document.ShareEntry, None),
    "hook": (hooks._Hook, None),
    "retries": (hooks.RetriesEntry, None),
    "hook webhook": (hooks.WebhookHook, hooks._Hook),
    "hook slack": (hooks.SlackHook, hooks._Hook),
    "hook pagerduty": (hooks.PagerDutyHook, hooks._Hook),
    "hook email": (hooks.EmailHook, hooks._Hook),
    "hook plugin": (hooks.PluginHook, hooks._Hook),
    "workflow": (document.WorkflowEntry, None),
    "step": (document.StepEntry, None),
}

_WORDS: list[tuple[Any, str]] = [
    (Duration, "duration"),
    (fields.Name, "name"),
    (fields.Names, "name, or list of names"),
    (fields.Includes, "path or glob, or list of them"),
    (fields.OwnVariables, "variable: text"),
    (fields.Instances, "list of texts, or instance: its variables"),
    (fields.Text, "text"),
    (fields.FilledText, "text"),
    (fields.VaryingText, "text, may vary"),
    (fields.VaryingFilledText, "text, may vary"),
    (fields.Body, "text, may vary"),
    (fields.UnitName, "name of a unit, may vary"),
    (str, "text"),
    (fields.AbsolutePath, "path, may vary"),
    (fields.PlainPath, "path"),
    (fields.PlainUrl, "URL"),
    (fields.Command, "list of texts, may vary"),
    (fields.Environment, "name: text, may vary"),
    (fields.ExitCodes, "0 to 255, or list"),
    (fields.Glob, "glob"),
    (fields.Port, "1 to 65535, may vary"),
    (fields.Regex, "regular expression"),
    (fields.VaryingRegex, "regular expression, may vary"),
    (fields.Url, "URL, may vary"),
    (fields.VaryingRegexes, "regular expression, or list, may vary"),
    (fields.VaryingTexts, "text, or list of texts, may vary"),
    (list[fields.AbsolutePath], "list of paths, may vary"),
    (fields.Method, "HTTP method"),
    (fields.Headers, "header: text, may vary"),
    (fields.ActiveStates, "state, or list: `active`, `reloading`, `inactive`, `failed`, `activating` ..."),
    (fields.UnitWords, "word of systemd, or list of them"),
    (fields.SignalName, "name of a signal"),
    (fields.Statuses, "204, 2xx, 200-399"),
    (fields.Weight, "number, above 0 to 1000"),
    (fields.ErrorTypes, "type, or list of types"),
    (fields.TargetKinds, "kind, or list of kinds"),
    (fields.Priorities, "priority, or list of priorities"),
    (fields.LevelKeys, "level, or list of levels"),
    (fields.NameOrLevels, "name, or level: names"),
    (fields.SeverityName, "severity"),
    (fields.HookTypes, "`*`, type, or list of types"),
    (fields.HookEvents, "`*`, type of event, or list of them"),
    (fields.MailAddress, "mail address"),
    (fields.MailAddresses, "mail address, or list"),
    (fields.Options, "option: text"),
    (tuple[fields.FilledText, ...], "list of texts"),
    (patterns.Pattern, "glob, or {regex: ...}"),
    (dict[fields.FilledText, fields.Glob], "attribute: glob"),
]


def table(name: str) -> str:
    model, shared = TABLES[name]
    elsewhere = set() if shared is None else {key for key in shared.model_fields if key != "kind"}
    hints = get_type_hints(model, include_extras=True)
    rows = [
        _row(written_key(key, field), _written(hints[key], field), _default(hints[key], field), field)
        for key, field in sorted(model.model_fields.items(), key=lambda item: item[0] != "kind")
        if key not in elsewhere
    ]
    return "\n".join(["| key | what | default | meaning |", "| --- | --- | --- | --- |", *rows])


def _row(key: str, what: str, default: str, field: FieldInfo) -> str:
    return f"| `{key}` | {what} | {default} | {_cell(field.description or '')} |"


def choices() -> str:
    lists: dict[str, Iterable[str]] = {
        "types of errors": (each.value for each in ErrorType),
        "severities": get_args(fields.SeverityName),
        "priorities": get_args(fields.PriorityName),
        "response classes": (each.value for each in ResponseClass),
        "recovery classes": (each.value for each in RecoveryClass),
        "modes": (each.value for each in Mode),
        "kinds of targets": get_args(fields.TargetKind),
    }
    rows = [f"| {name} | {', '.join(f'`{each}`' for each in values)} |" for name, values in lists.items()]
    return "\n".join(["| | |", "| --- | --- |", *rows])


def rendered(page: str) -> str:
    """The page with every table made anew."""

    def one(found: re.Match[str]) -> str:
        made = choices() if found[1] == "choices" else table(found[1].removeprefix("keys: "))
        return f"<!-- {found[1]} -->\n{made}\n<!-- end -->"

    return re.sub(r"<!-- (keys: [\w ]+|choices) -->\n.*?<!-- end -->", one, page, flags=re.DOTALL)


def _written(hint: Any, field: FieldInfo) -> str:
    for known, words in _WORDS:
        if hint == known:
            return _cell(words)
    inner = [each for each in get_args(hint) if each is not type(None)]
    if type(None) in get_args(hint):
        return _written(inner[0], field)
    if get_origin(hint) is Annotated:
        return _written(inner[0], field)
    if get_origin(hint) is Literal:
        return ", ".join(f"`{each}`" for each in inner)
    if get_origin(hint) in (list, tuple):
        return "list, below"
    if get_origin(hint) is not None:
        return "mapping, below"
    return _written_class(hint, field)


def _written_class(hint: type, field: FieldInfo) -> str:
    if issubclass(hint, Enum):
        return ", ".join(f"`{each.value}`" for each in hint)
    if hint is bool:
        return "`true`, `false`"
    if issubclass(hint, BaseModel):
        return "mapping, below"
    bounds = {name: getattr(mark, name) for mark in field.metadata for name in ("ge", "le") if hasattr(mark, name)}
    number = "whole number" if hint is int else "number"
    high = f"{bounds['le']:,} at most" if "le" in bounds else ""
    if "ge" in bounds:
        return f"{number}, {bounds['ge']:,} to {bounds['le']:,}" if high else f"{number}, {bounds['ge']:,} or more"
    return f"{number}, {high}" if high else number


def _default(hint: Any, field: FieldInfo) -> str:
    value = field.default
    if field.is_required():
        return "needed"
    if isinstance(value, Enum):
        return f"`{value.value}`"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if hint == Duration:
        return f"`{written_duration(value)}`"
    if isinstance(value, int | float):
        return f"`{value:g}`"
    if hint == fields.HookEvents:
        return ", ".join(f"`{each}`" for each in ([value] if isinstance(value, str) else value))
    if hint == fields.Statuses:
        return "`{}-{}`".format(*value)
    if isinstance(value, list) and value:
        return ", ".join(f"`{each}`" for each in value)
    return f"`{value}`" if isinstance(value, str) and value else ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(rendered(PAGE.read_text()))
