"""Reporting faults without ever standing in the caller's way.

`report` and `capture` build the fault, put it in memory and return: no lock, no disk, no network. A thread of its own
(courier.py) delivers it; while the daemon is away faults wait on disk (lane.py, spool.py), also beyond the end of the
process, and the next process with the same spool directory delivers them. Delivery is at least once.
"""

from __future__ import annotations

import atexit
import os
import sys
import threading
import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from error_recovery import fork
from error_recovery.courier import Courier
from error_recovery.defaults import daemon_address, spool_directory
from error_recovery.delivery import GrpcWire, record_of
from error_recovery.disclosure import Disclosure
from error_recovery.fault import FaultFields, fault_from_exception, fault_from_message
from error_recovery.lane import Lane
from error_recovery.security import Security
from error_recovery.spool import Spool
from error_recovery.spool_home import SpoolHome
from error_recovery.v1 import fault_pb2

if TYPE_CHECKING:
    from typing_extensions import Unpack

LANES = ("critical", "high", "normal", "low")  # the daemon's rings, most urgent first
_LANE_OF = {
    fault_pb2.SEVERITY_CRITICAL: "critical",
    fault_pb2.SEVERITY_HIGH: "high",
    fault_pb2.SEVERITY_LOW: "low",
    fault_pb2.SEVERITY_INFO: "low",
}
_LEAST_SPOOL_BYTES = 64 << 10
_FORK_PATIENCE_S = 1.0
_EXIT_PATIENCE_S = 1.5  # and half a second for a call that hangs: two in all


@dataclass(frozen=True, slots=True)
class Stats:
    """Counts of one reporter: reported + adopted from ended processes = delivered + waiting + spooled + dropped."""

    reported: int
    """Faults given to this reporter in this process."""
    delivered: int
    """Faults that the daemon has acknowledged."""
    waiting: int
    """Faults in memory, those on their way included."""
    spooled: int
    """Faults on disk."""
    dropped: int
    """Faults that will never be delivered: refused as invalid, damaged, or beyond the bounds of the spool."""


