"""
Where receivers of others' messages (Sentry, OpenTelemetry, alerts, logs) hand in the faults that they made of them.

One place, so that every way in keeps the same promises: what one caller may report is bounded, a fault is safe in the ring before its
sender is told so, who reports is a claim where they are not trusted (decision 17), and each way's counts can be asked for. A target that is
not defined loses no fault: its name is kept as the attribute `error_recovery.target`, and the rules decide.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from error_daemon.calls import Gate
from error_daemon.errors import InputError, TransientError
from error_daemon.ingest.fitted import fitted
from error_daemon.middle import Intake
from error_daemon.model.access import Caller
from error_recovery.v1 import fault_pb2

_IN_A_TURN = 32  # some milliseconds
TARGET = "error_recovery.target"
"""The tag, label or attribute by which a message of others names a target."""


@dataclass(slots=True)
class Tally:
    """What has come one way since the start. `accepted` and `refused` (for good) are faults, `put_off` those that have to come again;
    `passed_over` is whatever else came and is no fault."""

    accepted: int = 0
    refused: int = 0
    put_off: int = 0
    passed_over: int = 0
    denied: int = 0  # messages, or connections, of who may not report


@dataclass(frozen=True, slots=True)
class Accepted:
    """What became of some faults. `error_ids`: of those that were taken, in their order. `refused`: for good, with the reason of each.
    Those from the first one that has to come again on were not taken: `left`, and `retry_after_s` says when; 0: there are none."""

    error_ids: Sequence[str]
    refused: Sequence[InputError]
    left: int
    retry_after_s: float


class Acceptance:
    """`is_durable`: senders are told only when what was taken is on the disk (ring.durability = "power")."""

    def __init__(self, intake: Intake, gate: Gate, *, is_durable: bool) -> None:
        self._intake = intake
        self._gate = gate
        self._is_durable = is_durable
        self.tally = Tally()

    async def take(self, faults: Sequence[bytes], caller: Caller) -> Accepted:
        """Serialised faults, as ingest/fitted.py makes them."""
        error_ids: list[str] = []
        refused: list[InputError] = []
        left, retry_after_s = 0, 0.0
        for start in range(0, len(faults), _IN_A_TURN):
            if start:
                await asyncio.sleep(0)
            some = self.take_now(faults[start : start + _IN_A_TURN], caller)
            error_ids += some.error_ids
            refused += some.refused
            if some.left:
                beyond = max(0, len(faults) - start - _IN_A_TURN)
                self.tally.put_off += beyond
                left, retry_after_s = some.left + beyond, some.retry_after_s
                break
        if error_ids:
            await self.settled()
        return Accepted(error_ids, refused, left, retry_after_s)

    async def settled(self) -> None:
        """Returns when all that was taken is as durable as senders are told."""
        if self._is_durable:
            await self._intake.settled()

    def take_now(self, faults: Sequence[bytes], caller: Caller) -> Accepted:
        """For senders that are told nothing (syslog over UDP, the journal), and for who asks for `settled` before they are."""
        granted, retry_after_s = self._gate.grant_faults(caller, len(faults))
        error_ids: list[str] = []
        refused: list[InputError] = []
        left = len(faults) - granted
        for index, payload in enumerate(faults[:granted]):
            try:
                error_ids.append(self._one(payload, caller))
            except InputError as error:
                refused.append(error)
            except TransientError as error:
                left, retry_after_s = len(faults) - index, error.retry_after_s
                break
        self.tally.accepted += len(error_ids)
        self.tally.refused += len(refused)
        self.tally.put_off += left
        return Accepted(error_ids, refused, left, retry_after_s if left else 0.0)

    def _one(self, payload: bytes, caller: Caller) -> str:
        try:
            return self._intake.take(payload, is_trusted=caller.is_trusted)[0]
        except InputError as error:
            if error.field != "fault.target":
                raise
        return self._intake.take(_without_target(payload), is_trusted=caller.is_trusted)[0]


def _without_target(payload: bytes) -> bytes:
    fault = fault_pb2.Fault.FromString(payload)
    attributes = {TARGET: fault.target, **fault.context.attributes}
    fault.target = ""
    fault.context.attributes.clear()
    return fitted(fault, attributes.items())  # where there is no room for all, the name of the target stays
