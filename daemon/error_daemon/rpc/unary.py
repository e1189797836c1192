"""A unary method of a service, from its name in the proto."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from google.protobuf.message import Message

from error_daemon.calls import Call, Method, Shape


def unary(name: str, serve: Callable[[Any, Call], Any], request: type[Message]) -> Method:
    return Method(name, Shape.UNARY, serve, request.FromString, serialise)


def serialise(message: Message) -> bytes:
    return message.SerializeToString()
