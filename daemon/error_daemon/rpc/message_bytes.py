"""A method's messages between bytes and what its servicer takes and gives, for every server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from google.protobuf.message import DecodeError

from error_daemon.calls import Method
from error_daemon.errors import InputError


def reader_of(method: Method) -> Callable[[bytes], Any]:
    """What it returns raises InputError for bytes that are no such message."""
    convert = method.request
    if convert is None:
        return _same

    def read(message: bytes) -> Any:
        try:
            return convert(message)
        except DecodeError as error:
            raise InputError("request", f"is not a valid message of {method.name} in UTF-8: {error}") from None

    return read


def writer_of(method: Method) -> Callable[[Any], bytes]:
    return method.response or _same


def _same(value: Any) -> Any:
    return value
