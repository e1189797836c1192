"""A ring without a file: ports.Ring in a dictionary. tests/ring/test_ring_contract.py holds it to the contract beside the real one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from error_daemon.errors import InputError, InvariantError, RingFull
from error_daemon.model import Priority, Progress, SlotRef
from error_daemon.ports import KeptFault


@dataclass(slots=True)
class _Slot:
    sequence: int
    fingerprint: bytes
    received_at: float
    payload: bytes
    count: int
    progress: Progress = field(default_factory=Progress)


class MemoryRing:
    """`kept()` may be asked at any time: what a ring would give back if it were opened again now."""

    def __init__(self, payload_bytes: int, slots: Mapping[Priority, int]) -> None:
        self.payload_bytes = payload_bytes
        self._limits = dict(slots)
        self._slots: dict[tuple[Priority, int], _Slot] = {}
        self._sequence = 0

    def put(self, priority: Priority, fingerprint: bytes, payload: bytes, count: int, received_at: float) -> SlotRef:
        if len(payload) > self.payload_bytes:
            raise InputError("fault", f"has {len(payload)} bytes; a slot holds {self.payload_bytes}")
        free = (index for index in range(self._limits[priority]) if (priority, index) not in self._slots)
        index = next(free, None)
        if index is None:
            raise RingFull(f"the ring for {priority.name.lower()} faults is full", 0.25)
        self._sequence += 1
        self._slots[priority, index] = _Slot(self._sequence, fingerprint, received_at, payload, count)
        return SlotRef(priority, index, self._sequence)

    def add(self, slot: SlotRef, count: int) -> int:
        kept = self._of(slot)
        kept.count += count
        return kept.count

    def mark(self, slot: SlotRef, progress: Progress) -> None:
        self._of(slot).progress = progress

    def release(self, slot: SlotRef) -> None:
        self._of(slot)
        del self._slots[slot.priority, slot.index]

    def read(self, slot: SlotRef) -> bytes:
        return self._of(slot).payload

    def use(self) -> Mapping[Priority, tuple[int, int]]:
        taken = [priority for priority, _ in self._slots]
        return {priority: (taken.count(priority), limit) for priority, limit in self._limits.items()}

    def kept(self) -> list[KeptFault]:
        found = [
            KeptFault(
                slot=SlotRef(priority, index, slot.sequence),
                fingerprint=slot.fingerprint,
                received_at=slot.received_at,
                count=slot.count,
                progress=slot.progress,
                payload=slot.payload,
            )
            for (priority, index), slot in self._slots.items()
        ]
        return sorted(found, key=lambda kept: kept.slot.sequence)

    def _of(self, slot: SlotRef) -> _Slot:
        kept = self._slots.get((slot.priority, slot.index))
        if kept is None or kept.sequence != slot.sequence:
            raise InvariantError(f"ring slot {slot} is not in use under that sequence")
        return kept
