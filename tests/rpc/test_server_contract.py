"""What every gRPC server here keeps, at each place where it can be reached, seen by grpcio's clients: all shapes of calls, statuses,
limits, cancelling, draining."""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import stat
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.wrappers_pb2 import StringValue
from google.rpc import error_details_pb2, status_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from error_daemon.calls import Call, Method, Service, Shape, Transport
from error_daemon.errors import (
    ConfigError,
    ErrorRecoveryError,
    InputError,
    InvariantError,
    NotFound,
    PermanentError,
    Refused,
    RingFull,
    StoreUnavailable,
    TransientError,
)
from tests.fakes.authority import OPENSSL
from tests.fakes.open_gate import OpenGate
from tests.rpc.places import PLACES, Places
from tests.rpc.serving import (
    EOF,
    IN_CLEAR,
    MOST_BYTES,
    SERVERS,
    Bugs,
    Channel,
    MakeServer,
    breakable,
    connect,
    run,
    serving,
    soon,
    until,
)

Code = grpc.StatusCode
NAME = "error_daemon.test.Echo"
ERRORS: dict[str, tuple[ErrorRecoveryError, grpc.StatusCode]] = {
    "input": (InputError("fault.type", "99 is not one"), Code.INVALID_ARGUMENT),
    "transient": (TransientError("later", 1.5), Code.RESOURCE_EXHAUSTED),
    "full": (RingFull("full", 0.25), Code.RESOURCE_EXHAUSTED),
    "store": (StoreUnavailable("disk full"), Code.UNAVAILABLE),
    "not found": (NotFound("no error 'é' is known"), Code.NOT_FOUND),
    "refused": (Refused("it is attempting"), Code.FAILED_PRECONDITION),
    "permanent": (PermanentError("no way"), Code.FAILED_PRECONDITION),
    "invariant": (InvariantError("cannot be"), Code.INTERNAL),
    "config": (ConfigError([]), Code.INTERNAL),
}


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Places:
    return Places(tmp_path_factory.mktemp("places"))


@pytest.fixture(params=[(server, place) for server in SERVERS for place in PLACES], ids="-".join)
def make(request: pytest.FixtureRequest, places: Places) -> MakeServer:
    server, place = request.param
    if place == "TLS" and OPENSSL is None:
        pytest.skip("needs the program openssl")
    return places.at(place, SERVERS[server])


@pytest.fixture(params=SERVERS)
def make_in_clear(request: pytest.FixtureRequest) -> MakeServer:
    """On TCP, or where the test says."""
    return SERVERS[request.param]


class Echo:
    """A method of every shape."""

    def __init__(self) -> None:
        self.closed = 0
        self.running = 0
        self.go_on = asyncio.Event()
        self.peers: list[str] = []

    def service(self) -> Service:
        def method(name: str, shape: Shape, serve: Callable[..., object]) -> Method:
            return Method(name, shape, serve, StringValue.FromString, StringValue.SerializeToString)

        return Service(
            NAME,
            (
                method("Now", Shape.UNARY, self.now),
                method("Later", Shape.UNARY, self.later),
                method("Hold", Shape.UNARY, self.hold),
                method("Fail", Shape.UNARY, self.fail),
                method("FailLater", Shape.UNARY, self.fail_later),
                method("Letters", Shape.SERVER_STREAM, self.letters),
                method("Forever", Shape.SERVER_STREAM, self.forever),
                method("Quiet", Shape.SERVER_STREAM, self.quiet),
                method("Silent", Shape.SERVER_STREAM, self.silent),
                method("Each", Shape.BIDI_STREAM, self.each),
                Method("Raw", Shape.UNARY, lambda request, _call: request[::-1], None, None),
            ),
        )

    def now(self, request: StringValue, call: Call) -> StringValue:
        self.peers.append(call.peer)
        return StringValue(value=request.value.upper())

    async def later(self, request: StringValue, _call: Call) -> StringValue:
        await asyncio.sleep(0)
        return StringValue(value=request.value.upper())

    async def hold(self, request: StringValue, _call: Call) -> StringValue:
        self.running += 1
        try:
            await self.go_on.wait()
        finally:
            self.running -= 1
        return request

    def fail(self, request: StringValue, _call: Call) -> StringValue:
        if request.value in ERRORS:
            raise ERRORS[request.value][0]
        raise ZeroDivisionError("secret of the daemon")

    async def fail_later(self, request: StringValue, call: Call) -> StringValue:
        return self.fail(request, call)

    async def letters(self, request: StringValue, _call: Call) -> AsyncIterator[StringValue]:
        for letter in request.value:
            if letter == "!":
                raise ERRORS["not found"][0]
            yield StringValue(value=letter)

    async def forever(self, _request: StringValue, _call: Call) -> AsyncIterator[StringValue]:
        try:
            while True:
                yield StringValue(value="on")
        finally:
            self.closed += 1

    async def quiet(self, request: StringValue, _call: Call) -> AsyncIterator[StringValue]:
        try:
            yield request
            await self.go_on.wait()
        finally:
            self.closed += 1

    async def silent(self, request: StringValue, _call: Call) -> AsyncIterator[StringValue]:
        yield await self.hold(request, _call)

    async def each(self, requests: AsyncIterator[StringValue], _call: Call) -> AsyncIterator[StringValue]:
        try:
            async for request in requests:
                if request.value in ERRORS:
                    raise ERRORS[request.value][0]
                yield StringValue(value=request.value.upper())
            yield StringValue(value="end")
        finally:
            self.closed += 1


