"""A client of Server-Sent Events, and the API that it listens to."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from error_daemon.rpc.recovery_service import RecoveryService
from error_daemon.web.api.api import routes
from tests.fakes.told_control import ToldControl
from tests.rpc.recovery_world import DECISION, RECORD, VIEW
from tests.rpc.serving import soon, until
from tests.web.serving_web import Serving, serving

MOST_STREAMS = 3


class Heard(NamedTuple):
    kind: str
    id: str
    content: Any


class Listener:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self._writer = reader, writer
        self.head = ""

    async def next(self) -> Heard:
        """The next event; comments, and when to come back, are passed over."""
        while True:
            said: dict[str, str] = {}
            while (line := (await soon(self.reader.readline())).decode().rstrip("\r\n")) or not said:
                if ":" in line and not line.startswith(":"):
                    name, _, value = line.partition(": ")
                    said[name] = value
                assert not self.reader.at_eof(), "the stream has ended"
            if "data" in said:
                return Heard(said["event"], said.get("id", ""), json.loads(said["data"]))

    def hang_up(self) -> None:
        self._writer.transport.abort()


@dataclass
class Telling:
    """The API over a control that tells what it is told."""

    http: Serving
    control: ToldControl
    listeners: list[Listener] = field(default_factory=list)

    async def listen(self, path: str = "/api/events", last_id: str = "") -> Listener:
        """Once it is answered."""
        reader, writer = await self.http.connect()
        more = f"Last-Event-ID: {last_id}\r\n" if last_id else ""
        writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{more}\r\n".encode())
        listener = Listener(reader, writer)
        self.listeners.append(listener)
        listener.head = (await soon(reader.readuntil(b"\r\n\r\n"))).decode()
        return listener


@asynccontextmanager
async def telling() -> AsyncIterator[Telling]:
    control = ToldControl(VIEW, DECISION, RECORD, None)
    async with serving(routes=routes([RecoveryService(control).service()], MOST_STREAMS)) as http:
        made = Telling(http, control)
        yield made
        for listener in made.listeners:
            listener.hang_up()
        await until(lambda: control.watchers == 0)
