"""
What the tasks of running calls do: requests to the servicer as it takes them, its answers to the peer as that takes them.

Both are paced. A request is taken when the servicer asks for it, and only then may the peer send more in its place; the next answer is
asked for when the one before has left for the socket. Between messages a task lets the others go on when the connection's turn is over.

A servicer that took its cancellation for something else may go on after its call has ended. What it says then is not sent: one frame more
on a stream that is over would end the peer's whole connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from typing import Any

from error_daemon.calls import Shape
from error_daemon.errors import InputError
from error_daemon.rpc.wire.answers import Answers
from error_daemon.rpc.wire.connection import Connection
from error_daemon.rpc.wire.running import Running
from error_daemon.rpc.wire.running_calls import RunningCalls
from error_daemon.rpc.wire.task_turns import TaskTurns


class CallTasks:
    """Of one connection. `flush_soon()`: something is to be sent."""

    __slots__ = ("_answers", "_connection", "_flush_soon", "_running", "_turn", "_turns")

    def __init__(
        self,
        connection: Connection,
        running: RunningCalls,
        answers: Answers,
        turns: TaskTurns,
        flush_soon: Callable[[], None],
    ) -> None:
        self._connection = connection
        self._running = running
        self._answers = answers
        self._turn = connection.turn
        self._turns = turns
        self._flush_soon = flush_soon

    async def late_answer(self, running: Running, answer: Any) -> None:
        """Of a unary call whose servicer did not answer at once: `answer` is awaited."""
        try:
            if self._turn.is_over:
                await self._turns.next()
            message = running.served.write(await answer)
            if self._running.has(running):
                self._answers.only(running.stream, running.call, message)
        except Exception as error:  # noqa: BLE001  mapped to a status, and told to on_bug when it is not ours
            self._answers.fail(running.stream, running.served.name, running.call, error)

    async def answers_to(self, running: Running, message: bytes) -> None:
        """Of a servicer that takes one message, and whose answers are a stream."""
        try:
            request = running.served.read(message)
        except InputError as error:
            self._answers.fail(running.stream, running.served.name, running.call, error)
        else:
            await self._serve(running, request)

    async def answers_to_all(self, running: Running) -> None:
        """Of a servicer that takes a stream."""
        await self._serve(running, self._requests(running))

    async def _serve(self, running: Running, request: Any) -> None:
        stream, served, call = running.stream, running.served, running.call
        try:
            if served.shape is Shape.CLIENT_STREAM:
                message = served.write(await served.serve(request, call))
                if self._running.has(running):
                    self._answers.only(stream, call, message)
                return
            asyncio.get_running_loop().call_soon(self._head_if_late, running)
            async with aclosing(served.serve(request, call)) as answers:
                async for answer in answers:
                    if not self._running.has(running):
                        return
                    self._answers.message(stream, call, served.write(answer))
                    self._flush_soon()
                    while stream.pending or not self._running.is_writable:
                        await running.writable()
                    if self._turn.is_over:
                        await self._turns.next()
            if self._running.has(running):
                self._answers.end(stream, call)
        except Exception as error:  # noqa: BLE001
            self._answers.fail(stream, served.name, call, error)

    def _head_if_late(self, running: Running) -> None:
        """However late the first answer is, the caller knows that the servicer has begun."""
        stream, call = running.stream, running.call
        if self._running.has(running) and not call.heads_itself and stream.sending and not stream.has_head:
            self._answers.head(stream, call)
            self._flush_soon()

    async def _requests(self, running: Running) -> AsyncIterator[Any]:
        """The messages of a request stream, as they come."""
        body, read = running.body, running.served.read
        while True:
            while body.is_ready:
                if self._turn.is_over:
                    await self._turns.next()
                message = self._took(running)
                self._turn.spend(len(message))
                yield read(message)
            if running.has_ended:
                running.check_end()
                return
            await running.readable()

    def _took(self, running: Running) -> bytes:
        """The servicer takes one: the peer may send more."""
        message = self._running.take(running)
        if not running.body.is_ready:
            self._connection.consumed(running.stream)
            self._flush_soon()
        return message
