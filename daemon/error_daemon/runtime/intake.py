"""The fault path: bytes in, safe in the ring, decided, dispatched. Synchronous from end to end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Container

from error_daemon.core.effects import FaultArrived
from error_daemon.errors import InputError, RingFull, TransientError
from error_daemon.ingest.decode import decode
from error_daemon.ingest.fit import fit
from error_daemon.ingest.marks import only_of, refuse_marks
from error_daemon.ports import Clock
from error_daemon.ring.mapped import MappedRing
from error_daemon.runtime.recovery_loop import RecoveryLoop
from error_daemon.telemetry import OTHER, Counters

SENSORS = "sensor/"  # sources that begin so are the daemon's own: rules trust them
_BEHIND = "the record is behind; nothing new is taken on until it has caught up"
_RECORD_RETRY_AFTER_S = 1.0
_DISK_RETRY_AFTER_S = 5.0
_WHY = {InputError: "invalid", RingFull: "ring_full", TransientError: "record_behind"}
REASONS = tuple(_WHY.values())
"""Why faults are refused, as they are counted."""


class RingIntake:
    """middle.Intake. `rows_waiting()` above `most_rows_waiting`: the record is too far behind to take more on. `believes_reporters`: what
    is reported by who is not trusted is acted on as it is; else it is a claim."""

    def __init__(
        self,
        loop: RecoveryLoop,
        ring: MappedRing,
        clock: Clock,
        *,
        targets: Container[str],
        counters: Counters,
        rows_waiting: Callable[[], int],
        most_rows_waiting: int,
        believes_reporters: bool = False,
    ) -> None:
        self._believes_reporters = believes_reporters
        self._loop = loop
        self._engine = loop.engine
        self._ring = ring
        self._clock = clock
        self._targets = targets
        self._counters = counters
        self._rows_waiting = rows_waiting
        self._most_rows_waiting = most_rows_waiting
        self._syncing: asyncio.Future[None] | None = None
        self._next_sync: asyncio.Future[None] | None = None

    def redefine(self, targets: Container[str]) -> None:
        """From now on faults may name these."""
        self._targets = targets

    def take(self, payload: bytes, *, is_trusted: bool = True, is_test: bool = False) -> tuple[str, bool]:
        """See middle.Intake."""
        try:
            return self._take(payload, is_trusted=is_trusted, is_test=is_test)
        except (InputError, TransientError) as error:
            self._counters.faults_refused += 1
            self._counters.faults_refused_by.add(_WHY.get(type(error), OTHER))
            raise

    def _take(self, payload: bytes, *, is_trusted: bool, is_test: bool) -> tuple[str, bool]:
        now, most_bytes = self._clock.now(), self._ring.payload_bytes
        fault = decode(payload, now)
        if len(payload) > most_bytes:
            payload = fit(payload, most_bytes)
            fault = decode(payload, now)  # what is kept decides: the same after a restart, and no text is long
        if fault.attributes and not is_test:
            refuse_marks(fault.attributes)
        if not is_trusted and fault.source.startswith(SENSORS):
            raise InputError(
                "fault.source", f"{SENSORS}... is what the daemon itself has seen, and you may only report"
            )
        if fault.target and fault.target not in self._targets:
            mend = "define it, or leave the field empty and let the rules decide"
            raise InputError("fault.target", f"no target {fault.target!r} is defined: {mend}")
        engine = self._engine
        fingerprint = engine.fingerprint(fault)
        slot, may_open = engine.slot_of(fingerprint), engine.must_be_classified(fingerprint, now)
        classification = engine.classify(fault) if may_open else None
        if slot is not None:
            self._ring.add(slot, fault.count)
        else:
            if self._rows_waiting() >= self._most_rows_waiting:
                raise TransientError(_BEHIND, _RECORD_RETRY_AFTER_S)
            if classification is None:
                classification = engine.classify(fault)
            slot = self._ring.put(classification.priority, fingerprint.digest, payload, fault.count, now)
        self._counters.faults_received += 1
        self._counters.faults.add(fault)
        only = only_of(fault.attributes) if is_test else ""
        is_a_claim = not (is_trusted or self._believes_reporters)
        self._loop.feed(FaultArrived(fault, fingerprint, slot, classification, is_test, only, is_a_claim), now)
        return fingerprint.error_id, may_open and engine.has_ticket(fingerprint)

    # --- durability = "power"

    async def settled(self) -> None:
        """After a write of the ring to the disk that begins from now on. All who wait for it meanwhile share it."""
        if self._next_sync is None:
            self._next_sync = asyncio.ensure_future(self._sync_after(self._syncing))
        await asyncio.shield(self._next_sync)

    async def _sync_after(self, running: asyncio.Future[None] | None) -> None:
        """One write at a time: whoever comes while it runs needs the one after it."""
        if running is not None:
            await asyncio.wait({running})
        self._syncing, self._next_sync = self._next_sync, None
        try:
            await asyncio.get_running_loop().run_in_executor(None, self._ring.sync)
        except OSError as error:
            raise TransientError(f"the ring cannot be written to the disk: {error}", _DISK_RETRY_AFTER_S) from error
