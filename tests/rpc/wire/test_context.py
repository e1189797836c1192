"""What generated servicers may ask of their context, and what they are told when they ask for something else."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import grpc
import pytest
from google.rpc import status_pb2

from error_daemon.rpc.wire.blocking import RequestsForThread
from error_daemon.rpc.wire.common import Common
from error_daemon.rpc.wire.generated import services_of
from error_daemon.rpc.wire.served import served
from error_daemon.rpc.wire.stream import Stream
from error_daemon.rpc.wire.wire_call import WireCall
from tests.fakes.open_gate import OpenGate
from tests.rpc.serving import EOF, SERVERS, Bugs, run, serving, soon, until
from tests.rpc.wire.calling import Caller, Echoes, message
from tests.rpc.wire.peer import LIMITS, data, fields, headers

Code = grpc.StatusCode
SERVICE = "error_daemon.tests.Context"


def _service(kind: str, behaviour: Callable[..., Any]) -> Any:
    """One method "Do" of this kind, in raw bytes, as protoc's code registers it."""
    handler = getattr(grpc, f"{kind}_rpc_method_handler")(behaviour)

    def register(server: Any) -> None:
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, {"Do": handler}),))
        server.add_registered_method_handlers(SERVICE, {"Do": handler})

    return services_of(register)


def _asked(
    kind: str, behaviour: Callable[..., Any], ask: Callable[[Any], Awaitable[Any]], bugs: Bugs | None = None
) -> Any:
    """What a client hears that asks a servicer which behaves so."""
    heard = []

    async def go() -> None:
        async with serving(_service(kind, behaviour), make=SERVERS["wire"], bugs=bugs) as channel:
            heard.append(await ask(getattr(channel, kind)(f"/{SERVICE}/Do")))

    run(go())
    return heard[0]


async def _ask_one(method: Any) -> grpc.aio.AioRpcError | bytes:
    try:
        return bytes(await soon(method(b"request", metadata=(("x-key", "value"), ("x-key-bin", b"\0\xff")))))
    except grpc.aio.AioRpcError as error:
        return error


def test_a_servicer_is_told_of_its_call() -> None:
    told: dict[str, Any] = {}

    async def behaviour(request: bytes, context: Any) -> bytes:
        told.update(
            peer=context.peer(),
            metadata=context.invocation_metadata(),
            left=context.time_remaining(),
            identity=(context.peer_identities(), context.peer_identity_key(), context.auth_context()),
            ended=(context.done(), context.cancelled()),
            code=(context.code(), context.details(), context.trailing_metadata()),
        )
        return request

    assert _asked("unary_unary", behaviour, _ask_one) == b"request"
    assert told["peer"].startswith("ipv4:127.0.0.1:")
    by_key = {pair.key: pair.value for pair in told["metadata"]}
    assert by_key.pop("user-agent")
    assert by_key == {"x-key": "value", "x-key-bin": b"\0\xff"}
    assert told["left"] is None
    assert told["identity"] == (None, None, {})
    assert told["ended"] == (False, False)
    assert told["code"] == (0, "", ())


def test_metadata_of_a_caller_that_is_no_base64_is_left_out() -> None:
    """grpcio's clients always send some: asked in frames."""
    told: list[Any] = []

    async def behaviour(request: bytes, context: Any) -> bytes:
        told.extend(tuple(pair) for pair in context.invocation_metadata())
        return request

    async def go() -> None:
        [service] = _service("unary_unary", behaviour)
        caller = Caller(Echoes(), methods=service.methods)
        said = {"one-bin": "AP8", "two-bin": "AP8=, AQ", "three-bin": "A*", "four-bin": ""}
        await caller.hears(headers(1, fields("/test/Do", **said)), data(1, message(b""), ends=True))

    run(go())
    assert [pair for pair in told if pair[0].endswith("-bin")] == [
        ("one-bin", b"\0\xff"),
        ("two-bin", b"\0\xff"),
        ("two-bin", b"\1"),
    ]


def test_a_servicer_knows_how_long_its_caller_waits() -> None:
    left = []

    async def behaviour(request: bytes, context: Any) -> bytes:
        left.append(context.time_remaining())
        return request

    _asked("unary_unary", behaviour, lambda method: soon(method(b"", timeout=100)))
    assert 0 < left[0] <= 110  # clients send rounded figures


STATUSES: dict[str, Callable[[Any], Any]] = {
    "abort": lambda context: context.abort(Code.NOT_FOUND, "not here", (("x-trailing", "1"),)),
    "abort by number": lambda context: context.abort(5, "not here", (("x-trailing", "1"),)),
}