def _unary(channel: Channel, name: str) -> Any:
    return channel.unary_unary(
        f"/{NAME}/{name}",
        request_serializer=StringValue.SerializeToString,
        response_deserializer=StringValue.FromString,
    )


def _stream(channel: Channel, name: str) -> Any:
    return channel.unary_stream(
        f"/{NAME}/{name}",
        request_serializer=StringValue.SerializeToString,
        response_deserializer=StringValue.FromString,
    )


def _each(channel: Channel) -> Any:
    return channel.stream_stream(
        f"/{NAME}/Each", request_serializer=StringValue.SerializeToString, response_deserializer=StringValue.FromString
    )()


async def _error(call: object) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await soon(call)  # type: ignore[arg-type]
    return failed.value


def _details(error: Any) -> status_pb2.Status:
    content = error.trailing_metadata()["grpc-status-details-bin"]
    assert isinstance(content, bytes)
    return status_pb2.Status.FromString(content)


@pytest.mark.parametrize("name", ["Now", "Later"])
def test_a_unary_call_is_answered_whether_at_once_or_later(make: MakeServer, name: str) -> None:
    async def go() -> None:
        async with serving([Echo().service()], make=make) as channel:
            answers = await soon(
                asyncio.gather(*(_unary(channel, name)(StringValue(value=f"a{n}")) for n in range(50)))
            )
            assert [answer.value for answer in answers] == [f"A{n}" for n in range(50)]

    run(go())


def test_a_synchronous_client_in_a_thread_is_answered_too(make: MakeServer) -> None:
    def ask(address: str) -> bytes:
        with connect(address, of=grpc) as channel:
            return bytes(channel.unary_unary(f"/{NAME}/Raw")(b"abc", timeout=20))

    async def go() -> None:
        server = make(MOST_BYTES, Bugs(), OpenGate(), IN_CLEAR)
        server.add(Echo().service())
        address = await server.start("127.0.0.1:0")
        assert await asyncio.get_running_loop().run_in_executor(None, ask, address) == b"cba"
        await server.stop(0)

    run(go())


def test_the_servicer_is_told_who_calls(make: MakeServer) -> None:
    async def go() -> None:
        echo = Echo()
        async with serving([echo.service()], make=make) as channel:
            await soon(_unary(channel, "Now")(StringValue()))
        assert echo.peers[0].startswith(("ipv4:127.0.0.1:", "unix:"))

    run(go())


def test_a_server_stream_comes_in_order_and_ends(make: MakeServer) -> None:
    async def go() -> None:
        async with serving([Echo().service()], make=make) as channel:
            answers = [answer.value async for answer in _stream(channel, "Letters")(StringValue(value="abc"))]
            assert answers == ["a", "b", "c"]

    run(go())


def test_a_server_stream_can_fail_after_some_answers(make: MakeServer) -> None:
    async def go() -> None:
        async with serving([Echo().service()], make=make) as channel:
            call = _stream(channel, "Letters")(StringValue(value="ab!c"))
            assert [(await soon(call.read())).value, (await soon(call.read())).value] == ["a", "b"]
            assert (await _error(call.read())).code() is Code.NOT_FOUND

    run(go())


