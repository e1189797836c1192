"""What a worker does with an order: run the strategy to its end or its deadline, look with every probe of a round.

Both always end in exactly one message, whatever the strategy or probe does, except when a strategy swallows its
cancellation: then nothing comes, and the daemon's own deadline replaces the worker.
"""

from __future__ import annotations

import asyncio
import time

from error_daemon.errors import InputError, PermanentError
from error_daemon.execute import frames_pb2 as frames
from error_daemon.execute import probes, strategies
from error_daemon.execute.params import parse
from error_daemon.execute.probes.contract import unknown
from error_daemon.execute.program import TERM_GRACE_S, Programs
from error_daemon.execute.usage import HostUsage
from error_daemon.model import OutcomeKind

DETAIL_CHARACTERS = 2048
# a probe keeps its own deadline, in words of its own; this one is for those that don't
_PROBE_SLACK_S = TERM_GRACE_S + 0.5


async def run_attempt(order: frames.RunAttempt, programs: Programs, usage: HostUsage) -> frames.AttemptEnded:
    """Run one strategy once. Must run as a task of its own: the deadline cancels that task."""
    before = usage.kept
    started_at = time.clock_gettime(time.CLOCK_MONOTONIC)
    try:
        strategy = strategies.make(order.kind)
        context = strategies.Context(
            attempt_id=order.attempt_id,
            params=parse(order.params_json),
            target=parse(order.target_json),
            environment=order.environment,
            timeout_s=order.timeout_s,
            programs=programs,
        )
        deadline = _Deadline(order.timeout_s)
        started_at = time.clock_gettime(time.CLOCK_MONOTONIC)
        result = await _until(deadline, strategy, context)
    except InputError as error:
        result = strategies.Result(OutcomeKind.REFUSED, str(error))
    except PermanentError as error:
        result = strategies.Result(OutcomeKind.FAILED, str(error))
    except Exception as error:  # noqa: BLE001 a custom strategy may raise anything, and that is its outcome
        result = strategies.Result(OutcomeKind.FAILED, f"the strategy raised {type(error).__name__}: {error}")
    ended_at = time.clock_gettime(time.CLOCK_MONOTONIC)
    return frames.AttemptEnded(
        attempt_id=order.attempt_id,
        outcome=result.kind.value,
        detail=shorten(result.detail),
        started_at_monotonic_s=started_at,
        execution_time_s=ended_at - started_at,
        before=before,
        after=usage.fresh(),
        affected_tasks=result.affected_tasks,
        recovered_tasks=result.recovered_tasks,
    )


class _Deadline:
    """Cancels the task that made it after `timeout_s`."""

    def __init__(self, timeout_s: float) -> None:
        self.has_passed = False
        self._task = asyncio.current_task()
        self._timer = asyncio.get_running_loop().call_later(timeout_s, self._pass)

    def _pass(self) -> None:
        self.has_passed = True
        if self._task is not None:
            self._task.cancel()

    def end(self) -> None:
        self._timer.cancel()


async def _until(deadline: _Deadline, strategy: strategies.Strategy, context: strategies.Context) -> strategies.Result:
    try:
        return await strategy.run(context)
    except asyncio.CancelledError:
        if not deadline.has_passed:
            raise
        detail = f"ended at its deadline of {context.timeout_s:g} s"
        return strategies.Result(OutcomeKind.TIMED_OUT, detail)
    finally:
        deadline.end()


async def run_probes(order: frames.RunProbes, programs: Programs) -> frames.ProbesEnded:
    """Look with all probes of the round, side by side. The readings come in the order of the probes."""
    looks = (_look(order.round_id, probe, programs) for probe in order.probes)
    return frames.ProbesEnded(round_id=order.round_id, readings=await asyncio.gather(*looks))


async def _look(round_id: str, order: frames.ProbeOrder, programs: Programs) -> frames.ProbeReading:
    began = time.perf_counter()
    try:
        probe = probes.make(order.kind)
        look = probes.Look(
            round_id=round_id,
            params=parse(order.params_json),
            target=parse(order.target_json),
            timeout_s=order.timeout_s,
            programs=programs,
        )
        sight = await asyncio.wait_for(probe.look(look), order.timeout_s + _PROBE_SLACK_S)
    except asyncio.TimeoutError:
        sight = unknown(f"the probe did not end within {order.timeout_s:g} s")
    except (InputError, PermanentError) as error:
        sight = unknown(str(error))
    except Exception as error:  # noqa: BLE001 a probe that breaks has seen nothing, and says so
        sight = unknown(f"the probe raised {type(error).__name__}: {error}")
    return frames.ProbeReading(
        probe=order.probe,
        value=sight.value.value,
        detail=shorten(sight.detail),
        duration_s=time.perf_counter() - began,
    )


def shorten(detail: str) -> str:
    """What frames carry: the beginning says what happened, the end holds the last words; the middle goes."""
    if len(detail) <= DETAIL_CHARACTERS:
        return detail
    head = DETAIL_CHARACTERS // 4
    return f"{detail[:head]}\N{HORIZONTAL ELLIPSIS}{detail[head + 1 - DETAIL_CHARACTERS :]}"
