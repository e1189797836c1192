"""The bare echo on grpcio's other server, with threads: bytes in and bytes out, no work at all.

python -m bench.peers.sync_echo     prints its address; ends on SIGTERM
"""

from __future__ import annotations

import signal
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc

from bench.echo_server import ANSWER_BYTES

_THREADS = 16  # as many as calls are in flight


def _unary(request: bytes, _context: Any) -> bytes:
    return request[:ANSWER_BYTES]


def main() -> None:
    ending = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, ending)  # before there are threads, which inherit it
    options = [("grpc.max_receive_message_length", 4 << 20), ("grpc.so_reuseport", 0)]
    server = grpc.server(ThreadPoolExecutor(_THREADS), options=options)
    handlers = {"Unary": grpc.unary_unary_rpc_method_handler(_unary)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("bench.Echo", handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(f"127.0.0.1:{port}", flush=True)
    signal.sigwait(ending)
    server.stop(0).wait()


if __name__ == "__main__":
    main()
