"""The ring: acknowledged faults in a file that is mapped into memory.

A fault is safe from `kill -9` as soon as it stands in the mapped pages: the kernel keeps them whatever becomes of the process, without
a system call. The file has a header page and then four rings, one for each priority, of fixed-size slots:

    word 0     sequence: 0 = free; written last when a slot is filled, first when it is cleared
    word 1     received at, ns since 1970
    word 2-3   fingerprint
    word 4     length of the payload
    word 5     CRC-32 of words 0 to 4 and the payload
    word 6     progress of its ticket: state, level, attempts, attempts at the level (a byte each)
    word 7     count of equal faults that the slot stands for
    then       the payload: the fault's bytes as they came

Words 6 and 7 change while the slot is in use; each is one aligned 8-byte store, which is whole or not there. A slot whose checksum is
wrong was being written when the process died, and was never acknowledged: it is counted, skipped and cleared. How the file is opened:
opening.py.
"""

from __future__ import annotations

import mmap
import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from zlib import crc32

from error_daemon.errors import InputError, InvariantError, RingFull
from error_daemon.model import LEVELS, Priority, Progress, SlotRef, SlotState
from error_daemon.ports import KeptFault

_MAGIC = b"ERRRING1"
_HEADER_BYTES = 4096
HEADER = struct.Struct("<8sQ4Q")  # magic, slot bytes, slots by priority
_SEQUENCE_WORD = 16  # of the header page: the last sequence given
_SLOT_HEADER_BYTES = 64
_SEALED = struct.Struct("<QQ16sQ")  # what the checksum covers beside the payload: words 0 to 4
_REST = struct.Struct("<Q16sQQQQ")  # words 1 to 7
_MOST_COUNT = (1 << 63) - 1  # what the record can hold
_OPEN = int(SlotState.OPEN)  # the progress of a new slot
_RETRY_AFTER_S = 0.25  # a commit of the record, which frees slots, comes every 100 ms or so


@dataclass(frozen=True, slots=True)
class Geometry:
    """`slot_bytes` (a multiple of 8) includes the slot's header."""

    slot_bytes: int
    slots: Mapping[Priority, int]

    @property
    def file_bytes(self) -> int:
        return _HEADER_BYTES + self.slot_bytes * sum(self.slots.values())

    def packed(self) -> bytes:
        return HEADER.pack(_MAGIC, self.slot_bytes, *(self.slots[priority] for priority in Priority))

    @classmethod
    def unpacked(cls, header: bytes) -> Geometry | None:
        """None: no header of a ring."""
        if len(header) < HEADER.size:
            return None
        magic, slot_bytes, *slots = HEADER.unpack(header)
        if magic != _MAGIC or slot_bytes <= _SLOT_HEADER_BYTES or slot_bytes % 8:
            return None
        return cls(slot_bytes, dict(zip(Priority, slots, strict=True)))