def test_both_sides_of_a_stream_talk_in_turn_and_the_end_is_seen(make: MakeServer) -> None:
    async def go() -> None:
        echo = Echo()
        async with serving([echo.service()], make=make) as channel:
            call = _each(channel)
            for word in ("one", "two"):
                await soon(call.write(StringValue(value=word)))
                assert (await soon(call.read())).value == word.upper()
            await soon(call.done_writing())
            assert (await soon(call.read())).value == "end"
            assert await soon(call.read()) is EOF
            assert await soon(call.code()) is Code.OK
        assert echo.closed == 1

    run(go())


def test_a_stream_of_both_sides_can_fail_in_the_middle(make: MakeServer) -> None:
    async def go() -> None:
        echo = Echo()
        async with serving([echo.service()], make=make) as channel:
            call = _each(channel)
            await soon(call.write(StringValue(value="transient")))
            assert (await _error(call.read())).code() is Code.RESOURCE_EXHAUSTED
        assert echo.closed == 1

    run(go())


@pytest.mark.parametrize("name", ["Fail", "FailLater"])
@pytest.mark.parametrize("kind", ERRORS)
def test_each_exception_has_its_status(make: MakeServer, kind: str, name: str) -> None:
    raised, code = ERRORS[kind]

    async def go() -> None:
        bugs = Bugs()
        async with serving([Echo().service()], make=make, bugs=bugs) as channel:
            error = await _error(_unary(channel, name)(StringValue(value=kind)))
            assert error.code() is code
            details = _details(error)
            assert (details.code, details.message) == (code.value[0], error.details())
            if code is Code.INTERNAL:
                assert bugs.heard == [(name, raised)]
            else:
                assert str(raised) in details.message
                assert bugs.heard == []

    run(go())


def test_a_connection_goes_on_however_many_of_its_calls_are_refused(make: MakeServer) -> None:
    async def go() -> None:
        gc.disable()  # what only the collector frees would be kept
        try:
            async with serving([Echo().service()], make=make) as channel:
                for _ in range(600):
                    error = await _error(channel.unary_unary(f"/{NAME}/Now")(b"\xff\xff"))
                    assert error.code() is Code.INVALID_ARGUMENT
                assert (await soon(_unary(channel, "Now")(StringValue(value="a")))).value == "A"
        finally:
            gc.enable()

    run(go())


def test_the_wrong_field_is_told_to_programs(make: MakeServer) -> None:
    async def go() -> None:
        async with serving([Echo().service()], make=make) as channel:
            [packed] = _details(await _error(_unary(channel, "Fail")(StringValue(value="input")))).details
            wrong = error_details_pb2.BadRequest()
            assert packed.Unpack(wrong)
            [violation] = wrong.field_violations
            assert (violation.field, violation.description) == ("fault.type", "99 is not one")

    run(go())


def test_when_to_try_again_is_told_to_programs(make: MakeServer) -> None:
    async def go() -> None:
        async with serving([Echo().service()], make=make) as channel:
            [packed] = _details(await _error(_unary(channel, "Fail")(StringValue(value="transient")))).details
            retry = error_details_pb2.RetryInfo()
            assert packed.Unpack(retry)
            assert retry.retry_delay.ToMilliseconds() == 1500

    run(go())


def test_a_bug_is_told_to_the_log_and_not_to_the_caller_and_the_server_goes_on(make: MakeServer) -> None:
    async def go() -> None:
        bugs = Bugs()
        async with serving([Echo().service()], make=make, bugs=bugs) as channel:
            error = await _error(_unary(channel, "Fail")(StringValue(value="divide")))
            assert error.code() is Code.INTERNAL
            assert "secret" not in str(error.details())
            [(method, bug)] = bugs.heard
            assert (method, type(bug)) == ("Fail", ZeroDivisionError)
            assert (await soon(_unary(channel, "Now")(StringValue(value="a")))).value == "A"

    run(go())


@pytest.mark.parametrize("request_bytes", [b"\xff\xff", b"\x0a\x02\xff\xfe"])
def test_a_message_that_is_none_is_an_invalid_argument(make: MakeServer, request_bytes: bytes) -> None:
    async def go() -> None:
        async with serving([Echo().service()], make=make) as channel:
            error = await _error(channel.unary_unary(f"/{NAME}/Now")(request_bytes))
            assert error.code() is Code.INVALID_ARGUMENT
            assert "Now" in str(error.details())
            stream = channel.stream_stream(f"/{NAME}/Each")()
            await soon(stream.write(request_bytes))
            assert (await _error(stream.read())).code() is Code.INVALID_ARGUMENT

    run(go())


