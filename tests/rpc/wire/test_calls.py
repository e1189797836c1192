"""gRPC over HTTP/2 at the edges that no well-made client reaches: messages in pieces, wrong prefixes, limits, and what is kept of them."""

from __future__ import annotations

import asyncio
import dataclasses
import gc
import gzip
import zlib
from collections.abc import AsyncIterator

import pytest
from google.protobuf.wrappers_pb2 import StringValue
from google.rpc import code_pb2

from error_daemon.calls import Call, Method, Shape
from error_daemon.rpc.wire.frames import ErrorCode, Setting
from tests.rpc.serving import run, soon, until
from tests.rpc.wire.calling import Caller, Echoes, calling, message
from tests.rpc.wire.peer import LIMITS, call, data, fields, headers, rst_stream, settings, window_update

SMALL = dataclasses.replace(LIMITS, max_message_bytes=1000)
INITIAL = Setting.INITIAL_WINDOW_SIZE


@pytest.mark.parametrize("size", [1, 3, 5, 6, 7, 100])
@pytest.mark.parametrize("name", ["Say", "Each", "Join"])
def test_a_message_may_come_in_frames_of_any_size(name: str, size: int) -> None:
    async def go() -> None:
        body = message(b"hello")
        pieces = [body[at : at + size] for at in range(0, len(body), size)]
        caller = Caller(Echoes())
        sent = [data(1, piece) for piece in pieces]
        heard, trailers = await caller.hears(call(1, f"/test/{name}"), *sent, data(1, ends=True))
        assert (heard, trailers["grpc-status"]) == ([b"hello"], "0")
        assert caller.calls.held_bytes == 0

    run(go())


def test_several_messages_may_come_in_one_frame() -> None:
    async def go() -> None:
        heard, trailers = await Caller(Echoes()).hears(calling("Each", b"a", b"", b"c"))
        assert (heard, trailers["grpc-status"]) == ([b"a", b"", b"c"], "0")

    run(go())


def test_each_shape_is_answered() -> None:
    async def go() -> None:
        caller = Caller(Echoes())
        assert (await caller.hears(calling("Say", b"a")))[0] == [b"a"]
        assert (await caller.hears(calling("Count", b"3", number=3), until_number=3))[0] == [b"0", b"1", b"2"]
        assert (await caller.hears(calling("Join", b"a", b"b", number=5), until_number=5))[0] == [b"a+b"]
        assert (await caller.hears(calling("Join", number=7), until_number=7))[0] == [b""]

    run(go())


GZIPPED = gzip.compress(b"hello" * 10)
REFUSED: dict[str, tuple[bytes, int]] = {
    "no message": (data(1, ends=True), code_pb2.UNIMPLEMENTED),
    "two messages": (data(1, message(b"a") + message(b"b"), ends=True), code_pb2.UNIMPLEMENTED),
    "two messages, one after the other": (
        data(1, message(b"a")) + data(1, message(b"b"), ends=True),
        code_pb2.UNIMPLEMENTED,
    ),
    "half a message": (data(1, message(b"abc")[:-1], ends=True), code_pb2.INTERNAL),
    "half a prefix": (data(1, b"\0\0", ends=True), code_pb2.INTERNAL),
    "a message and half": (data(1, message(b"abc") + b"\0", ends=True), code_pb2.UNIMPLEMENTED),
    "too large": (data(1, message(bytes(1001)), ends=True), code_pb2.RESOURCE_EXHAUSTED),
    "too large by its prefix alone": (data(1, b"\0\xff\xff\xff\xff"), code_pb2.RESOURCE_EXHAUSTED),
    "an unknown flag": (data(1, message(b"abc", 2), ends=True), code_pb2.INTERNAL),
    "packed, and nobody said how": (data(1, message(GZIPPED, 1), ends=True), code_pb2.INTERNAL),
}


@pytest.mark.parametrize("row", REFUSED)
@pytest.mark.parametrize("name", ["Say", "Count"])
def test_a_unary_request_that_is_none_is_refused_with_the_code_that_grpc_gives_it(row: str, name: str) -> None:
    async def go() -> None:
        sent, code = REFUSED[row]
        caller = Caller(Echoes(), SMALL)
        heard, trailers = await caller.hears(call(1, f"/test/{name}"), sent)
        assert (heard, int(trailers["grpc-status"])) == ([], code)
        assert caller.calls.held_bytes == 0
        assert (await caller.hears(calling("Say", b"a", number=3), until_number=3))[0] == [b"a"]
        assert caller.bugs.heard == []

    run(go())


