"""
Where receivers of others' messages (Sentry, OpenTelemetry, alerts, logs) hand in the faults that they made of them.

One place, so that every way in keeps the same promises: what one caller may report is bounded, a fault is safe in the ring before its
sender is told so, and who reports is a claim where they are not trusted (decision 17).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from error_daemon.errors import InputError, TransientError
from error_daemon.model.access import Caller
from error_daemon.ports import Gate, Intake


@dataclass(frozen=True, slots=True)
class Accepted:
    """What became of some faults. `error_ids`: of those that were taken, in their order. `refused`: for good, with the reason of each.
    Those from the first one that has to come again on were not taken, and `retry_after_s` says when; 0: there are none."""

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

    async def take(self, faults: Sequence[bytes], caller: Caller) -> Accepted:
        """Serialised faults, as ingest/fitted.py makes them."""
        accepted = self.take_now(faults, caller)
        if self._is_durable and accepted.error_ids:
            await self._intake.settled()
        return accepted

    def take_now(self, faults: Sequence[bytes], caller: Caller) -> Accepted:
        """For senders that are told nothing: syslog over UDP, the journal."""
        granted, retry_after_s = self._gate.grant_faults(caller, len(faults))
        error_ids: list[str] = []
        refused: list[InputError] = []
        for index, payload in enumerate(faults):
            if index >= granted:
                return Accepted(error_ids, refused, len(faults) - index, retry_after_s)
            try:
                error_id, _ = self._intake.take(payload, is_trusted=caller.is_trusted)
            except InputError as error:
                refused.append(error)
            except TransientError as error:
                return Accepted(error_ids, refused, len(faults) - index, error.retry_after_s)
            else:
                error_ids.append(error_id)
        return Accepted(error_ids, refused, 0, 0.0)
