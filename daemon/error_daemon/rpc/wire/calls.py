"""
gRPC calls on one connection: bodies to messages, messages to servicers, answers back.

A unary call whose message came whole and whose servicer answers at once never leaves this turn of the loop: no task, no timer, nothing
kept. That is the fault path. Every other call is a `Running`: a task with a deadline, cancelled when the peer gives it up.
"""

from __future__ import annotations

import asyncio
import inspect
import math
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any

from google.protobuf.message import DecodeError
from google.rpc import code_pb2

from error_daemon.errors import ErrorRecoveryError, InputError
from error_daemon.model.access import Peer
from error_daemon.ports import Gate, Method, Shape
from error_daemon.rpc.status import RpcStatus, StatusError, status_of
from error_daemon.rpc.wire.connection import Connection
from error_daemon.rpc.wire.frames import ErrorCode
from error_daemon.rpc.wire.limits import WireLimits
from error_daemon.rpc.wire.messages import ENCODINGS, PREFIX_BYTES, Body, UnknownEncoding, gzipped
from error_daemon.rpc.wire.request_head import RequestHead
from error_daemon.rpc.wire.statuses import metadata_block, trailers
from error_daemon.rpc.wire.stream import Stream
from error_daemon.rpc.wire.turn import FRAME_BYTES
from error_daemon.rpc.wire.wire_call import Running, WireCall

_LONGEST_DEADLINE_S = 86_400.0 * 365
_TINY_BYTES = 64  # of a message, neither its begin nor its end: no client needs to send so little
_OK = RpcStatus(code_pb2.OK, "", b"")
_LATE = RpcStatus(code_pb2.DEADLINE_EXCEEDED, "Deadline Exceeded", b"")


@dataclass(frozen=True, slots=True)
class Served:
    """A method, ready to be called. `takes_one`: its request is one message."""

    name: str
    shape: Shape
    serve: Callable[[Any, WireCall], Any]
    read: Callable[[bytes], Any]
    write: Callable[[Any], bytes]
    takes_one: bool


@dataclass(slots=True)
class Common:
    """What all connections of a server share. `now`: steady time in seconds. `held_bytes`: memory for
    what peers have sent and for what they do not take; `make_room()` is called when it is too much."""

    methods: Mapping[str, Served]
    limits: WireLimits
    on_bug: Callable[[str, BaseException], None]
    now: Callable[[], float]
    make_room: Callable[[], None]
    gate: Gate
    held_bytes: int = 0


