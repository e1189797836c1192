"""The bare echo on the daemon's own wire: what of the daemon's cost is the wire's.

python -m bench.peers.wire_echo     prints its address; ends on SIGTERM
"""

from __future__ import annotations

import asyncio
import signal
import time
import traceback

import uvloop

from bench.echo_server import ANSWER_BYTES
from bench.open_gate import OpenGate
from error_daemon.calls import Call, Method, Service, Shape
from error_daemon.rpc.wire.limits import WireLimits
from error_daemon.rpc.wire.server import WireServer


def _unary(request: bytes, _call: Call) -> bytes:
    return request[:ANSWER_BYTES]


async def serve() -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    server = WireServer(
        WireLimits(4 << 20),
        lambda _method, error: traceback.print_exception(error),
        lambda _peer, violation: print(violation),
        OpenGate(),
        now=time.monotonic,
    )
    server.add(Service("bench.Echo", (Method("Unary", Shape.UNARY, _unary, None, None),)))
    print(await server.start("127.0.0.1:0"), flush=True)
    await stop.wait()
    await server.stop(0)


if __name__ == "__main__":
    uvloop.install()
    asyncio.run(serve())