class MappedRing:
    """ports.Ring over one file. Open it with `opening.open_ring`."""

    def __init__(self, path: Path, descriptor: int, geometry: Geometry) -> None:
        self.path = path
        self.torn = 0  # slots skipped when the file was opened
        self.payload_bytes = geometry.slot_bytes - _SLOT_HEADER_BYTES  # the largest payload that fits a slot
        self._descriptor = descriptor
        self._geometry = geometry
        self._slot_bytes = geometry.slot_bytes
        self._map = mmap.mmap(descriptor, geometry.file_bytes)
        self._bytes = memoryview(self._map)
        self._words = self._bytes.cast("Q")
        self._base: dict[Priority, int] = {}
        self._free: dict[Priority, list[int]] = {}
        offset = _HEADER_BYTES
        for priority in Priority:
            self._base[priority] = offset
            offset += geometry.slot_bytes * geometry.slots[priority]
        self._kept = self._read_back()
        self._sequence = max([self._words[_SEQUENCE_WORD], *(kept.slot.sequence for kept in self._kept)])

    # --- ports.Ring

    def put(self, priority: Priority, fingerprint: bytes, payload: bytes, count: int, received_at: float) -> SlotRef:
        size = len(payload)
        if size > self.payload_bytes:
            raise InputError("fault", f"has {size} bytes; a slot of the ring holds {self.payload_bytes}")
        free = self._free[priority]
        if not free:
            raise RingFull(f"the ring for {priority.name.lower()} faults is full", _RETRY_AFTER_S)
        index = free.pop()
        sequence = self._sequence = self._sequence + 1
        offset = self._base[priority] + index * self._slot_bytes
        received_ns = int(received_at * 1e9)
        seal = crc32(payload, crc32(_SEALED.pack(sequence, received_ns, fingerprint, size)))
        start = offset + _SLOT_HEADER_BYTES
        self._bytes[start : start + size] = payload
        _REST.pack_into(self._map, offset + 8, received_ns, fingerprint, size, seal, _OPEN, count)
        self._words[_SEQUENCE_WORD] = sequence
        self._words[offset >> 3] = sequence
        return SlotRef(priority, index, sequence)

    def add(self, slot: SlotRef, count: int) -> int:
        word = self._word(slot) + 7
        total = min(self._words[word] + count, _MOST_COUNT)
        self._words[word] = total
        return total

    def mark(self, slot: SlotRef, progress: Progress) -> None:
        packed = progress.state | progress.level << 8
        if progress.attempts or progress.attempts_at_level:
            packed |= min(progress.attempts, 255) << 16 | min(progress.attempts_at_level, 255) << 24
        self._words[self._word(slot) + 6] = packed

    def release(self, slot: SlotRef) -> None:
        self._words[self._word(slot)] = 0
        self._free[slot.priority].append(slot.index)

    def read(self, slot: SlotRef) -> bytes:
        word = self._word(slot)
        start = word * 8 + _SLOT_HEADER_BYTES
        return bytes(self._bytes[start : start + self._words[word + 4]])

    def use(self) -> Mapping[Priority, tuple[int, int]]:
        slots = self._geometry.slots
        return {priority: (slots[priority] - len(self._free[priority]), slots[priority]) for priority in Priority}

    # --- opening and closing

    def kept(self) -> list[KeptFault]:
        """What was in the file when it was opened, in the order of its arrival. Gives it once."""
        kept, self._kept = self._kept, []
        return kept

    def adopt(self, old: MappedRing) -> None:
        """Take over everything that another ring keeps, under the sequences that the record knows it by. For an empty ring.
        Raises RingFull or InputError where it does not fit."""
        self.torn += old.torn
        for kept in old.kept():
            self._sequence = kept.slot.sequence - 1
            slot = self.put(kept.slot.priority, kept.fingerprint, kept.payload, kept.count, kept.received_at)
            self.mark(slot, kept.progress)
            self._kept.append(replace(kept, slot=slot))
        self._sequence = self._words[_SEQUENCE_WORD] = old._sequence

    def sync(self) -> None:
        """Write to the disk what the pages hold. Blocks: 0.1 ms to several; not for the loop's thread."""
        os.fdatasync(self._descriptor)

    def close(self) -> None:
        self._words.release()
        self._bytes.release()
        self._map.close()
        os.close(self._descriptor)

    def _word(self, slot: SlotRef) -> int:
        word = (self._base[slot.priority] + slot.index * self._slot_bytes) >> 3
        if self._words[word] != slot.sequence:
            raise InvariantError(f"ring slot {slot} is not in use under that sequence")
        return word

    def _read_back(self) -> list[KeptFault]:
        found: list[KeptFault] = []
        for priority in Priority:
            free = self._free[priority] = []
            for index in range(self._geometry.slots[priority] - 1, -1, -1):
                offset = self._base[priority] + index * self._geometry.slot_bytes
                if not self._words[offset >> 3]:
                    free.append(index)
                    continue
                kept = self._read_slot(priority, index, offset)
                if kept:
                    found.append(kept)
                else:
                    self.torn += 1
                    self._words[offset >> 3] = 0
                    free.append(index)
        return sorted(found, key=lambda kept: kept.slot.sequence)

    def _read_slot(self, priority: Priority, index: int, offset: int) -> KeptFault | None:
        """None if it is torn or corrupt."""
        sequence = self._words[offset >> 3]
        received_ns, fingerprint, size, seal, progress, count = _REST.unpack_from(self._map, offset + 8)
        if size > self.payload_bytes:
            return None
        start = offset + _SLOT_HEADER_BYTES
        payload = bytes(self._bytes[start : start + size])
        if crc32(payload, crc32(_SEALED.pack(sequence, received_ns, fingerprint, size))) != seal:
            return None
        state, level = progress & 0xFF, progress >> 8 & 0xFF
        if state not in set(SlotState) or level > max(LEVELS):
            return None
        return KeptFault(
            slot=SlotRef(priority, index, sequence),
            fingerprint=fingerprint,
            received_at=received_ns / 1e9,
            count=count,
            progress=Progress(SlotState(state), level, progress >> 16 & 0xFF, progress >> 24 & 0xFF),
            payload=payload,
        )
