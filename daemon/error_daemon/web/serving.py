"""
One request, from its head to its answer: who asks, whether they may, the body unpacked and given on, the answer sent.

What a request holds is known while it comes, and the sum of all is bounded: who would pass it is told to come back. A body that is not
taken to its end costs its connection, so nothing is read that nobody wants.

A request has its place among those that are read until its body is whole. While it is answered, which may take minutes, it has one among
those of the same action: slow ones are in the way of their own kind, and never of a fault.

What a page in a browser may ask is in pages.py.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import aclosing, contextmanager
from dataclasses import replace
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

from error_daemon.calls import Gate
from error_daemon.errors import ErrorRecoveryError, InvariantError, NotFound, TooLarge, TransientError
from error_daemon.exchange import NOBODY, Answer, Body, Pages, Request, Route, Stream
from error_daemon.model.access import Peer
from error_daemon.web.pages import SECURITY_HEADERS, Names, check_page
from error_daemon.web.problem import CONTENT_TYPE as PROBLEM
from error_daemon.web.problem import problem
from error_daemon.web.unpacking import Unpacker

Scope = Mapping[str, Any]
OnBug = Callable[[str, BaseException], None]
_RETRY_AFTER_S = 1.0
_TURN_S = 0.002
_MOST_PARAMETERS = 64
_WITHOUT_BODY = (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)
_UNKNOWN_SHARE = 4  # who have not said yet who they are may have one request of so many, and one byte


class Room:
    """Memory for all bodies together, how many requests may be read at once, and as many of each action be answered."""

    def __init__(self, requests: int, most_bytes: int) -> None:
        self._most_requests = requests
        self._most_bytes = most_bytes
        self._most_unknown = max(1, requests // _UNKNOWN_SHARE)
        self._most_unknown_bytes = most_bytes // _UNKNOWN_SHARE
        self._unknown = 0
        self._unknown_bytes = 0
        self._read = 0
        self._answered: Counter[str] = Counter()  # by action
        self.held_bytes = 0

    @property
    def requests(self) -> int:
        """Those that are read or answered."""
        return self._read + sum(self._answered.values())

    @contextmanager
    def reading(self, *, is_known: bool) -> Iterator[None]:
        """Raises TransientError."""
        if self._read >= self._most_requests or (not is_known and self._unknown >= self._most_unknown):
            raise TransientError(f"{self._read} requests are being read already", _RETRY_AFTER_S)
        self._read += 1
        self._unknown += not is_known
        try:
            yield
        finally:
            self._read -= 1
            self._unknown -= not is_known

    @contextmanager
    def answering(self, action: str) -> Iterator[None]:
        """Raises TransientError."""
        if self._answered[action] >= self._most_requests:
            raise TransientError(
                f"{self._answered[action]} of these requests are being answered already", _RETRY_AFTER_S
            )
        self._answered[action] += 1
        try:
            yield
        finally:
            self._answered[action] -= 1

    def let_go(self, held_bytes: int, *, is_known: bool) -> None:
        self.held_bytes -= held_bytes
        self._unknown_bytes -= 0 if is_known else held_bytes

    def hold(self, before: int, now: int, *, is_known: bool) -> None:
        """Raises TransientError where all bodies together have grown too large, or those of whoever is not known yet."""
        self.held_bytes += now - before
        self._unknown_bytes += 0 if is_known else now - before
        if self.held_bytes > self._most_bytes or (not is_known and self._unknown_bytes > self._most_unknown_bytes):
            raise TransientError("the bodies that are being read have no more room", _RETRY_AFTER_S)


class Served:
    """An ASGI application for one route. `names`: of this server. `now()`: seconds; not the loop's, which uvloop reads once a turn."""

    def __init__(
        self, route: Route, gate: Gate, room: Room, names: Names, on_bug: OnBug, *, now: Callable[[], float]
    ) -> None:
        self._route = route
        self._now = now
        self._names = names
        self._gate = gate
        self._room = room
        self._on_bug = on_bug

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        request, reading = _request_of(scope), _Reading(receive)
        try:
            answer = await self._answer(request, reading)
        except ErrorRecoveryError as error:
            answer = self._route.refuse(request, error)
        except _Gone:
            return
        except Exception as error:  # noqa: BLE001 - one request must not end the others
            self._on_bug(self._route.action, error)
            answer = self._route.refuse(request, InvariantError("this is a bug in the daemon; its log has more"))
        if self._route.pages is not Pages.NONE:
            answer = replace(answer, headers={**SECURITY_HEADERS, **answer.headers})
        if answer.stream is None:
            await send_answer(answer, send, ends_connection=not reading.is_whole)
        else:
            await self._stream(answer, answer.stream, receive, send)

    async def _stream(self, answer: Answer, stream: Stream, receive: Any, send: Any) -> None:
        """Until it ends or its asker has gone. Who does not take it is cut off by their connection."""
        sending = asyncio.ensure_future(send_stream(answer, stream, send))
        leaving = asyncio.ensure_future(_has_gone(receive))
        try:
            await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if sending.done() and (bug := sending.exception()) is not None:
                self._on_bug(self._route.action, bug)
                raise bug  # there is no other way to tell the asker that this is not the end: the connection breaks
        finally:
            for task in (sending, leaving):
                task.cancel()
            await asyncio.wait({sending, leaving})
            stream.close()

    async def _answer(self, request: Request, reading: _Reading) -> Answer:
        route = self._route
        check_page(request, route.pages, self._names)
        token = route.token(request) if self._gate.reads_tokens else ""
        request = replace(request, peer=replace(request.peer, token=token))
        is_told_later = route.says_who_later and self._gate.reads_tokens and not token
        if is_told_later:
            self._gate.check_address(request.peer, route.action)
        caller = NOBODY if is_told_later else self._gate.admit(request.peer, route.action)
        is_known = not is_told_later
        try:
            with self._room.reading(is_known=is_known):
                body = route.begin(request, caller)
                await self._read(body, request, reading, is_known=is_known)
            with self._room.answering(route.action):
                answer = body.finish()
                return answer if isinstance(answer, Answer) else await answer
        finally:
            self._room.let_go(reading.held_bytes, is_known=is_known)

    async def _read(self, body: Body, request: Request, reading: _Reading, *, is_known: bool) -> None:
        most_bytes = self._route.most_bytes
        length = request.headers.get("content-length", "")
        if length.isdecimal() and int(length) > most_bytes:
            raise TooLarge(f"the body has {length} bytes; at most {most_bytes}")
        unpacker = Unpacker(request.headers.get("content-encoding", ""), most_bytes)
        turn_until = self._now() + _TURN_S
        while not reading.is_whole:
            for piece in unpacker.feed(await reading.more(most_bytes)):
                body.feed(piece)
                before, reading.held_bytes = reading.held_bytes, body.held_bytes + unpacker.held_bytes
                self._room.hold(before, reading.held_bytes, is_known=is_known)
                if self._now() >= turn_until:
                    await asyncio.sleep(0)
                    turn_until = self._now() + _TURN_S
        unpacker.end()


