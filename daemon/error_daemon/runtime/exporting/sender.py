"""
Where exports go: OTLP over HTTP with protobuf, or over gRPC. One export at a time, each over a connection of its own or one that is kept.

What cannot be sent now, and may be later, raises TransientError: nobody there, no answer in time, and the statuses that the protocol names
(HTTP 429, 502, 503, 504; gRPC CANCELLED, DEADLINE_EXCEEDED, ABORTED, OUT_OF_RANGE, UNAVAILABLE, DATA_LOSS, RESOURCE_EXHAUSTED). Everything
else raises PermanentError: the same again would be refused again.
https://opentelemetry.io/docs/specs/otlp/#failures
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import Any, Protocol
from urllib.parse import urlsplit

import grpc

from error_daemon.access.secret_file import read_file, read_secret
from error_daemon.errors import ConfigError, InputError, PermanentError, Problem, TransientError
from error_daemon.execute.exchange import Request, exchange
from error_daemon.execute.reach import Deadline, Unreached
from error_daemon.settings import TelemetrySettings

_TIMEOUT_S = 10.0
_AGAIN_S = 1.0
_AGAIN_STATUSES = frozenset((429, 502, 503, 504))
_AGAIN_CODES = frozenset(
    (
        grpc.StatusCode.CANCELLED,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.ABORTED,
        grpc.StatusCode.OUT_OF_RANGE,
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DATA_LOSS,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
    )
)
_SERVICES = {
    "traces": "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
    "metrics": "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
}


class Sender(Protocol):
    async def send(self, signal: str, export: bytes) -> None:
        """`signal`: "traces" or "metrics". Raises TransientError, PermanentError."""

    async def close(self) -> None: ...


def sender_of(settings: TelemetrySettings) -> Sender:
    """Raises ConfigError with what is wrong in the files that it names."""
    headers = _headers(settings.headers_file) if settings.headers_file else {}
    ca = read_file(settings.ca, "authorities of the collector") if settings.ca else b""
    try:
        _trust(ca)
    except (ssl.SSLError, ValueError) as error:
        raise ConfigError([Problem(settings.ca, 0, 0, f"has no certificates in PEM: {error}")]) from error
    if settings.protocol == "grpc":
        return _Grpc(settings.endpoint, headers, ca)
    return _Http(settings.endpoint, headers, ca)


def _trust(ca: bytes) -> ssl.SSLContext:
    """Of whom; of the host's authorities where there are none."""
    return ssl.create_default_context(cadata=ca.decode("ascii") if ca else None)


def _headers(file: str) -> dict[str, str]:
    headers = {}
    for number, line in enumerate(read_secret(file, "headers of exports").decode(errors="replace").splitlines(), 1):
        name, colon, value = line.partition(":")
        if not line.strip() or line.startswith("#"):
            continue
        if not colon or not name.strip() or not value.strip():
            raise ConfigError([Problem(file, number, 1, "is no header", "write a name, a colon and a value")])
        headers[name.strip().lower()] = value.strip()
    return headers


class _Http:
    def __init__(self, endpoint: str, headers: Mapping[str, str], ca: bytes) -> None:
        self._endpoint = endpoint.rstrip("/")
        self._headers = {"content-type": "application/x-protobuf", **headers}
        self._trust = _trust(ca) if self._endpoint.startswith("https:") else None

    async def send(self, signal: str, export: bytes) -> None:
        request = Request(f"{self._endpoint}/v1/{signal}", "POST", self._headers, export)
        try:
            answer = await exchange(request, Deadline(_TIMEOUT_S), self._trust)
        except InputError as error:
            raise PermanentError(str(error)) from error
        if isinstance(answer, Unreached):
            raise TransientError(answer.detail, _AGAIN_S)
        if answer.status in _AGAIN_STATUSES:
            raise TransientError(f"{self._endpoint} answers with {answer.status}", _AGAIN_S)
        if not 200 <= answer.status < 300:
            raise PermanentError(f"{self._endpoint} answers with {answer.status}")

    async def close(self) -> None: ...


class _Grpc:
    def __init__(self, endpoint: str, headers: Mapping[str, str], ca: bytes) -> None:
        url = urlsplit(endpoint)
        self._address = url.netloc
        self._headers = tuple(headers.items())
        self._credentials = grpc.ssl_channel_credentials(ca or None) if url.scheme == "https" else None
        self._channel: Any = None

    async def send(self, signal: str, export: bytes) -> None:
        if self._channel is None:  # on the loop, and not before
            self._channel = self._opened()
        call = self._channel.unary_unary(_SERVICES[signal])
        try:
            await call(export, timeout=_TIMEOUT_S, metadata=self._headers)
        except grpc.aio.AioRpcError as error:
            says = f"{self._address} answers with {error.code().name}: {error.details() or ''}"[:200]
            if error.code() in _AGAIN_CODES:
                raise TransientError(says, _AGAIN_S) from None
            raise PermanentError(says) from None

    def _opened(self) -> Any:
        if self._credentials is None:
            return grpc.aio.insecure_channel(self._address)
        return grpc.aio.secure_channel(self._address, self._credentials)

    async def close(self) -> None:
        if self._channel is not None:
            await self._channel.close()
