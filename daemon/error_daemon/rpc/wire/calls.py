"""
gRPC calls on one connection: bodies to messages, messages to servicers, answers back.

A unary call whose message came whole and whose servicer answers at once never leaves this turn of the loop: no task, no timer, nothing
kept. That is the fault path. Every other call is a `Running`: a task with a deadline, cancelled when the peer gives it up. What stands in
`stream.call`:

    None      the call was refused, or has ended: what still comes on it is not kept
    Served    a unary call, until its message has come whole
    Running   a unary call whose message comes in pieces or whose servicer takes its time, and every call with a stream
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from google.rpc import code_pb2

from error_daemon.calls import Shape
from error_daemon.errors import ErrorRecoveryError
from error_daemon.model.access import Peer
from error_daemon.rpc.status import StatusError
from error_daemon.rpc.wire.answers import Answers
from error_daemon.rpc.wire.call_tasks import CallTasks
from error_daemon.rpc.wire.common import Common
from error_daemon.rpc.wire.connection import Connection
from error_daemon.rpc.wire.deadlines import deadline_s
from error_daemon.rpc.wire.messages import ENCODINGS, PREFIX_BYTES, UnknownEncoding
from error_daemon.rpc.wire.request_head import RequestHead
from error_daemon.rpc.wire.running import Running
from error_daemon.rpc.wire.running_calls import RunningCalls
from error_daemon.rpc.wire.served import Served
from error_daemon.rpc.wire.stream import Stream
from error_daemon.rpc.wire.task_turns import TaskTurns
from error_daemon.rpc.wire.wire_call import WireCall


class Calls:
    """The receiver of one connection (receiver.py). `flush_soon()`: something is to be sent, outside of `receive`. `join` tells it
    its connection."""

    def __init__(self, common: Common, peer: str, who: Peer, flush_soon: Callable[[], None]) -> None:
        self.peer = peer
        self._who = who
        self._gate = common.gate
        self._methods = common.methods
        self._most_bytes = common.limits.max_message_bytes
        self._common = common
        self._flush_soon = flush_soon

    def join(self, connection: Connection) -> None:
        common = self._common
        self._connection = connection
        self._answers = Answers(connection.out, connection.turn, common.on_bug)
        self._running = RunningCalls(common.limits, connection, self._answers, self._flush_soon)
        turns = TaskTurns(connection.turn, common.now)
        self._tasks = CallTasks(connection, self._running, self._answers, turns, self._flush_soon)

    # --- Receiver

    def request(self, stream: Stream) -> None:
        head = stream.head
        assert head is not None
        served = self._methods.get(head.path)
        if served is None:
            unknown = StatusError(code_pb2.UNIMPLEMENTED, f"no method {head.path[:200]} is served here")
            self._answers.refuse(stream, unknown)
        elif not self._is_admitted(stream, head):
            return
        elif served.shape is Shape.UNARY:
            stream.call = served
        else:
            running = self._made_running(stream, served)
            if running is not None and not served.takes_one:  # its servicer begins with the first headers
                self._running.spawn(running, self._tasks.answers_to_all(running))

    def _is_admitted(self, stream: Stream, head: RequestHead) -> bool:
        """Before anything of its body is taken."""
        gate, who = self._gate, self._who
        try:
            if gate.reads_tokens:
                who = replace(who, token=head.token())
            stream.caller = gate.admit(who, head.path[1:])
        except ErrorRecoveryError as error:
            self._answers.refuse(stream, error)
            return False
        return True

    def data(self, stream: Stream, content: bytes, *, has_ended: bool) -> None:
        call = stream.call
        if call.__class__ is Served:
            if has_ended and len(content) >= PREFIX_BYTES and content[0] == 0:
                length = int.from_bytes(content[1:PREFIX_BYTES], "big")
                if length == len(content) - PREFIX_BYTES and length <= self._most_bytes:
                    self._serve(stream, call, content[PREFIX_BYTES:])
                    return
            call = self._made_running(stream, call)
        if call is not None:
            self._feed(call, content, has_ended)

    def gone(self, stream: Stream) -> None:
        call = stream.call
        if call.__class__ is Running:
            self._running.end(call)

    def drained(self, stream: Stream) -> None:
        call = stream.call
        if call.__class__ is Running:
            call.wake_writer()

    def overlong(self, stream: Stream, says: str) -> None:
        self._answers.refuse(stream, StatusError(code_pb2.RESOURCE_EXHAUSTED, says))

    # --- a whole message for a unary servicer

    def _serve(self, stream: Stream, served: Served, message: bytes) -> None:
        call = WireCall(self.peer, stream)
        head = stream.head
        assert head is not None
        try:
            if head.timeout_s is not None:
                deadline_s(head)
            answer = served.serve(served.read(message), call)
            if type(answer) is not bytes and inspect.isawaitable(answer):
                self._answer_later(stream, served, call, answer)
                return
            self._answers.only(stream, call, served.write(answer))
        except Exception as error:  # noqa: BLE001  mapped to a status, and told to on_bug when it is not ours
            self._answers.fail(stream, served.name, call, error)

    def _answer_later(self, stream: Stream, served: Served, call: WireCall, answer: Any) -> None:
        running = stream.call
        if running.__class__ is Running:
            self._running.give(running, call)
        else:
            running = self._running.begin(stream, served, call)
        task = self._running.spawn(running, self._tasks.late_answer(running, answer))
        if inspect.iscoroutine(answer):  # of a call that is cancelled before its task has begun
            task.add_done_callback(lambda _task: answer.close())

    # --- bodies that come in pieces

    def _made_running(self, stream: Stream, served: Served) -> Running | None:
        """None: it was refused."""
        try:
            running = self._running.begin(stream, served, WireCall(self.peer, stream))
        except StatusError as error:
            self._answers.refuse(stream, error)
            return None
        return running

    def _feed(self, running: Running, content: bytes, has_ended: bool) -> None:
        stream = running.stream
        try:
            self._running.feed(running, content)
            if has_ended:
                running.has_ended = True
            if running.served.takes_one:
                self._serve_when_whole(running)
            else:
                running.wake_reader()
        except StatusError as error:
            if isinstance(error, UnknownEncoding):
                running.call.trailing += (("grpc-accept-encoding", ENCODINGS),)
            self._answers.fail(stream, running.served.name, running.call, error)
            self._running.end(running)
            return
        if not running.body.is_ready:
            self._connection.consumed(stream)

    def _serve_when_whole(self, running: Running) -> None:
        """Raises StatusError."""
        body, stream, served = running.body, running.stream, running.served
        if running.has_ended:
            running.check_end()
        if body.has_more or (running.has_ended and not body.is_ready):
            raise StatusError(code_pb2.UNIMPLEMENTED, f"{served.name} takes one message")
        if not running.has_ended:
            return
        message = self._running.take(running)
        if served.shape is Shape.SERVER_STREAM:
            self._running.spawn(running, self._tasks.answers_to(running, message))
            return
        self._serve(stream, served, message)
        if running.task is None:
            self._running.end(running)

    # --- for who looks after the connection (protocol.py, server.py)

    @property
    def held_bytes(self) -> int:
        """Messages that are not whole or not taken."""
        return self._running.held_bytes

    @property
    def tasks(self) -> list[asyncio.Task[None]]:
        return self._running.tasks

    def set_writable(self, is_writable: bool) -> None:
        """The socket takes more, or does not."""
        self._running.set_writable(is_writable)

    def refuse_slow(self, before: float) -> None:
        """Requests of one message that began before this time and are not whole yet."""
        for stream in list(self._connection.streams.values()):
            if stream.began_at < before and stream.receiving and _takes_one(stream):
                late = StatusError(code_pb2.DEADLINE_EXCEEDED, "the request did not come to its end in time")
                self._answers.refuse(stream, late)
                self.gone(stream)


def _takes_one(stream: Stream) -> bool:
    call = stream.call
    served = call.served if call.__class__ is Running else call
    return served is not None and bool(served.takes_one)
