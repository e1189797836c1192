"""The bare routes to compare receivers with: the daemon's own web server, which reads a body, takes it apart, and answers. No work at all.

python -m bench.bare_routes     prints its address; ends on SIGTERM
"""

from __future__ import annotations

import asyncio
import json
import signal
from typing import Any

import uvloop
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from bench.open_gate import OpenGate
from error_daemon import garbage
from error_daemon.calls import Transport
from error_daemon.errors import ErrorRecoveryError
from error_daemon.exchange import Answer, Request, Route, Whole
from error_daemon.model.access import Caller
from error_daemon.runtime.clock import SteadyClock
from error_daemon.web.server import WebLimits, WebServer


def _begin(request: Request, _caller: Caller) -> Whole:
    kind = request.headers["content-type"]
    read: Any = (
        ExportLogsServiceRequest.FromString if "protobuf" in kind else _lines if "envelope" in kind else json.loads
    )

    def then(body: bytes) -> Answer:
        read(body)
        return Answer(200, b"{}")

    return Whole(then)


def _lines(body: bytes) -> None:
    for line in body.splitlines():
        json.loads(line)


def _refuse(_request: Request, error: ErrorRecoveryError) -> Answer:
    return Answer(500, str(error).encode())


def _bug(action: str, error: BaseException) -> None:
    raise RuntimeError(action) from error


async def serve() -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    limits = WebLimits(connections=512, requests=64, held_bytes=64 << 20, request_s=30.0)
    server = WebServer(limits, _bug, OpenGate(), Transport(), SteadyClock())
    server.add([Route(("POST",), "/{path:path}", "bench", _begin, _refuse, 4 << 20)])
    print(await server.start("127.0.0.1:0"), flush=True)
    await stop.wait()
    await server.stop(0)


if __name__ == "__main__":
    garbage.tame()
    uvloop.install()
    asyncio.run(serve())
