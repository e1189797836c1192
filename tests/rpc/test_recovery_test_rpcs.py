"""A test of a recovery over the wire: what may be wished, every step as a message, and who goes ends it."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import pytest

from error_daemon.errors import Refused
from error_daemon.model import (
    Difference,
    Observation,
    RepeatEnd,
    RepeatPass,
    RepeatPlan,
    RepeatStep,
    RepeatWish,
    Triggered,
)
from error_recovery.v1 import recovery_pb2 as pb
from tests.rpc.recovery_world import RECORD, Client, client_of
from tests.rpc.serving import run, soon, until

WISH = RepeatWish("web", "web-died", "restart", 3, 7.0, 0, True, "ann (as they say)")
PLAN = RepeatPlan("test-1-web", WISH, "web-died", "auto", "web", {1: ("a", "b"), 3: ("c",)}, "a fault", ("files",))
SEEN = Observation("files", {"/a": "1 bytes"}, {"pid": "7"}, "")
DIFFERENCE = Difference("files", "/a", "1 bytes", None)
PASSED = RepeatPass(2, "e1", "watching", "verified", True, (RECORD,), 0.5, (SEEN,), (DIFFERENCE,), True, ("e2",))


def _test(client: Client, request: pb.TestRecoveryRequest) -> Any:
    return client.stream("TestRecovery", request, pb.TestEvent)


def test_the_wish_is_what_was_asked_for_and_what_is_left_out_is_the_usual() -> None:
    async def go() -> None:
        async with client_of() as client:
            client.control.test_steps = [RepeatStep("done", 1.0)]
            asked = pb.TestRecoveryRequest(
                target="web",
                rule="web-died",
                strategy="restart",
                repeat=3,
                timeout_s=7,
                triggers=0,
                breaks=True,
                by="ann",
            )
            for request in (asked, pb.TestRecoveryRequest()):
                assert [event.text async for event in _test(client, request)] == ["done"]
            assert client.control.asked == [("test", WISH), ("test", RepeatWish())]

    run(go())


def test_each_step_is_a_message() -> None:
    async def go() -> None:
        async with client_of() as client:
            client.control.test_steps = [
                RepeatStep("planned", 0.0, plan=PLAN),
                RepeatStep("waits", 0.0, awaits=1),
                RepeatStep("pass 2", 0.5, passed=PASSED),
                RepeatStep("at once", 0.9, triggered=Triggered(10, 1, PASSED)),
                RepeatStep("done", 1.0, end=RepeatEnd("deviated", ("files",))),
            ]
            plan, waits, passed, triggers, end = [event async for event in _test(client, pb.TestRecoveryRequest())]
            assert (plan.plan.test_id, dict(plan.plan.ladder)) == ("test-1-web", {1: "a, b", 3: "c"})
            assert (plan.plan.repeat, plan.plan.triggers, list(plan.plan.observers)) == (3, 0, ["files"])
            assert (waits.awaits, waits.HasField("plan")) == (1, False)
            one = passed.passed
            assert (one.number, one.was_well, list(one.other_error_ids)) == (2, True, ["e2"])
            assert one.attempts[0].attempt_id == RECORD.attempt_id
            assert dict(one.observations[0].facts) == {"/a": "1 bytes"}
            [difference] = one.differences
            assert (difference.first, difference.HasField("now")) == ("1 bytes", False)
            assert (triggers.triggers.faults, triggers.triggers.is_one) == (10, True)
            assert (end.end.verdict, list(end.end.reasons)) == ("deviated", ["files"])

    run(go())


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        (pb.TestRecoveryRequest(repeat=1001), "repeat"),
        (pb.TestRecoveryRequest(triggers=1001), "triggers"),
        (pb.TestRecoveryRequest(timeout_s=-1.0), "timeout_s"),
        (pb.TestRecoveryRequest(timeout_s=float("nan")), "timeout_s"),
        (pb.TestRecoveryRequest(target="\x1b[31m"), "target"),
    ],
)
def test_a_wish_that_is_no_wish_is_refused_with_its_field(wrong: pb.TestRecoveryRequest, field: str) -> None:
    async def go() -> None:
        async with client_of() as client:
            with pytest.raises(grpc.aio.AioRpcError) as failed:
                await soon(_test(client, wrong).read())
            assert failed.value.code() is grpc.StatusCode.INVALID_ARGUMENT
            assert field in str(failed.value.details())
            assert client.control.asked == []

    run(go())


def test_what_cannot_be_tested_is_refused_and_a_word_is_passed_on() -> None:
    async def go() -> None:
        async with client_of() as client:
            client.control.test_steps = [Refused("web is being recovered")]
            with pytest.raises(grpc.aio.AioRpcError) as failed:
                await soon(_test(client, pb.TestRecoveryRequest()).read())
            assert failed.value.code() is grpc.StatusCode.FAILED_PRECONDITION
            await client.ask("ContinueTest", pb.ContinueTestRequest(test_id="test-1-web", number=2))
            assert client.control.asked[-1] == ("continue_test", ("test-1-web", 2))

    run(go())


def test_a_caller_who_goes_ends_the_test() -> None:
    async def go() -> None:
        async with client_of() as client:
            stream = _test(client, pb.TestRecoveryRequest())
            reading = asyncio.ensure_future(stream.read())
            await until(lambda: client.control.tests == 1)
            stream.cancel()
            await until(lambda: client.control.tests == 0)
            await asyncio.wait({reading})

    run(go())