class _Gone(Exception):
    """Who asked has hung up."""


class _Reading:
    """How far a request's body has come."""

    def __init__(self, receive: Any) -> None:
        self._receive = receive
        self._read_bytes = 0
        self.is_whole = False
        self.held_bytes = 0

    async def more(self, most_bytes: int) -> bytes:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise _Gone
        data: bytes = message.get("body", b"")
        self._read_bytes += len(data)
        if self._read_bytes > most_bytes:
            raise TooLarge(f"the body has more than {most_bytes} bytes")
        self.is_whole = not message.get("more_body", False)
        return data


def _request_of(scope: Scope) -> Request:
    said: dict[str, list[str]] = {}
    for raw_name, raw_value in scope["headers"]:
        said.setdefault(raw_name.decode("latin-1"), []).append(raw_value.decode("latin-1"))
    headers = {name: ", ".join(values) for name, values in said.items()}
    query: dict[str, str] = {}
    parameters = _parameters(scope["query_string"]) if scope["query_string"] else []
    for name, value in parameters or ():
        query.setdefault(name, value)
    is_plain = parameters is not None and len(parameters) == len(query)
    peer: Peer = scope["state"]["peer"]
    place = scope.get("path_params", {})
    return Request(scope["method"], scope["path"], place, query, headers, peer, query_is_plain=is_plain)


def _parameters(query: bytes) -> list[tuple[str, str]] | None:
    """None: more than anybody asks with."""
    try:
        return parse_qsl(query.decode("latin-1"), keep_blank_values=True, max_num_fields=_MOST_PARAMETERS)
    except ValueError:
        return None


async def send_answer(answer: Answer, send: Any, *, ends_connection: bool = False) -> None:
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers.items()]
    if answer.status not in _WITHOUT_BODY:
        headers.append((b"content-length", str(len(answer.body)).encode()))
    if answer.body:
        headers.append((b"content-type", answer.content_type.encode()))
    if ends_connection:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": int(answer.status), "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})


async def send_stream(answer: Answer, stream: Stream, send: Any) -> None:
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers.items()]
    headers.append((b"content-type", answer.content_type.encode()))
    await send({"type": "http.response.start", "status": int(answer.status), "headers": headers})
    async with aclosing(stream.pieces()) as pieces:
        async for piece in pieces:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _has_gone(receive: Any) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def nothing_here(scope: Scope, receive: Any, send: Any) -> None:
    """For paths that nobody serves."""
    await send_answer(problem(NotFound(f"nothing is served at {scope['path'][:200]}")), send)


class Elsewise:
    """What answers at the place of a route to methods that it does not have. `methods`: those of all routes of this place."""

    def __init__(self, methods: Iterable[str]) -> None:
        self._allow = {"allow": ", ".join(sorted({*methods, "OPTIONS"}))}

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        if scope["method"] == "OPTIONS":
            await send_answer(Answer(HTTPStatus.NO_CONTENT, headers=self._allow), send)
            return
        says = json.dumps(
            {"title": "Method Not Allowed", "status": 405, "detail": f"this path takes {self._allow['allow']}"}
        )
        answer = Answer(HTTPStatus.METHOD_NOT_ALLOWED, says.encode(), PROBLEM, self._allow)
        await send_answer(answer, send, ends_connection=True)
