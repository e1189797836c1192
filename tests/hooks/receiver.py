"""A real HTTP server that a hook calls: it answers as it is told, and keeps what it got."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = tuple[int, Mapping[str, str], bytes]
OK: Answer = (200, {}, b"")


@dataclass(frozen=True)
class Got:
    path: str
    headers: dict[str, str]
    content: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.content)

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]


class Receiver:
    """`answer(got)`: what it says. It may wait, for its thread is its own."""

    def __init__(self, answer: Callable[[Got], Answer] = lambda got: OK, port: int = 0) -> None:
        self.answer = answer
        self.got: list[Got] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                wanted = int(self.headers["content-length"])
                content = self.rfile.read(wanted)
                if len(content) < wanted:  # of a daemon that was killed meanwhile
                    return
                got = Got(self.path, {name.lower(): value for name, value in self.headers.items()}, content)
                receiver.got.append(got)
                status, headers, body = receiver.answer(got)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(body)))
                with suppress(ConnectionError):  # a daemon that was killed meanwhile
                    self.end_headers()
                    self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  its name there
                """Not into the output of the tests."""

        ThreadingHTTPServer.allow_reuse_address = True
        self.server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/hook"

    def types(self) -> list[str]:
        return [one.body["type"] for one in self.got]


@contextmanager
def receiving(answer: Callable[[Got], Answer] = lambda got: OK, port: int = 0) -> Iterator[Receiver]:
    receiver = Receiver(answer, port)
    thread = threading.Thread(target=receiver.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.server.shutdown()
        receiver.server.server_close()
        thread.join()


@contextmanager
def unheard_port() -> Iterator[int]:
    """A port of this host at which nobody listens, and that nobody else is given meanwhile."""
    import socket

    with socket.socket() as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]
