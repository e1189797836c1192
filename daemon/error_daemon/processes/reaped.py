"""The end of a child process, seen through a pidfd: no signal handler, and no thread."""

from __future__ import annotations

import asyncio
import os
import signal


class Reaped:
    """A child process whose end is waited for, and which is reaped then, waited for or not."""

    def __init__(self, pid: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._pid = pid
        self._code: asyncio.Future[int] = self._loop.create_future()
        self._pidfd = os.pidfd_open(pid)
        self._loop.add_reader(self._pidfd, self._reap)

    async def wait(self) -> int:
        """Its exit code, or minus the signal's number. The process is gone, zombie and all, when this returns."""
        return await asyncio.shield(self._code)

    async def wait_for(self, timeout_s: float) -> bool:
        """Whether it ended within the time."""
        await asyncio.wait((self._code,), timeout=timeout_s)
        return self._code.done()

    def kill(self, number: signal.Signals) -> None:
        """Send it a signal, if it is still there; never to another of the same pid."""
        if not self._code.done():
            signal.pidfd_send_signal(self._pidfd, number)

    def _reap(self) -> None:
        self._loop.remove_reader(self._pidfd)
        os.close(self._pidfd)
        _, status = os.waitpid(self._pid, 0)
        self._code.set_result(os.waitstatus_to_exitcode(status))
