"""What a request must be before anybody is asked: bounded, finite, and made of known words. Each check raises InputError with the field."""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import isfinite

from error_daemon.errors import InputError
from error_daemon.middle import ErrorFilter
from error_daemon.model import Answer, ErrorType, RepeatWish, State
from error_daemon.model.access import Caller
from error_daemon.rpc import convert
from error_recovery.v1 import recovery_pb2

MOST_ERRORS = 1000
MOST_HISTORY = 10_000
MOST_EVENTS_PER_S = 1000
MOST_APPROVALS = 500
MOST_NOTE_CHARACTERS = 1000
MOST_FILES = 100
MOST_PASSES = 1000
MOST_FILE_BYTES = 1 << 20
_MOST_CHARACTERS = 256
_MOST_PAUSE_S = 366 * 86400.0
_MOST_PASS_S = 3600.0
_FILE_NAME = re.compile(r"(?:[A-Za-z0-9_][A-Za-z0-9._-]{0,127}/){0,7}[A-Za-z0-9_][A-Za-z0-9._-]{0,127}\.ya?ml")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def some_id(text: str, field: str = "error_id") -> str:
    if not text:
        raise InputError(field, "is empty")
    return short(text, field)


def short(text: str, field: str, most: int = _MOST_CHARACTERS) -> str:
    if len(text) > most:
        raise InputError(field, f"has {len(text)} characters; at most {most}")
    if _CONTROL.search(text):
        raise InputError(field, "has control characters; it is shown on terminals")
    return text


def person(name: str, caller: Caller) -> str:
    """Who acts: first who the caller is known to be, then who they say that they are, in words that do not vouch for it. Empty where
    neither is known."""
    says = f"{short(name, 'by')} (as they say)" if name else ""
    return ", as ".join(filter(None, (caller.name, says)))


def answer(request: recovery_pb2.ApproveRequest | recovery_pb2.DenyRequest, caller: Caller, *, is_yes: bool) -> Answer:
    note = short(request.note, "note", MOST_NOTE_CHARACTERS)
    return Answer(short(request.decision_id, "decision_id"), is_yes, person(request.by, caller), note)


def limit(asked: int, default: int, most: int, field: str = "limit") -> int:
    if asked > most:
        raise InputError(field, f"{asked} is more than {most}")
    return asked or default


def error_type(name: str, field: str = "type") -> str:
    if name and name not in {kind.value for kind in ErrorType}:
        raise InputError(field, f"{name!r} is none of {', '.join(kind.value for kind in ErrorType)}")
    return name


def error_filter(request: recovery_pb2.ListErrorsRequest) -> ErrorFilter:
    if request.status not in (0, *convert.STATUS_NAMES):
        raise InputError("status", f"{request.status} is not a Status")
    if request.state and request.state not in {state.value for state in State}:
        raise InputError("state", f"{request.state!r} is none of {', '.join(state.value for state in State)}")
    return ErrorFilter(
        status=convert.STATUS_NAMES.get(request.status, ""),
        type=error_type(request.type),
        component=short(request.component, "component"),
        target=short(request.target, "target"),
        min_severity=request.min_severity,
        state=request.state,
        held_by=short(request.held_by, "held_by"),
    )


def time_range(since: float, until: float) -> tuple[float, float]:
    """0 means no bound."""
    for field, at in (("since", since), ("until", until)):
        if not isfinite(at) or at < 0.0:
            raise InputError(field, f"{at:g} is not a time in seconds since 1970")
    if until and until <= since:
        raise InputError("until", "is not after `since`: the range is empty")
    return since, until


def repeat_wish(request: recovery_pb2.TestRecoveryRequest, caller: Caller) -> RepeatWish:
    for field in ("repeat", "triggers"):
        if getattr(request, field) > MOST_PASSES:
            raise InputError(field, f"{getattr(request, field)} is more than {MOST_PASSES}")
    if not 0.0 <= request.timeout_s <= _MOST_PASS_S:
        raise InputError("timeout_s", f"{request.timeout_s:g} is not between 0 and {_MOST_PASS_S:g}")
    usual = RepeatWish()
    return RepeatWish(
        target=short(request.target, "target"),
        rule=short(request.rule, "rule"),
        strategy=short(request.strategy, "strategy"),
        repeat=request.repeat or usual.repeat,
        timeout_s=request.timeout_s or usual.timeout_s,
        triggers=request.triggers if request.HasField("triggers") else usual.triggers,
        breaks=request.breaks,
        by=person(request.by, caller),
    )


def pace(most_per_s: int) -> int:
    """Of a watch."""
    if most_per_s > MOST_EVENTS_PER_S:
        raise InputError("most_per_s", f"{most_per_s} is more than {MOST_EVENTS_PER_S}")
    return most_per_s


def pause_length_s(for_s: float) -> float:
    if not 0.0 <= for_s <= _MOST_PAUSE_S:
        raise InputError("for_s", f"{for_s:g} is not between 0 (until resumed) and {_MOST_PAUSE_S:g} (a year)")
    return for_s


def definition_files(request: recovery_pb2.ReplayRequest) -> Mapping[str, str]:
    """Path from the directory → text. The paths are plain ones: nothing in them is hidden, or leads out of the directory."""
    if not request.files:
        raise InputError("files", "there are none: a replay needs definitions to run the history through")
    if len(request.files) > MOST_FILES:
        raise InputError("files", f"there are {len(request.files)}; at most {MOST_FILES}")
    found: dict[str, str] = {}
    for index, file in enumerate(request.files):
        name = some_id(file.name, f"files[{index}].name")
        if not _FILE_NAME.fullmatch(name):
            raise InputError(
                f"files[{index}].name",
                f"{name!r} is not the plain name of a YAML file, as in shop.yaml or common/disk.yaml",
            )
        size = len(file.text.encode())
        if size > MOST_FILE_BYTES:
            raise InputError(f"files[{index}].text", f"{name} has {size} bytes; at most {MOST_FILE_BYTES}")
        if name in found:
            raise InputError(f"files[{index}].name", f"{name!r} is there twice")
        found[name] = file.text
    return found
