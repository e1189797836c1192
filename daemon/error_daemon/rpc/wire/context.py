"""
What generated servicers may do with their call, in the words of grpc's own contexts.

    Context           for servicers that are coroutines, as grpc.aio gives it
    BlockingContext   for those that run in a thread of their own, as grpc.server gives it; all that it does to the call is done in the
                      loop's turns

Metadata is checked when it is given, because a servicer can be told then; later only its caller could.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple, NoReturn

import grpc
from google.rpc import code_pb2

from error_daemon.rpc.status import StatusError
from error_daemon.rpc.wire.request_head import OF_A_CONNECTION
from error_daemon.rpc.wire.wire_call import Value, WireCall

Metadata = Iterable[tuple[str, Value]]
_KEY = re.compile(r"[0-9a-z_.-]+")
_TEXT = re.compile(r"[ -~]*")
_NOT_THEIRS = OF_A_CONNECTION | {b"grpc-status", b"grpc-message", b"grpc-encoding", b"content-type", b"te"}
_EOF: Any = vars(grpc.aio)["EOF"]


class Metadatum(NamedTuple):
    key: str
    value: Value


class _Known:
    """What both contexts say and keep."""

    def __init__(self, call: WireCall) -> None:
        self._call = call
        self._code: int = code_pb2.OK
        self._details = ""
        self._has_ended = False
        self._callbacks: list[Callable[[], None]] = []
        self._loop = asyncio.get_running_loop()
        call.on_end = self._end
        call.heads_itself = True

    def peer(self) -> str:
        return self._call.peer

    def peer_identities(self) -> None:
        return None

    def peer_identity_key(self) -> None:
        return None

    def auth_context(self) -> Mapping[str, Iterable[bytes]]:
        return {}

    def invocation_metadata(self) -> tuple[Metadatum, ...]:
        return tuple(Metadatum(*pair) for pair in self._call.metadata())

    def time_remaining(self) -> float | None:
        """Seconds."""
        deadline_at = self._call.deadline_at
        return None if deadline_at is None else max(0.0, deadline_at - self._loop.time())

    def set_trailing_metadata(self, trailing_metadata: Metadata) -> None:
        self._call.trailing = _checked(trailing_metadata)

    def trailing_metadata(self) -> tuple[tuple[str, Value], ...]:
        return self._call.trailing

    def set_compression(self, compression: grpc.Compression) -> None:
        """Only for callers that said that they can unpack it."""
        self._call.compresses = compression is not grpc.Compression.NoCompression and self._call.takes_gzip()

    def disable_next_message_compression(self) -> None:
        self._call.is_next_plain = True

    def set_code(self, code: grpc.StatusCode | int) -> None:
        self._code = code if isinstance(code, int) else code.value[0]

    def code(self) -> int:
        return self._code

    def set_details(self, details: str) -> None:
        self._details = details

    def details(self) -> str:
        return self._details

    @contextmanager
    def judged(self) -> Iterator[None]:
        """Of a servicer's work: another code than OK that it has set is its status, whether or not it raised then (protoc's own do
        both). Raises StatusError."""
        cause = None
        try:
            yield
        except Exception as error:
            if self._code == code_pb2.OK:
                raise
            cause = error
        if self._code != code_pb2.OK:
            raise StatusError(self._code, self._details) from cause

    def _abort(self, code: grpc.StatusCode | int, details: str, trailing_metadata: Metadata) -> NoReturn:
        trailing = tuple(trailing_metadata)
        if trailing:
            self.set_trailing_metadata(trailing)
        self.set_code(code)
        self._code, self._details = self._code or code_pb2.UNKNOWN, details
        raise StatusError(self._code, details)

    def _end(self) -> None:
        self._has_ended = True
        for hear in self._callbacks:
            hear()


class Context(_Known):
    """`given`: the request, or an iterator of them, for a servicer that asks for them by `read`."""

    def __init__(self, call: WireCall, given: Any) -> None:
        super().__init__(call)
        self._requests = given if isinstance(given, AsyncIterator) else None
        self._written: asyncio.Queue[Any] = asyncio.Queue(1)

    async def send_initial_metadata(self, initial_metadata: Metadata) -> None:
        self._call.initial = _checked(initial_metadata)
        self._call.send_head()

    async def abort(self, code: grpc.StatusCode | int, details: str = "", trailing_metadata: Metadata = ()) -> NoReturn:
        self._abort(code, details, trailing_metadata)

    async def abort_with_status(self, status: grpc.Status) -> NoReturn:
        self._abort(status.code, status.details, status.trailing_metadata or ())

    def done(self) -> bool:
        return self._has_ended

    def cancelled(self) -> bool:
        """A servicer whose call was cancelled hears of it by its CancelledError."""
        return self._has_ended

    def add_done_callback(self, callback: Callable[[Context], None]) -> None:
        self._callbacks.append(lambda: callback(self))

    async def read(self) -> Any:
        """The next request, or grpc.aio.EOF."""
        if self._requests is None:
            return _EOF
        return await anext(self._requests, _EOF)

    async def write(self, message: Any) -> None:
        await self._written.put(message)

    async def written_by(self, servicer: Awaitable[None]) -> AsyncGenerator[Any, None]:
        """What a servicer writes that is no generator."""
        working: asyncio.Future[Any] = asyncio.ensure_future(servicer)
        try:
            while True:
                getting = asyncio.ensure_future(self._written.get())
                try:
                    await asyncio.wait({working, getting}, return_when=asyncio.FIRST_COMPLETED)
                    if not getting.done():
                        working.result()
                        return
                    yield getting.result()
                finally:
                    getting.cancel()
        finally:
            working.cancel()


class BlockingContext(_Known):
    def send_initial_metadata(self, initial_metadata: Metadata) -> None:
        self._call.initial = _checked(initial_metadata)
        self._loop.call_soon_threadsafe(self._call.send_head)

    def abort(self, code: grpc.StatusCode | int, details: str, trailing_metadata: Metadata = ()) -> NoReturn:
        self._abort(code, details, trailing_metadata)

    def abort_with_status(self, status: grpc.Status) -> NoReturn:
        self._abort(status.code, status.details, status.trailing_metadata or ())

    def is_active(self) -> bool:
        return not self._has_ended

    def add_callback(self, callback: Callable[[], None]) -> bool:
        """Whether it will be called: when the call ends, in the loop's thread."""
        if self._has_ended:
            return False
        self._callbacks.append(callback)
        return True


def _checked(metadata: Metadata) -> tuple[tuple[str, Value], ...]:
    """Raises ValueError for what HTTP/2 does not let through, or what is the server's to say."""
    return tuple((key, _value(key, value)) for key, value in metadata)


def _value(key: str, value: Value) -> Value:
    if _KEY.fullmatch(key) is None or key.encode() in _NOT_THEIRS:
        raise ValueError(
            f"metadata key {key!r}: lower case letters, digits and _.- make one, and not those of gRPC itself"
        )
    if key.endswith("-bin"):
        return value
    text = value if isinstance(value, str) else value.decode("ascii")
    if _TEXT.fullmatch(text) is None:
        raise ValueError(f"metadata value of {key!r}: printable ASCII; a key that ends with -bin takes bytes")
    return text.strip()