@pytest.mark.parametrize("row", STATUSES)
@pytest.mark.parametrize("is_blocking", [False, True])
def test_abort_ends_a_call_with_its_status(row: str, is_blocking: bool) -> None:
    async def asynchronous(_request: bytes, context: Any) -> bytes:
        await STATUSES[row](context)
        return b""

    def blocking(_request: bytes, context: Any) -> bytes:
        STATUSES[row](context)
        return b""

    error = _asked("unary_unary", blocking if is_blocking else asynchronous, _ask_one)
    assert (error.code(), error.details()) == (Code.NOT_FOUND, "not here")
    assert error.trailing_metadata()["x-trailing"] == "1"


class _Status(grpc.Status):
    code = Code.ABORTED
    details = "again"
    trailing_metadata = (("grpc-status-details-bin", status_pb2.Status(code=10, message="more").SerializeToString()),)


@pytest.mark.parametrize("is_blocking", [False, True])
def test_abort_with_a_status_sends_its_own_details(is_blocking: bool) -> None:
    async def asynchronous(_request: bytes, context: Any) -> bytes:
        await context.abort_with_status(_Status())
        return b""

    def blocking(_request: bytes, context: Any) -> bytes:
        context.abort_with_status(_Status())
        return b""

    error = _asked("unary_unary", blocking if is_blocking else asynchronous, _ask_one)
    assert (error.code(), error.details()) == (Code.ABORTED, "again")
    details = [value for key, value in error.trailing_metadata() if key == "grpc-status-details-bin"]
    assert [status_pb2.Status.FromString(value).message for value in details] == ["more"]


def test_abort_with_ok_is_unknown() -> None:
    async def behaviour(_request: bytes, context: Any) -> bytes:
        await context.abort(Code.OK)
        return b""

    assert _asked("unary_unary", behaviour, _ask_one).code() is Code.UNKNOWN


def test_an_exception_without_a_code_is_a_bug() -> None:
    async def behaviour(_request: bytes, context: Any) -> bytes:
        raise ZeroDivisionError("secret")

    bugs = Bugs()
    error = _asked("unary_unary", behaviour, _ask_one, bugs)
    assert error.code() is Code.INTERNAL
    assert [type(bug) for _, bug in bugs.heard] == [ZeroDivisionError]


WRONG: dict[str, tuple[str, Any]] = {
    "upper case": ("X-Key", "1"),
    "a space": ("x key", "1"),
    "empty": ("", "1"),
    "the server's": ("grpc-status", "0"),
    "a connection's": ("connection", "close"),
    "a line break in its value": ("x-key", "a\nb"),
    "letters beyond ASCII in its value": ("x-key", "ä"),
    "bytes in its value": ("x-key", b"\xff"),
}


@pytest.mark.parametrize("row", WRONG)
def test_metadata_that_cannot_be_sent_is_refused_when_it_is_given(row: str) -> None:
    async def behaviour(_request: bytes, context: Any) -> bytes:
        with pytest.raises(ValueError, match=r"metadata|ascii"):
            context.set_trailing_metadata((WRONG[row],))
        with pytest.raises(ValueError, match=r"metadata|ascii"):
            await context.send_initial_metadata((WRONG[row],))
        return b"fine"

    assert _asked("unary_unary", behaviour, _ask_one) == b"fine"


def test_metadata_around_which_there_is_space_is_sent_without() -> None:
    async def behaviour(_request: bytes, context: Any) -> bytes:
        context.set_trailing_metadata((("x-key", " a b "), ("x-other", b"ascii"), ("x-bin", b"\0")))
        return b""

    async def ask(method: Any) -> Any:
        call = method(b"")
        await soon(call)
        return list(await call.trailing_metadata())

    trailing = _asked("unary_unary", behaviour, ask)
    assert trailing == [("x-key", "a b"), ("x-other", "ascii"), ("x-bin", b"\0")]


def test_a_servicer_without_requests_that_reads_is_at_their_end() -> None:
    async def behaviour(request: bytes, context: Any) -> None:
        assert await context.read() is EOF
        await context.write(request)

    async def ask(method: Any) -> list[bytes]:
        return [answer async for answer in method(b"a")]

    assert _asked("unary_stream", behaviour, ask) == [b"a"]


