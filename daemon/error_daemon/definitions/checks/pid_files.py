"""No two targets have the same pid file: the restart of one would end the process of the other.

In a family it is easily done: the members have one text, and only `${instance}` in it makes them differ.
"""

from __future__ import annotations

from collections.abc import Iterator

from error_daemon.definitions.complaints import quoted
from error_daemon.definitions.files.written import Directory, Written
from error_daemon.definitions.filled import filled
from error_daemon.definitions.shapes.targets import ProcessTarget, TargetEntry
from error_daemon.errors import Problem


def check_pid_files(directory: Directory) -> Iterator[Problem]:
    first: dict[str, str] = {}
    for name, target in directory.targets.items():
        pid_file = _pid_file(directory, name, target)
        other = first.setdefault(pid_file, name) if pid_file else name
        if other != name:
            message = f"{quoted(other)} and {quoted(name)} have the same pid_file: to restart one would end the other"
            mend = "give each process one of its own"
            yield target.problem(
                message, mend + (": write ${instance}" if name in directory.instances else ""), ("pid_file",)
            )


def _pid_file(directory: Directory, name: str, target: Written[TargetEntry]) -> str:
    """Empty where it has none, or variables that are not known (variables.py has said so)."""
    try:
        value = filled(directory, target, name)
    except ValueError:
        return ""
    return value.pid_file if isinstance(value, ProcessTarget) else ""
