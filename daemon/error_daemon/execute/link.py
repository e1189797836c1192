"""One worker process as the daemon sees it: started, spoken to, watched, and at last ended for a stated reason.

    starting ──Ready──► ready ──► ending ──► ended
        └──────────────────────────►┘

It goes to *ending* when the process is gone (pidfd), when its socket is at end of file, or when `end` is called: because it
hangs, because an order is long overdue, or because the daemon stops. In *ending* it is waited for the rest: both the
process's exit status, which says how it ended, and end of file, before which answers may still be read that the worker
gave while it lived. Half a second at most; then what is left is killed. In *ended*, the programs that it ran are killed.

**Hanging is counted in beats, not in seconds.** At each beat the worker is sent a ping; `hung_after_s / heartbeat_s` beats
without a word from it, and it hangs. A beat never comes early and missed beats are not made up, so when it was the daemon or
the whole host that stood still, nobody is blamed for it. Overdue orders are counted in the same way; a worker that puts off an
attempt's deadline, because the host withheld CPU time, says so, and gets that much longer, within what a deadline may be put off.
"""

from __future__ import annotations

import asyncio
import math
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import cast

from google.protobuf.message import DecodeError

from error_daemon.errors import InvariantError
from error_daemon.execute import frames_pb2 as frames
from error_daemon.execute.ending import describe_end, kill_group_of, kill_marked, run_mark, signal_group
from error_daemon.execute.framing import Decoder, encode
from error_daemon.execute.withheld import longest_s
from error_daemon.model import AttemptOrder, ObserveOrder, ProbeOrder
from error_daemon.processes.identity import Identity, identify

START_TIMEOUT_S = 20.0
_OVERDUE_AFTER_S = 2.0  # beyond its deadline: what a worker needs to end programs, with room
_ENDING_S = 0.5
_WORKER_FD = 3


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """Ping every `every_s`; hung after `hung_after_s` without a word."""

    every_s: float = 1.0
    hung_after_s: float = 3.0

    def beats(self, span_s: float) -> int:
        """Beats in which at least `span_s` pass."""
        return math.ceil(span_s / self.every_s) + 1


@dataclass(frozen=True, slots=True)
class WorkerTraits:
    """`dscp`: how workers mark the connections that they make (reach.py). `realtime_priority`: their own (realtime.py). 0: none."""

    dscp: int = 0
    realtime_priority: int = 0


@dataclass(frozen=True, slots=True)
class Heard:
    """How a worker is: `silent_s` since its last word, and how many attempts and rounds of probes it has."""

    pid: int
    is_ready: bool
    silent_s: float
    load: int


@dataclass(slots=True)
class _Work:
    beats_left: int
    beats_to_lend: int = 0  # by how many the worker may still put it off
    probes: tuple[str, ...] = ()
    look: ProbeOrder | None = None  # of an attempt: what the worker does next

    def put_off(self, beats: int) -> None:
        lent = min(beats, self.beats_to_lend)
        self.beats_left += lent
        self.beats_to_lend -= lent