class Calls:
    """The receiver of one connection (connection.py). `flush_soon()`: something is to be sent, outside of `receive`. `join` tells it
    its connection."""

    def __init__(self, common: Common, peer: str, who: Peer, flush_soon: Callable[[], None]) -> None:
        self.peer = peer
        self._who = who
        self.is_writable = True  # the socket takes more
        self._common = common
        self._methods = common.methods
        self._limits = common.limits
        self._flush_soon = flush_soon
        self.held_bytes = 0  # messages that are not whole or not taken
        self._waiting: deque[asyncio.Future[None]] = deque()  # for a turn
        self._running: set[Running] = set()

    def join(self, connection: Connection) -> None:
        self._connection = connection
        self._out = connection.out
        self._turn = connection.turn

    # --- Receiver

    def request(self, stream: Stream) -> None:
        head = stream.head
        assert head is not None
        served = self._methods.get(head.path)
        if served is None:
            self._refuse(stream, StatusError(code_pb2.UNIMPLEMENTED, f"no method {head.path[:200]} is served here"))
        elif not self._is_admitted(stream, head):
            return
        elif served.shape is Shape.UNARY:
            stream.call = served
        elif served.takes_one:
            self._made_running(stream, served)
        else:
            self._start(stream, served)

    def _is_admitted(self, stream: Stream, head: RequestHead) -> bool:
        """Before anything of its body is taken."""
        gate, who = self._common.gate, self._who
        try:
            if gate.reads_tokens:
                who = replace(who, token=head.token())
            stream.caller = gate.admit(who, head.path[1:])
        except ErrorRecoveryError as error:
            self._refuse(stream, error)
            return False
        return True

    def data(self, stream: Stream, content: bytes, *, has_ended: bool) -> None:
        call = stream.call
        if call.__class__ is Served:
            if has_ended and len(content) >= PREFIX_BYTES and content[0] == 0:
                length = int.from_bytes(content[1:PREFIX_BYTES], "big")
                if length == len(content) - PREFIX_BYTES and length <= self._limits.max_message_bytes:
                    self._serve(stream, call, content[PREFIX_BYTES:])
                    return
            call = self._made_running(stream, call)
        if call is not None:
            self._feed(call, content, has_ended)

    def gone(self, stream: Stream) -> None:
        call = stream.call
        if call.__class__ is Running:
            self._end(call)

    def drained(self, stream: Stream) -> None:
        call = stream.call
        if call.__class__ is Running:
            call.wake_writer()

    def overlong(self, stream: Stream, says: str) -> None:
        self._refuse(stream, StatusError(code_pb2.RESOURCE_EXHAUSTED, says))

    # --- a unary call at once

    def _serve(self, stream: Stream, served: Served, message: bytes) -> None:
        call = WireCall(self.peer, stream)
        try:
            if stream.head.timeout_s is not None:  # type: ignore[union-attr]
                self._deadline_s(stream)
            answer = served.serve(served.read(message), call)
            if type(answer) is not bytes and inspect.isawaitable(answer):
                self._start_unary(stream, served, call, answer)
                return
            self._answer(stream, call, served.write(answer))
        except Exception as error:  # noqa: BLE001  mapped to a status, and told to on_bug when it is not ours
            self._fail(stream, served.name, call, error)

    def _answer(self, stream: Stream, call: WireCall, message: bytes) -> None:
        if len(message) > FRAME_BYTES:
            self._turn.spend(len(message))
        if call.is_plain:
            self._out.answer(stream, message)
        else:
            self._send_message(stream, call, message)
            self._out.trailers(stream, trailers(_OK, call.trailing))

    def _send_message(self, stream: Stream, call: WireCall, message: bytes) -> None:
        self._turn.spend(len(message))
        if not stream.has_head:
            self._send_head(stream, call)
        if call.compresses and not call.is_next_plain:
            self._out.message(stream, gzipped(message), is_compressed=True)
        else:
            self._out.message(stream, message)
        call.is_next_plain = False

    def _send_head(self, stream: Stream, call: WireCall) -> None:
        encoding: tuple[tuple[str, bytes], ...] = (("grpc-encoding", b"gzip"),) if call.compresses else ()
        self._out.response_head(stream, metadata_block((*encoding, *call.initial)))

    def _fail(self, stream: Stream, method: str, call: WireCall, error: BaseException) -> None:
        status = status_of(error)
        if status.code == code_pb2.INTERNAL and not isinstance(error, StatusError):
            self._common.on_bug(method, error)
        if stream.sending and stream.trailers is None:
            self._out.trailers(stream, trailers(status, call.trailing))

    def _refuse(self, stream: Stream, error: StatusError | ErrorRecoveryError) -> None:
        self._out.trailers(stream, trailers(status_of(error)))

    # --- every other call

    def _made_running(self, stream: Stream, served: Served) -> Running | None:
        """For a unary request that did not come in one piece. None: it was refused."""
        try:
            running = self._running_call(stream, served)
        except StatusError as error:
            self._refuse(stream, error)
            return None
        return running

    def _running_call(self, stream: Stream, served: Served) -> Running:
        """Raises StatusError."""
        head = stream.head
        assert head is not None
        deadline_s = self._deadline_s(stream)
        running = Running(stream, served, Body(head.encoding, self._limits.max_message_bytes))
        if deadline_s is not None:
            loop = asyncio.get_running_loop()
            running.deadline_at = loop.time() + deadline_s
            running.deadline = loop.call_later(deadline_s, self._expire, running)
        self._give(running, WireCall(self.peer, stream))
        stream.call = running
        self._running.add(running)
        return running

    def _give(self, running: Running, call: WireCall) -> None:
        """From now on it is what its servicer sees."""
        running.call = call
        call.on_head = self._sender_of_head(running)
        call.deadline_at = running.deadline_at

    def _deadline_s(self, stream: Stream) -> float | None:
        timeout_s = stream.head.timeout_s  # type: ignore[union-attr]
        if timeout_s is None:
            return None
        if math.isnan(timeout_s):
            raise StatusError(code_pb2.INVALID_ARGUMENT, "grpc-timeout is up to eight digits and one of H M S m u n")
        if timeout_s <= 0:
            raise StatusError(code_pb2.DEADLINE_EXCEEDED, _LATE.message)
        return min(timeout_s, _LONGEST_DEADLINE_S)

    def _start(self, stream: Stream, served: Served) -> None:
        """A call whose requests are a stream: its servicer begins with the first headers."""
        running = self._made_running(stream, served)
        if running is not None:
            self._spawn(running, self._answers(running, self._requests(running)))

    def _start_unary(self, stream: Stream, served: Served, call: WireCall, answer: Any) -> None:
        running = stream.call if stream.call.__class__ is Running else self._running_call(stream, served)
        self._give(running, call)
        self._spawn(running, self._late_answer(running, answer))
        if inspect.iscoroutine(answer):  # of a call that is cancelled before its task has begun
            running.task.add_done_callback(lambda _task: answer.close())  # type: ignore[union-attr]

    def _spawn(self, running: Running, work: Any) -> None:
        running.task = asyncio.ensure_future(work)
        running.task.add_done_callback(lambda task: self._done(running, task))

    def _feed(self, running: Running, content: bytes, has_ended: bool) -> None:
        body, stream = running.body, running.stream
        before, was_partial = body.held, body.is_partial
        try:
            try:
                body.feed(content)
            finally:
                self.held_bytes += body.held - before
                self._turn.spend(max(0, body.held - before))
            if was_partial and body.is_partial and len(content) < _TINY_BYTES:
                self._connection.nuisance("messages in tiny pieces")
            self._check_room()
            if has_ended:
                running.has_ended = True
            if running.served.takes_one:
                self._serve_when_whole(running)
            else:
                running.wake_reader()
        except StatusError as error:
            if isinstance(error, UnknownEncoding):
                running.call.trailing += (("grpc-accept-encoding", ENCODINGS),)
            self._fail(stream, running.served.name, running.call, error)
            self._end(running)
            return
        if not body.is_ready:
            self._connection.consumed(stream)

    def _serve_when_whole(self, running: Running) -> None:
        body, stream, served = running.body, running.stream, running.served
        if running.has_ended:
            self._check_end(running)
        if body.has_more or (running.has_ended and not body.is_ready):
            raise StatusError(code_pb2.UNIMPLEMENTED, f"{served.name} takes one message")
        if not running.has_ended:
            return
        message = self._taken(running)
        if served.shape is Shape.SERVER_STREAM:
            self._spawn(running, self._answers_to(running, message))
            return
        self._serve(stream, served, message)
        if running.task is None:
            self._end(running)

    def _check_end(self, running: Running) -> None:
        """Raises StatusError."""
        if running.body.is_partial:
            raise StatusError(code_pb2.INTERNAL, "the request ends in the middle of a message")

    def _check_room(self) -> None:
        """Raises StatusError."""
        if self.held_bytes > self._limits.held_bytes:
            raise StatusError(code_pb2.RESOURCE_EXHAUSTED, "too much is on its way and not taken; send it again later")

    def _taken(self, running: Running) -> bytes:
        before = running.body.held
        message = running.body.take()
        self.held_bytes += running.body.held - before
        return message

    def _took(self, running: Running) -> bytes:
        """The servicer of a stream takes one: the peer may send more."""
        message = self._taken(running)
        if not running.body.is_ready:
            self._connection.consumed(running.stream)
            self._flush_soon()
        return message

    # --- what tasks do

    async def _next_turn(self) -> None:
        """The connection's tasks share its turns: one goes on at a time, after everybody else had theirs."""
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        if len(self._waiting) == 1:
            asyncio.get_running_loop().call_soon(self._begin_turn)
        await turn

    def _begin_turn(self) -> None:
        self._turn.begin(self._common.now())
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():  # else its call is cancelled
                turn.set_result(None)
                break
        if self._waiting:
            asyncio.get_running_loop().call_soon(self._begin_turn)

    async def _requests(self, running: Running) -> AsyncIterator[Any]:
        """The messages of a request stream, as they come."""
        body, read = running.body, running.served.read
        while True:
            while body.is_ready:
                if self._turn.is_over:
                    await self._next_turn()
                message = self._took(running)
                self._turn.spend(len(message))
                yield read(message)
            if running.has_ended:
                self._check_end(running)
                return
            await running.readable()

    async def _late_answer(self, running: Running, answer: Any) -> None:
        try:
            if self._turn.is_over:
                await self._next_turn()
            message = running.served.write(await answer)
            if running.stream.sending:
                self._answer(running.stream, running.call, message)
        except Exception as error:  # noqa: BLE001
            self._fail(running.stream, running.served.name, running.call, error)

    async def _answers_to(self, running: Running, message: bytes) -> None:
        try:
            request = running.served.read(message)
        except InputError as error:
            self._fail(running.stream, running.served.name, running.call, error)
        else:
            await self._answers(running, request)

    async def _answers(self, running: Running, request: Any) -> None:
        """A servicer whose answers are a stream, or that takes a stream and gives one answer."""
        stream, served, call = running.stream, running.served, running.call
        try:
            if served.shape is Shape.CLIENT_STREAM:
                self._answer(stream, call, served.write(await served.serve(request, call)))
                return
            asyncio.get_running_loop().call_soon(self._head_if_late, running)
            async with aclosing(served.serve(request, call)) as answers:
                async for answer in answers:
                    self._send_message(stream, call, served.write(answer))
                    self._flush_soon()
                    while stream.pending or not self.is_writable:
                        await running.writable()
                    if self._turn.is_over:
                        await self._next_turn()
            self._out.trailers(stream, trailers(_OK, call.trailing))
        except Exception as error:  # noqa: BLE001
            self._fail(stream, served.name, call, error)

    def _head_if_late(self, running: Running) -> None:
        """However late the first answer is, the caller knows that the servicer has begun."""
        if (
            running in self._running
            and not running.call.heads_itself
            and running.stream.sending
            and not running.stream.has_head
        ):
            self._send_head(running.stream, running.call)
            self._flush_soon()

    def _sender_of_head(self, running: Running) -> Callable[[], None]:
        def send() -> None:
            if running.stream.sending and not running.stream.has_head:
                self._send_head(running.stream, running.call)
                self._flush_soon()

        return send

    # --- ends

    def _expire(self, running: Running) -> None:
        stream = running.stream
        if stream.sending and stream.trailers is None:
            if stream.pending:
                # the peer does not take what it has: trailers would wait behind it
                self._connection.reset(stream, ErrorCode.CANCEL)
            else:
                self._out.trailers(stream, trailers(_LATE, running.call.trailing))
        self._end(running)
        self._flush_soon()

    def _done(self, running: Running, task: asyncio.Task[Any]) -> None:
        error = _Cancelled() if task.cancelled() else task.exception()
        if error is not None and running in self._running:  # cancelled, and not by us
            self._fail(running.stream, running.served.name, running.call, error)
        self._end(running)
        self._flush_soon()

    def _end(self, running: Running) -> None:
        """Once or more often: nothing of it is kept."""
        if running not in self._running:
            return
        self._running.discard(running)
        running.stream.call = None  # what still comes on it is not kept
        self.held_bytes -= running.body.held
        running.body.drop()
        if running.deadline is not None:
            running.deadline.cancel()
        if running.task is not None:
            running.task.cancel()
        if running.call.on_end is not None:
            running.call.on_end()

    def refuse_slow(self, before: float) -> None:
        """Requests of one message that began before this time and are not whole yet."""
        for stream in list(self._connection.streams.values()):
            if stream.began_at < before and stream.receiving and _takes_one(stream):
                self._refuse(
                    stream, StatusError(code_pb2.DEADLINE_EXCEEDED, "the request did not come to its end in time")
                )
                self.gone(stream)

    def set_writable(self, is_writable: bool) -> None:
        self.is_writable = is_writable
        if is_writable:
            for running in self._running:
                running.wake_writer()

    @property
    def tasks(self) -> list[asyncio.Task[None]]:
        return [running.task for running in self._running if running.task is not None]


class _Cancelled(Exception):
    """A servicer ended itself by a CancelledError, which is for those who await it alone: its caller would wait for ever."""


def served(service: str, method: Method) -> tuple[str, Served]:
    """Its path, and how it is called."""
    takes_one = method.shape in (Shape.UNARY, Shape.SERVER_STREAM)
    return f"/{service}/{method.name}", Served(
        method.name, method.shape, method.serve, _reader(method), method.response or _same, takes_one
    )


def _takes_one(stream: Stream) -> bool:
    call = stream.call
    served = call.served if call.__class__ is Running else call
    return served is not None and bool(served.takes_one)


def _same(value: Any) -> Any:
    return value


def _reader(method: Method) -> Callable[[bytes], Any]:
    convert = method.request
    if convert is None:
        return _same

    def read(message: bytes) -> Any:
        try:
            return convert(message)
        except DecodeError as error:
            raise InputError("request", f"is not a valid message of {method.name} in UTF-8: {error}") from None

    return read
