"""
The fields of a request, checked (RFC 9113, section 8) and read (gRPC over HTTP/2).

Malformed by HTTP's own rules: `Malformed`, the stream is reset. Well-formed but no gRPC call: `NotGrpc` with the HTTP status that says so.
What is wrong with a gRPC call alone (a timeout that is none) is told as a gRPC status (deadlines.py).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NoReturn

Fields = tuple[tuple[bytes, bytes], ...]  # in the order in which they came
_REQUIRED = frozenset((b":method", b":scheme", b":path"))
_PSEUDO = _REQUIRED | {b":authority"}
OF_A_CONNECTION = frozenset((b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade"))
_NAME = re.compile(rb"[!#$%&'*+\-.^_`|~0-9a-z]+")  # RFC 9110 token, without upper case
_VALUE = re.compile(rb"(?:[^\x00\r\n\t ](?:[^\x00\r\n]*[^\x00\r\n\t ])?)?")
_UNITS_S = {b"H": 3600.0, b"M": 60.0, b"S": 1.0, b"m": 1e-3, b"u": 1e-6, b"n": 1e-9}
_TIMEOUT = re.compile(rb"([0-9]{1,8})([HMSmun])")
_HEAD_COST_BYTES = 512
_FIELD_COST_BYTES = 128  # two strings, a pair, its place
_BEARER = b"bearer "
_GRPC_TYPES = (b"application/grpc", b"application/grpc+proto")


class Malformed(Exception):
    """Not a request by HTTP's rules."""


class NotGrpc(Exception):
    """A request, and no gRPC call: `status` is the HTTP status that says so, `says` its content; HEAD has none."""

    def __init__(self, status: int, says: str) -> None:
        super().__init__(says)
        self.status = status
        self.says = says


@dataclass(frozen=True, slots=True)
class RequestHead:
    """`timeout_s`: None without a deadline, NaN when what was sent is none. `length`: of content-length, or None. `held_bytes`: memory."""

    path: str
    fields: Fields
    timeout_s: float | None
    encoding: bytes
    length: int | None
    held_bytes: int

    def token(self) -> str:
        """What was sent as a bearer token (RFC 6750); empty where nothing was."""
        for name, value in self.fields:
            if name == b"authorization" and value[: len(_BEARER)].lower() == _BEARER:
                return value[len(_BEARER) :].strip().decode("latin-1")
        return ""

    def metadata(self) -> list[tuple[str, bytes]]:
        """What the caller added, in order; names of binary values end with -bin and their values are still base64."""
        return [(name.decode("ascii"), value) for name, value in self.fields if name[:1] != b":"]


def read_head(fields: Fields) -> RequestHead:
    """Raises Malformed or NotGrpc."""
    pseudo, regular = _checked(fields)
    method = pseudo.get(b":method")
    if method == b"CONNECT":
        _refuse_tunnel(pseudo)
    if not pseudo.keys() >= _REQUIRED:
        raise Malformed("a pseudo-header field is missing")
    path = pseudo[b":path"]
    if path[:1] != b"/" and (method, path) != (b"OPTIONS", b"*"):
        raise Malformed(":path does not begin with /")
    length = _length(regular.get(b"content-length"))
    if not _is_grpc(regular.get(b"content-type", b"")):
        raise NotGrpc(415, _says(method, "this port speaks gRPC: content-type must be application/grpc"))
    if method != b"POST":
        raise NotGrpc(405, _says(method, "a gRPC call is a POST"))
    timeout = regular.get(b"grpc-timeout")
    return RequestHead(
        path.decode("latin-1"),
        fields,
        None if timeout is None else _timeout_s(timeout),
        regular.get(b"grpc-encoding", b"identity"),
        length,
        _HEAD_COST_BYTES + sum(len(name) + len(value) + _FIELD_COST_BYTES for name, value in fields),
    )


def _refuse_tunnel(pseudo: dict[bytes, bytes]) -> NoReturn:
    if pseudo.keys() != {b":method", b":authority"}:
        raise Malformed("CONNECT has an authority, and neither scheme nor path")
    raise NotGrpc(405, "this server makes no tunnels")


def _says(method: bytes | None, what: str) -> str:
    return "" if method == b"HEAD" else what


def check_trailers(fields: Fields) -> None:
    """Raises Malformed."""
    if _checked(fields)[0]:
        raise Malformed("a pseudo-header field in trailers")


def _checked(fields: Fields) -> tuple[dict[bytes, bytes], dict[bytes, bytes]]:
    pseudo: dict[bytes, bytes] = {}
    regular: dict[bytes, bytes] = {}
    for name, value in fields:
        if _VALUE.fullmatch(value) is None:
            raise Malformed("a field value with a line break, NUL, or space around it")
        if name[:1] == b":":
            if name not in _PSEUDO or name in pseudo or regular:
                raise Malformed("a pseudo-header field that is unknown, there twice, or late")
            pseudo[name] = value
        elif _NAME.fullmatch(name) is None:
            raise Malformed("a field name that is none, or has upper case")
        elif name in OF_A_CONNECTION or (name == b"te" and value != b"trailers"):
            raise Malformed("a field that belongs to a connection of HTTP/1")
        elif name == b"content-length" and name in regular:
            raise Malformed("content-length is there twice")
        else:
            regular[name] = value
    return pseudo, regular


def _length(text: bytes | None) -> int | None:
    if text is None:
        return None
    if not text.isdigit() or len(text) > 18:
        raise Malformed("content-length is no number")
    return int(text)


def _is_grpc(kind: bytes) -> bool:
    return kind.partition(b";")[0].strip() in _GRPC_TYPES


def _timeout_s(text: bytes) -> float:
    match = _TIMEOUT.fullmatch(text)
    return float("nan") if match is None else int(match[1]) * _UNITS_S[match[2]]
