"""A test of a recovery as messages."""

from __future__ import annotations

from error_daemon.model import Difference, Observation, RepeatPass, RepeatPlan, RepeatStep, Triggered
from error_daemon.rpc import convert
from error_recovery.v1 import recovery_pb2


def step_message(step: RepeatStep) -> recovery_pb2.TestEvent:
    end = step.end
    return recovery_pb2.TestEvent(
        text=step.text,
        done_ratio=step.done_ratio,
        plan=_plan(step.plan) if step.plan else None,
        awaits=step.awaits,
        passed=_pass(step.passed) if step.passed else None,
        triggers=_triggers(step.triggered) if step.triggered else None,
        end=recovery_pb2.TestEnd(verdict=end.verdict, reasons=end.reasons) if end else None,
    )


def _plan(plan: RepeatPlan) -> recovery_pb2.TestPlan:
    return recovery_pb2.TestPlan(
        test_id=plan.test_id,
        rule=plan.rule,
        mode=plan.mode,
        target=plan.target,
        strategy=plan.wish.strategy,
        ladder={level: ", ".join(names) for level, names in plan.ladder.items()},
        fault=plan.fault,
        observers=plan.observers,
        why_not=plan.why_not,
        repeat=plan.wish.repeat,
        triggers=plan.wish.triggers,
    )


def _pass(passed: RepeatPass) -> recovery_pb2.TestPass:
    return recovery_pb2.TestPass(
        number=passed.number,
        error_id=passed.error_id,
        state=passed.state,
        reason=passed.reason,
        is_recovered=passed.is_recovered,
        attempts=map(convert.attempt_message, passed.attempts),
        duration_s=passed.duration_s,
        observations=map(_observation, passed.observations),
        differences=map(_difference, passed.differences),
        other_error_ids=passed.others,
        was_well=passed.was_well,
    )


def _triggers(triggered: Triggered) -> recovery_pb2.TestTriggers:
    return recovery_pb2.TestTriggers(
        faults=triggered.faults,
        tickets=triggered.tickets,
        is_one=triggered.is_one,
        passed=_pass(triggered.passed),
    )


def _observation(seen: Observation) -> recovery_pb2.Observation:
    return recovery_pb2.Observation(observer=seen.observer, facts=seen.facts, others=seen.others, problem=seen.problem)


def _difference(difference: Difference) -> recovery_pb2.TestDifference:
    return recovery_pb2.TestDifference(
        observer=difference.observer,
        fact=difference.fact,
        first=difference.first,
        now=difference.now,
        is_unsteady=difference.is_unsteady,
    )
