"""The daemon's hold on the writer process: start it, talk to it, see it end.

Started with posix_spawn (a fork would copy a large address space and break gRPC); its end is seen through a pidfd, so no
signal handler and no thread is needed. One `WriterProcess` is one life of the writer: when it is over, a new one is made.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Callable, Mapping
from typing import Any, cast

from error_daemon.errors import StoreUnavailable
from error_daemon.store.frames import Unpacker, pack_length, pack_message, parse_message
from error_daemon.store.waiting import settle

Message = dict[str, Any]


class WriterProcess(asyncio.Protocol):
    """One writer. `ready` gets its first message, or StoreUnavailable if it ends before; `ended` its exit status,
    negative for a signal."""

    def __init__(self, loop: asyncio.AbstractEventLoop, on_lost: Callable[[], None]) -> None:
        self.ready: asyncio.Future[Message] = loop.create_future()
        self.ended: asyncio.Future[int] = loop.create_future()
        self.pid = 0
        self._loop = loop
        self._on_lost = on_lost
        self._transport: asyncio.Transport | None = None
        self._unpacker = Unpacker()
        self._answers: dict[int, asyncio.Future[Message]] = {}
        self._rows: dict[int, list[dict[str, Any]]] = {}
        self._last_id = 0
        self._pidfd = -1

    @classmethod
    async def start(cls, path: str, lock_wait_s: float, begin_anew: bool, on_lost: Callable[[], None]) -> WriterProcess:
        """Start a writer for the file. `on_lost` is called when it can't be talked to any more.

        Raises OSError if the program can't be started."""
        loop = asyncio.get_running_loop()
        process = cls(loop, on_lost)
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                process._spawn(theirs, [f"--path={path}", f"--lock-wait={lock_wait_s}"] + ["--begin-anew"] * begin_anew)
            await loop.create_unix_connection(lambda: process, sock=ours)
        except BaseException:
            ours.close()
            process.kill()
            raise
        return process

    def _spawn(self, theirs: socket.socket, options: list[str]) -> None:
        number = 3 if theirs.fileno() != 3 else 4  # dup2 onto itself would leave it closed on exec
        arguments = [sys.executable, "-m", "error_daemon.store.writer", f"--fd={number}", *options]
        actions = [(os.POSIX_SPAWN_DUP2, theirs.fileno(), number)]
        self.pid = os.posix_spawn(sys.executable, arguments, os.environ, file_actions=actions)
        self._pidfd = os.pidfd_open(self.pid)
        self._loop.add_reader(self._pidfd, self._reap)

    def _reap(self) -> None:
        self._loop.remove_reader(self._pidfd)
        os.close(self._pidfd)
        _, status = os.waitpid(self.pid, 0)
        self.ended.set_result(os.waitstatus_to_exitcode(status))

    # --- talking ---

    @property
    def connected(self) -> bool:
        return self._transport is not None

    def ask(self, message: Message, payloads: Mapping[str, bytes] | None = None) -> asyncio.Future[Message]:
        """Send a message, and the frames of a batch behind it; the answer. Raises StoreUnavailable when the writer is gone,
        through the future too."""
        if self._transport is None:
            raise StoreUnavailable("the store's writer has ended")
        self._last_id += 1
        pieces = [pack_message({**message, "id": self._last_id})]
        for payload in (payloads or {}).values():
            pieces += (pack_length(payload), payload)
        self._transport.writelines(pieces)
        answer: asyncio.Future[Message] = self._loop.create_future()
        self._answers[self._last_id] = answer
        return answer

    def kill(self) -> None:
        """End it at once; what was not answered was perhaps done."""
        if self.pid and not self.ended.done():
            os.kill(self.pid, signal.SIGKILL)

    async def end(self, patience_s: float) -> int:
        """Let it finish what it has in hand and close the file, or kill it after `patience_s`; its exit status.

        A process that can't die, because its disk does not answer, is waited for: nobody else could open the file."""
        if self._transport is not None:
            self._transport.close()
        await asyncio.wait([self.ended], timeout=patience_s)
        self.kill()
        return await asyncio.shield(self.ended)

    # --- called by the event loop ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one without inheriting from it

    def data_received(self, data: bytes) -> None:
        self._unpacker.feed(data)
        for frame in self._unpacker.frames():
            self._receive(parse_message(frame))

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        lost = StoreUnavailable("the store's writer ended before it answered")
        for waiting in (self.ready, *self._answers.values()):
            settle(waiting, lost)
        self._answers.clear()
        self._on_lost()

    def _receive(self, message: Message) -> None:
        kind = message["kind"]
        if kind in ("ready", "shut"):
            settle(self.ready, message)
            return
        number = message["id"]
        if kind == "rows":
            self._rows.setdefault(number, []).extend(message["rows"])
            if message["more"]:
                return
            message["rows"] = self._rows.pop(number)
        else:
            self._rows.pop(number, None)
        settle(self._answers.pop(number), message)
