"""The thread that brings faults from the lanes to the daemon.

It sleeps until a fault wakes it, sends what waits, the most urgent lane first, one batch at a time, and sleeps again. So
the first fault goes at once, and while it is on its way others gather to the next batch. Nothing else is timed but:

    a lane rests        for as long as the daemon asked, after it had no room for some of its faults
    all lanes rest      after no answer: 0.1 s doubling to 5 s, a random part of it ("full jitter", AWS Architecture Blog, 2015)
    spools of the dead  are looked for at start and every 15 s

While a lane rests, what is put there goes to disk at once: faults that can't be delivered now must outlive the process.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import random
import threading
import time
from collections.abc import Sequence

from error_recovery.delivery import Answer, TooMuch, Wire
from error_recovery.lane import BATCH_RECORDS, Lane
from error_recovery.spool_home import SpoolHome

CALL_TIMEOUT_S = 5.0
ADOPT_EVERY_S = 15.0
REST_FIRST_S = 0.1
REST_LONGEST_S = 5.0

_log = logging.getLogger("error_recovery")


class Courier:
    """Delivers the faults of these lanes, which are in the order of their urgency.

    `grpc_is_safe` False: everything goes to disk, for other processes to deliver (fork.py).
    """

    def __init__(self, lanes: Sequence[Lane], home: SpoolHome, wire: Wire, grpc_is_safe: bool) -> None:
        self._lanes = lanes
        self._home = home
        self._wire = wire
        self._grpc_is_safe = grpc_is_safe
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        self._wakes: queue.SimpleQueue[None] = queue.SimpleQueue()  # put() is reentrant: fit for signal handlers
        self._wake_is_due = False
        self._stop_at: float | None = None
        self._not_before = {lane.name: 0.0 for lane in lanes}
        self._batch_records = {lane.name: BATCH_RECORDS for lane in lanes}
        self._rest_s = 0.0
        self._adopt_at = 0.0
        self._told_dropped = 0
        self._told_problems: set[str] = set()
        self.calling = threading.Lock()
        """Held while gRPC is in use."""
        self.settled = threading.Condition()
        """Notified whenever faults were delivered or dropped, and at the end."""

    def wake(self) -> None:
        """Something was put. Starts the thread at the first time; takes no lock after that."""
        if self._thread is None:
            self._start()
        if not self._wake_is_due:
            self._wake_is_due = True
            self._wakes.put(None)

    @property
    def is_running(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def stop(self, timeout_s: float) -> None:
        """Delivers for at most `timeout_s` seconds more, as long as the daemon answers; the rest goes to disk."""
        self._stop_at = time.monotonic() + timeout_s
        self._wakes.put(None)
        thread = self._thread
        if thread is not None:
            thread.join(timeout_s + 0.5)
        for lane in self._lanes:
            lane.spill()  # also what is on its way in a call that hangs
        if not self.is_running:
            self._leave()

    def _start(self) -> None:
        if not self._starting.acquire(blocking=False):
            return  # another thread is at it, or a signal handler interrupted this one
        try:
            if self._thread is None and self._stop_at is None:
                thread = threading.Thread(target=self._run, name="error-recovery", daemon=True)
                thread.start()
                self._thread = thread
        except RuntimeError as problem:  # the interpreter is ending and lets no thread begin
            _log.debug("faults go to disk: %s", problem)
            for lane in self._lanes:
                lane.spill()
        finally:
            self._starting.release()

    def _run(self) -> None:
        while self._stop_at is None:
            with contextlib.suppress(queue.Empty):  # then something else is due
                self._wakes.get(timeout=self._sleep_s())
            self._wake_is_due = False
            self._round()
        self._finish(self._stop_at)
        with self.settled:
            self.settled.notify_all()

    def _sleep_s(self) -> float:
        now = time.monotonic()
        due_at = min([self._adopt_at, *(at for at in self._not_before.values() if at > now)])
        return max(0.0, due_at - now)

    def _round(self) -> None:
        """Sends until nothing waits that may go now; what has to wait goes to disk."""
        try:
            if time.monotonic() >= self._adopt_at:
                self._adopt()
            if self._grpc_is_safe:
                while self._stop_at is None and self._send_next(CALL_TIMEOUT_S):
                    pass
        except OSError as problem:
            self._warn_once(f"the spool of faults cannot be read: {problem}")
            self._rest(self._lanes, REST_LONGEST_S)
        self._spill_resting()
        self._tell()

    def _finish(self, stop_at: float) -> None:
        try:
            while self._grpc_is_safe and self._send_next(min(CALL_TIMEOUT_S, stop_at - time.monotonic())):
                pass
        except OSError as problem:
            self._warn_once(f"the spool of faults cannot be read: {problem}")
        for lane in self._lanes:
            lane.spill()
        self._tell()
        self._leave()

    def _leave(self) -> None:
        for lane in self._lanes:
            lane.hand_over()
        self._home.close()
        with self.calling:
            self._wire.close()

    def _send_next(self, timeout_s: float) -> bool:
        """Sends one batch of the most urgent lane that has something and may go; False where there is none."""
        now = time.monotonic()
        for lane in self._lanes:
            if timeout_s > 0 and self._not_before[lane.name] <= now:
                batch = lane.take(self._batch_records[lane.name])
                if batch:
                    self._send(lane, batch, timeout_s)
                    return True
        return False

    def _send(self, lane: Lane, batch: list[bytes], timeout_s: float) -> None:
        with self.calling:
            answer = self._wire.send(batch, timeout_s)
        if isinstance(answer, Answer):
            self._come_back()
            self._batch_records[lane.name] = min(BATCH_RECORDS, 2 * self._batch_records[lane.name])
            lane.settle(answer.kept, answer.refused)
            if answer.kept:
                self._rest([lane], answer.retry_after_s)
        elif isinstance(answer, TooMuch):
            self._send_smaller(lane, batch, answer)
        else:
            lane.give_back()
            self._go_away(answer.reason)
        with self.settled:
            self.settled.notify_all()

    def _send_smaller(self, lane: Lane, batch: list[bytes], answer: TooMuch) -> None:
        self._batch_records[lane.name] = max(1, len(batch) // 2)
        if len(batch) > 1:
            lane.settle(range(len(batch)), refused=0)
        elif answer.is_invalid:
            _log.warning("a fault was refused for good: %s", answer.reason)
            lane.settle((), refused=1)
        else:
            lane.settle((0,), refused=0)
            self._rest([lane], REST_LONGEST_S)

    def _come_back(self) -> None:
        if self._rest_s:
            _log.info("the recovery daemon answers again")
        self._rest_s = 0.0

    def _go_away(self, reason: str) -> None:
        if not self._rest_s:
            _log.warning("the recovery daemon does not answer; faults are kept on disk: %s", reason)
        self._rest_s = min(REST_LONGEST_S, 2 * self._rest_s or REST_FIRST_S)
        self._rest(self._lanes, random.uniform(0, self._rest_s))

    def _rest(self, lanes: Sequence[Lane], duration_s: float) -> None:
        until = time.monotonic() + duration_s
        for lane in lanes:
            self._not_before[lane.name] = max(until, self._not_before[lane.name])

    def _spill_resting(self) -> None:
        now = time.monotonic()
        for lane in self._lanes:
            if not self._grpc_is_safe or self._not_before[lane.name] > now:
                lane.spill()
        if not self._grpc_is_safe:
            for lane in self._lanes:
                lane.hand_over()
            self._home.close()

    def _adopt(self) -> None:
        self._adopt_at = time.monotonic() + ADOPT_EVERY_S
        if not self._grpc_is_safe:
            return
        lanes = {lane.name: lane for lane in self._lanes}
        try:
            for name, path in self._home.adopt(frozenset(lanes)):
                lanes[name].adopt(path)
        except OSError as problem:
            self._warn_once(f"the spools of ended processes cannot be taken over: {problem}")

    def _tell(self) -> None:
        """Logs what went wrong: here, where no lock is held, and not once for each fault."""
        dropped = sum(lane.stats().dropped for lane in self._lanes)
        if dropped > self._told_dropped:
            _log.warning("%d faults were dropped: refused, damaged, or beyond the bound", dropped - self._told_dropped)
            self._told_dropped = dropped
        for lane in self._lanes:
            if lane.disk_problem:
                self._warn_once(f"the spool cannot be written, faults stay in memory: {lane.disk_problem}")

    def _warn_once(self, text: str) -> None:
        if text not in self._told_problems:
            self._told_problems.add(text)
            _log.warning(text)
