"""/etc/recovery.conf and the environment → Settings, or every problem at once.

The file is TOML; a setting that is not written has its default. Four settings can be given by the environment, which wins over
the file: LOG_LEVEL, ERROR_RECOVERY_LISTEN, ERROR_RECOVERY_STATE_DIR and ERROR_RECOVERY_DEFINITIONS_DIR (an empty one counts as
not given). Nothing is converted silently: a number in quotes is not a number, and a duration without its unit is refused.

Settings that are right by themselves are then checked against each other, even while others are wrong. A file with a secret in it must
be for its owner alone (A22).
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from error_daemon.definitions.checks.exposure import exposure_complaints
from error_daemon.definitions.checks.secret_files import readable_by_others, said
from error_daemon.definitions.complaints import Complaint, Loc, complaints, quoted
from error_daemon.definitions.secrets.found import Secret, may_have_a_secret, secrets_in
from error_daemon.definitions.secrets.hidden import Hiding, hidden
from error_daemon.definitions.toml_places import KeyPlace, places
from error_daemon.errors import ConfigError, Problem
from error_daemon.settings import Settings

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

DEFAULT_PATH = Path("/etc/recovery.conf")
MAX_FILE_BYTES = 1 << 20

_NO_VALUE = ("Invalid value", "Expected newline or end of document after a statement")  # as TOML libraries say it

VARIABLES: dict[str, tuple[str, ...]] = {
    "LOG_LEVEL": ("log", "level"),
    "ERROR_RECOVERY_LISTEN": ("listen",),
    "ERROR_RECOVERY_HTTP_LISTEN": ("http", "listen"),
    "ERROR_RECOVERY_STATE_DIR": ("state_dir",),
    "ERROR_RECOVERY_DEFINITIONS_DIR": ("definitions_dir",),
}


def load_settings(path: Path | None, environment: Mapping[str, str]) -> Settings:
    """Settings from `path`, else from DEFAULT_PATH where that exists. Raises ConfigError with all problems."""
    written = _read(path)
    found_secrets = list(
        secrets_in(written.data)
    )  # before the environment's values are put in, and wrong ones taken out
    overridden = _override(written.data, environment)
    settings, found = _validated(written.data)
    wrong = {complaint.loc for complaint in found}
    found += [complaint for concerned, complaint in _cross_checks(settings) if not wrong.intersection(concerned)]
    found += _secret_complaints(written, found_secrets)
    if found:
        placed = [_problem(complaint, written, overridden) for complaint in found]
        problems = hidden(placed, Hiding(frozenset(secret.value for secret in found_secrets)))
        raise ConfigError(sorted(problems, key=lambda problem: (problem.line, problem.column, problem.message)))
    return settings


@dataclass(frozen=True, slots=True)
class _Written:
    file: str
    data: dict[str, Any]
    places: Mapping[tuple[str, ...], KeyPlace]


def _read(path: Path | None) -> _Written:
    file = str(path or DEFAULT_PATH)
    try:
        with Path(file).open("rb") as opened:
            raw = opened.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError:
        if path is None:
            return _Written(file, {}, {})
        raise ConfigError([Problem(file, 0, 0, "there is no such file")]) from None
    except OSError as error:
        raise ConfigError([Problem(file, 0, 0, f"cannot be read: {error.strerror}")]) from error
    if len(raw) > MAX_FILE_BYTES:
        raise ConfigError([Problem(file, 0, 0, f"is larger than {MAX_FILE_BYTES} bytes")])
    return _parsed(file, raw)


def _parsed(file: str, raw: bytes) -> _Written:
    try:
        text = raw.decode("utf-8").replace("\r\n", "\n")
        return _Written(file, tomllib.loads(text), places(text))
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        column = error.start - raw.rfind(b"\n", 0, error.start)
        raise ConfigError([Problem(file, line, column, "is not UTF-8 from here on")]) from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([_syntax_problem(file, text, str(error))]) from error
    except RecursionError:
        raise ConfigError([Problem(file, 0, 0, "is nested too deeply")]) from None


def _syntax_problem(file: str, text: str, message: str) -> Problem:
    place = re.fullmatch(r"(.*) \(at (?:line (\d+), column (\d+)|end of document)\)", message, re.DOTALL)
    if place is None:
        return Problem(file, 1, 1, message)
    end = text.count("\n") + 1, len(text) - text.rfind("\n")
    line, column = (int(place[2]), int(place[3])) if place[2] else end
    mend = _quotes(text.split("\n")[line - 1]) if place[1].startswith(_NO_VALUE) else ""
    return Problem(file, line, column, f"not TOML: {place[1]}", mend)


def _quotes(line: str) -> str:
    """The mend for `state_dir = state`: text without its quotes, which is the usual way to write no TOML."""
    pair = re.fullmatch(r"""\s*[\w.-]+\s*=\s*([^\s"'\\\[\]{}#=]+(?:[ \t]+[^\s"'\\\[\]{}#=]+)*)\s*(?:#.*)?""", line)
    if pair is None:
        return ""
    return "text is written in quotes" + ("" if may_have_a_secret(line) else f': "{pair[1]}"')


def _override(data: dict[str, Any], environment: Mapping[str, str]) -> dict[Loc, str]:
    """Puts the environment's values into `data`; which settings came from which variable."""
    overridden: dict[Loc, str] = {}
    for variable, loc in VARIABLES.items():
        section = data
        for key in loc[:-1]:
            section = section.setdefault(key, {})
        if environment.get(variable) and isinstance(section, dict):  # else the section itself is wrong, and is reported
            section[loc[-1]] = environment[variable]
            overridden[loc] = variable
    return overridden


def _secret_complaints(written: _Written, secrets: Sequence[Secret]) -> list[Complaint]:
    """Secrets in a file that others may read."""
    mode = readable_by_others(written.file)
    return [
        Complaint(secret.loc, *said(secret, mode, written.file), about_key=True) for secret in (secrets if mode else ())
    ]


def _validated(data: dict[str, Any]) -> tuple[Settings, list[Complaint]]:
    """The settings, with the default in place of each that is wrong."""
    try:
        return Settings.model_validate(data, strict=True), []
    except ValidationError as error:
        found = complaints(error, Settings)
    for complaint in found:
        _take_out(data, [str(key) for key in complaint.loc])
    return Settings.model_validate(data, strict=True), found


def _take_out(section: dict[str, Any], keys: Sequence[str]) -> None:
    """One wrong item makes a list wrong."""
    inner = section.get(keys[0])
    if len(keys) > 1 and isinstance(inner, dict):
        _take_out(inner, keys[1:])
    else:
        section.pop(keys[0], None)


def _cross_checks(settings: Settings) -> list[tuple[set[Loc], Complaint]]:
    """Complaints about values that are possible, but not so, or not together; with the settings concerned."""
    found: list[tuple[set[Loc], Complaint]] = []
    found += exposure_complaints(settings)
    directories = {name: getattr(settings, name) for name in ("state_dir", "definitions_dir")}
    found += [
        ({(name,)}, Complaint((name,), f"{quoted(path)} is not the path of a directory"))
        for name, path in directories.items()
        if not path or "\0" in path
    ]
    rows: Loc = ("store", "batch_rows")
    waiting: Loc = ("store", "waiting_rows")
    if settings.store.batch_rows > settings.store.waiting_rows:
        message = (
            f"store.batch_rows is {settings.store.batch_rows}, above store.waiting_rows, which is "
            f"{settings.store.waiting_rows}: no batch would ever be full"
        )
        found.append(({rows, waiting}, Complaint(rows, message, "raise waiting_rows or lower batch_rows")))
    brakes = settings.brakes
    window: Loc = ("brakes", "breaker_window")
    rolling: Loc = ("brakes", "breaker_rolling_window")
    if brakes.breaker_window > brakes.breaker_rolling_window:
        message = (
            f"brakes.breaker_window is {brakes.breaker_window:g}s, above brakes.breaker_rolling_window, which is "
            f"{brakes.breaker_rolling_window:g}s: older failures are not known any more"
        )
        found.append(({window, rolling}, Complaint(window, message, "lower breaker_window or raise the other")))
    return found


def _problem(complaint: Complaint, written: _Written, overridden: Mapping[Loc, str]) -> Problem:
    if complaint.loc in overridden:
        return Problem(overridden[complaint.loc], 0, 0, complaint.message, complaint.mend)
    path = tuple(str(key) for key in complaint.loc)
    place = written.places.get(path) or written.places.get(path[:-1])  # a default can clash with a setting beside it
    if place is None:
        return Problem(written.file, 0, 0, complaint.message, complaint.mend)
    line, column = place.key if complaint.about_key else place.value
    return Problem(written.file, line, column, complaint.message, complaint.mend)
