"""Probes that can't tell before from after: they say ok however the target is, so every recovery looks like a success.

- A program that always ends with 0 (`true`, `echo`), or whose every exit code means success.
- A request that is good with a status 5xx, too: that is how a failing service answers.
- A file that is there whether its process lives or not: the pid file or the log of the target, with nothing else asked of it.
- Nothing asked at all: a free part of 0, a pattern that the empty text has.

The other way round, a probe that always says no: `false`, no exit code that means success.
"""

from __future__ import annotations

import os.path
import re
from collections.abc import Iterator

from error_daemon.definitions.commands.runs import runs, shell_script, unwrapped
from error_daemon.definitions.complaints import quoted
from error_daemon.definitions.files.written import Directory, Written
from error_daemon.definitions.shapes.probes import ExecProbe, FileProbe, HttpProbe
from error_daemon.definitions.shapes.targets import ProcessTarget
from error_daemon.errors import Problem

_ALWAYS_0 = frozenset({"true", ":", "echo", "printf", "sleep", "date", "hostname", "uname", "whoami", "id", "uptime"})
_ALL_CODES = 256
_ALWAYS_OK = re.compile(r"(\|\|\s*(true|:|exit 0)|;\s*(true|:|exit 0))\s*$")
_MEND = "ask what only a target that is well can answer"


def check_telling(directory: Directory) -> Iterator[Problem]:
    for name, probe in directory.probes.items():
        if isinstance(probe.value, ExecProbe):
            yield from _check_exec(name, probe, probe.value)
        elif isinstance(probe.value, HttpProbe):
            yield from _check_http(name, probe, probe.value)
        elif isinstance(probe.value, FileProbe):
            yield from _check_file(directory, name, probe, probe.value)


def _check_exec(name: str, probe: Written[object], entry: ExecProbe) -> Iterator[Problem]:
    codes = set(entry.success_exit_codes)
    if len(codes) == _ALL_CODES:
        yield probe.warning(_always(name, "ok", "every exit code means success"), _MEND, ("success_exit_codes",))
    if confused := sorted(codes & set(entry.unknown_exit_codes)):
        message = f"exit code {confused[0]} means success, and that nothing could be seen"
        yield probe.problem(message, "take it out of one of them", ("unknown_exit_codes",))
    programs = [run.program for run in runs(entry.command)]
    script = shell_script(unwrapped(entry.command))
    if programs and all(program in _ALWAYS_0 for program in programs) and 0 in codes:
        yield probe.warning(_always(name, "ok", f"{quoted(programs[-1])} always ends with 0"), _MEND, ("command",))
    elif script is not None and _ALWAYS_OK.search(script) and 0 in codes:
        yield probe.warning(_always(name, "ok", "its script always ends with 0"), _MEND, ("command",))
    elif programs == ["false"] and 1 not in codes:
        yield probe.warning(_always(name, "not ok", "`false` always ends with 1"), _MEND, ("command",))


def _check_http(name: str, probe: Written[object], entry: HttpProbe) -> Iterator[Problem]:
    low, high = entry.success_status
    if high >= 500 and not entry.body_pattern:
        message = f"probe {quoted(name)} takes a status of 5xx for ok, which is how a failing service answers"
        yield probe.warning(message, "write success_status: 2xx, or as high as 499", ("success_status",))
    yield from _check_pattern(probe, "body_pattern", entry.body_pattern)
    if low >= 300 and high < 400:
        message = f"probe {quoted(name)} is good with a redirection only, whatever is behind it"
        yield probe.warning(message, "ask for the page itself", ("success_status",))


def _check_file(directory: Directory, name: str, probe: Written[object], entry: FileProbe) -> Iterator[Problem]:
    yield from _check_pattern(probe, "pattern", entry.pattern)
    if entry.min_free_ratio == 0:
        message = "min_free_ratio is 0: a full file system is good enough"
        yield probe.warning(message, "write the part that must be free, as in 0.1", ("min_free_ratio",))
    asks_more = (
        entry.max_age is not None or entry.min_bytes or entry.pattern or entry.min_free_ratio or not entry.exists
    )
    if asks_more:
        return
    for target_name, target in directory.targets.items():
        if name not in target.value.probes or not isinstance(target.value, ProcessTarget):
            continue
        own = {target.value.pid_file: "pid file", target.value.log_file or "": "log"}
        if what := own.get(os.path.normpath(entry.path)):
            message = _always(
                name, "ok", f"the {what} of {quoted(target_name)} is there whether its process lives or not"
            )
            yield probe.warning(message, "take a probe of kind process, or max_age", ("path",))


def _check_pattern(probe: Written[object], key: str, pattern: str) -> Iterator[Problem]:
    if pattern and all(re.search(pattern, text) for text in ("", "\x01")):
        yield probe.warning(f"{quoted(pattern)} is found in every text, the empty one too", _MEND, (key,))


def _always(name: str, reading: str, why: str) -> str:
    return f"probe {quoted(name)} always says {reading}, so it can't tell before from after: {why}"
