"""The bare gRPC echo to compare with: grpc.aio on uvloop, bytes in and bytes out, no work at all.

It has the options of the daemon's server. It answers with the first ANSWER_BYTES of what it got, because a fault's receipt is not
longer than that: to send back everything would make the comparison look better than it is.

    python -m bench.echo_server     prints its address; ends on SIGTERM
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from typing import Any

import grpc
import uvloop

UNARY = "/bench.Echo/Unary"
STREAM = "/bench.Echo/Stream"
ANSWER_BYTES = 24


async def _unary(request: bytes, _context: Any) -> bytes:
    return request[:ANSWER_BYTES]


async def _stream(requests: AsyncIterator[bytes], _context: Any) -> AsyncIterator[bytes]:
    async for request in requests:
        yield request[:ANSWER_BYTES]


async def serve() -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    server = grpc.aio.server(options=[("grpc.max_receive_message_length", 4 << 20), ("grpc.so_reuseport", 0)])
    handlers = {
        "Unary": grpc.unary_unary_rpc_method_handler(_unary),
        "Stream": grpc.stream_stream_rpc_method_handler(_stream),
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("bench.Echo", handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(f"127.0.0.1:{port}", flush=True)
    await stop.wait()
    await server.stop(0)


if __name__ == "__main__":
    uvloop.install()
    asyncio.run(serve())