class WorkerLink(asyncio.Protocol):
    """Make one with `open_link`. `ended` is done, with the reason in words, when nothing will come from it any more."""

    def __init__(self, pid: int, heartbeat: Heartbeat, on_message: Callable[[WorkerLink, frames.FromWorker], None]):
        self.pid = pid
        self.is_ready = False
        self.attempts: dict[str, _Work] = {}
        self.rounds: dict[str, _Work] = {}
        self._heartbeat = heartbeat
        self._on_message = on_message
        self._loop = asyncio.get_running_loop()
        self.ended: asyncio.Future[str] = self._loop.create_future()
        self._decoder = Decoder()
        self._programs: dict[int, Identity] = {}
        self._transport: asyncio.WriteTransport | None = None
        self._reason = ""
        self._status: int | None = None
        self._is_at_eof = False
        self._is_ending = False
        self._silent_beats = 0
        self._pings = 0
        self._orphans_end: asyncio.Task[None] | None = None
        self._worker = identify(pid)
        self._pidfd = os.pidfd_open(pid)
        self._loop.add_reader(self._pidfd, self._reap)

    @property
    def load(self) -> int:
        return len(self.attempts) + len(self.rounds)

    @property
    def silent_s(self) -> float:
        """How long nothing was heard of it, in whole beats."""
        return self._silent_beats * self._heartbeat.every_s

    def send_attempt(self, frame: bytes, order: AttemptOrder) -> None:
        timeout_s = order.timeout_s
        beats = self._heartbeat.beats(timeout_s + _OVERDUE_AFTER_S)
        lend = self._heartbeat.beats(longest_s(timeout_s) - timeout_s)
        self.attempts[order.attempt_id] = _Work(beats, lend, look=order.look)
        self._write(frame)

    def attempt_ended(self, ended: frames.AttemptEnded) -> bool:
        """Whether it was one of its own. Where its look goes on, that is a round from now on."""
        work = self.attempts.pop(ended.attempt_id, None)
        if work is None:
            return False
        look = work.look
        if look is not None and ended.looked_at_monotonic_s and not ended.HasField("seen"):
            timeout_s = max([probe.timeout_s for probe in look.probes], default=0.0)
            self.rounds[look.round_id] = self._round(probes_of(look), timeout_s)
        return True

    def send_probes(self, frame: bytes, round_id: str, probes: tuple[str, ...], timeout_s: float) -> None:
        self.rounds[round_id] = self._round(probes, timeout_s)
        self._write(frame)

    def _round(self, probes: tuple[str, ...], timeout_s: float) -> _Work:
        beats = self._heartbeat.beats(timeout_s + _OVERDUE_AFTER_S)
        return _Work(beats, self._heartbeat.beats(longest_s(timeout_s) - timeout_s), probes)

    def beat(self) -> None:
        """Call every `heartbeat.every_s`."""
        if self._is_ending:
            return
        self._silent_beats += 1
        allowed_s = self._heartbeat.hung_after_s if self.is_ready else START_TIMEOUT_S
        if self._silent_beats > self._heartbeat.beats(allowed_s):
            self.end(f"hung: not a word in {allowed_s:g} s" if self.is_ready else f"not ready in {allowed_s:g} s")
            return
        for name, work in (*self.attempts.items(), *self.rounds.items()):
            work.beats_left -= 1
            if work.beats_left < 0:
                self.end(f"hung: no answer for {name} {_OVERDUE_AFTER_S:g} s after its deadline")
                return
        self._pings += 1
        self._write(encode(frames.ToWorker(ping=frames.Ping(number=self._pings)).SerializeToString()))

    def end(self, reason: str) -> None:
        """Kill the worker."""
        self._begin_ending(reason)
        self._kill()

    def leave(self, grace_s: float) -> None:
        """Close the connection, upon which the worker ends its programs and itself; kill it after `grace_s`."""
        self._begin_ending("the daemon stops", grace_s)
        if self._transport is not None:
            self._transport.abort()

    # --- what comes from the socket and the process

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.WriteTransport, transport)
        if self._is_ending:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        self._silent_beats = 0
        for message in self._read(data):
            try:
                self._take(message)
            except Exception as error:  # noqa: BLE001 the daemon's own bug: the worker is well, and what it said next counts
                told = "what a worker answered could not be taken"
                self._loop.call_exception_handler({"message": told, "exception": error})

    def _read(self, data: bytes) -> Iterator[frames.FromWorker]:
        try:
            for message in self._decoder.feed(data):
                yield frames.FromWorker.FromString(message)
        except (InvariantError, DecodeError) as error:
            self.end(f"sent what can't be read: {error}")

    def connection_lost(self, exc: Exception | None) -> None:
        self._is_at_eof = True
        self._begin_ending("")
        self._end_if_complete()

    def _take(self, message: frames.FromWorker) -> None:
        which = message.WhichOneof("message")
        if which == "program_started":
            started = message.program_started
            self._programs[started.pid] = Identity(started.pid, started.start_ticks)
        elif which == "program_ended":
            self._programs.pop(message.program_ended.pid, None)
        elif which == "put_off":
            owner = message.put_off.attempt_id
            if (work := self.attempts.get(owner) or self.rounds.get(owner)) is not None:
                work.put_off(math.ceil(message.put_off.longer_s / self._heartbeat.every_s))
        elif which == "ready":
            self.is_ready = True
            self._on_message(self, message)
        elif which != "pong":
            self._on_message(self, message)

    def _reap(self) -> None:
        self._loop.remove_reader(self._pidfd)
        os.close(self._pidfd)
        _, status = os.waitpid(self.pid, 0)
        self._status = os.waitstatus_to_exitcode(status)
        self._begin_ending("")
        self._end_if_complete()

    # --- ending

    def _begin_ending(self, reason: str, grace_s: float = _ENDING_S) -> None:
        self._reason = self._reason or reason
        if not self._is_ending:
            self._is_ending = True
            self.is_ready = False
            self._loop.call_later(grace_s, self._end_by_force)

    def _end_by_force(self) -> None:
        if self._orphans_end is not None:
            return
        self._kill()
        if self._transport is not None and not self._is_at_eof:
            self._transport.abort()
        # a process in uninterruptible sleep does not even die of SIGKILL: its orders must not wait for it
        self._is_at_eof = True
        self._loop.call_later(_ENDING_S, self._finish)

    def _kill(self) -> None:
        if self._status is None:  # not reaped yet, so the pid is its own
            signal_group(self.pid, signal.SIGKILL)

    def _end_if_complete(self) -> None:
        if self._is_at_eof and self._status is not None:
            self._finish()

    def _finish(self) -> None:
        if self._orphans_end is None:
            self._orphans_end = self._loop.create_task(self._end_orphans())

    async def _end_orphans(self) -> None:
        """What a lost attempt started must not go on beside the next one. Announced programs are known by their pid; those
        that the worker could not announce any more, and what left its group, by the mark of their attempt. End of file
        says that all of them carry it by now: until its exec, a child holds the worker's end of the socket too."""
        try:
            await self._end_marked()
        finally:  # whatever went wrong: the orders are answered, and the worker's place is free
            self.ended.set_result(self._describe())

    async def _end_marked(self) -> None:
        for program in self._programs.values():
            kill_group_of(program)
        looks = [work.look.round_id for work in self.attempts.values() if work.look is not None]
        marks = [run_mark(self._worker, owner) for owner in (*self.attempts, *looks, *self.rounds)]
        if marks and self._status != 0:  # 0: it took leave in good order, and ended them itself
            await self._loop.run_in_executor(None, kill_marked, marks)

    def _describe(self) -> str:
        status = "did not end" if self._status is None else describe_end(self._status)
        return f"worker {self.pid}: " + (f"{self._reason}; {status}" if self._reason else status)

    def _write(self, frame: bytes) -> None:
        if self._transport is not None:
            self._transport.write(frame)


