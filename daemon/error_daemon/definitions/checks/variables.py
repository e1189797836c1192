"""What variables mean together.

- Each is known: `target`, `instance`, one that some target has; or, where it may stand (checks/fault_variables.py), one of the fault.
- Every target that a probe or strategy is used for, by its own probes or by the ladders of rules, has those that it names. `instance` is
  for members of families.
- What comes out when they are filled is sound: a port is a port, a URL is a URL, and a path that begins with one is absolute.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from error_daemon.definitions.checks.fault_variables import check_fault_variables
from error_daemon.definitions.complaints import Loc, complaints, did_you_mean, quoted
from error_daemon.definitions.files.written import Directory, Written
from error_daemon.definitions.filled import filled, own_variables, varying_of
from error_daemon.definitions.reach import users_of
from error_daemon.definitions.shapes.document import Document
from error_daemon.errors import Problem
from error_daemon.model.variables import OF_TARGETS, is_from_fault, variables_in

_SHOWN = 3


def check_variables(directory: Directory) -> Iterator[Problem]:
    known = {name: None for target in directory.targets for name in own_variables(directory, target)}
    for section, used in users_of(directory).items():
        entries: Mapping[str, Written[Any]] = getattr(directory, section)
        for name, entry in entries.items():
            texts = [*texts_in(varying_of(entry))]
            if texts:
                yield from _check(directory, entry, texts, list(used.get(name, ())), [*OF_TARGETS, *known])


def texts_in(data: Any, at: Loc = ()) -> Iterator[tuple[Loc, str]]:
    """Those with variables, and where they stand."""
    if isinstance(data, str) and "${" in data:
        yield at, data
    elif isinstance(data, dict):
        for key, value in data.items():
            yield from texts_in(value, (*at, key))
    elif isinstance(data, list):
        for index, value in enumerate(data):
            yield from texts_in(value, (*at, index))


def _check(
    directory: Directory, entry: Written[Any], texts: list[tuple[Loc, str]], users: list[str], known: list[str]
) -> Iterator[Problem]:
    problems = [*check_fault_variables(entry, texts)]
    named = {(at, name): None for at, text in texts for name in variables_in(text) if not is_from_fault(name)}
    found = ((at, _absent(directory, name, users, known)) for at, name in named)
    problems += [entry.problem(*problem, at) for at, problem in found if problem]
    yield from problems or _check_filled(directory, entry, users)


def _absent(directory: Directory, name: str, users: list[str], known: list[str]) -> tuple[str, str] | None:
    """Message and mend for a variable that is not there for all that need it."""
    shown = quoted("${" + name + "}")
    if name not in known:
        if "targets" in directory.unreadable:
            return None
        mend = did_you_mean(name, known) + f"; $${{{name}}} is a plain ${{{name}}}"
        return f"no target has a variable {quoted(name)}", mend
    lacking = [user for user in users if name != "target" and name not in own_variables(directory, user)]
    if not lacking:
        return None
    more = f" and {len(lacking) - _SHOWN} more" if len(lacking) > _SHOWN else ""
    who = ", ".join(map(quoted, lacking[:_SHOWN])) + more
    if name == "instance":
        return f"{shown} is for members of families, and {who} is none", "write the name, or make it a family"
    return f"{shown} is not a variable of {who}", f"write variables: {{{name}: ...}} there"


def _check_filled(directory: Directory, entry: Written[Any], users: list[str]) -> Iterator[Problem]:
    """Each place once, for the first target that something is wrong for."""
    seen: set[Loc] = set()
    for target in users:
        try:
            filled(directory, entry, target)
        except ValidationError as error:
            for complaint in complaints(error, Document):
                if complaint.loc not in seen:
                    seen.add(complaint.loc)
                    message = f"for {quoted(target)}: {complaint.message}"
                    yield entry.problem(message, complaint.mend, complaint.loc, key=complaint.about_key)
        except ValueError:  # a variable is missing, and where targets could not be read nobody can say that it is
            continue
