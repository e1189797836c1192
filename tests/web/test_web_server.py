"""The HTTP server: requests to receivers, and what becomes of those that are too much."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import select
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from error_daemon.errors import Denied, InputError, TransientError, Unidentified
from tests.fakes.open_gate import OPERATOR, OpenGate
from tests.rpc.serving import PATIENCE_S, run, until
from tests.web.serving_web import LIMITS, MOST_BYTES, Echo, answer_in, serving


async def ended(reader: asyncio.StreamReader) -> bool:
    """Whether the other end has closed, one way or the other."""
    with contextlib.suppress(ConnectionResetError):
        return await reader.read() == b""
    return True


POST = b"POST /echo/it/ HTTP/1.1\r\nHost: here\r\nConnection: close\r\n"


def test_a_request_comes_to_its_receiver_with_all_that_was_said() -> None:
    async def test() -> None:
        async with serving() as http:
            status, headers, body = await http.post("/a/b/echo/it%20is/?q=1&q=2&empty=", b"hello", X_One="1", x_two="2")
            [(request, caller)] = http.echo.asked
            assert (status, body) == (200, b"hello")
            assert headers["content-type"] == "text/plain"
            assert "gmt" in headers["date"]
            assert (request.method, dict(request.place)) == ("POST", {"prefix": "a/b", "name": "it is"})
            assert request.query == {"q": "1", "empty": ""}
            assert (request.headers["x-one"], request.headers["x-two"]) == ("1", "2")
            assert request.peer.address == "127.0.0.1"
            assert caller is OPERATOR

    run(test())


@pytest.mark.parametrize(
    "ambiguous",
    [
        b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        b"Content-Length: 5, 5\r\n\r\nhello",
        b"Content-Length: +5\r\n\r\nhello",
        b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        b"X-Folded: one\r\n two\r\nContent-Length: 5\r\n\r\nhello",
        b"X-Bare: one\nContent-Length: 5\r\n\r\nhello",
        b"Content-Length : 5\r\n\r\nhello",
    ],
)
def test_a_request_that_two_servers_would_read_differently_is_refused(ambiguous: bytes) -> None:
    async def test() -> None:
        async with serving() as http:
            assert answer_in(await http.say(POST + ambiguous))[0] == 400
            assert not http.echo.asked

    run(test())


def test_a_packed_body_is_unpacked_and_chunks_are_put_together() -> None:
    async def test() -> None:
        async with serving() as http:
            packed = gzip.compress(b"hello " * 1000)
            head = POST + b"Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"
            chunks = b"".join(
                b"%x\r\n%s\r\n" % (len(packed[at : at + 5]), packed[at : at + 5]) for at in range(0, len(packed), 5)
            )
            assert answer_in(await http.say(head + chunks + b"0\r\n\r\n"))[2] == b"hello " * 1000

    run(test())


def test_several_requests_have_their_answers_in_order_on_one_connection() -> None:
    async def test() -> None:
        async with serving() as http:
            reader, writer = await http.connect()
            for number in range(20):
                writer.write(b"POST /echo/it/ HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n%02d" % number)
            for number in range(20):
                await reader.readuntil(b"\r\n\r\n")
                assert await reader.readexactly(2) == b"%02d" % number
            writer.close()

    run(test())


@pytest.mark.parametrize(
    ("body", "headers", "status", "says"),
    [
        (b"x" * (MOST_BYTES + 1), {}, 413, f"at most {MOST_BYTES}"),
        (gzip.compress(bytes(MOST_BYTES * 10)), {"Content_Encoding": "gzip"}, 413, "when it is unpacked"),
        (b"not gzip", {"Content_Encoding": "gzip"}, 400, "body: is not gzip"),
        (b"text", {"Content_Encoding": "lzma"}, 415, "gzip, x-gzip, deflate, br, zstd are"),
    ],
)
def test_a_body_that_cannot_be_taken_is_refused_with_the_reason(
    body: bytes, headers: dict[str, str], status: int, says: str
) -> None:
    async def test() -> None:
        async with serving() as http:
            told, answered, problem = await http.post("/echo/it/", body, **headers)
            assert told == status
            assert answered["content-type"] == "application/problem+json"
            assert says in json.loads(problem)["detail"]
            assert http.server.room.held_bytes == 0

    run(test())


def test_who_is_not_let_in_has_no_body_read() -> None:
    async def test() -> None:
        gate = OpenGate()
        gate.refusal = Unidentified("nobody knows who calls", "NO_IDENTITY", {})
        async with serving(gate=gate) as http:
            told = await http.say(POST + b"Content-Length: 99999\r\n\r\n")  # and nothing more comes
            assert answer_in(told)[0] == 401
            assert answer_in(told)[1]["connection"] == "close"
            assert http.echo.asked == []

    run(test())


def test_a_token_is_looked_for_only_where_there_are_tokens() -> None:
    async def test() -> None:
        for reads_tokens, token in ((True, "secret"), (False, "")):
            gate = OpenGate(reads_tokens=reads_tokens)
            async with serving(gate=gate) as http:
                await http.post("/echo/it/", b"", Authorization="Bearer secret")
            [(peer, action)] = gate.seen
            assert (peer.token, action) == (token, "test/echo")

    run(test())


@pytest.mark.parametrize(
    ("raised", "status", "retry_after"),
    [
        (InputError("it", "is wrong"), 400, None),
        (TransientError("not now", 1.2), 429, "2"),
        (RuntimeError("a bug"), 500, None),
    ],
)
def test_what_a_receiver_raises_becomes_an_answer(raised: Exception, status: int, retry_after: str | None) -> None:
    async def test() -> None:
        async with serving() as http:
            http.echo.raises = raised
            told, headers, body = await http.post("/echo/it/", b"")
            assert (told, headers.get("retry-after")) == (status, retry_after)
            assert b"a bug" not in body or b"log" in body
            assert [action for action, _ in http.bugs] == (["test/echo"] if status == 500 else [])

    run(test())


def test_more_requests_than_may_be_are_told_to_come_back() -> None:
    async def test() -> None:
        async with serving() as http:
            http.echo.wait = asyncio.Event()
            waiting = [asyncio.ensure_future(http.post("/echo/it/", b"1")) for _ in range(LIMITS.requests)]
            await until(lambda: http.server.room.requests == LIMITS.requests)
            status, headers, _ = await http.post("/echo/it/", b"2")
            assert (status, headers["retry-after"]) == (429, "1")
            http.echo.wait.set()
            assert [answer[0] for answer in await asyncio.gather(*waiting)] == [200] * LIMITS.requests
            assert (await http.post("/echo/it/", b"3"))[0] == 200

    run(test())


def test_slow_answers_are_in_the_way_of_their_own_kind_alone() -> None:
    async def test() -> None:
        slow = Echo(wait=asyncio.Event())
        routes = [replace(route, action="test/slow", place=f"/slow{route.place}") for route in slow.routes()]
        async with serving(routes=routes) as http:
            waiting = [asyncio.ensure_future(http.post("/slow/echo/it/", b"1")) for _ in range(LIMITS.requests)]
            await until(lambda: http.server.room.requests == LIMITS.requests)
            assert (await http.post("/echo/it/", b"2"))[0] == 200
            status, headers, _ = await http.post("/slow/echo/it/", b"3")
            assert (status, headers["retry-after"]) == (429, "1")
            assert slow.wait is not None
            slow.wait.set()
            assert [answer[0] for answer in await asyncio.gather(*waiting)] == [200] * LIMITS.requests
            assert (http.server.room.requests, http.server.room.held_bytes) == (0, 0)

    run(test())


def test_bodies_together_have_no_more_room_than_is_set() -> None:
    async def test() -> None:
        async with serving(replace(LIMITS, held_bytes=MOST_BYTES)) as http:
            _, first = await http.connect()
            first.write(POST + b"Content-Length: 90000\r\n\r\n" + bytes(80_000))
            await until(lambda: http.server.room.held_bytes >= 80_000)
            assert (await http.post("/echo/it/", bytes(50_000)))[0] == 429
            first.close()
            await until(lambda: http.server.room.held_bytes == 0)
            assert (await http.post("/echo/it/", bytes(50_000)))[0] == 200

    run(test())


@pytest.mark.parametrize(
    "raw", [POST + b"X-Long: ", POST, b"POST /" + b"a" * 10, POST + b"".join(b"X-%d: 1\r\n" % n for n in range(9))]
)
def test_a_head_without_end_ends_its_connection(raw: bytes) -> None:
    async def test() -> None:
        async with serving() as http:
            more = b"x" if raw.endswith((b" ", b"a")) else b"X-More: 1\r\n"
            said = await http.say(raw + more * (34_000 // len(more)))
            head, _, body = said.partition(b"\r\n\r\n")
            assert b" 431 " in head
            assert b"content-type: application/problem+json" in head
            told = json.loads(body)
            assert (told["title"], told["status"]) == ("Request Header Fields Too Large", 431)
            assert f"content-length: {len(body)}".encode() in head

    run(test())


@pytest.mark.parametrize("raw", [b"", b"POST /ec", POST, POST + b"Content-Length: 10\r\n\r\n12345"])
def test_a_request_that_is_not_whole_in_time_is_given_up(raw: bytes) -> None:
    async def test() -> None:
        async with serving(replace(LIMITS, request_s=0.05)) as http:
            await http.say(raw)  # returns when the other end closes
            assert http.server.room.requests == 0

    run(test())


def test_whoever_is_idle_for_longest_makes_place() -> None:
    async def test() -> None:
        async with serving(replace(LIMITS, connections=2)) as http:
            oldest, its_writer = await http.connect()
            busy = asyncio.Event()
            http.echo.wait = busy
            working = asyncio.ensure_future(http.post("/echo/it/", b"1"))
            await until(lambda: http.server.room.requests == 1)
            another = asyncio.ensure_future(http.post("/echo/it/", b"2"))
            assert await ended(oldest)
            its_writer.close()
            busy.set()
            assert (await working)[0] == (await another)[0] == 200

    run(test())


@pytest.mark.parametrize("raw", [b"\x16\x03\x01\x00\xa5\x01", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"hello\r\n\r\n"])
def test_what_is_not_http_1_is_told_so_and_harms_nobody(raw: bytes) -> None:
    async def test() -> None:
        async with serving() as http:
            assert b" 400 " in await http.say(raw)
            assert (await http.post("/echo/it/", b"1"))[0] == 200

    run(test())


def test_paths_that_nobody_serves_and_methods_that_nobody_takes_are_said_to_be_so() -> None:
    async def test() -> None:
        async with serving() as http:
            assert (await http.post("/echo", b""))[0] == 404
            told = await http.ask("GET", "/echo/it/")
            assert (told.status, told.headers["allow"]) == (405, "options, post")
            assert told.headers["content-type"] == "application/problem+json"
            assert (await http.ask("OPTIONS", "/echo/it/")).status == 204

    run(test())


def test_requests_end_before_the_server_does() -> None:
    async def test() -> None:
        async with serving() as http:
            http.echo.wait = asyncio.Event()
            asking = asyncio.ensure_future(http.post("/echo/it/", b"1"))
            await until(lambda: http.server.room.requests == 1)
            stopping = asyncio.ensure_future(http.server.stop(PATIENCE_S))
            await asyncio.sleep(0)
            http.echo.wait.set()
            await stopping
            assert (await asking)[0] == 200
            with pytest.raises(ConnectionRefusedError):
                await http.connect()

    run(test())


def test_a_unix_socket_serves_too(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(socket=tmp_path / "s") as http:
            assert (await http.post("/echo/it/", b"1"))[0] == 200
            [(request, _)] = http.echo.asked
            assert request.peer.is_unix
            assert (tmp_path / "s").stat().st_mode & 0o777 == 0o660

    run(test())


@pytest.mark.parametrize(
    "said",
    [
        {"Origin": "https://any.example"},
        {"Origin": "null"},
        {"Origin": "http://any.example:8089", "Host": "any.example:8089", "Sec_Fetch_Site": "same-origin"},
        {"Sec_Fetch_Site": "cross-site"},
    ],
)
def test_a_page_in_a_browser_reports_nothing(said: dict[str, str]) -> None:
    async def test() -> None:
        async with serving() as http:
            status, headers, _ = await http.post("/echo/it/", b"1", Content_Type="text/plain", **said)
            assert status == 403
            assert not any(name.startswith("access-control") for name in headers)
            assert http.echo.asked == []
            assert (await http.post("/echo/it/", b"1", Sec_Fetch_Mode="cors"))[0] == 200  # as Node's fetch has it

    run(test())


def test_a_flood_of_requests_before_the_first_answer_ends_its_connection() -> None:
    async def test() -> None:
        async with serving() as http:
            http.echo.wait = asyncio.Event()
            reader, writer = await http.connect()
            writer.write(b"POST /echo/it/ HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n" * 1000)
            assert await ended(reader)
            writer.close()
            http.echo.wait.set()
            assert (await http.post("/echo/it/", b"1"))[0] == 200

    run(test())


@contextlib.contextmanager
def deaf(address: str) -> Iterator[socket.socket]:
    """Asks for half a megabyte on a unix socket, which holds less than that, and takes nothing of it."""
    with socket.socket(socket.AF_UNIX) as one:
        one.connect(address.removeprefix("unix:"))
        one.setblocking(False)
        head = b"POST /echo/it/ HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % MOST_BYTES
        asked = memoryview((head + bytes(MOST_BYTES)) * 5)
        with contextlib.suppress(BlockingIOError):
            while asked:
                asked = asked[one.send(asked) :]
        yield one


def test_who_takes_no_answers_makes_place(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(replace(LIMITS, connections=1), socket=tmp_path / "s") as http:
            with deaf(http.address):
                await until(lambda: http.echo.asked != [])
                told = 0
                while told != 200:  # until what is sent to it has filled its socket
                    with contextlib.suppress(IndexError, OSError):
                        told = (await http.post("/echo/it/", b"1"))[0]
                        assert told == 200

    run(test())


def test_who_takes_no_answers_is_cut_off_in_time(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(replace(LIMITS, request_s=0.2), socket=tmp_path / "s") as http:
            with deaf(http.address) as one:
                ends = select.poll()
                ends.register(one, select.POLLHUP)
                await until(lambda: ends.poll(0) != [])

    run(test())


def test_who_has_not_said_who_it_is_leaves_room_for_who_has() -> None:
    async def test() -> None:
        gate = OpenGate(reads_tokens=True)
        echo = Echo()
        later = [replace(route, says_who_later=True, place=f"/later{route.place}") for route in echo.routes()]
        async with serving(gate=gate, routes=later) as http:
            waiting = [await http.connect() for _ in range(LIMITS.requests)]
            for _, writer in waiting:
                writer.write(b"POST /later/echo/it/ HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n1")
            for reader, _ in waiting[1:]:
                assert b" 429 " in await reader.readline()
            assert (await http.post("/echo/it/", b"1", Authorization="Bearer secret"))[0] == 200
            for _, writer in waiting:
                writer.close()

    run(test())


def test_bodies_of_who_has_not_said_who_it_is_have_a_share_of_the_room() -> None:
    async def test() -> None:
        echo = Echo()
        later = [replace(route, says_who_later=True, place=f"/later{route.place}") for route in echo.routes()]
        limits = replace(LIMITS, held_bytes=MOST_BYTES)
        async with serving(limits, OpenGate(reads_tokens=True), routes=later) as http:
            assert (await http.post("/later/echo/it/", bytes(30_000)))[0] == 429
            assert (await http.post("/later/echo/it/", bytes(20_000)))[0] == 200
            assert (await http.post("/later/echo/it/", bytes(20_000)))[0] == 200  # what was held is given back
            assert (await http.post("/echo/it/", bytes(90_000)))[0] == 200

    run(test())


def test_an_address_that_is_not_allowed_has_nothing_read_though_it_says_who_it_is_later() -> None:
    async def test() -> None:
        gate, echo = OpenGate(reads_tokens=True), Echo()
        gate.refusal_of_addresses = Denied("calls from 10.0.0.5 are not taken", "ADDRESS_NOT_ALLOWED", {})
        later = [replace(route, says_who_later=True, place=f"/later{route.place}") for route in echo.routes()]
        async with serving(gate=gate, routes=later) as http:
            head = b"POST /later/echo/it/ HTTP/1.1\r\nHost: h\r\nContent-Length: 99999\r\n\r\n"
            assert answer_in(await http.say(head))[0] == 403  # and nothing more comes
            assert echo.asked == []

    run(test())


def test_broken_requests_are_no_lines_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    async def test() -> None:
        async with serving() as http:
            assert b" 400 " in await http.say(b"\x16\x03\r\n\r\n")

    run(test())
    assert caplog.records == []


def test_what_a_decoder_looks_back_on_is_held() -> None:
    async def test() -> None:
        async with serving(replace(LIMITS, held_bytes=64 << 10)) as http:
            packed = gzip.compress(bytes(90_000))
            assert (await http.post("/echo/it/", packed, Content_Encoding="gzip"))[0] == 429
            assert http.server.room.held_bytes == 0

    run(test())
