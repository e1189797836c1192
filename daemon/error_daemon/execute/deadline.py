"""The deadline of one attempt: it runs on the CPU time that the host granted (execute/withheld.py)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from error_daemon.execute.withheld import HostTimes, more_s, withheld_s


class AttemptDeadline:
    """Cancels the task that made it when `timeout_s` of granted time have passed since `began`; tells `on_longer` each time that
    it is put off, and by how many seconds. `times()`: as they are now. Call `end` when the attempt has ended."""

    def __init__(
        self, timeout_s: float, began: HostTimes, times: Callable[[], HostTimes], on_longer: Callable[[float], None]
    ) -> None:
        self.has_passed = False
        self._timeout_s = timeout_s
        self._began = began
        self._times = times
        self._on_longer = on_longer
        self._task = asyncio.current_task()
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_later(timeout_s, self._come)

    def _come(self) -> None:
        now = self._times()
        longer_s = more_s(self._timeout_s, now.at_s - self._began.at_s, withheld_s(self._began, now))
        if longer_s:
            self._on_longer(longer_s)
            self._timer = self._loop.call_later(longer_s, self._come)
            return
        self.has_passed = True
        if self._task is not None:
            self._task.cancel()

    def end(self) -> None:
        self._timer.cancel()
