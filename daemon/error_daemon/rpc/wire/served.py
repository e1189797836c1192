"""A method of a service, made ready for the wire: how its path is written, and how its messages are read and written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from error_daemon.calls import Method, Shape
from error_daemon.rpc.message_bytes import reader_of, writer_of
from error_daemon.rpc.wire.wire_call import WireCall


@dataclass(frozen=True, slots=True)
class Served:
    """A method, ready to be called. `takes_one`: its request is one message."""

    name: str
    shape: Shape
    serve: Callable[[Any, WireCall], Any]
    read: Callable[[bytes], Any]
    write: Callable[[Any], bytes]
    takes_one: bool


def served(service: str, method: Method) -> tuple[str, Served]:
    """Its path, and how it is called."""
    takes_one = method.shape in (Shape.UNARY, Shape.SERVER_STREAM)
    return f"/{service}/{method.name}", Served(
        method.name, method.shape, method.serve, reader_of(method), writer_of(method), takes_one
    )
