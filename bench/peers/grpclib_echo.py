"""The bare echo on grpclib, gRPC in pure Python over h2, on uvloop: bytes in and bytes out, no work at all.

python -m bench.peers.grpclib_echo     prints its address; ends on SIGTERM
"""

from __future__ import annotations

import asyncio
import signal
from typing import Any

import grpclib.const
import grpclib.server
import uvloop

from bench.echo_server import ANSWER_BYTES, UNARY


class _Bytes:
    """A codec that leaves messages alone."""

    __content_subtype__ = "proto"

    def encode(self, message: bytes, _kind: Any) -> bytes:
        return message

    def decode(self, data: bytes, _kind: Any) -> bytes:
        return data


class _Echo:
    def __mapping__(self) -> dict[str, Any]:
        return {UNARY: grpclib.const.Handler(self._unary, grpclib.const.Cardinality.UNARY_UNARY, None, None)}

    async def _unary(self, stream: Any) -> None:
        request: bytes = await stream.recv_message()
        await stream.send_message(request[:ANSWER_BYTES])


async def serve() -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    server: Any = grpclib.server.Server([_Echo()], codec=_Bytes())
    await server.start("127.0.0.1", 0)
    host, port = server._server.sockets[0].getsockname()[:2]
    print(f"{host}:{port}", flush=True)
    await stop.wait()
    server.close()
    await server.wait_closed()


if __name__ == "__main__":
    uvloop.install()
    asyncio.run(serve())
