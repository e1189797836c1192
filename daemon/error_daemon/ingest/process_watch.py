"""A process that should live has died: seen through a pidfd, within a millisecond or so, without polling. Where the kernel tells that it
begins to die (ingest/dying/), that is heard first, and is as good: it can't come back. Only who acts on it has to wait until it is dead.

Watched are the targets of kind `process`, by their pid files. When the watched process ends, its pid file is read again: where it still
says the same, nothing else need be asked, and a fault is reported; another living process there means that somebody else has restarted
it already. As long as a target has no process to watch, its pid file is looked at every second: whoever starts it, it is watched again;
one that was started and has died since the last look is reported too. A report that could not be taken is repeated then; one about a
process that stays dead, every minute, for as long as its pid file is there: who stops a service on purpose removes that first.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from error_daemon.errors import ErrorRecoveryError, PermanentError, TransientError
from error_daemon.ingest.dying.notices import DyingNotices
from error_daemon.ingest.own_fault import not_running
from error_daemon.model import Target
from error_daemon.model.diagnostic import Diagnostic, Standing
from error_daemon.ports import Clock
from error_daemon.processes.identity import named_in, read_file

SOURCE = "sensor/pidfd"


@dataclass(frozen=True, slots=True)
class _Watched:
    """A process that lived when it was looked at. `said`: what its pid file said then."""

    pid: int
    pidfd: int
    said: bytes


class ProcessWatch:
    """`take(payload)`: the intake. `on_problem(text)` hears of faults that could not be reported, and of processes that cannot be
    watched. `notices`: opened before, if they are to be listened to, and closed with this."""

    def __init__(
        self,
        targets: Mapping[str, Target],
        clock: Clock,
        take: Callable[[bytes], object],
        on_problem: Callable[[str], None],
        look_again_s: float = 1.0,
        *,
        repeat_s: float = 60.0,
        notices: DyingNotices | None = None,
    ) -> None:
        self._notices = notices or DyingNotices()
        self._pid_files = _pid_files(targets)
        self._clock = clock
        self._take = take
        self._on_problem = on_problem
        self._look_again_s = look_again_s
        self._repeat_s = repeat_s
        self._reported_at: dict[str, float] = {}
        self._watched: dict[str, _Watched] = {}  # by target
        self._dead: dict[str, bytes] = {}  # target → what its pid file said when its process was last found dead
        self._unreported: dict[str, str] = {}  # target → what could not be taken
        self._hushed: set[str] = set()
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Watch every process that lives; report those that should live and do not."""
        self._notices.listen(self._dying)
        for target_id in self._pid_files:
            self._look_at_unwatched(target_id)
        self._look_later()

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        for target_id in list(self._watched):
            self._unwatch(target_id)
        self._notices.close()

    def redefine(self, targets: Mapping[str, Target]) -> None:
        """Watch these, and no others any more. What is known of a target whose pid file is the same stays known."""
        before, self._pid_files = self._pid_files, _pid_files(targets)
        for target_id, pid_file in before.items():
            if self._pid_files.get(target_id) != pid_file:
                self._unwatch(target_id)
                for known in (self._reported_at, self._dead, self._unreported):
                    known.pop(target_id, None)
        for target_id, pid_file in self._pid_files.items():
            if before.get(target_id) != pid_file:
                self._look_at_unwatched(target_id)
        self._look_later()

    def watched(self) -> Collection[str]:
        """The targets that have a living process, as far as is known."""
        return self._watched.keys()

    def diagnostic(self) -> Diagnostic:
        """How deaths are seen here."""
        count, notices = len(self._watched), self._notices
        says = f"{count} living processes of targets; their deaths are told {notices.says()}"
        return Diagnostic("sensors", "process-deaths", Standing.GOOD, says, notices.mend, {"watched": float(count)})

    def look(self, target_id: str) -> None:
        """The target was recovered: watch the process that it has now."""
        if target_id in self._pid_files:
            self._watch(target_id)

    def hush(self, target_id: str, is_hushed: bool) -> None:
        """A person breaks and recovers the target for a test: its deaths are not reported until that is over. Then it is looked at."""
        if is_hushed:
            self._hushed.add(target_id)
            return
        self._hushed.discard(target_id)
        if target_id in self._pid_files:
            self._look_at_unwatched(target_id)
            self._look_later()

    def _look_later(self) -> None:
        if self._timer is None and len(self._watched) < len(self._pid_files):
            self._timer = asyncio.get_running_loop().call_later(self._look_again_s, self._look_again)

    def _look_again(self) -> None:
        self._timer = None
        for target_id in self._pid_files.keys() - self._watched.keys():
            self._look_at_unwatched(target_id)
        self._look_later()

    def _look_at_unwatched(self, target_id: str) -> None:
        if self._watch(target_id):
            self._unreported.pop(target_id, None)
        elif target_id in self._hushed:
            return
        elif target_id in self._unreported:
            self._report(target_id, self._unreported.pop(target_id))
        elif self._is_newly_dead(target_id) or self._is_due_again(target_id):
            pid_file = self._pid_files[target_id]
            self._report(target_id, f"the process of {target_id} is not running: nothing lives under {pid_file}")

    def _is_due_again(self, target_id: str) -> bool:
        """It is still dead, and has not been reported for a while: a fault that lasts is reported again, so that nobody gives it up."""
        reported_at = self._reported_at.get(target_id)
        return (
            reported_at is not None
            and os.path.exists(self._pid_files[target_id])
            and self._clock.now() - reported_at >= self._repeat_s
        )

    def _is_newly_dead(self, target_id: str) -> bool:
        """Its pid file is there, and is not the one whose process was found dead before."""
        said = _said(self._pid_files[target_id])
        known = self._dead.get(target_id)
        if said is None or said == known:
            return False
        self._dead[target_id] = said
        return bool(said) or known is None  # one that was emptied is being written at this moment

    def _watch(self, target_id: str) -> bool:
        """True when a living process is watched."""
        said = _said(self._pid_files[target_id])
        pid = _living(said, self._pid_files[target_id])
        watched = self._watched.get(target_id)
        if pid is None or said is None or (watched and watched.pid == pid):
            return pid is not None
        try:
            descriptor = os.pidfd_open(pid)
        except ProcessLookupError:
            return False
        except OSError as error:
            self._on_problem(f"the process of {target_id} (pid {pid}) lives and cannot be watched: {error.strerror}")
            return True
        self._unwatch(target_id)
        self._reported_at.pop(target_id, None)
        self._watched[target_id] = _Watched(pid, descriptor, said)
        self._notices.watch(pid)
        asyncio.get_running_loop().add_reader(descriptor, self._ended, target_id)
        return True

    def _unwatch(self, target_id: str) -> None:
        watched = self._watched.pop(target_id, None)
        if watched:
            self._notices.unwatch(watched.pid)
            asyncio.get_running_loop().remove_reader(watched.pidfd)
            os.close(watched.pidfd)

    def _dying(self, pid: int) -> None:
        for target_id in [target_id for target_id, watched in self._watched.items() if watched.pid == pid]:
            self._ended(target_id)

    def _ended(self, target_id: str) -> None:
        """It is dead, or dying."""
        dead = self._watched[target_id]
        self._unwatch(target_id)
        said = _said(self._pid_files[target_id])
        if (said == dead.said or not self._watch(target_id)) and target_id not in self._hushed:
            if said is not None:
                self._dead[target_id] = said  # from now on it is known
            self._report(target_id, f"the process of {target_id} (pid {dead.pid}) died")
        self._look_later()

    def _report(self, target_id: str, message: str) -> None:
        now = self._clock.now()
        fault = not_running(target_id, message, source=SOURCE, fingerprint="process-death", at=now)
        self._reported_at[target_id] = now
        try:
            self._take(fault)
        except ErrorRecoveryError as error:
            if isinstance(error, TransientError):
                self._unreported[target_id] = message
            self._on_problem(f"{message}, and that could not be taken: {error}")


def _pid_files(targets: Mapping[str, Target]) -> dict[str, str]:
    return {target.id: target.params["pid_file"] for target in targets.values() if target.kind == "process"}


def _said(pid_file: str) -> bytes | None:
    """What the file says; None where there is none."""
    try:
        return read_file(pid_file)
    except FileNotFoundError:
        return None
    except OSError as error:
        return f"cannot be read: {error.strerror}".encode()


def _living(said: bytes | None, pid_file: str) -> int | None:
    """The pid in the file, if that very process (pid and, where given, start ticks) lives."""
    if said is None:
        return None
    try:
        identity = named_in(said, pid_file)
        return identity.pid if identity.lives() else None
    except (OSError, PermanentError):
        return None  # nothing that names a process