@pytest.mark.parametrize("kind", ["generator", "writer", "blocking"])
def test_a_servicer_hears_when_its_call_has_ended(kind: str) -> None:
    heard: list[str] = []
    goes_on, over = threading.Event(), threading.Event()

    async def generator(request: bytes, context: Any) -> AsyncIterator[bytes]:
        context.add_done_callback(lambda ended: heard.append(f"{ended.done()}"))
        yield request
        await asyncio.Event().wait()

    async def writer(request: bytes, context: Any) -> None:
        context.add_done_callback(lambda ended: heard.append(f"{ended.cancelled()}"))
        await context.write(request)
        await asyncio.Event().wait()

    def blocking(request: bytes, context: Any) -> Iterator[bytes]:
        assert context.is_active()
        assert context.add_callback(lambda: heard.append("True"))
        assert context.add_callback(over.set)
        yield request
        goes_on.set()
        over.wait(20)
        assert not context.add_callback(over.set)
        assert not context.is_active()
        heard.append("thread")
        yield b"nobody hears"

    async def ask(method: Any) -> None:
        call = method(b"a")
        assert await soon(call.read()) == b"a"
        await until(
            lambda: kind != "blocking" or goes_on.is_set()
        )  # before that, its generator may be closed where it is
        call.cancel()
        await until(lambda: heard == (["True", "thread"] if kind == "blocking" else ["True"]))

    _asked("unary_stream", {"generator": generator, "writer": writer, "blocking": blocking}[kind], ask)


def test_a_blocking_servicer_that_waits_for_a_request_is_let_go_when_its_call_ends() -> None:
    ended = []

    def behaviour(requests: Iterator[bytes], context: Any) -> Iterator[bytes]:
        try:
            yield from requests
        finally:
            ended.append(context.is_active())

    async def ask(method: Any) -> None:
        call = method()
        await soon(call.write(b"a"))
        assert await soon(call.read()) == b"a"
        call.cancel()
        await until(lambda: ended == [False])

    _asked("stream_stream", behaviour, ask)


def test_a_request_that_a_thread_waits_for_is_given_up_with_the_call_whatever_the_thread_knows_of_it() -> None:
    """The call may end before the thread has the future that it is about to wait for."""

    async def silence() -> AsyncIterator[bytes]:
        await asyncio.Event().wait()
        yield b"never"

    async def go() -> None:
        requests = RequestsForThread(silence())
        asking = asyncio.ensure_future(requests.next())
        await asyncio.sleep(0)
        requests.end()
        with pytest.raises(asyncio.CancelledError):
            await soon(asking)

    run(go())


def test_a_generator_has_ended_when_its_call_has() -> None:
    """And not in a task of its own, some time later."""
    order = []

    async def behaviour(request: bytes, _context: Any) -> AsyncIterator[bytes]:
        try:
            while True:
                yield request
        finally:
            order.append("servicer")

    async def go() -> None:
        [service] = _service("unary_stream", behaviour)
        stream = Stream(1, None, 0, 0)
        answers = service.methods[0].serve(b"a", WireCall("here", stream))
        assert await anext(answers) == b"a"
        await answers.aclose()
        order.append("closed")

    run(go())
    assert order == ["servicer", "closed"]


def test_a_blocking_servicer_that_gives_a_list_is_fine() -> None:
    async def ask(method: Any) -> list[bytes]:
        return [answer async for answer in method(b"a")]

    assert _asked("unary_stream", lambda request, _context: [request, b"b"], ask) == [b"a", b"b"]


def test_blocking_servicers_keep_the_loop_free() -> None:
    threads = []

    def behaviour(request: bytes, _context: Any) -> bytes:
        threads.append(threading.get_ident())
        return request

    assert _asked("unary_unary", behaviour, _ask_one) == b"request"
    assert threads != [threading.get_ident()]


def test_a_caller_that_cannot_unpack_is_sent_nothing_packed() -> None:
    """grpcio's clients always can: asked in frames."""

    async def behaviour(request: bytes, context: Any) -> bytes:
        context.set_compression(grpc.Compression.Gzip)
        return request

    async def go() -> None:
        [service] = _service("unary_unary", behaviour)
        common = Common(
            dict(served(SERVICE, method) for method in service.methods),
            LIMITS,
            Bugs(),
            asyncio.get_running_loop().time,
            lambda: None,
            OpenGate(),
        )
        for accepts, is_packed in (("", False), ("deflate", False), ("identity, gzip", True)):
            caller = Caller(Echoes(), LIMITS, common)
            asked = fields(f"/{SERVICE}/Do", grpc_accept_encoding=accepts)
            [answer], _ = await caller.hears(headers(1, asked), data(1, message(b"a" * 50), ends=True))
            assert (answer != b"a" * 50) is is_packed

    run(go())
