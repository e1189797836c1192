"""
The calls of one connection that take longer than one turn of the loop: what is kept for them, and how they end.

A call begins with a body and, when its caller said so, a deadline; a task follows when there is something for its servicer to do. It ends
once, whatever comes first: its task is done, its deadline is over, its peer gives it up or goes, or what it sends is refused. Then nothing
of it is kept: no bytes, no timer, no task.

The bytes of messages that are not whole or not taken are counted here, over all of them (limits.py, `held_bytes`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from google.rpc import code_pb2

from error_daemon.rpc.status import StatusError
from error_daemon.rpc.wire.answers import Answers
from error_daemon.rpc.wire.connection import Connection
from error_daemon.rpc.wire.deadlines import deadline_s
from error_daemon.rpc.wire.frames import ErrorCode
from error_daemon.rpc.wire.limits import WireLimits
from error_daemon.rpc.wire.messages import Body
from error_daemon.rpc.wire.running import Running
from error_daemon.rpc.wire.served import Served
from error_daemon.rpc.wire.stream import Stream
from error_daemon.rpc.wire.wire_call import WireCall

_TINY_BYTES = 64  # of a message, neither its begin nor its end: no client needs to send so little


class RunningCalls:
    """`flush_soon()`: something is to be sent, outside of `receive`. `is_writable`: the socket takes more."""

    __slots__ = ("_answers", "_calls", "_connection", "_flush_soon", "_limits", "_tasks", "held_bytes", "is_writable")

    def __init__(
        self, limits: WireLimits, connection: Connection, answers: Answers, flush_soon: Callable[[], None]
    ) -> None:
        self._limits = limits
        self._connection = connection
        self._answers = answers
        self._flush_soon = flush_soon
        self._calls: set[Running] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.held_bytes = 0
        self.is_writable = True

    @property
    def tasks(self) -> list[asyncio.Task[None]]:
        """Those that are not done yet, of calls that have ended, too: a servicer may have something to put in order."""
        return list(self._tasks)

    def has(self, running: Running) -> bool:
        """It has not ended."""
        return running in self._calls

    def set_writable(self, is_writable: bool) -> None:
        self.is_writable = is_writable
        if is_writable:
            for running in self._calls:
                running.wake_writer()

    # --- begin

    def begin(self, stream: Stream, served: Served, call: WireCall) -> Running:
        """`call`: what its servicer sees. Raises StatusError."""
        head = stream.head
        assert head is not None
        left_s = deadline_s(head)
        running = Running(stream, served, Body(head.encoding, self._limits.max_message_bytes))
        if left_s is not None:
            loop = asyncio.get_running_loop()
            running.deadline_at = loop.time() + left_s
            running.deadline = loop.call_later(left_s, self._expire, running)
        self.give(running, call)
        stream.call = running
        self._calls.add(running)
        return running

    def give(self, running: Running, call: WireCall) -> None:
        """From now on it is what its servicer sees."""
        running.call = call
        call.on_head = self._sender_of_head(running)
        call.deadline_at = running.deadline_at

    def _sender_of_head(self, running: Running) -> Callable[[], None]:
        def send() -> None:
            if running.stream.sending and not running.stream.has_head:
                self._answers.head(running.stream, running.call)
                self._flush_soon()

        return send

    def spawn(self, running: Running, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = running.task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(lambda task: self._done(running, task))
        return task

    # --- what is held

    def feed(self, running: Running, content: bytes) -> None:
        """More of its body. Raises StatusError."""
        body = running.body
        before, was_partial = body.held, body.is_partial
        try:
            body.feed(content)
        finally:
            self.held_bytes += body.held - before
            self._connection.turn.spend(max(0, body.held - before))
        if was_partial and body.is_partial and len(content) < _TINY_BYTES:
            self._connection.nuisance("messages in tiny pieces")
        if self.held_bytes > self._limits.held_bytes:
            raise StatusError(code_pb2.RESOURCE_EXHAUSTED, "too much is on its way and not taken; send it again later")

    def take(self, running: Running) -> bytes:
        """The next message, when `body.is_ready`. Raises StatusError."""
        before = running.body.held
        message = running.body.take()
        self.held_bytes += running.body.held - before
        return message

    # --- ends

    def _expire(self, running: Running) -> None:
        stream = running.stream
        if stream.sending and stream.trailers is None:
            if stream.pending:
                # the peer does not take what it has: trailers would wait behind it
                self._connection.reset(stream, ErrorCode.CANCEL)
            else:
                self._answers.late(stream, running.call)
        self.end(running)
        self._flush_soon()

    def _done(self, running: Running, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = _Cancelled() if task.cancelled() else task.exception()
        if error is not None and running in self._calls:  # cancelled, and not by us
            self._answers.fail(running.stream, running.served.name, running.call, error)
        self.end(running)
        self._flush_soon()

    def end(self, running: Running) -> None:
        """Once or more often: nothing of it is kept."""
        if running not in self._calls:
            return
        self._calls.discard(running)
        running.stream.call = None  # what still comes on it is not kept
        self.held_bytes -= running.body.held
        running.body.drop()
        if running.deadline is not None:
            running.deadline.cancel()
        if running.task is not None:
            running.task.cancel()
        if running.call.on_end is not None:
            running.call.on_end()


class _Cancelled(Exception):
    """A servicer ended itself by a CancelledError, which is for those who await it alone: its caller would wait for ever."""
