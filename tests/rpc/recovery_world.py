"""One error, one decision and one attempt, a daemon that is told them, and a client that asks it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message

from error_daemon.model import (
    AttemptRecord,
    Candidate,
    Decision,
    ErrorType,
    ErrorView,
    Evidence,
    OutcomeKind,
    Reading,
    ReadingValue,
    ResponseClass,
    Severity,
    State,
    Usage,
    Verdict,
)
from error_daemon.rpc.recovery_service import RecoveryService
from error_recovery.v1 import fault_pb2
from error_recovery.v1 import recovery_pb2 as pb
from tests.fakes.told_control import ToldControl
from tests.rpc.serving import Channel, serving, soon

ID = "0123456789abcdef"
VIEW = ErrorView(
    error_id=ID,
    fingerprint=ID * 2,
    type=ErrorType.NETWORK,
    severity=Severity.HIGH,
    response_class=ResponseClass.TRANSIENT,
    state=State.ATTEMPTING,
    reason="trying",
    component="shop",
    level=2,
    count=41,
    because=("type: network",),
    related=("beef",),
)
READING = Reading("port", ReadingValue.NOT_OK, "refused", 5.0, 0.25)
RECORD = AttemptRecord(
    attempt_id="a-1",
    error_id=ID,
    decision_id="d-1",
    strategy_id="restart",
    strategy_name="Restart",
    target="web",
    level=2,
    error_type=ErrorType.NETWORK,
    hardware_id="",
    component="shop",
    started_at=3.0,
    execution_time_s=0.5,
    outcome=OutcomeKind.COMPLETED,
    detail="",
    verdict=Verdict.PERSISTING,
    success=False,
    impact_score=0.5,
    stability_score=-1.0,
    lag_s=0.01,
    affected_tasks=0,
    recovered_tasks=0,
    before=Usage(),
    after=Usage(),
    ended_at=4.0,
    readings=(READING,),
    withheld_s=0.125,
)
EVIDENCE = Evidence("type", 5, 4, 2.0, 1.5)
CUT_EVIDENCE = Evidence("context", 9, 4, 2.0, 1.5, recent=0)
CANDIDATE = Candidate("restart", 2.0, 3.0, 1.0, 0.75, 0.9, 0.1, 0.5, 1.0, 0.8, (EVIDENCE, CUT_EVIDENCE))
DECISION = Decision(
    decision_id="d-1",
    error_id=ID,
    at=2.0,
    level=2,
    strategy_id="restart",
    target="web",
    mode="auto",
    reason="the best score",
    explored=False,
    timeout_s=30.0,
    candidates=(CANDIDATE,),
    brakes=(),
    attempt_id="a-1",
    error_type=ErrorType.NETWORK,
    severity=Severity.HIGH,
    rule="web-died",
    levels=(1, 2),
    may_explore=True,
    rng_state="beef",
    timeout_basis=(7.0, 5.75),
    timeout_bounds_s=(1.0, 60.0),
    why_now="the first attempt",
)
PAYLOAD = fault_pb2.Fault(message="it broke").SerializeToString()


class Client:
    def __init__(self, control: ToldControl, channel: Channel) -> None:
        self.control = control
        self._channel = channel

    async def ask(self, method: str, request: Message) -> Any:
        return await soon(self._channel.unary_unary(*self._named(method, request), **self._shape(method))(request))

    def watch(self, error_id: str = "") -> Any:
        return self.stream("Watch", pb.WatchRequest(error_id=error_id), pb.Event)

    def stream(self, method: str, request: Message, answer: type[Message]) -> Any:
        path, serializer = f"/error_recovery.v1.RecoveryService/{method}", type(request).SerializeToString
        return self._channel.unary_stream(path, serializer, answer.FromString)(request)

    async def refusal(self, method: str, request: Message) -> tuple[grpc.StatusCode, str]:
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await self.ask(method, request)
        return failed.value.code(), str(failed.value.details())

    def _named(self, method: str, request: Message) -> tuple[str]:
        assert type(request).__name__ == f"{method}Request"
        return (f"/error_recovery.v1.RecoveryService/{method}",)

    def _shape(self, method: str) -> dict[str, Any]:
        return {
            "request_serializer": lambda request: request.SerializeToString(),
            "response_deserializer": getattr(pb, f"{method}Response").FromString,
        }


@asynccontextmanager
async def client_of(decision: Decision = DECISION, payload: bytes | None = PAYLOAD) -> AsyncIterator[Client]:
    control = ToldControl(VIEW, decision, RECORD, payload)
    async with serving([RecoveryService(control).service()]) as channel:
        yield Client(control, channel)
