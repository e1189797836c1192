"""
One export: its records one by one, those that are faults handed in, and what its sender is told.

    record ── make ──► faults ──► ring      taken
              └──► InputError               rejected: counted, and said in the answer (OTLP's partial success); never to be sent again
              └──► nothing                  no fault: accepted, and counted

**The loop is given back** every half millisecond, and only one large export is on its way at a time.

**Nothing is told twice.** When the ring is full, or the caller has reported all that it may for now, the sender hears when to come again,
and comes with the same bytes. How far they had come is remembered by their digest, so the next time they go on from there. Where that
was forgotten (more than `_MOST_KEPT` senders wait, or the daemon was restarted), faults of theirs are counted again.

**What is no fault is not free.** A caller who may report so many faults in a second spends one for each export and each 256 records of it.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from hashlib import blake2b
from itertools import islice
from typing import Any

from error_daemon.calls import Gate
from error_daemon.errors import InputError, TransientError
from error_daemon.ingest.acceptance import Acceptance
from error_daemon.ingest.otlp.values import NOTHING, Origin
from error_daemon.model.access import Caller
from error_daemon.ports import Clock

MOST_FAULTS = 10_000
"""Of one export. A batch of an SDK has 512 records; beyond it they are rejected."""
MOST_PARTS = 65_536
"""Resources, scopes and records of one export. As many real records have many times the bytes that an export may have."""
_RECORDS_FOR_ONE_FAULT = 256
_TURN_S = 0.0005
_MOST_IN_HAND = 64  # faults that are handed in at once
_SKIPPED_IN_A_TURN = 4096  # records that were dealt with when the same came before
_MOST_KEPT = 1000
_MOST_MAKERS = (
    64  # of them: what they know is some megabytes at most; the spans of older ones may tell an exception again
)
_LARGE_BYTES = 64 << 10

Item = tuple[Origin | None, Any]
Make = Callable[[Origin, Any, float], Sequence[bytes]]


@dataclass(frozen=True, slots=True)
class Export:
    """`raw`: its bytes. `items`: its records. `make(origin, record, now)`: the faults of one; raises InputError."""

    raw: bytes
    items: Iterable[Item]
    make: Make


@dataclass(slots=True)
class _Progress:
    """`records` were dealt with, and `faults` of the next one. `made`: faults so far. `says`: why the first was rejected. `make` knows what
    the records before have told."""

    records: int = 0
    faults: int = 0
    made: int = 0
    rejected: int = 0
    says: str = ""
    make: Make | None = None

    def reject(self, why: InputError) -> None:
        self.rejected += 1
        self.says = self.says or str(why)


class _Hand:
    """What was made of some records and is not handed in yet: faults with their places (the number of the record, and that of the fault
    in it), and the records that have none, with what is wrong with them or None."""

    def __init__(self) -> None:
        self.faults: list[bytes] = []
        self.places: list[tuple[int, int]] = []
        self.others: list[tuple[int, InputError | None]] = []

    def take(self, number: int, faults: Sequence[bytes] | None, skipped: int) -> None:
        """Of record `number`. The first `skipped` faults were handed in before."""
        if faults is None:
            return
        if not faults:
            self.others.append((number, None))
        for index in range(skipped, len(faults)):
            self.faults.append(faults[index])
            self.places.append((number, index))


@dataclass(frozen=True, slots=True)
class Taken:
    """`rejected` records can never be taken; `says` why, of the first."""

    rejected: int
    says: str


class Exporting:
    """For one signal. Asks the `gate` what a caller may report. `own_instance`: of a resource whose records are passed over."""

    def __init__(self, acceptance: Acceptance, gate: Gate, clock: Clock) -> None:
        self.own_instance = ""
        self.acceptance = acceptance
        self._gate = gate
        self._clock = clock
        self._begun: OrderedDict[tuple[str, bytes], _Progress] = OrderedDict()
        self._large = asyncio.Semaphore(1)

    async def take(self, export: Export, caller: Caller) -> Taken:
        """Raises TransientError when the same export has to come again, InputError for what is none."""
        async with self._large if len(export.raw) > _LARGE_BYTES else nullcontext():
            progress = self._resumed(export, caller) if self._begun else _Progress()
            try:
                await self._go_on(export, progress, caller)
            except (TransientError, asyncio.CancelledError):
                self._keep(_key(export, caller), progress)
                raise
        await self.acceptance.settled()
        return Taken(progress.rejected, progress.says)

    def _keep(self, key: tuple[str, bytes], progress: _Progress) -> None:
        self._begun[key] = progress
        if len(self._begun) > _MOST_KEPT:
            self._begun.popitem(last=False)
        for older in islice(reversed(self._begun.values()), _MOST_MAKERS, _MOST_MAKERS + 1):
            older.make = None

    def _resumed(self, export: Export, caller: Caller) -> _Progress:
        return self._begun.pop(_key(export, caller), None) or _Progress()

    async def _go_on(self, export: Export, progress: _Progress, caller: Caller) -> None:
        now, hand, begin_at = self._clock.now, _Hand(), progress.records
        make = progress.make = progress.make or export.make
        turn_ends_at = now() + _TURN_S
        number = -1
        for number, (origin, record) in enumerate(export.items):
            if number >= MOST_PARTS:
                raise InputError("export", f"has more than {MOST_PARTS} resources, scopes and records")
            if number < begin_at:
                if number % _SKIPPED_IN_A_TURN == 0:
                    await asyncio.sleep(0)
                continue
            if number == begin_at or number % _RECORDS_FOR_ONE_FAULT == 0:
                self._spend(caller)
            at = now()
            try:
                faults = self._made(make, origin, record, at)
                if faults and progress.made + len(hand.faults) + len(faults) > MOST_FAULTS:
                    raise InputError("export", f"has more than {MOST_FAULTS} faults")
                hand.take(number, faults, progress.faults if number == begin_at else 0)
            except InputError as error:
                hand.others.append((number, error))
            if len(hand.faults) >= _MOST_IN_HAND or at > turn_ends_at:
                self._hand_in(hand, number + 1, progress, caller)
                hand = _Hand()
                await asyncio.sleep(0)
                turn_ends_at = now() + _TURN_S
        self._hand_in(hand, number + 1, progress, caller)

    def _made(self, make: Make, origin: Origin | None, record: Any, at: float) -> Sequence[bytes] | None:
        """None: it is no record."""
        if record is NOTHING:
            return None
        if origin is None:
            raise InputError("resource", "or its scope is not what it should be")
        if self.own_instance and origin.resource.get("service.instance.id") == self.own_instance:
            return ()
        return make(origin, record, at)

    def _spend(self, caller: Caller) -> None:
        granted, retry_after_s = self._gate.grant_faults(caller, 1)
        if not granted:
            raise TransientError("you report more in a second than one caller may", retry_after_s)

    def _hand_in(self, hand: _Hand, next_number: int, progress: _Progress, caller: Caller) -> None:
        """Raises TransientError when some of it was not taken. `progress` says how far it came."""
        accepted = self.acceptance.take_now(hand.faults, caller)
        taken = len(hand.faults) - accepted.left
        progress.records, progress.faults = hand.places[taken] if accepted.left else (next_number, 0)
        progress.made += taken
        for why in accepted.refused:
            progress.reject(why)
        tally = self.acceptance.tally
        for number, error in hand.others:
            if number < progress.records and error is None:
                tally.passed_over += 1
            elif number < progress.records and error is not None:
                tally.refused += 1
                progress.reject(error)
        if accepted.left:
            raise TransientError("not all of it could be taken", accepted.retry_after_s)


def _key(export: Export, caller: Caller) -> tuple[str, bytes]:
    return caller.key, blake2b(export.raw, digest_size=16).digest()