def test_a_long_refusal_still_arrives(make: MakeServer) -> None:
    async def refuse(request: StringValue, _call: Call) -> StringValue:
        raise InputError(request.value, f"{request.value!r} is not known")

    method = Method("Refuse", Shape.UNARY, refuse, StringValue.FromString, StringValue.SerializeToString)

    async def go() -> None:
        async with serving([Service(NAME, (method,))], make=make) as channel:
            error = await _error(_unary(channel, "Refuse")(StringValue(value="é" * 20_000)))
            assert error.code() is Code.INVALID_ARGUMENT

    run(go())


def test_a_message_that_is_too_large_is_refused_and_the_server_unharmed(make: MakeServer) -> None:
    async def go() -> None:
        async with serving([Echo().service()], make=make) as channel:
            error = await _error(channel.unary_unary(f"/{NAME}/Raw")(b"x" * (MOST_BYTES + 1)))
            assert error.code() is Code.RESOURCE_EXHAUSTED
            whole = b"x" * MOST_BYTES
            assert await soon(channel.unary_unary(f"/{NAME}/Raw")(whole)) == whole

    run(go())


@pytest.mark.parametrize("path", [f"/{NAME}/Never", "/no.such.Service/Now"])
def test_what_is_not_there_is_unimplemented(make: MakeServer, path: str) -> None:
    async def go() -> None:
        async with serving([Echo().service()], make=make) as channel:
            assert (await _error(channel.unary_unary(path)(b""))).code() is Code.UNIMPLEMENTED

    run(go())


@pytest.mark.parametrize("name", ["Forever", "Quiet"])
def test_a_stream_that_its_reader_cancels_is_closed(make: MakeServer, name: str) -> None:
    async def go() -> None:
        echo = Echo()
        async with serving([echo.service()], make=make) as channel:
            call = _stream(channel, name)(StringValue(value="on"))
            assert (await soon(call.read())).value == "on"
            call.cancel()
            await until(lambda: echo.closed == 1)
            assert (await soon(_unary(channel, "Now")(StringValue(value="a")))).value == "A"

    run(go())


def test_a_silent_stream_that_is_cancelled_at_any_moment_is_closed(make: MakeServer) -> None:
    async def go() -> None:
        echo = Echo()
        async with serving([echo.service()], make=make) as channel:
            for turns in range(60):
                call = _stream(channel, "Silent")(StringValue())
                for _ in range(turns):
                    await asyncio.sleep(0)
                call.cancel()
            assert (await soon(_unary(channel, "Now")(StringValue(value="a")))).value == "A"
            await until(lambda: echo.running == 0)

    run(go())


def test_a_stream_whose_connection_is_gone_is_closed(make_in_clear: MakeServer) -> None:
    async def go() -> None:
        echo = Echo()
        server = make_in_clear(MOST_BYTES, Bugs(), OpenGate(), IN_CLEAR)
        server.add(echo.service())
        async with (
            breakable(await server.start("127.0.0.1:0")) as (address, cut),
            grpc.aio.insecure_channel(address) as channel,
        ):
            call = _stream(channel, "Quiet")(StringValue(value="on"))
            await soon(call.read())
            cut()
            await until(lambda: echo.closed == 1)
            await _error(call.read())
        await server.stop(0)

    run(go())


def test_a_call_past_its_deadline_is_ended(make: MakeServer) -> None:
    async def go() -> None:
        echo = Echo()
        async with serving([echo.service()], make=make) as channel:
            error = await _error(_unary(channel, "Hold")(StringValue(), timeout=0.2))
            assert error.code() is Code.DEADLINE_EXCEEDED
            await until(lambda: echo.running == 0)

    run(go())


def test_health_says_serving_for_the_whole_and_for_each_service(make: MakeServer) -> None:
    async def go() -> None:
        async with serving([Echo().service()], make=make) as channel:
            stub = health_pb2_grpc.HealthStub(channel)
            for name in ("", NAME):
                answer = await soon(stub.Check(health_pb2.HealthCheckRequest(service=name)))
                assert answer.status == health_pb2.HealthCheckResponse.SERVING
            error = await _error(stub.Check(health_pb2.HealthCheckRequest(service="nothing")))
            assert error.code() is Code.NOT_FOUND

    run(go())


