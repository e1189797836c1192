"""Applications that attach with handlers of their own, over real streams: asked, answering, late, gone, and wrong."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import grpc
import pytest

from error_daemon.errors import TransientError
from error_daemon.model import AttemptOrder, Outcome, OutcomeKind, Strategy, Target
from error_daemon.model.access import Caller
from error_daemon.rpc.aio_server import AioServer
from error_daemon.rpc.handler_service import HandlerService
from error_recovery.v1 import fault_pb2
from error_recovery.v1.handler_pb2 import AttachRequest, AttachResponse, HandlerResult, Offer, RunHandler
from tests.fakes.open_gate import OPERATOR, OpenGate
from tests.rpc.serving import Bugs, Channel, breakable, connect, run, serving, soon, until

PATH = "/error_recovery.v1.HandlerService/Attach"
FAULT = fault_pb2.Fault(message="connection lost")
LONG_S = 600.0


class _MonotonicClock:
    def now(self) -> float:
        return time.monotonic()

    def from_monotonic(self, monotonic_s: float) -> float:
        return monotonic_s


class _Application:
    """One attached stream."""

    def __init__(self, channel: Channel) -> None:
        self.call = channel.stream_stream(
            PATH,
            request_serializer=AttachRequest.SerializeToString,
            response_deserializer=AttachResponse.FromString,
        )()

    async def offer(self, *handlers: str, application: str = "shop") -> str:
        """Attach; the session's id."""
        await self.say(AttachRequest(offer=Offer(application=application, instance="h:1", handlers=handlers)))
        return (await self.hear()).attached.session_id

    async def say(self, message: AttachRequest) -> None:
        await soon(self.call.write(message))

    async def hear(self) -> AttachResponse:
        message = await soon(self.call.read())
        assert isinstance(message, AttachResponse)
        return message

    async def asked(self) -> RunHandler:
        message = await self.hear()
        assert message.WhichOneof("message") == "run"
        return message.run

    async def answer(
        self, attempt_id: str, *, success: bool = True, text: str = "done", tasks: tuple[int, int] = (0, 0)
    ) -> None:
        result = HandlerResult(
            attempt_id=attempt_id, success=success, message=text, affected_tasks=tasks[0], recovered_tasks=tasks[1]
        )
        await self.say(AttachRequest(result=result))

    async def refusal(self) -> grpc.aio.AioRpcError:
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await soon(self.call.read())
        return failed.value


@dataclass(frozen=True)
class _ByNobody:
    """A call that no server has made."""

    peer: str = ""
    caller: Caller = OPERATOR


class _Desk:
    """The service with the outcomes that it has told."""

    def __init__(self) -> None:
        self.outcomes: list[Outcome] = []
        self.payload: bytes | None = FAULT.SerializeToString()
        self.service = HandlerService(_MonotonicClock(), self.outcomes.append, lambda _error_id: self.payload)

    def order(
        self,
        attempt_id: str,
        *,
        handler: str = "reconnect",
        timeout_s: float = LONG_S,
        variables: Mapping[str, str] | None = None,
    ) -> None:
        strategy = Strategy("s", "handler", params={"application": "shop", "handler": handler})
        target = Target("db", "database")
        self.service.start_attempt(
            AttemptOrder(attempt_id, "e1", strategy, target, 2, timeout_s, {}, variables=variables or {})
        )

    async def outcome(self, number: int = 1) -> Outcome:
        await until(lambda: len(self.outcomes) >= number)
        assert len(self.outcomes) == number
        return self.outcomes[number - 1]


@asynccontextmanager
async def _attached() -> AsyncIterator[tuple[_Desk, Channel]]:
    desk = _Desk()
    async with serving([desk.service.service()]) as channel:
        yield desk, channel


def test_an_application_is_asked_and_its_answer_is_the_outcome() -> None:
    async def go() -> None:
        async with _attached() as (desk, channel):
            shop = _Application(channel)
            assert (await shop.offer("reconnect", "warm-up")).startswith("shop-")
            assert desk.service.names() == ["shop"]
            desk.order("a1")
            run = await shop.asked()
            assert (run.attempt_id, run.handler, run.error_id, run.level) == ("a1", "reconnect", "e1", 2)
            assert (run.deadline_s, run.fault) == (LONG_S, FAULT)
            await shop.answer("a1", text="reconnected", tasks=(5, 4))
            outcome = await desk.outcome()
            assert outcome.started_at > 0
            assert outcome.execution_time_s >= 0
            expected = Outcome("a1", OutcomeKind.COMPLETED, "reconnected", affected_tasks=5, recovered_tasks=4)
            assert replace(outcome, started_at=0.0, execution_time_s=0.0) == expected

    run(go())


