"""
One life of `journalctl --follow`: a child, started with posix_spawn, whose lines are read when somebody asks for the next.

Nobody asks, nothing is read: the pipe fills, and journalctl waits. So what is held here is bounded by one line, and nothing is lost,
because the journal itself keeps it. A line that is longer than a line may be is not given out, and counted.

It ends when we end it, when journald is gone for good, or when we die: journalctl sees that nobody reads any more.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Sequence
from contextlib import suppress

from error_daemon.processes.reaped import Reaped

MOST_LINE_BYTES = 1 << 20  # a stack of many threads has some 100 KiB
_READ_BYTES = 16 << 10
_TAIL_BYTES = 500
_RESET_SIGNALS = tuple(signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP})


class Reader:
    """`program`: the path of journalctl. Raises OSError if it can't be started."""

    def __init__(self, program: str, options: Sequence[str]) -> None:
        self._loop = asyncio.get_running_loop()
        self._said = bytearray()
        self._rest = bytearray()
        self._is_too_long = False
        self.too_long = 0
        self._out, out = os.pipe2(os.O_CLOEXEC)
        self._err, err = os.pipe2(os.O_CLOEXEC)
        try:
            pid = os.posix_spawn(
                program,
                [program, *options],
                {**os.environ, "LC_ALL": "C", "SYSTEMD_COLORS": "0"},
                file_actions=[
                    (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
                    (os.POSIX_SPAWN_DUP2, out, 1),
                    (os.POSIX_SPAWN_DUP2, err, 2),
                ],
                setsigmask=(),
                setsigdef=_RESET_SIGNALS,
            )
        except BaseException:
            os.close(self._out)
            os.close(self._err)
            raise
        finally:
            os.close(out)
            os.close(err)
        for fd in (self._out, self._err):
            os.set_blocking(fd, False)
        self._reaped = _watched(pid)
        self._loop.add_reader(self._err, self._hear)

    async def lines(self) -> list[bytes]:
        """The next that there are, at least one; none when it has ended."""
        while True:
            data = await self._some()
            if not data:
                return []
            if lines := self._split(data):
                return lines

    def _split(self, data: bytes) -> list[bytes]:
        *whole, rest = data.split(b"\n")
        lines: list[bytes] = []
        for piece in whole:
            self._add(piece)
            if self._is_too_long:
                self.too_long += 1
            elif self._rest:
                lines.append(bytes(self._rest))
            self._rest.clear()
            self._is_too_long = False
        self._add(rest)
        return lines

    def _add(self, piece: bytes) -> None:
        if self._is_too_long or len(self._rest) + len(piece) > MOST_LINE_BYTES:
            self._is_too_long = True
            self._rest.clear()
        else:
            self._rest += piece

    async def _some(self) -> bytes:
        """Empty at the end. At least one turn of the loop passes, so that much of it does not hold others up."""
        while True:
            readable = self._loop.create_future()
            self._loop.add_reader(self._out, _settle, readable)
            try:
                await readable
            finally:
                self._loop.remove_reader(self._out)
            with suppress(BlockingIOError):
                return os.read(self._out, _READ_BYTES)

    def _hear(self) -> None:
        """What it has to complain about; the end of it is kept."""
        try:
            said = os.read(self._err, _READ_BYTES)
        except BlockingIOError:
            return
        if not said:
            self._loop.remove_reader(self._err)
        self._said += said
        del self._said[:-_TAIL_BYTES]

    async def end(self) -> tuple[int, str]:
        """End it, if it has not ended; how it ended, and what it said last."""
        self._reaped.kill(signal.SIGTERM)
        code = await self._reaped.wait()
        self._hear_the_rest()
        self._close()
        return code, self._said.decode("utf-8", "replace").strip()

    def drop(self) -> None:
        """End it, and wait for nothing: it is reaped whenever it has ended."""
        self._reaped.kill(signal.SIGTERM)
        self._close()

    def _hear_the_rest(self) -> None:
        with suppress(BlockingIOError):
            self._said += os.read(self._err, _READ_BYTES) if self._err >= 0 else b""

    def _close(self) -> None:
        for fd in (self._out, self._err):
            if fd >= 0:
                self._loop.remove_reader(fd)
                os.close(fd)
        self._out = self._err = -1


def _watched(pid: int) -> Reaped:
    """Raises OSError, with the child ended, if the host gives us no means to see its end."""
    try:
        return Reaped(pid)
    except OSError:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        raise


def _settle(readable: asyncio.Future[None]) -> None:
    if not readable.done():
        readable.set_result(None)
