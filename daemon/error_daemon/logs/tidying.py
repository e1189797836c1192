"""The thread that compresses and deletes what was put aside, when there is something to do, and nicer than the rest."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from error_daemon.logs.archives import Keep, tidy, use_of

_NICENESS = 10
_EVERY_S = 3600.0  # age passes without a rotation, too


class Tidying:
    """`now()`: wall time. `use`: archives and their bytes, as they were when last looked at."""

    def __init__(self, path: Path, keep: Keep, now: Callable[[], float]) -> None:
        self.use = use_of(path)
        self.problem = ""
        self._path = path
        self._keep = keep
        self._now = now
        self._wake = threading.Event()
        self._is_ending = False
        self._thread = threading.Thread(target=self._run, name="log-tidy", daemon=True)

    def start(self) -> None:
        self._wake.set()  # what the last daemon left behind
        self._thread.start()

    def rotated(self) -> None:
        self._wake.set()

    def end(self) -> None:
        """What is half compressed is begun anew by the next daemon."""
        self._is_ending = True
        self._wake.set()

    def once(self) -> None:
        """Do what is due. Never raises."""
        try:
            tidy(self._path, self._now(), self._keep)
        except OSError as error:
            self.problem = f"{error.filename or self._path}: {error.strerror or error}"
        else:
            self.problem = ""
        self.use = use_of(self._path)

    def _run(self) -> None:
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
        while not self._is_ending:
            self._wake.wait(_EVERY_S)
            self._wake.clear()
            if not self._is_ending:
                self.once()
