"""A real web server on a real socket of this host, and a client that says exactly what it is told to."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from error_daemon.calls import Gate, Transport
from error_daemon.errors import ErrorRecoveryError
from error_daemon.exchange import Answer, Request, Route, Whole
from error_daemon.model.access import Caller
from error_daemon.runtime.clock import SteadyClock
from error_daemon.web.problem import problem
from error_daemon.web.server import WebLimits, WebServer
from tests.fakes.open_gate import OpenGate

LIMITS = WebLimits(connections=16, requests=4, held_bytes=1 << 20, request_s=20.0)
MOST_BYTES = 100_000


@dataclass
class Echo:
    """Answers with what it was given, and keeps who asked. `wait`: before it answers. `bug`: it breaks."""

    asked: list[tuple[Request, Caller]] = field(default_factory=list)
    wait: asyncio.Event | None = None
    raises: Exception | None = None

    def routes(self) -> list[Route]:
        return [
            Route(("POST",), "/echo/{name}/", "test/echo", self._begin, self._refuse, MOST_BYTES),
            Route(("POST",), "/{prefix:path}/echo/{name}/", "test/echo", self._begin, self._refuse, MOST_BYTES),
        ]

    def _begin(self, request: Request, caller: Caller) -> Whole:
        self.asked.append((request, caller))
        return Whole(self._then)

    def _refuse(self, request: Request, error: ErrorRecoveryError) -> Answer:
        return problem(error)

    def _then(self, body: bytes) -> Answer | Awaitable[Answer]:
        if self.raises is not None:
            raise self.raises
        return Answer(200, body, "text/plain") if self.wait is None else self._later(self.wait, body)

    async def _later(self, wait: asyncio.Event, body: bytes) -> Answer:
        await wait.wait()
        return Answer(200, body, "text/plain")


@dataclass
class Serving:
    server: WebServer
    address: str
    echo: Echo
    bugs: list[tuple[str, BaseException]]

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self.address.startswith("unix:"):
            return await asyncio.open_unix_connection(self.address[len("unix:") :])
        host, _, port = self.address.rpartition(":")
        return await asyncio.open_connection(host, int(port))

    async def say(self, raw: bytes) -> bytes:
        """All that comes back until the other end closes."""
        reader, writer = await self.connect()
        writer.write(raw)
        said = await reader.read()
        writer.close()
        return said

    async def post(self, path: str, body: bytes, **headers: str) -> tuple[int, dict[str, str], bytes]:
        head = {"Host": "here", "Content-Length": str(len(body)), "Connection": "close"}
        head.update({name.replace("_", "-"): value for name, value in headers.items()})
        lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
        return answer_in(await self.say(f"POST {path} HTTP/1.1\r\n{lines}\r\n".encode() + body))

    async def ask(self, verb: str, path: str, content: object = None, **headers: str) -> Told:
        """As a program asks the API: `content` goes as JSON."""
        body = b"" if content is None else json.dumps(content).encode()
        head = {"Host": "localhost", "Connection": "close", "Content-Length": str(len(body))}
        head.update({"Content-Type": "application/json"} if verb == "POST" else {})
        head.update({name.replace("_", "-"): value for name, value in headers.items()})
        lines = "".join(f"{name}: {value}\r\n" for name, value in head.items() if value)
        return Told(*answer_in(await self.say(f"{verb} {path} HTTP/1.1\r\n{lines}\r\n".encode() + body)))


class Told(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def content(self) -> Any:
        return json.loads(self.body)


def answer_in(raw: bytes) -> tuple[int, dict[str, str], bytes]:
    head, _, body = raw.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    return int(first.split()[1]), dict(line.lower().split(": ", 1) for line in lines), body


@asynccontextmanager
async def serving(
    limits: WebLimits = LIMITS,
    gate: Gate | None = None,
    transport: Transport | None = None,
    socket: Path | None = None,
    routes: Sequence[Route] = (),
) -> AsyncIterator[Serving]:
    bugs: list[tuple[str, BaseException]] = []
    server = WebServer(
        limits,
        lambda action, error: bugs.append((action, error)),
        gate or OpenGate(),
        transport or Transport(),
        SteadyClock(),
    )
    echo = Echo()
    server.add([*routes, *echo.routes()])
    address = await server.start(f"unix:{socket}" if socket else "127.0.0.1:0")
    try:
        yield Serving(server, address, echo, bugs)
    finally:
        await server.stop(0)