class Reporter:
    """Reports faults to the recovery daemon, from any thread and from asyncio code.

    address      `host:port` or `unix:/path`; default ERROR_RECOVERY_ADDRESS, else 127.0.0.1:50051
    component, environment      what faults carry that do not say it themselves
    security     TLS and token; default from the environment (security.py)
    spool_dir    where faults wait while the daemon is away, on a local disk; default see defaults.py
    spool_bytes  bound of the spool on disk, at least 64 KiB, shared equally by the four lanes of severity; default 16 MiB
    queue_faults how many faults each lane keeps in memory before the oldest go to disk; default 10,000
    disclosure   what faults may tell of the application: secrets are scrubbed by default (disclosure.py)
    """

    def __init__(
        self,
        address: str | None = None,
        component: str = "",
        environment: str = "",
        *,
        security: Security | None = None,
        spool_dir: str | os.PathLike[str] | None = None,
        spool_bytes: int = 16 << 20,
        queue_faults: int = 10_000,
        disclosure: Disclosure | None = None,
    ) -> None:
        if spool_bytes < _LEAST_SPOOL_BYTES:
            raise ValueError(f"spool_bytes {spool_bytes} is too small: use at least {_LEAST_SPOOL_BYTES}")
        if queue_faults < 1:
            raise ValueError(f"queue_faults {queue_faults} is too small: use at least 1")
        self.address = daemon_address(address)
        self._security = security if security is not None else Security.of_environment()
        self._component = component
        self._environment = environment
        self._spool_dir = Path(spool_dir) if spool_dir is not None else spool_directory(self.address)
        self._spool_bytes = spool_bytes
        self._queue_faults = queue_faults
        self._disclosure = disclosure or Disclosure()
        self._is_closed = False
        self._successor: Reporter | None = None
        self._inherited: list[object] = []
        self._begin()
        fork.take_part(self)
        atexit.register(_close, weakref.ref(self))

    def report(self, message: str, **fields: Unpack[FaultFields]) -> str:
        """Reports a fault told in a sentence; its fault_id, empty where the hook withheld it. Never blocks.

        Raises ValueError for an unknown type or severity, TypeError for an unknown field: mistakes in the calling code.
        """
        return self._put(fault_from_message(message, self._disclosure, **self._completed(fields)))

    def capture(self, exc: BaseException | None = None, message: str = "", **fields: Unpack[FaultFields]) -> str:
        """Reports an exception with its stack trace, by default the one being handled; its fault_id, empty where the hook withheld it.
        Never blocks.

        Raises ValueError where there is no exception, else as `report`.
        """
        exc = exc if exc is not None else sys.exc_info()[1]
        if exc is None:
            raise ValueError("no exception is being handled here: call capture() in an except block, or capture(exc)")
        return self._put(fault_from_exception(exc, message, self._disclosure, **self._completed(fields)))

    def flush(self, timeout_s: float = 2.0) -> bool:
        """Waits until everything reported before was delivered (or refused for good); False if that took too long: then it
        is on disk (in memory only where the disk can't be written, see `stats`). Either way nothing of it is lost when the
        process is killed after that. For asyncio code there is `flush_async`."""
        marks = [(lane, lane.mark()) for lane in self._lanes.values()]
        self._courier.wake()
        with self._courier.settled:
            is_settled = self._courier.settled.wait_for(
                lambda: all(lane.has_settled(mark) for lane, mark in marks), timeout_s
            )
        if not is_settled:
            for lane in self._lanes.values():
                lane.spill()
        return is_settled

    async def flush_async(self, timeout_s: float = 2.0) -> bool:
        """As `flush`, without blocking the event loop."""
        import asyncio

        return await asyncio.to_thread(self.flush, timeout_s)

    def close(self, timeout_s: float = 2.0) -> None:
        """Delivers what waits, for at most `timeout_s` and only while the daemon answers; the rest stays on disk for the next
        process. Faults reported after that are dropped. Called by itself at interpreter exit."""
        if not self._is_closed:
            self._is_closed = True
            self._courier.stop(timeout_s)

    def give_way(self, successor: Reporter) -> None:
        """Closes in a thread of its own, which the interpreter's end waits for. What is reported from now on is the successor's."""
        if self._is_closed:
            return
        self._successor = successor
        try:
            threading.Thread(target=self.close, name="error-recovery-close").start()
        except RuntimeError:  # no thread can begin: the interpreter is ending
            self.close()

    @property
    def stats(self) -> Stats:
        """The counts of this moment."""
        lanes = [lane.stats() for lane in self._lanes.values()]
        return Stats(
            reported=sum(lane.reported for lane in lanes),
            delivered=sum(lane.delivered for lane in lanes),
            waiting=sum(lane.waiting for lane in lanes),
            spooled=sum(lane.spooled for lane in lanes),
            dropped=sum(lane.dropped for lane in lanes),
        )

    def before_fork(self) -> bool:
        """Part of fork.Participant: waits until no call is under way."""
        self._may_fork = self._courier.calling.acquire(timeout=_FORK_PATIENCE_S)
        return self._may_fork

    def after_fork_in_parent(self) -> None:
        """Part of fork.Participant: calls go on."""
        if self._may_fork:
            self._courier.calling.release()

    def after_fork_in_child(self) -> None:
        """Part of fork.Participant: begins anew; what the parent has not delivered yet is the parent's."""
        self._inherited.append(self._courier)  # its channel must not be closed here, not even by the garbage collector
        for lane in self._lanes.values():
            lane.abandon()
        self._home.abandon()
        self._begin()

    def _begin(self) -> None:
        self._home = SpoolHome(self._spool_dir)
        share_bytes = self._spool_bytes // len(LANES)
        self._lanes = {name: Lane(name, Spool(name, self._home, share_bytes), self._queue_faults) for name in LANES}
        self._ends_with_worker = False
        self._courier = Courier(
            list(self._lanes.values()), self._home, GrpcWire(self.address, self._security), fork.grpc_is_safe()
        )

    def _completed(self, fields: FaultFields) -> FaultFields:
        return {"component": self._component, "environment": self._environment, **fields}

    def _put(self, made: fault_pb2.Fault) -> str:
        fault = self._disclosure.hooked(made)
        if fault is None:
            return ""
        return self._kept(fault)

    def _kept(self, fault: fault_pb2.Fault) -> str:
        if self._successor is not None:
            return self._successor._kept(fault)
        lane = self._lanes[_LANE_OF.get(fault.severity, "normal")]
        if self._is_closed:
            lane.refuse()
            return fault.fault_id
        lane.put(record_of(fault))
        self._courier.wake()
        if not self._ends_with_worker:
            self._ends_with_worker = True
            _close_with_worker(self)
        return fault.fault_id


def _close_with_worker(reporter: Reporter) -> None:
    """In a worker of `multiprocessing`, which skips `atexit`: closes the reporter when the worker ends."""
    multiprocessing = sys.modules.get("multiprocessing")
    if multiprocessing is not None and multiprocessing.parent_process() is not None:
        from multiprocessing import util

        util.Finalize(None, _close, args=(weakref.ref(reporter),), exitpriority=10)


def _close(reporter: weakref.ref[Reporter]) -> None:
    alive = reporter()
    if alive is not None:
        alive.close(_EXIT_PATIENCE_S)
