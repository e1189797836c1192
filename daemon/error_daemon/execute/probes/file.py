"""file: a path is there (or is not), is young enough, large enough, matches, and its file system has room.

Everything is done in a thread (execute/blocking.py): a path on a dead network mount blocks whoever touches it.
"""

from __future__ import annotations

import asyncio
import os
import re
import stat
import time
from collections.abc import Mapping
from functools import partial

from error_daemon.errors import InputError, PermanentError
from error_daemon.execute.blocking import looks
from error_daemon.execute.params import required
from error_daemon.execute.probes.contract import Look, Sight, not_ok, ok, unknown
from error_daemon.model import Json

_SEARCHED_BYTES = 1 << 20


class FileProbe:
    async def look(self, look: Look) -> Sight:
        path = str(required(look.params, "path"))
        if not os.path.isabs(path):
            raise InputError("path", f"{path} is not absolute")
        try:
            return await looks.see(path, partial(_look_at, path, look.params), look.timeout_s)
        except asyncio.TimeoutError:
            return unknown(f"{path} could not be looked at within {look.timeout_s:g} s: is its file system alive?")


def _look_at(path: str, params: Mapping[str, Json]) -> Sight:
    try:
        problem = _problem(path, params)
    except (FileNotFoundError, NotADirectoryError):
        return not_ok(f"{path} is not there") if params.get("exists", True) else ok(f"{path} is not there")
    except OSError as error:
        raise PermanentError(f"{path}: {error.strerror}") from error
    return not_ok(problem) if problem else ok(f"{path} is as it should be")


def _problem(path: str, params: Mapping[str, Json]) -> str:
    """What is wrong with a file that exists; empty if nothing is. Raises OSError."""
    seen = os.stat(path)
    if not params.get("exists", True):
        return f"{path} is there, and should not be"
    max_age_s = params.get("max_age_s")
    # a file's time of change is wall time, so it can be compared with that only
    age_s = time.clock_gettime(time.CLOCK_REALTIME) - seen.st_mtime
    if max_age_s is not None and age_s > max_age_s:
        return f"{path} was last changed {age_s:.1f} s ago, at most {max_age_s:g} s are fine"
    min_bytes = params.get("min_bytes") or 0
    if seen.st_size < min_bytes:
        return f"{path} has {seen.st_size} bytes, at least {min_bytes} are fine"
    pattern = params.get("pattern") or ""
    if pattern and not stat.S_ISREG(seen.st_mode):
        return f"{path} is not a regular file, so nothing in it can match"
    return _content_problem(path, pattern) or _room_problem(path, params.get("min_free_ratio"))


def _content_problem(path: str, pattern: str) -> str:
    if not pattern:
        return ""
    with open(path, "rb") as file:
        text = file.read(_SEARCHED_BYTES).decode("utf-8", "replace")
    return "" if re.search(pattern, text) else f"nothing in {path} matches {pattern!r}"


def _room_problem(path: str, min_free_ratio: float | None) -> str:
    if min_free_ratio is None:
        return ""
    system = os.statvfs(path)
    free_ratio = system.f_bavail / system.f_blocks if system.f_blocks else 1.0
    if free_ratio >= min_free_ratio:
        return ""
    return f"the file system of {path} is {free_ratio:.1%} free, at least {min_free_ratio:.1%} are fine"