def probes_of(order: ProbeOrder | ObserveOrder) -> tuple[str, ...]:
    """Their names."""
    return tuple([probe.id for probe in order.probes])


async def open_link(
    heartbeat: Heartbeat, on_message: Callable[[WorkerLink, frames.FromWorker], None], traits: WorkerTraits
) -> WorkerLink:
    """Start a worker. Raises OSError if the host has no room for one more process."""
    ours, theirs = socket.socketpair()
    try:
        link = WorkerLink(_spawn(theirs.fileno(), traits), heartbeat, on_message)
    except BaseException:
        ours.close()
        raise
    finally:
        theirs.close()
    await asyncio.get_running_loop().create_connection(lambda: link, sock=ours)
    return link


def _spawn(fd: int, traits: WorkerTraits) -> int:
    """posix_spawn, never fork: gRPC's threads do not survive a fork, and copying the daemon's page tables takes long."""
    command = [sys.executable, "-m", "error_daemon.execute.worker", "--fd", str(_WORKER_FD)]
    command += ["--dscp", str(traits.dscp), "--realtime", str(traits.realtime_priority)]
    actions = [
        (os.POSIX_SPAWN_DUP2, fd, _WORKER_FD),
        (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
    ]
    # a group of its own: Ctrl-C in a terminal reaches the daemon only
    return os.posix_spawn(sys.executable, command, os.environ, file_actions=actions, setpgroup=0)
