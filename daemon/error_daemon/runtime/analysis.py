"""Work that would hold the loop is done in a process of its own (jobs.py): metrics over many tickets, replay, examining definitions.

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

from error_daemon.errors import Refused, TransientError
from error_daemon.runtime.jobs import LENGTH, Job, Rows

LONGEST_S = 300.0
_MOST_AT_ONCE = 2
_TRY_AGAIN_S = 5.0
_ROWS_AT_A_TIME = 200
_LARGEST_BYTES = 256 << 20  # of one value: more is no answer of ours


class Session:
    """One job in its process. `job`: what it is called, for people."""

    def __init__(self, process: asyncio.subprocess.Process, job: Job, longest_s: float) -> None:
        assert process.stdin is not None, "a pipe was asked for"
        assert process.stdout is not None, "a pipe was asked for"
        self._process, self._stdin, self._stdout = process, process.stdin, process.stdout
        self._job, self._longest_s = job, longest_s

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
        """What it tells next. Raises TransientError when there is nothing more, Refused when it comes not in time."""
        job = self._job
        try:
            return await asyncio.wait_for(self._told(), self._longest_s)
        except asyncio.TimeoutError:
            raise Refused(f"{job.name} took longer than {self._longest_s:g} s: {job.mend}") from None
        except asyncio.IncompleteReadError:
            code = await self._process.wait()
            message = f"{job.name} ended with {code}: standard error of the daemon has why"
            raise TransientError(message, _TRY_AGAIN_S) from None

    async def _told(self) -> Any:
        [length] = LENGTH.unpack(await self._stdout.readexactly(LENGTH.size))
        return pickle.loads(await self._stdout.readexactly(min(length, _LARGEST_BYTES)))


class Analysis:
    def __init__(self, longest_s: float = LONGEST_S) -> None:
        self._longest_s = longest_s
        self._running = 0

    @asynccontextmanager
    async def begin(self, job: Job) -> AsyncIterator[Session]:
        """The job runs until this is left. Raises TransientError while too many are running, or where no process can be started."""
        if self._running >= _MOST_AT_ONCE:
            raise TransientError(f"{self._running} analyses of the record are running already", _TRY_AGAIN_S)
        self._running += 1
        process: asyncio.subprocess.Process | None = None
        try:
            process = await _started(job)
            session = Session(process, job, self._longest_s)
            await session.send(job)
            yield session
        finally:
            self._running -= 1
            if process is not None and process.returncode is None:
                with suppress(ProcessLookupError):
                    process.kill()
                await process.wait()


async def _started(job: Job) -> asyncio.subprocess.Process:
    pipe = asyncio.subprocess.PIPE
    program = (sys.executable, "-m", "error_daemon.runtime.jobs")
    try:
        return await asyncio.create_subprocess_exec(*program, stdin=pipe, stdout=pipe)
    except OSError as error:
        raise TransientError(f"no process can be started for {job.name}: {error.strerror}", _TRY_AGAIN_S) from error
