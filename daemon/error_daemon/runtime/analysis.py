"""Work on the record that would hold the loop is done in a process of its own (jobs.py): metrics over many tickets, replay.

The rows go over a few at a time, so that the loop has its turn in between. A process ends with its job, with its caller, or
after `LONGEST_S`.
"""

from __future__ import annotations

import asyncio
import pickle
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from error_daemon.errors import StoreUnavailable, TransientError
from error_daemon.runtime.jobs import LENGTH, Job, Rows

LONGEST_S = 300.0
_MOST_AT_ONCE = 2
_TRY_AGAIN_S = 5.0
_ROWS_AT_A_TIME = 200
_LARGEST_BYTES = 256 << 20  # of one value: more is no answer of ours


class Session:
    """One job in its process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None, "a pipe was asked for"
        assert process.stdout is not None, "a pipe was asked for"
        self._process, self._stdin, self._stdout = process, process.stdin, process.stdout

    async def give(self, rows: Rows) -> None:
        """The rows that the job reads."""
        for name, some in rows.items():
            for first in range(0, max(len(some), 1), _ROWS_AT_A_TIME):
                await self.send((name, some[first : first + _ROWS_AT_A_TIME]))
        await self.send(None)

    async def send(self, value: Any) -> None:
        packed = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
        with suppress(ConnectionError):  # it has ended: `hear` says so
            self._stdin.write(LENGTH.pack(len(packed)) + packed)
            await self._stdin.drain()

    async def hear(self) -> Any:
        """What it tells next. Raises StoreUnavailable when there is nothing more, or not in time."""
        try:
            return await asyncio.wait_for(self._told(), LONGEST_S)
        except asyncio.TimeoutError:
            raise StoreUnavailable(f"the analysis took longer than {LONGEST_S:g} s: take a shorter range") from None
        except asyncio.IncompleteReadError:
            code = await self._process.wait()
            message = f"the analysis of the record ended with {code}: standard error of the daemon has why"
            raise StoreUnavailable(message) from None

    async def _told(self) -> Any:
        [length] = LENGTH.unpack(await self._stdout.readexactly(LENGTH.size))
        return pickle.loads(await self._stdout.readexactly(min(length, _LARGEST_BYTES)))


class Analysis:
    def __init__(self) -> None:
        self._running = 0

    @asynccontextmanager
    async def begin(self, job: Job) -> AsyncIterator[Session]:
        """The job runs until this is left. Raises TransientError while too many are running."""
        if self._running >= _MOST_AT_ONCE:
            raise TransientError(f"{self._running} analyses of the record are running already", _TRY_AGAIN_S)
        self._running += 1
        process: asyncio.subprocess.Process | None = None
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "error_daemon.runtime.jobs",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
            )
            session = Session(process)
            await session.send(job)
            yield session
        finally:
            self._running -= 1
            if process is not None and process.returncode is None:
                with suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
