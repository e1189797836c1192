"""How a call ends, in its trailers (gRPC over HTTP/2, "Responses")."""

from __future__ import annotations

import base64
from collections.abc import Sequence

from error_daemon.rpc.status import RpcStatus
from error_daemon.rpc.wire.header_blocks import trailers_of

Metadata = Sequence[tuple[str, str | bytes]]
_DETAILS = "grpc-status-details-bin"
_PRINTABLE = frozenset(range(0x20, 0x7F)) - {0x25}  # without %


def trailers(status: RpcStatus, metadata: Metadata = ()) -> bytes:
    """The encoded block."""
    fields = [(b"grpc-status", b"%d" % status.code)]
    if status.message:
        fields.append((b"grpc-message", percent_encoded(status.message)))
    if status.details and all(name != _DETAILS for name, _ in metadata):  # a servicer's own count
        fields.append((_DETAILS.encode(), _base64(status.details)))
    return trailers_of(fields) + metadata_block(metadata)


def metadata_block(metadata: Metadata) -> bytes:
    """What a servicer adds to headers or trailers; values whose names end with -bin are bytes."""
    return trailers_of((name.encode("ascii"), _value(name, value)) for name, value in metadata)


def _value(name: str, value: str | bytes) -> bytes:
    content = value.encode() if isinstance(value, str) else value
    return _base64(content) if name.endswith("-bin") else content


def _base64(content: bytes) -> bytes:
    return base64.b64encode(content).rstrip(b"=")


def unbase64(content: bytes) -> bytes:
    """With or without padding. Raises ValueError."""
    return base64.b64decode(content + b"=" * (-len(content) % 4), validate=True)


def percent_encoded(text: str) -> bytes:
    return b"".join(b"%c" % byte if byte in _PRINTABLE else b"%%%02X" % byte for byte in text.encode(errors="replace"))
