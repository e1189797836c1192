"""The contracts of the edges: what the middle asks of the world. Each has a fake and a real side that pass one suite.

Calls that are not `async` return at once and never block the loop: results come through the callbacks given to the
constructor, always on the loop's thread.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from error_daemon.model import (
    AttemptOrder,
    Json,
    Observation,
    ObserveOrder,
    Outcome,
    Priority,
    ProbeOrder,
    Progress,
    Reading,
    ReadingValue,
    Since,
    SlotRef,
    Target,
)


class Clock(Protocol):
    def now(self) -> float:
        """Seconds since 1970 on a clock that never jumps: wall time at start plus what has passed since."""

    def from_monotonic(self, monotonic_s: float) -> float:
        """The same instant on this clock, for a CLOCK_MONOTONIC time taken by another process of this host."""


@dataclass(frozen=True, slots=True)
class KeptFault:
    """A slot as it was read back."""

    slot: SlotRef
    fingerprint: bytes
    received_at: float
    count: int
    progress: Progress
    payload: bytes


class Ring(Protocol):
    """Keeps acknowledged faults until the record that accounts for them is committed. Survives `kill -9` of the process."""

    def put(self, priority: Priority, fingerprint: bytes, payload: bytes, count: int, received_at: float) -> SlotRef:
        """Keep a fault that stands for `count` equal ones. Raises RingFull; InputError if `payload` is larger than a slot."""

    def add(self, slot: SlotRef, count: int) -> int:
        """Count more equal faults on a slot in use; its new count."""

    def mark(self, slot: SlotRef, progress: Progress) -> None: ...

    def release(self, slot: SlotRef) -> None: ...

    def read(self, slot: SlotRef) -> bytes:
        """The kept fault's bytes."""

    def use(self) -> Mapping[Priority, tuple[int, int]]:
        """Slots used, and slots in all, by priority."""


class Executor(Protocol):
    """Runs attempts and probes. Each order is answered exactly once through `on_outcome` or `on_readings`,
    however the worker ends; an attempt whose worker was lost has OutcomeKind.LOST."""

    def start_attempt(self, order: AttemptOrder) -> None: ...

    def start_probes(self, order: ProbeOrder) -> None: ...

    async def observe(self, order: ObserveOrder) -> Sequence[Observation]:
        """What the observers of a round see, and then its probes, in their order. Of a worker that was lost each has the problem."""

    async def start(self) -> None: ...

    async def stop(self) -> None:
        """End the workers. Programs that attempts have started are ended with them."""


class Hearing(Protocol):
    """Answers the probes of one kind from what the daemon was told, where a worker could see nothing."""

    def read(self, params: Mapping[str, Json], target: Target, since: Since) -> tuple[ReadingValue, str]:
        """The reading now, and why. `params`: of the probe, filled for the target."""


OnOutcome = Callable[[Outcome], None]
OnReadings = Callable[[str, Sequence[Reading]], None]


# Of the record: column → value. Where one is made for every fault: the values alone, in the order of the columns, and a tuple of values
# for a document (store/documents.py); these are taken as they are.
Row = Mapping[str, Json] | tuple[Json, ...]


class Store(Protocol):
    """The record. Rows are written in batches, in order, each at least once, and are idempotent by their key."""

    def append(self, table: str, row: Row) -> int:
        """Queue a row (`_at` columns in seconds since 1970). Returns its number: 1, 2, 3, ..."""

    async def query(self, name: str, **params: Json) -> list[dict[str, Json]]:
        """Run a named query (store/queries.py). Raises StoreUnavailable."""

    def rows_waiting(self) -> int: ...

    async def start(self) -> None: ...

    async def stop(self) -> None:
        """Write what is queued, then close."""


OnCommitted = Callable[[int], None]  # every row up to and including this number is in the file