PACKED: dict[str, tuple[str, bytes, int]] = {
    "gzip": ("gzip", GZIPPED, code_pb2.OK),
    "deflate": ("deflate", zlib.compress(b"hello" * 10), code_pb2.OK),
    "not gzip": ("gzip", b"hello", code_pb2.INTERNAL),
    "gzip that ends early": ("gzip", GZIPPED[:-3], code_pb2.INTERNAL),
    "gzip with more behind it": ("gzip", GZIPPED + b"x", code_pb2.INTERNAL),
    "larger than a message may be, unpacked": ("gzip", gzip.compress(bytes(1001)), code_pb2.RESOURCE_EXHAUSTED),
    "as large as a message may be, unpacked": ("gzip", gzip.compress(bytes(1000)), code_pb2.OK),
    "identity": ("identity", GZIPPED, code_pb2.INTERNAL),
    "snappy": ("snappy", b"hello", code_pb2.UNIMPLEMENTED),
}


@pytest.mark.parametrize("row", PACKED)
@pytest.mark.parametrize("name", ["Say", "Each"])
def test_messages_are_unpacked_as_their_headers_say(row: str, name: str) -> None:
    async def go() -> None:
        encoding, content, code = PACKED[row]
        caller = Caller(Echoes(), SMALL)
        sent = headers(1, fields(f"/test/{name}", grpc_encoding=encoding)), data(1, message(content, 1), ends=True)
        heard, trailers = await caller.hears(*sent)
        assert int(trailers["grpc-status"]) == code
        if code == code_pb2.OK:
            assert heard in ([b"hello" * 10], [bytes(1000)])
        assert (trailers.get("grpc-accept-encoding") == "identity,deflate,gzip") is (code == code_pb2.UNIMPLEMENTED)
        assert caller.calls.held_bytes == 0

    run(go())


@pytest.mark.parametrize("name", ["Each", "Join"])
def test_a_stream_of_requests_that_ends_within_a_message_is_refused(name: str) -> None:
    async def go() -> None:
        caller = Caller(Echoes())
        sent = call(1, f"/test/{name}"), data(1, message(b"abc") + message(b"d")[:-1], ends=True)
        _, trailers = await caller.hears(*sent)
        assert int(trailers["grpc-status"]) == code_pb2.INTERNAL
        assert caller.bugs.heard == []
        assert caller.calls.held_bytes == 0

    run(go())


def test_what_is_wrong_with_a_later_message_of_a_stream_is_told_when_its_turn_comes() -> None:
    async def go() -> None:
        caller = Caller(Echoes(), SMALL)
        sent = call(1, "/test/Each"), data(1, message(b"abc") + message(b"x", 2) + message(b"d"), ends=True)
        heard, trailers = await caller.hears(*sent)
        assert (heard, int(trailers["grpc-status"])) == ([b"abc"], code_pb2.INTERNAL)
        assert caller.calls.held_bytes == 0

    run(go())


def test_a_message_that_cannot_be_read_is_an_invalid_argument_of_every_shape() -> None:
    async def go() -> None:
        echoes = Echoes()
        methods = [dataclasses.replace(method, request=StringValue.FromString) for method in echoes.methods()]
        caller = Caller(echoes, methods=methods)
        for number, name in enumerate(("Say", "Later", "Count", "Join", "Each")):
            sent = calling(name, b"\xff\xff", number=2 * number + 1)
            _, trailers = await caller.hears(sent, until_number=2 * number + 1)
            assert int(trailers["grpc-status"]) == code_pb2.INVALID_ARGUMENT
        assert caller.bugs.heard == []

    run(go())


def test_an_encoding_that_is_not_known_is_no_matter_while_nothing_is_packed_with_it() -> None:
    async def go() -> None:
        sent = headers(1, fields("/test/Say", grpc_encoding="snappy")), data(1, message(b"a"), ends=True)
        assert (await Caller(Echoes()).hears(*sent))[0] == [b"a"]

    run(go())


TIMEOUTS = {
    "1H": 0,
    "99999999S": 0,
    "1n": 0,
    "0S": code_pb2.DEADLINE_EXCEEDED,
    "1": code_pb2.INVALID_ARGUMENT,
    "S": code_pb2.INVALID_ARGUMENT,
    "123456789S": code_pb2.INVALID_ARGUMENT,
    "-1S": code_pb2.INVALID_ARGUMENT,
    "1s": code_pb2.INVALID_ARGUMENT,
}


