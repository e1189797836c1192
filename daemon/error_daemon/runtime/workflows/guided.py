"""Recovery attempts that wait for people (strategies of kind `guided`, USER_GUIDED).

An attempt opens the run of its workflow for its error, or joins the one that people are at already. It ends with the run: completed when
the last step is done, failed when somebody aborts it, timed out when its deadline passes. As after any other attempt the target's
probes say then what came of it. Where no run can be opened it is refused, and nothing was done.

It runs in no worker. A daemon that stops or dies leaves the run open; the attempt that follows joins it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from error_daemon.core import workflow as life
from error_daemon.errors import ErrorRecoveryError
from error_daemon.model import AttemptOrder, Outcome, OutcomeKind, Run, RunState
from error_daemon.ports import Clock, OnOutcome
from error_daemon.runtime.workflows.steering import RunSteering

_OUTCOMES = {
    RunState.COMPLETED: OutcomeKind.COMPLETED,
    RunState.ABORTED: OutcomeKind.FAILED,
    RunState.EXPIRED: OutcomeKind.TIMED_OUT,
}


@dataclass(frozen=True, slots=True)
class _Waiting:
    attempt_id: str
    started_at: float


class GuidedAttempts:
    """Answers every order exactly once through `on_outcome`, never before `start_attempt` returns."""

    def __init__(self, runs: RunSteering, clock: Clock, on_outcome: OnOutcome) -> None:
        self._runs = runs
        self._clock = clock
        self._on_outcome = on_outcome
        self._waiting: dict[str, _Waiting] = {}  # by run

    def start_attempt(self, order: AttemptOrder) -> None:
        try:
            run = self._runs.open_for(order)
        except ErrorRecoveryError as error:
            outcome = Outcome(order.attempt_id, OutcomeKind.REFUSED, str(error))
            asyncio.get_running_loop().call_soon(self._on_outcome, outcome)
            return
        self._waiting[run.run_id] = _Waiting(order.attempt_id, self._clock.now())

    def ended(self, run: Run) -> None:
        """Of any run."""
        waiting = self._waiting.pop(run.run_id, None)
        if waiting is None:
            return
        took_s = self._clock.now() - waiting.started_at
        detail = f"run {run.run_id}: {life.said(run, run.events[-1])}"
        self._on_outcome(
            Outcome(
                waiting.attempt_id,
                _OUTCOMES[run.state],
                detail,
                started_at=waiting.started_at,
                execution_time_s=took_s,
            )
        )
