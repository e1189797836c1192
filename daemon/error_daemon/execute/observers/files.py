"""files: which files there are under some paths, and what is in them.

A path may hold * ? [...] and ** (any directories); a directory stands for everything below it. What a glob of `ignore` matches,
whole or by its last part, is left out; and of what is in the files the lines that an expression of `ignore_lines` matches. Links are
said, and not followed. Times of change are no part of it: what was written anew with the same content is the same.

Everything is read in a thread (execute/blocking.py): a path on a dead network mount blocks whoever touches it.
"""

from __future__ import annotations

import asyncio
import glob
import os
import re
import stat
from collections.abc import Iterator, Sequence
from fnmatch import fnmatch
from hashlib import sha256

from error_daemon.errors import PermanentError
from error_daemon.execute.blocking import looks
from error_daemon.execute.observers.contract import Look, Seen
from error_daemon.execute.params import required

MOST_FILES = 10_000
MOST_BYTES = 256 << 20  # of all files together
_READ_BYTES = 1 << 20


class FilesObserver:
    async def observe(self, look: Look) -> Seen:
        survey = _Survey(look)
        try:
            return await looks.see(survey.name, survey.seen, look.timeout_s)
        except asyncio.TimeoutError:
            survey.is_over = True  # a thread cannot be ended, but it sees this
            raise PermanentError(
                f"{survey.at or 'the files'} could not be read within {look.timeout_s:g} s: is there too much of it?"
            ) from None


class _Survey:
    def __init__(self, look: Look) -> None:
        self.is_over = False
        self.at = ""
        self._paths: Sequence[str] = required(look.params, "paths")
        self.name = " ".join(self._paths)
        self._ignore: Sequence[str] = look.params.get("ignore") or ()
        self._lines = [re.compile(pattern) for pattern in look.params.get("ignore_lines") or ()]
        self._bytes_left = MOST_BYTES

    def seen(self) -> Seen:
        facts: dict[str, str] = {}
        for path in self._paths:
            for name in self._named(path):
                for found in self._below(name):
                    facts[found] = self._said(found)
                    if len(facts) > MOST_FILES:
                        raise PermanentError(f"there are more than {MOST_FILES} files: name fewer, or ignore some")
        return Seen(facts)

    def _named(self, path: str) -> list[str]:
        return sorted(glob.glob(path, recursive=True)) if glob.has_magic(path) else [path]

    def _below(self, path: str) -> Iterator[str]:
        if self._is_ignored(path):
            return
        yield path
        if os.path.isdir(path) and not os.path.islink(path):
            for name in sorted(os.listdir(path)):
                yield from self._below(os.path.join(path, name))

    def _is_ignored(self, path: str) -> bool:
        return any(fnmatch(path, pattern) or fnmatch(os.path.basename(path), pattern) for pattern in self._ignore)

    def _said(self, path: str) -> str:
        self.at = path
        if self.is_over:
            raise PermanentError("nobody waits for it any more")
        try:
            mode = os.lstat(path).st_mode
            if stat.S_ISLNK(mode):
                return f"link to {os.readlink(path)}"
            if stat.S_ISREG(mode):
                return self._content(path)
        except FileNotFoundError:
            return "not there"
        except OSError as error:
            raise PermanentError(f"{path}: {error.strerror}") from error
        return "directory" if stat.S_ISDIR(mode) else "neither a file nor a directory"

    def _content(self, path: str) -> str:
        digest, size = sha256(), 0
        with open(path, "rb") as file:
            for part in iter(lambda: file.readline() if self._lines else file.read(_READ_BYTES), b""):
                self._bytes_left -= len(part)
                if self._bytes_left < 0 or self.is_over:
                    raise PermanentError(f"the files have more than {MOST_BYTES >> 20} MiB: name fewer, or ignore some")
                if not any(pattern.search(part.decode("utf-8", "replace")) for pattern in self._lines):
                    digest.update(part)
                    size += len(part)
        return f"{size} bytes, sha256 {digest.hexdigest()[:16]}"