@pytest.mark.parametrize("timeout", TIMEOUTS)
@pytest.mark.parametrize("name", ["Say", "Count", "Each", "Later"])
def test_a_timeout_is_up_to_eight_digits_and_a_unit(timeout: str, name: str) -> None:
    async def go() -> None:
        echoes = Echoes()
        echoes.go_on.set()
        sent = headers(1, fields(f"/test/{name}", grpc_timeout=timeout)), data(1, message(b"1"), ends=True)
        _, trailers = await Caller(echoes).hears(*sent)
        allowed = {TIMEOUTS[timeout]} | ({code_pb2.DEADLINE_EXCEEDED} if timeout == "1n" else set())
        assert int(trailers["grpc-status"]) in allowed

    run(go())


@pytest.mark.parametrize("name", ["Later", "Deaf"])
def test_a_call_past_its_deadline_is_ended_and_its_servicer_hears_of_it(name: str) -> None:
    async def go() -> None:
        echoes = Echoes()
        caller = Caller(echoes)
        sent = headers(1, fields(f"/test/{name}", grpc_timeout="20m")), data(1, message(b"1"), ends=True)
        _, trailers = await caller.hears(*sent)
        assert int(trailers["grpc-status"]) == code_pb2.DEADLINE_EXCEEDED
        await until(lambda: caller.calls.tasks == [])
        assert caller.calls.held_bytes == 0

    run(go())


def test_a_call_past_its_deadline_whose_answer_is_not_taken_is_reset() -> None:
    async def go() -> None:
        caller = Caller(Echoes())
        caller.say(settings([(INITIAL, 0)]))
        frames = caller.say(headers(1, fields("/test/Each", grpc_timeout="20m")), data(1, message(b"1")))
        await until(lambda: "RST_STREAM 1 CANCEL" in _more(frames, caller))
        assert caller.connection.out.unsent_bytes == 0

    run(go())


def _more(said: list[str], caller: Caller) -> list[str]:
    said += caller.say()
    return said


def test_what_comes_after_a_refusal_that_waits_to_be_sent_is_not_kept() -> None:
    async def go() -> None:
        caller = Caller(Echoes(), SMALL)
        caller.say(settings([(INITIAL, 0)]), call(1, "/test/Each"), data(1, message(b"abc")))
        await until(lambda: caller.connection.out.unsent_bytes > 0)
        caller.say(data(1, b"\0\xff\xff\xff\xff"), data(1, message(bytes(900))), data(1, bytes(900)))
        assert caller.calls.held_bytes == 0
        said = caller.say(data(1, ends=True), window_update(1, 100))
        assert said[-1] == "HEADERS 1 END_STREAM"

    run(go())


def test_a_servicer_that_takes_nothing_is_sent_no_more_than_its_window() -> None:
    async def go() -> None:
        echoes = Echoes()
        caller = Caller(echoes)
        big = message(bytes(60_000))
        said = caller.say(call(1, "/test/Deaf"), *(data(1, big) for _ in range(4)))
        assert not any(words.startswith("WINDOW_UPDATE 1") for words in said)
        assert caller.say(data(1, big)) == ["RST_STREAM 1 FLOW_CONTROL_ERROR"]
        await until(lambda: caller.calls.tasks == [])
        assert caller.calls.held_bytes == 0

    run(go())


def test_a_servicer_that_takes_lets_more_come() -> None:
    async def go() -> None:
        echoes = Echoes()
        caller = Caller(echoes)
        caller.say(call(1, "/test/Deaf"), *(data(1, message(bytes(60_000))) for _ in range(4)))
        echoes.go_on.set()
        said: list[str] = []
        await until(lambda: "WINDOW_UPDATE 1 240020" in _more(said, caller))
        assert len(echoes.heard) == 4

    run(go())


def test_too_much_on_its_way_refuses_the_call_that_is_too_much() -> None:
    async def go() -> None:
        limits = dataclasses.replace(LIMITS, held_bytes=1000)
        caller = Caller(Echoes(), limits)
        assert caller.say(call(1, "/test/Say"), data(1, message(bytes(2000))[:900])) == []
        sent = call(3, "/test/Say"), data(3, message(bytes(2000))[:900])
        _, trailers = await caller.hears(*sent, until_number=3)
        assert int(trailers["grpc-status"]) == code_pb2.RESOURCE_EXHAUSTED
        assert caller.calls.held_bytes == 900
        caller.say(rst_stream(1))
        assert caller.calls.held_bytes == 0

    run(go())


