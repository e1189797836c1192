"""What is made of the text of a single value, and why not: each function returns the value, or raises ValueError with the reason.

Paths are made absolute here: a relative one counts from the directory of the file that holds it, which the pydantic context gives. Nothing
of the host is expanded: no `~`, no `$VARIABLE`, no shell.

Variables (model/variables.py) may stand in the texts of targets, probes and strategies. A text that has some is kept as it is written:
whether it is, say, a URL shows when it is filled for a target (checks/variables.py), and then it is validated again.
"""

from __future__ import annotations

import os.path
import re
import signal
import warnings
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlsplit

from pydantic import ValidationInfo, ValidatorFunctionWrapHandler

from error_daemon.definitions.complaints import did_you_mean, quoted
from error_daemon.model.variables import OF_TARGETS, RESERVED, is_from_fault, parts_of, variables_in

WHERE = (
    "in texts of targets, probes and strategies (those of the fault: in arguments and environment of exec strategies)"
)


@dataclass(frozen=True, slots=True)
class Context:
    """Of the validation: the directory that relative paths count from, and whether variables were filled, so that none are left."""

    base: str
    is_filled: bool = False


def _context(info: ValidationInfo) -> Context:
    return cast("Context", info.context)


def may_vary(value: Any, read: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
    return value if _varies(value, info) else read(value)


def _varies(value: object, info: ValidationInfo) -> bool:
    """Whether it has variables that are still to be filled. Raises ValueError if they are not written as they are to be."""
    if not isinstance(value, str) or "${" not in value or _context(info).is_filled:
        return False
    for literal, name in parts_of(value.replace("$${", "")):
        if "${" in literal:
            raise ValueError(f"{quoted(value)}: a variable has no end: write ${{name}}, or $${{ for a plain ${{")
        if not literal and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]*|fault\.[a-z]+|fault\.attributes\..+", name):
            raise ValueError(f"{quoted('${' + name + '}')} is not a variable: write $${{ for a plain ${{")
    return True


def plain(text: str) -> str:
    """Where variables can't stand. What only looks like one of somebody's own may be meant: a message may have ${HOME}."""
    for name in variables_in(text):
        if name in OF_TARGETS or is_from_fault(name):
            raise ValueError(f"{quoted('${' + name + '}')}: no variable can stand here, but {WHERE}")
    return text


def without_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError("a NUL character can't be part of it")
    return text


def varying_path(text: str, info: ValidationInfo) -> str:
    context = _context(info)
    if not _varies(text, info):
        path = plain_path(text, info)
        return path if context.is_filled else path.replace("${", "$${")
    if text.startswith("~"):
        raise ValueError(f"{quoted(text)}: ~ is not expanded, write the whole path")
    return text if text.startswith("${") else os.path.join(context.base.replace("${", "$${"), text)


def plain_path(text: str, info: ValidationInfo) -> str:
    if text.startswith("~"):
        raise ValueError(f"{quoted(text)}: ~ is not expanded, write the whole path")
    return os.path.normpath(os.path.join(_context(info).base, without_nul(text)))


def no_string(command: object) -> object:
    if isinstance(command, str):
        raise ValueError(f"{quoted(command)} is one string: never a shell: write a list, as in [/bin/tool, --option]")
    return command


def command(command: list[str], info: ValidationInfo) -> list[str]:
    program = command[0]
    if not program:
        raise ValueError("the name of the program is empty")
    if program.startswith("${") and not _context(info).is_filled:
        return command  # whether it is absolute shows when it is filled
    if program.startswith(("./", "../")):
        return [varying_path(program, info), *command[1:]]
    if "/" in program and not program.startswith("/"):
        raise ValueError(f"{quoted(program)} is neither absolute nor a name to look up: begin it with / or ./")
    return command


def variable(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        raise ValueError(f"{quoted(name)} is not the name of an environment variable")
    return name


def own_variable(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]{0,63}", name):
        raise ValueError(f"{quoted(name)} is not the name of a variable: letters, digits, _ and -, a letter or _ first")
    if name in RESERVED:
        raise ValueError(f"{quoted(name)} has a meaning of its own: call the variable something else")
    return name


def variable_value(text: str) -> str:
    if "${" in text:
        raise ValueError(f"{quoted(text)}: the value of a variable is plain text, without variables")
    return without_nul(text)


def regex(text: str) -> str:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # what Python may read differently one day is no pattern to rely on
            re.compile(text)
    except (re.error, OverflowError, RecursionError, Warning) as error:
        raise ValueError(f"{quoted(text)} is not a regular expression: {error}") from error
    return text


def url(text: str) -> str:
    try:
        parts = urlsplit(text)
        is_whole = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError as error:
        raise ValueError(f"{quoted(text)} is not a URL: {error}") from error
    if not is_whole or re.search(r"[\x00-\x20\x7f]", text):
        raise ValueError(f"{quoted(text)} is not a URL: write http://host:port/path or https://...")
    return text


def mail_address(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?", text):
        raise ValueError(f"{quoted(text)} is not a mail address: write the address alone, as in ops@example.org")
    return text


def method(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z]+", text):
        raise ValueError(f"{quoted(text)} is not an HTTP method")
    return text.upper()


def header(text: str) -> str:
    if re.search(r"[\x00\r\n]", text):
        raise ValueError("a header is one line")
    return text


def unit(name: str) -> str:
    kinds = "service|socket|target|timer|mount|automount|path|slice|scope|swap|device"
    if not re.fullmatch(rf"[A-Za-z0-9:_.\\@-]{{1,200}}\.(?:{kinds})", name):
        raise ValueError(f"{quoted(name)} is not the name of a unit: write nginx.service, shop@1.service ...")
    return name


def signal_name(name: str) -> str:
    if name not in signal.Signals.__members__:
        mend = did_you_mean(name, signal.Signals.__members__)
        raise ValueError(f"{quoted(name)} is not a signal" + (f": {mend}" if mend else ""))
    return name


def statuses(text: object) -> object:
    """ "2xx" → (200, 299), "204" → (204, 204), "200-399" → (200, 399)."""
    match = re.fullmatch(r"([1-5])xx|([1-5][0-9]{2})(?:-([1-5][0-9]{2}))?", text) if isinstance(text, str) else None
    if match is None:
        raise ValueError(f"{quoted(text)} is not an HTTP status: write 204, 2xx or 200-399")
    if match[1]:
        return int(match[1]) * 100, int(match[1]) * 100 + 99
    low, high = int(match[2]), int(match[3] or match[2])
    if low > high:
        raise ValueError(f"{quoted(text)} is empty: {low} is above {high}")
    return low, high


def level(text: object) -> object:
    if text not in ("1", "2", "3", "4", "5"):
        raise ValueError(f"{quoted(text)} is not a level: levels are 1 to 5")
    return text


def listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


def glob_or_regex(value: object) -> str:
    return "regex" if isinstance(value, dict) else "glob"


def any_or_types(value: object) -> str:
    return "any" if value == "*" else "types"


def no_list(ladder: object) -> object:
    if isinstance(ladder, list):
        raise ValueError("a ladder is a name, or levels with their strategies, as in {3: [restart-web]}")
    return ladder


def name_or_levels(value: object) -> str:
    return "levels" if isinstance(value, dict) else "name"
