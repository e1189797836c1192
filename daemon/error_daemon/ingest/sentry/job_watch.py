"""Jobs that check in, watched: what they say is kept before they are answered, and what they do not say is reported when it is due."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from error_daemon.errors import TransientError
from error_daemon.ingest.acceptance import Acceptance
from error_daemon.ingest.sentry.check_in import CheckIn, CheckIns, Due
from error_daemon.ingest.sentry.check_in_file import CheckInFile, plain
from error_daemon.model.access import Caller, Role
from error_daemon.ports import Clock

_LONGEST_S = 3600.0  # timers of half a year are not trusted
_AGAIN_S = 5.0


class JobWatch:
    """`on_problem(text)` hears of a file that cannot be read or written."""

    def __init__(
        self, acceptance: Acceptance, clock: Clock, state_dir: Path, on_problem: Callable[[str], None]
    ) -> None:
        self._acceptance = acceptance
        self._clock = clock
        self._file = CheckInFile(state_dir / "check_ins.json")
        self._on_problem = on_problem
        self._check_ins = CheckIns()
        self._untold: dict[str, Due] = {}  # those that could not be taken yet
        self._timer: asyncio.TimerHandle | None = None
        self._is_stopped = False
        self._saving = asyncio.Lock()
        self._changes = 0
        self._kept_changes = 0

    def start(self) -> None:
        monitors, problem = self._file.load()
        if problem:
            self._on_problem(problem)
        self._check_ins.restore(monitors, self._clock.now())
        self._wake_later()

    def stop(self) -> None:
        self._is_stopped = True
        if self._timer is not None:
            self._timer.cancel()

    def expected(self) -> list[str]:
        """The jobs that are known."""
        return [monitor.slug for monitor in self._check_ins.monitors.values()]

    async def take(self, *said: CheckIn) -> list[bytes]:
        """On return they are kept. The faults that they are themselves, for who is to be told whether these were taken. Raises InputError
        for what is wrong in one, TransientError where they cannot be kept; those before it are known."""
        faults: list[bytes] = []
        try:
            for index, one in enumerate(said):
                if index:
                    await asyncio.sleep(0)  # to find when it should come next can take ten milliseconds
                faults += [due.fault for due in self._check_ins.feed(one, self._clock.now())]
        finally:
            self._wake_later()
            self._changes += 1
            await self._keep(self._changes)
        return faults

    async def _keep(self, change: int) -> None:
        """All that wait while the file is written share the next time that it is."""
        async with self._saving:
            if self._kept_changes >= change:
                return
            newest = self._changes
            try:
                await asyncio.to_thread(self._file.save, plain(self._check_ins.monitors))
            except OSError as error:
                self._on_problem(f"check-ins cannot be kept: {error}")
                raise TransientError(f"check-ins cannot be kept: {error}", _AGAIN_S) from error
            self._kept_changes = newest

    def _tell(self, told: list[Due]) -> None:
        """Of a job that is missed again and again while nothing can be taken, once."""
        self._untold.update((one.key, one) for one in told)
        for key, one in list(self._untold.items()):
            if self._acceptance.take_now([one.fault], _JOBS[one.is_trusted]).left:
                return
            del self._untold[key]

    def _wake_later(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._is_stopped:
            return
        at = self._check_ins.next_wake()
        wait_s = _LONGEST_S if at is None else min(max(at - self._clock.now(), 0.0), _LONGEST_S)
        self._timer = asyncio.get_running_loop().call_later(
            min(wait_s, _AGAIN_S) if self._untold else wait_s, self.look
        )

    def look(self) -> None:
        """Whether something is due."""
        self._tell(self._check_ins.due(self._clock.now()))
        self._wake_later()


_JOBS = {
    is_trusted: Caller("jobs that check in", "check-ins", frozenset({Role.REPORTER}), False, is_trusted)
    for is_trusted in (True, False)
}