def test_who_watches_health_hears_of_each_change(make: MakeServer) -> None:
    async def go() -> None:
        server = make(MOST_BYTES, Bugs(), OpenGate(), IN_CLEAR)
        server.add(Echo().service())
        async with connect(await server.start("127.0.0.1:0")) as channel:
            stub = health_pb2_grpc.HealthStub(channel)
            watching = stub.Watch(health_pb2.HealthCheckRequest(service=NAME))
            assert (await soon(watching.read())).status == health_pb2.HealthCheckResponse.SERVING
            for is_serving in (False, True):
                await server.tell_health({NAME: is_serving})
                heard = (await soon(watching.read())).status
                assert (heard == health_pb2.HealthCheckResponse.SERVING) is is_serving
            whole = await soon(stub.Check(health_pb2.HealthCheckRequest()))
            assert whole.status == health_pb2.HealthCheckResponse.SERVING
            await server.stop(0)

    run(go())


def test_reflection_lists_the_services(make: MakeServer) -> None:
    async def go() -> None:
        async with serving([Echo().service()], make=make) as channel:
            stub = reflection_pb2_grpc.ServerReflectionStub(channel)
            call = stub.ServerReflectionInfo(iter([reflection_pb2.ServerReflectionRequest(list_services="")]))
            answer = await soon(call.read())
            names = {service.name for service in answer.list_services_response.service}
            assert {NAME, "grpc.health.v1.Health"} <= names

    run(go())


def test_a_port_in_use_is_refused_with_its_mend(make_in_clear: MakeServer) -> None:
    async def go() -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            address = f"127.0.0.1:{taken.getsockname()[1]}"
            server = make_in_clear(MOST_BYTES, Bugs(), OpenGate(), IN_CLEAR)
            with pytest.raises(TransientError, match=rf"cannot listen on {address} \(.*\): is another daemon running"):
                await server.start(address)
            await server.stop(0)

    run(go())


def test_stopping_lets_a_running_call_end_and_takes_no_new_one(make: MakeServer) -> None:
    async def go() -> None:
        echo = Echo()
        server = make(MOST_BYTES, Bugs(), OpenGate(), IN_CLEAR)
        server.add(echo.service())
        address = await server.start("127.0.0.1:0")
        async with connect(address) as channel:
            running = asyncio.ensure_future(_unary(channel, "Hold")(StringValue(value="kept")))
            await until(lambda: echo.running == 1)
            stopping = asyncio.ensure_future(server.stop(20))
            await until(lambda: _is_refused(address))
            assert not running.done()
            echo.go_on.set()
            assert (await soon(running)).value == "kept"
            await soon(stopping)

    run(go())


def _is_refused(address: str) -> bool:
    host, _, port = address.rpartition(":")
    place: Any = port if host == "unix" else (host, int(port))
    with socket.socket(socket.AF_UNIX if host == "unix" else socket.AF_INET) as asking:
        return asking.connect_ex(place) != 0


def test_stopping_ends_what_does_not_end_within_its_grace(make: MakeServer) -> None:
    async def go() -> None:
        echo = Echo()
        server = make(MOST_BYTES, Bugs(), OpenGate(), IN_CLEAR)
        server.add(echo.service())
        address = await server.start("127.0.0.1:0")
        async with connect(address) as channel:
            call = _stream(channel, "Quiet")(StringValue(value="on"))
            await soon(call.read())
            await soon(server.stop(0.05))
            await _error(call.read())
            await until(lambda: echo.closed == 1)

    run(go())


def test_a_living_daemon_keeps_its_unix_socket(make_in_clear: MakeServer, tmp_path: Path) -> None:
    """Even one that is so busy that it takes no connection now."""
    with socket.socket(socket.AF_UNIX) as busy, socket.socket(socket.AF_UNIX) as waiting:
        busy.bind(str(tmp_path / "grpc.sock"))
        busy.listen(0)
        waiting.connect(str(tmp_path / "grpc.sock"))

        async def go() -> None:
            server = make_in_clear(MOST_BYTES, Bugs(), OpenGate(), Transport())
            with pytest.raises(TransientError, match="is another daemon running there"):
                await soon(server.start(f"unix:{tmp_path}/grpc.sock"))
            await server.stop(0)

        run(go())
        assert (tmp_path / "grpc.sock").is_socket()


def test_a_unix_socket_is_for_its_user_and_group_alone(make_in_clear: MakeServer, tmp_path: Path) -> None:
    async def go() -> None:
        usual = os.umask(0)
        try:
            async with serving([Echo().service()], make=make_in_clear, address=f"unix:{tmp_path}/grpc.sock"):
                assert stat.filemode((tmp_path / "grpc.sock").stat().st_mode) == "srw-rw----"
        finally:
            os.umask(usual)

    run(go())