@pytest.mark.parametrize("name", ["Later", "Each", "Deaf"])
def test_a_call_that_is_cancelled_is_forgotten(name: str) -> None:
    async def go() -> None:
        echoes = Echoes()
        caller = Caller(echoes)
        caller.say(calling(name, b"abc", ends=name == "Later"))
        await asyncio.sleep(0)
        caller.say(rst_stream(1))
        await until(lambda: caller.calls.tasks == [])
        assert caller.calls.held_bytes == 0
        assert caller.say() == [] or name == "Each"
        assert caller.connection.streams == {}

    run(go())


def test_a_unary_request_that_does_not_come_to_its_end_is_slow() -> None:
    async def go() -> None:
        caller = Caller(Echoes())
        caller.say(call(1, "/test/Say"), data(1, b"\0"))
        caller.calls.refuse_slow(caller.at)
        assert caller.say() == []
        caller.calls.refuse_slow(caller.at + 1)
        caller.calls.refuse_slow(caller.at + 1)
        assert caller.say() == ["HEADERS 1 END_STREAM", "RST_STREAM 1 NO_ERROR"]

    run(go())


def test_a_socket_that_takes_no_more_keeps_a_stream_waiting() -> None:
    async def go() -> None:
        caller = Caller(Echoes())
        caller.calls.set_writable(False)
        caller.say(calling("Count", b"5"))
        for _ in range(20):
            await asyncio.sleep(0)
        assert len([words for words in caller.say() if words.startswith("DATA")]) == 1
        caller.calls.set_writable(True)
        heard, _ = await caller.hears()
        assert heard == [b"1", b"2", b"3", b"4"]

    run(go())


def test_calls_that_are_given_up_by_us_are_reset() -> None:
    async def go() -> None:
        caller = Caller(Echoes())
        caller.say(calling("Later", b"abc"))
        caller.connection.reset(caller.connection.streams[1], ErrorCode.CANCEL)
        assert caller.say() == ["RST_STREAM 1 CANCEL"]
        await soon(asyncio.sleep(0))
        assert caller.calls.tasks == []

    run(go())


@pytest.mark.parametrize("name", ["Later", "Each", "Join", "Deaf"])
def test_a_servicer_that_cancels_itself_leaves_no_caller_waiting(name: str) -> None:
    async def go() -> None:
        caller = Caller(Echoes())
        caller.say(calling(name, b"abc", ends=name == "Later"))
        await asyncio.sleep(0)
        [task] = caller.calls.tasks
        task.cancel()
        _, trailers = await caller.hears()
        assert int(trailers["grpc-status"]) == code_pb2.INTERNAL
        assert len(caller.bugs.heard) == 1
        assert caller.calls.held_bytes == 0

    run(go())


def test_a_servicer_that_was_never_begun_is_closed() -> None:
    async def go() -> None:
        caller = Caller(Echoes())
        caller.say(calling("Later", b"abc"), rst_stream(1))
        await until(lambda: caller.calls.tasks == [])
        gc.collect()  # which would say that it was never awaited

    run(go())


@pytest.mark.parametrize("name", ["Deaf", "Join"])
def test_a_servicer_that_goes_on_after_its_call_has_ended_says_nothing_more(name: str) -> None:
    """One frame more on a stream that has ended would cost the peer its whole connection (RFC 9113, 5.1)."""

    async def go() -> None:
        echoes = Echoes()

        async def stubborn(given: AsyncIterator[bytes]) -> bytes:
            try:
                await anext(given)
            except asyncio.CancelledError:
                echoes.closed += 1
            return b"still here"

        async def answers(given: AsyncIterator[bytes], _call: Call) -> AsyncIterator[bytes]:
            for _ in range(3):
                yield await stubborn(given)

        methods = [
            Method("Deaf", Shape.BIDI_STREAM, answers, None, None),
            Method("Join", Shape.CLIENT_STREAM, lambda given, _call: stubborn(given), None, None),
        ]
        caller = Caller(echoes, methods=methods)
        caller.say(call(1, f"/test/{name}"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        caller.drain()
        assert caller.say(rst_stream(1)) == []
        await until(lambda: echoes.closed == 1 and not caller.calls.tasks)
        assert caller.drain() == []
        assert caller.connection.out.unsent_bytes == 0

    run(go())
