"""A call that takes longer than one turn of the loop, as its connection keeps it: its body, its task, its deadline, what it waits for."""

from __future__ import annotations

import asyncio

from google.rpc import code_pb2

from error_daemon.rpc.status import StatusError
from error_daemon.rpc.wire.messages import Body
from error_daemon.rpc.wire.served import Served
from error_daemon.rpc.wire.stream import Stream
from error_daemon.rpc.wire.wire_call import WireCall


class Running:
    """
    call        what its servicer sees; set by whoever makes it
    has_ended   all of its requests have come
    """

    __slots__ = (
        "_reader",
        "_writer",
        "body",
        "call",
        "deadline",
        "deadline_at",
        "has_ended",
        "served",
        "stream",
        "task",
    )

    call: WireCall

    def __init__(self, stream: Stream, served: Served, body: Body) -> None:
        self.stream = stream
        self.served = served
        self.body = body
        self.has_ended = False
        self.task: asyncio.Task[None] | None = None
        self.deadline: asyncio.TimerHandle | None = None
        self.deadline_at: float | None = None  # of its loop's clock: uvloop gives no timer for what is due at once
        self._reader: asyncio.Future[None] | None = None
        self._writer: asyncio.Future[None] | None = None

    def check_end(self) -> None:
        """All has come that will come. Raises StatusError."""
        if self.body.is_partial:
            raise StatusError(code_pb2.INTERNAL, "the request ends in the middle of a message")

    async def readable(self) -> None:
        """Until more has come."""
        self._reader = asyncio.get_running_loop().create_future()
        await self._reader

    def wake_reader(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    async def writable(self) -> None:
        """Until what waits to be sent has gone."""
        self._writer = asyncio.get_running_loop().create_future()
        await self._writer

    def wake_writer(self) -> None:
        if self._writer is not None and not self._writer.done():
            self._writer.set_result(None)
