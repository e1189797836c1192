"""The contract of a strategy: an object with `run`, made anew by calling its class for each attempt.

Custom strategies implement the same contract and are found through the entry point group `error_recovery.strategies`; the
entry point's name is the kind that definitions use. What ends an attempt, and how it is told:

- `run` returns: its Result. Returning COMPLETED says that it did what it does, not that the target is well: probes say that.
- PermanentError: failed. InputError: refused. Anything else raised: failed, with the exception's name.
- the deadline: `run` is cancelled (asyncio.CancelledError at its current await) and the attempt has timed out. Clean up in
  `finally`, within a second. Who has something to say about how far it came may catch the cancellation and return a Result
  (TIMED_OUT) at once; going on instead makes the daemon replace the worker. The deadline may come later than `timeout_s` on the
  clock, up to `longest_s`: it runs on the CPU time that the host granted.

A worker runs attempts side by side on one loop: `run` must never block. Programs are run through `context.programs`, which
ends them with the attempt.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from error_daemon.execute.frames_pb2 import ProbeReading
from error_daemon.execute.program import Programs
from error_daemon.execute.withheld import longest_s
from error_daemon.model import Json, OutcomeKind


@dataclass(frozen=True, slots=True)
class Member:
    """One target of a group that is recovered as a whole."""

    id: str
    kind: str
    params: Mapping[str, Json]
    depends_on: frozenset[str]  # ids of targets, members or not
    has_probes: bool
    look: Callable[[], Awaitable[Sequence[ProbeReading]]]  # asks all of them once, side by side


@dataclass(frozen=True, slots=True)
class Context:
    """What a strategy may know. Mappings are shared between attempts: never change them."""

    attempt_id: str
    params: Mapping[str, Json]  # the strategy's
    target: Mapping[str, Json]  # the target's parameters
    environment: Mapping[str, str]  # the fault's fields, as ER_* variables
    timeout_s: float
    programs: Programs
    group: tuple[Member, ...] = ()  # of a group restart: each after those that it depends on

    @property
    def longest_s(self) -> float:
        return longest_s(self.timeout_s)


@dataclass(frozen=True, slots=True)
class Result:
    kind: OutcomeKind = OutcomeKind.COMPLETED
    detail: str = ""  # the last 2,048 characters of it are kept
    affected_tasks: int = 0
    recovered_tasks: int = 0


class Strategy(Protocol):
    async def run(self, context: Context) -> Result: ...