def test_an_application_that_could_not_says_so() -> None:
    async def go() -> None:
        async with _attached() as (desk, channel):
            shop = _Application(channel)
            await shop.offer("reconnect")
            desk.order("a1")
            await shop.asked()
            await shop.answer("a1", success=False, text="x" * 5000)
            outcome = await desk.outcome()
            assert (outcome.kind, len(outcome.detail)) == (OutcomeKind.FAILED, 2048)

    run(go())


def test_a_fault_that_is_kept_no_more_is_left_out() -> None:
    async def go() -> None:
        async with _attached() as (desk, channel):
            desk.payload = None
            shop = _Application(channel)
            await shop.offer("reconnect")
            desk.order("a1")
            assert not (await shop.asked()).HasField("fault")

    run(go())


def test_at_its_deadline_an_attempt_has_timed_out_and_the_application_is_told_and_its_late_answer_ignored() -> None:
    async def go() -> None:
        async with _attached() as (desk, channel):
            shop = _Application(channel)
            await shop.offer("reconnect")
            desk.order("a1", timeout_s=0.2)
            await shop.asked()
            assert (await desk.outcome()).kind is OutcomeKind.TIMED_OUT
            assert (await shop.hear()).cancel.attempt_id == "a1"
            await shop.answer("a1")
            desk.order("a2")
            assert (await shop.asked()).attempt_id == "a2"
            await shop.answer("a2")
            assert (await desk.outcome(2)).attempt_id == "a2"

    run(go())


def test_an_answer_nobody_asked_for_is_ignored() -> None:
    async def go() -> None:
        async with _attached() as (desk, channel):
            shop = _Application(channel)
            await shop.offer("reconnect")
            await shop.answer("never")
            desk.order("a1")
            await shop.asked()
            await shop.answer("a1")
            assert (await desk.outcome()).attempt_id == "a1"

    run(go())


@pytest.mark.parametrize("how", ["cancel", "half-close", "cut"])
def test_with_the_stream_what_was_running_is_lost(how: str) -> None:
    async def go() -> None:
        desk = _Desk()
        server = AioServer(1 << 16, Bugs(), OpenGate())
        server.add(desk.service.service())
        async with (
            breakable(await server.start("127.0.0.1:0")) as (address, cut),
            grpc.aio.insecure_channel(address) as channel,
        ):
            shop = _Application(channel)
            await shop.offer("reconnect")
            desk.order("a1")
            await shop.asked()
            if how == "cancel":
                shop.call.cancel()
            elif how == "half-close":
                await soon(shop.call.done_writing())
            else:
                cut()
            outcome = await desk.outcome()
            assert (outcome.kind, outcome.attempt_id) == (OutcomeKind.LOST, "a1")
            assert desk.service.names() == []
        await server.stop(0)

    run(go())


def test_when_the_service_is_closed_its_streams_end_and_what_was_running_is_lost() -> None:
    async def go() -> None:
        async with _attached() as (desk, channel):
            shop = _Application(channel)
            await shop.offer("reconnect")
            desk.order("a1")
            await shop.asked()
            desk.service.close()
            assert (await desk.outcome()).kind is OutcomeKind.LOST
            assert desk.service.names() == []

    run(go())


def test_when_the_server_stops_what_was_running_is_lost() -> None:
    async def go() -> None:
        desk = _Desk()
        server = AioServer(1 << 16, Bugs(), OpenGate())
        server.add(desk.service.service())
        async with connect(await server.start("127.0.0.1:0")) as channel:
            shop = _Application(channel)
            await shop.offer("reconnect")
            desk.order("a1")
            await shop.asked()
            await soon(server.stop(0.01))
            assert (await desk.outcome()).kind is OutcomeKind.LOST

    run(go())


@pytest.mark.parametrize("handler", ["reconnect", "other"])
def test_where_nobody_has_the_handler_the_attempt_is_refused_but_not_on_the_spot(handler: str) -> None:
    async def go() -> None:
        async with _attached() as (desk, channel):
            if handler == "other":
                await _Application(channel).offer("reconnect")
            await _Application(channel).offer("reconnect", application="elsewhere")
            desk.order("a1", handler=handler)
            assert desk.outcomes == []
            outcome = await desk.outcome()
            assert outcome.kind is OutcomeKind.REFUSED
            assert "'shop' is not attached with a handler" in outcome.detail

    run(go())


def test_the_session_with_the_fewest_runs_is_asked() -> None:
    async def go() -> None:
        async with _attached() as (desk, channel):
            shops = [_Application(channel) for _ in range(3)]
            for shop in shops:
                await shop.offer("reconnect")
            for number in range(6):
                desk.order(f"a{number}")
            for shop in shops:
                await shop.asked()
                await shop.asked()
            await shops[1].answer("a1")
            await desk.outcome()
            desk.order("a6")
            assert (await shops[1].asked()).attempt_id == "a6"

    run(go())


