"""One endpoint whose method gives one answer, as an exchange.Route."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from inspect import isawaitable

from google.protobuf.message import Message

from error_daemon.calls import Method
from error_daemon.errors import InputError, Unreadable
from error_daemon.exchange import Answer, Body, Pages, Request, Route, Whole
from error_daemon.model.access import Caller
from error_daemon.web.api.caching import with_tag
from error_daemon.web.api.endpoints import Endpoint
from error_daemon.web.api.reading import fill_from_body, fill_from_texts
from error_daemon.web.api.writing import json_in_turns
from error_daemon.web.problem import refused

MOST_BODY_BYTES = 256 << 10
_MOST_KEPT_BYTES = 256 << 10
_NOT_KEPT = {"cache-control": "no-store"}


@dataclass(frozen=True, slots=True)
class RestCall:
    """calls.Call."""

    peer: str
    caller: Caller


class Unary:
    def __init__(self, endpoint: Endpoint, method: Method, request_type: type[Message]) -> None:
        self._endpoint = endpoint
        self._method = method
        self._request_type = request_type
        self._newest: tuple[Message | None, bytes] = (None, b"")

    def route(self) -> Route:
        endpoint = self._endpoint
        changes = endpoint.verb != "GET"
        begin = self._begin_change if changes else self._begin_look
        most_bytes = MOST_BODY_BYTES if changes else 0
        return Route((endpoint.verb,), endpoint.path, endpoint.method, begin, refused, most_bytes, pages=Pages.OWN)

    def _begin_look(self, request: Request, caller: Caller) -> Body:
        message = request_message(self._request_type, request)

        async def answer(_body: bytes) -> Answer:
            return with_tag(await self._served(message, request, caller, {}), request)

        return Whole(answer)

    def _begin_change(self, request: Request, caller: Caller) -> Body:
        """A page of elsewhere can send a form, but no JSON without being asked first whether it may; it may not."""
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            raise Unreadable("content-type: application/json is taken here, and nothing else")
        if request.query:
            raise InputError(next(iter(request.query)), "is not known here: what is to be done stands in the body")
        message = self._request_type()
        fill_from_texts(message, request.place)

        async def answer(body: bytes) -> Answer:
            fill_from_body(message, body, self._endpoint.in_path)
            return await self._served(message, request, caller, _NOT_KEPT)

        return Whole(answer)

    async def _served(self, message: Message, request: Request, caller: Caller, headers: Mapping[str, str]) -> Answer:
        served = self._method.serve(message, RestCall(request.peer.address or "unix socket", caller))
        answer: Message = await served if isawaitable(served) else served
        return Answer(self._endpoint.status, await self._written(answer), headers=headers)

    async def _written(self, answer: Message) -> bytes:
        """What fifty pages ask for in one second, and get the same of, is written once."""
        message, written = self._newest
        if message is not answer:
            written = (await json_in_turns(answer)).encode()
            if len(written) <= _MOST_KEPT_BYTES:
                self._newest = answer, written
        return written


def request_message(request_type: type[Message], request: Request) -> Message:
    """Of a GET. Raises InputError."""
    if not request.query_is_plain:
        raise InputError("query", "has a name that is there twice, or more names than anybody asks with")
    message = request_type()
    fill_from_texts(message, request.place)
    for name in request.place:
        if name in request.query:
            raise InputError(name, "is said by the path already")
    fill_from_texts(message, request.query)
    return message
