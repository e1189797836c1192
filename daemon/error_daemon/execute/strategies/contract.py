"""The contract of a strategy: an object with `run`, made anew by calling its class for each attempt.

Custom strategies implement the same contract and are found through the entry point group `error_recovery.strategies`; the
entry point's name is the kind that definitions use. What ends an attempt, and how it is told:

- `run` returns: its Result. Returning COMPLETED says that it did what it does, not that the target is well: probes say that.
- PermanentError: failed. InputError: refused. Anything else raised: failed, with the exception's name.
- the deadline: `run` is cancelled (asyncio.CancelledError at its current await) and the attempt has timed out. Clean up in
  `finally`, within a second; swallowing the cancellation makes the daemon replace the worker.

A worker runs attempts side by side on one loop: `run` must never block. Programs are run through `context.programs`, which
ends them with the attempt.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from error_daemon.execute.program import Programs
from error_daemon.model import Json, OutcomeKind


@dataclass(frozen=True, slots=True)
class Context:
    """What a strategy may know. Mappings are shared between attempts: never change them."""

    attempt_id: str
    params: Mapping[str, Json]  # the strategy's
    target: Mapping[str, Json]  # the target's parameters
    environment: Mapping[str, str]  # the fault's fields, as ER_* variables
    timeout_s: float
    programs: Programs


@dataclass(frozen=True, slots=True)
class Result:
    kind: OutcomeKind = OutcomeKind.COMPLETED
    detail: str = ""  # the last 2,048 characters of it are kept
    affected_tasks: int = 0
    recovered_tasks: int = 0


class Strategy(Protocol):
    async def run(self, context: Context) -> Result: ...