def test_an_order_that_was_not_sent_before_its_deadline_is_never_sent() -> None:
    async def go() -> None:
        async with _attached() as (desk, channel):
            shop = _Application(channel)
            await shop.offer("reconnect")
            desk.order("a1", timeout_s=0.0)
            time.sleep(0.01)  # noqa: ASYNC251  the loop is held up: the deadline passes before the stream has its turn
            assert (await desk.outcome()).kind is OutcomeKind.TIMED_OUT
            desk.order("a2")
            heard = [(await shop.hear()).WhichOneof("message") for _ in range(2)]
            assert heard == ["cancel", "run"]

    run(go())


def _offer(**fields: object) -> AttachRequest:
    return AttachRequest(offer=Offer(**{"application": "shop", "handlers": ["h"], **fields}))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("first", "field"),
    [
        (AttachRequest(result=HandlerResult(attempt_id="a")), "message"),
        (AttachRequest(), "message"),
        (_offer(application=""), "offer.application"),
        (_offer(application="x" * 129), "offer.application"),
        (_offer(handlers=[]), "offer.handlers"),
        (_offer(handlers=["h"] * 257), "offer.handlers"),
        (_offer(handlers=[""]), "offer.handlers"),
        (_offer(handlers=["h" * 129]), "offer.handlers"),
    ],
)
def test_a_first_message_that_is_no_good_offer_is_refused(first: AttachRequest, field: str) -> None:
    async def go() -> None:
        async with _attached() as (desk, channel):
            application = _Application(channel)
            await application.say(first)
            error = await application.refusal()
            assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
            assert str(error.details()).startswith(f"{field}: ")
            assert desk.service.names() == []

    run(go())


def test_a_stream_that_ends_without_an_offer_is_refused() -> None:
    async def go() -> None:
        async with _attached() as (_desk, channel):
            application = _Application(channel)
            await soon(application.call.done_writing())
            assert (await application.refusal()).code() is grpc.StatusCode.INVALID_ARGUMENT

    run(go())


def test_another_offer_takes_the_place_of_the_first_and_what_runs_goes_on() -> None:
    async def go() -> None:
        async with _attached() as (desk, channel):
            shop = _Application(channel)
            await shop.offer("reconnect")
            desk.order("a1")
            await shop.asked()
            await shop.say(_offer(handlers=["warm-up"]))
            await shop.answer("a1")
            assert (await desk.outcome()).kind is OutcomeKind.COMPLETED
            desk.order("a2", handler="warm-up")
            assert (await shop.asked()).handler == "warm-up"
            desk.order("a3", handler="reconnect")
            assert (await desk.outcome(2)).kind is OutcomeKind.REFUSED

    run(go())


def test_the_handler_may_be_one_that_the_fault_names_of_those_that_are_offered() -> None:
    async def go() -> None:
        async with _attached() as (desk, channel):
            shop = _Application(channel)
            await shop.offer("reconnect", "warm-up")
            named = "${fault.attributes.error_recovery.handler}"
            desk.order("a1", handler=named, variables={"fault.attributes.error_recovery.handler": "warm-up"})
            assert (await shop.asked()).handler == "warm-up"
            desk.order("a2", handler=named, variables={"fault.attributes.error_recovery.handler": "rm"})
            refused = await desk.outcome()
            assert (refused.kind, "'rm'" in refused.detail) == (OutcomeKind.REFUSED, True)

    run(go())


@pytest.mark.parametrize(
    ("second", "field"),
    [(_offer(handlers=[]), "offer.handlers"), (_offer(application="other"), "offer.application"), (AttachRequest(), "message")],
)  # fmt: skip
def test_a_second_message_that_is_no_good_ends_the_session_and_loses_its_runs(
    second: AttachRequest, field: str
) -> None:
    async def go() -> None:
        async with _attached() as (desk, channel):
            shop = _Application(channel)
            await shop.offer("reconnect")
            desk.order("a1")
            await shop.asked()
            await shop.say(second)
            error = await shop.refusal()
            assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
            assert str(error.details()).startswith(f"{field}: ")
            assert (await desk.outcome()).kind is OutcomeKind.LOST

    run(go())


def test_no_more_applications_are_attached_than_may_be_however_many_offer_at_once() -> None:
    async def go() -> None:
        desk, all_are_there = _Desk(), asyncio.Event()

        async def offering() -> AsyncIterator[AttachRequest]:
            await all_are_there.wait()
            yield _offer()
            await asyncio.Event().wait()

        streams = [desk.service.attach(offering(), _ByNobody()) for _ in range(300)]
        answers = [asyncio.ensure_future(anext(stream)) for stream in streams]
        await asyncio.sleep(0)
        all_are_there.set()
        answered = await soon(asyncio.gather(*answers, return_exceptions=True))
        assert [type(answer) for answer in answered] == [AttachResponse] * 256 + [TransientError] * 44
        for stream in streams:
            await stream.aclose()  # type: ignore[attr-defined]
        assert desk.service.names() == []

    run(go())
