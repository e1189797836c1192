"""What a worker does with an order: run the strategy to its end or its deadline, look with every probe of a round.

Both always end in exactly one message, whatever the strategy or probe does or returns, except when a strategy swallows its
cancellation: then nothing comes, and the daemon's own deadline replaces the worker.
"""

from __future__ import annotations

import asyncio
import marshal
from collections.abc import Callable

from error_daemon.errors import InputError, PermanentError
from error_daemon.execute import frames_pb2 as frames
from error_daemon.execute import strategies
from error_daemon.execute.deadline import AttemptDeadline
from error_daemon.execute.dying import until_dead
from error_daemon.execute.looking import look_with, shorten
from error_daemon.execute.params import parse
from error_daemon.execute.program import Programs
from error_daemon.execute.usage import HostUsage
from error_daemon.model import OutcomeKind

_MOST_TASKS = (1 << 32) - 1  # that a frame can carry
_TOLD_S = 0.01  # less withheld time is not worth a word


async def run_attempt(
    order: frames.RunAttempt, programs: Programs, usage: HostUsage, on_longer: Callable[[float], None]
) -> frames.AttemptEnded:
    """Run one strategy once. Must run as a task of its own: the deadline cancels that task. `on_longer` is told when the deadline is
    put off, and by how many seconds."""
    before = usage.kept
    deadline, started_at = None, usage.now_s()
    try:
        strategy = strategies.make(order.kind)
        context = _context(order, programs, usage)
        deadline = AttemptDeadline(order.timeout_s, usage, on_longer)
        started_at = deadline.began_at_s
        result = _sound(await _until(deadline, strategy, context))
    except asyncio.CancelledError:
        if programs.is_closed:  # the worker leaves
            raise
        result = strategies.Result(OutcomeKind.FAILED, "the strategy cancelled itself")
    except InputError as error:
        result = strategies.Result(OutcomeKind.REFUSED, str(error))
    except PermanentError as error:
        result = strategies.Result(OutcomeKind.FAILED, str(error))
    except (Exception, SystemExit) as error:  # noqa: BLE001 a custom strategy may raise anything, and that is its outcome
        result = strategies.Result(OutcomeKind.FAILED, f"the strategy raised {type(error).__name__}: {error}")
    ended = usage.times()
    execution_time_s = ended.at_s - started_at
    withheld = min(execution_time_s, deadline.withheld_s(ended)) if deadline else 0.0
    return frames.AttemptEnded(
        attempt_id=order.attempt_id,
        outcome=result.kind.value,
        detail=shorten(_said(result, withheld)),
        started_at_monotonic_s=started_at,
        execution_time_s=execution_time_s,
        before=before,
        after=usage.fresh(ended.ticks),
        affected_tasks=result.affected_tasks,
        recovered_tasks=result.recovered_tasks,
        withheld_s=withheld,
    )


def _context(order: frames.RunAttempt, programs: Programs, usage: HostUsage) -> strategies.Context:
    return strategies.Context(
        attempt_id=order.attempt_id,
        params=parse(order.params_json),
        target=parse(order.target_json),
        environment=marshal.loads(order.environment) if order.environment else {},
        timeout_s=order.timeout_s,
        programs=programs,
        group=tuple([_member(order.attempt_id, member, programs, usage) for member in order.group]),
    )


def _member(attempt_id: str, member: frames.Member, programs: Programs, usage: HostUsage) -> strategies.Member:
    return strategies.Member(
        id=member.target,
        kind=member.kind,
        params=parse(member.params_json),
        depends_on=frozenset(member.depends_on),
        has_probes=bool(member.probes),
        look=lambda: look_with(attempt_id, member.probes, programs, usage.times),
    )


async def _until(
    deadline: AttemptDeadline, strategy: strategies.Strategy, context: strategies.Context
) -> strategies.Result:
    try:
        await until_dead(context.target)
        return await strategy.run(context)
    except asyncio.CancelledError:
        if not deadline.has_passed:
            raise
        detail = f"ended at its deadline of {context.timeout_s:g} s"
        return strategies.Result(OutcomeKind.TIMED_OUT, detail)
    finally:
        deadline.end()


def _sound(result: object) -> strategies.Result:
    """A custom strategy may return anything. Raises PermanentError for what cannot be told."""
    if not isinstance(result, strategies.Result):
        raise PermanentError(f"the strategy returned {type(result).__name__}, not a Result")
    counts = result.affected_tasks, result.recovered_tasks
    is_sound = isinstance(result.kind, OutcomeKind) and isinstance(result.detail, str)
    if not is_sound or not all(isinstance(count, int) and 0 <= count <= _MOST_TASKS for count in counts):
        raise PermanentError(f"the strategy returned a Result that cannot be told: {result!r}")
    return result


def _said(result: strategies.Result, withheld: float) -> str:
    if result.kind is not OutcomeKind.TIMED_OUT or withheld < _TOLD_S:
        return result.detail
    return f"{result.detail}; {withheld:.3g} s more on the clock, in which the host withheld the CPU"


async def run_probes(
    order: frames.RunProbes, programs: Programs, usage: HostUsage, on_longer: Callable[[float], None]
) -> frames.ProbesEnded:
    """Look with all probes of the round. The readings come in the order of the probes. `on_longer`: as for an attempt."""
    usage.stalls.begin()
    try:
        readings = await look_with(order.round_id, order.probes, programs, usage.times, on_longer)
    finally:
        usage.stalls.end()
    return frames.ProbesEnded(round_id=order.round_id, readings=readings)
