"""How one life of the writer begins: start the process, wait until it has the file open, tell apart why it has not.

A file that makes DuckDB crash outright (a signal, three times in a row) can't be told from its error text; it is put aside
unseen at the fourth try. A writer that was killed, or ends with a status, condemns nothing.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import dataclass

from error_daemon.errors import ConfigError, Problem, StoreUnavailable
from error_daemon.store.process import WriterProcess
from error_daemon.store.waiting import within

_CRASHES = frozenset((-signal.SIGSEGV, -signal.SIGABRT, -signal.SIGBUS, -signal.SIGILL, -signal.SIGFPE))
_CRASHES_THAT_CONDEMN = 3


@dataclass(frozen=True, slots=True)
class Patience:
    """How long things are waited for, in seconds, before something is done about it."""

    open_s: float = 120.0  # a long write-ahead log has to be replayed
    lock_s: float = 5.0  # the writer of a daemon that was killed needs a moment to end
    commit_s: float = 30.0
    query_s: float = 30.0
    close_s: float = 10.0
    stop_s: float = 10.0
    first_delay_s: float = 0.1  # before the next try after a failure; it doubles
    longest_delay_s: float = 10.0


class Opener:
    """Begins lives of the writer for one file."""

    def __init__(self, path: str, patience: Patience) -> None:
        self.path = path
        self._patience = patience
        self._crashes = 0  # in a row, while opening

    async def open(self, on_lost: Callable[[], None]) -> tuple[WriterProcess, list[str]]:
        """A writer that has the file open, and what people must be told. `on_lost` is called when it ends.

        Raises ConfigError when a person has to do something first, StoreUnavailable when trying again may help."""
        begin_anew = self._crashes >= _CRASHES_THAT_CONDEMN
        try:
            writer = await WriterProcess.start(self.path, self._patience.lock_s, begin_anew, on_lost)
        except OSError as error:
            raise StoreUnavailable(f"the store's writer can't be started: {error}") from error
        try:
            return writer, await self._wait_until_open(writer)
        except BaseException:
            await writer.end(0)
            raise

    async def _wait_until_open(self, writer: WriterProcess) -> list[str]:
        try:
            message = await within(self._patience.open_s, writer.ready, f"opening {self.path} took too long")
        except StoreUnavailable as error:
            status = await writer.end(0)
            self._crashes = self._crashes + 1 if status in _CRASHES else 0
            raise StoreUnavailable(f"{error}; it ended with status {status}") from error
        self._crashes = 0
        if message["kind"] == "ready":
            problems: list[str] = message["problems"]
            return problems
        if message["forever"]:
            raise ConfigError([Problem(self.path, 0, 0, message["problem"], message["mend"])])
        raise StoreUnavailable(message["problem"])
