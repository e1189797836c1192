"""
OTLP over gRPC and over HTTP: POST /v1/logs, /v1/traces, /v1/metrics, in protobuf or in JSON, answered in what was asked in.

    over HTTP                  over gRPC            what it means to an exporter
    -------------------------  -------------------  ---------------------------------------------------------------------------
    200                        OK                   all of it is in the ring or counted; `partial_success` says what was rejected
    503, Retry-After           RESOURCE_EXHAUSTED   the same again, after the time in Retry-After or RetryInfo
    400 401 403 413 415 500    as rpc/status.py     never again

Why 503 and never 429, which the protocol has for it, too: older exporters of Python try again after 5xx alone. Why after two seconds at
least: exporters come again five times (JavaScript) or six (Python), and give up after ten seconds. Coming each second wastes half of that.

https://opentelemetry.io/docs/specs/otlp/
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus

from google.protobuf import json_format
from google.protobuf.duration_pb2 import Duration
from google.rpc import code_pb2, error_details_pb2, status_pb2

from error_daemon.calls import Call, Gate, Method, Service, Shape
from error_daemon.errors import ErrorRecoveryError, TransientError, Unreadable
from error_daemon.exchange import Answer, Request, Route, Whole, retry_after, status_of
from error_daemon.ingest.acceptance import Acceptance
from error_daemon.ingest.otlp.exporting import Export, Exporting
from error_daemon.ingest.otlp.metrics import Tell
from error_daemon.ingest.otlp.signals import Response, Signal, signals
from error_daemon.model.access import Caller
from error_daemon.ports import Clock

ACTION = "http/otlp"
_PROTOBUF, _JSON = "application/x-protobuf", "application/json"
_MOST_TEXT = 500
_LEAST_RETRY_S = 2.0


class OtlpReceiver:
    """`tell`: what hears of the figures of metrics. `most_bytes`: of an export over HTTP, as it comes and unpacked."""

    def __init__(self, desks: Mapping[str, Acceptance], gate: Gate, clock: Clock, tell: Tell, most_bytes: int) -> None:
        self._parts = [
            _Part(signal, Exporting(desks[signal.name], gate, clock), most_bytes) for signal in signals(tell)
        ]

    def pass_over(self, instance: str) -> None:
        """What this daemon exports itself, as the resource `instance`, is no fault: a collector that sends everything here would make it
        report its own recoveries for ever."""
        for part in self._parts:
            part.exporting.own_instance = instance

    def routes(self) -> Sequence[Route]:
        return [part.route() for part in self._parts]

    def services(self) -> Sequence[Service]:
        return [part.service() for part in self._parts]


class _Part:
    """One signal."""

    def __init__(self, signal: Signal, exporting: Exporting, most_bytes: int) -> None:
        self._signal = signal
        self.exporting = exporting
        self._most_bytes = most_bytes

    def service(self) -> Service:
        return Service(self._signal.service, (Method("Export", Shape.UNARY, self._export, None, _written),))

    def route(self) -> Route:
        return Route(("POST",), f"/v1/{self._signal.name}", ACTION, self._begin, refused, self._most_bytes)

    async def _export(self, raw: bytes, call: Call) -> Response:
        return await self._take(self._signal.of_protobuf(raw), call.caller)

    def _begin(self, request: Request, caller: Caller) -> Whole:
        kind = _kind_of(request)
        if kind not in (_PROTOBUF, _JSON):
            raise Unreadable(f"Content-Type {kind[:80]!r} is not understood: {_PROTOBUF} and {_JSON} are")
        return Whole(lambda body: self._answer(body, kind, caller))

    async def _answer(self, body: bytes, kind: str, caller: Caller) -> Answer:
        signal = self._signal
        export = signal.of_json(body) if kind == _JSON else signal.of_protobuf(body)
        response = await self._take(export, caller)
        if kind == _PROTOBUF:
            return Answer(200, response.SerializeToString(), _PROTOBUF)
        return Answer(200, json_format.MessageToJson(response, indent=None).encode(), _JSON)

    async def _take(self, export: Export, caller: Caller) -> Response:
        return self._signal.answer(await self.exporting.take(export, caller))


def _written(response: Response) -> bytes:
    written: bytes = response.SerializeToString()
    return written


_CODES = {
    HTTPStatus.SERVICE_UNAVAILABLE: code_pb2.UNAVAILABLE,
    HTTPStatus.UNAUTHORIZED: code_pb2.UNAUTHENTICATED,
    HTTPStatus.FORBIDDEN: code_pb2.PERMISSION_DENIED,
    HTTPStatus.INTERNAL_SERVER_ERROR: code_pb2.INTERNAL,
}
"""Of an answer's status in HTTP; of any other it is INVALID_ARGUMENT."""


def refused(request: Request, error: ErrorRecoveryError) -> Answer:
    """A google.rpc.Status, in what was asked in."""
    if isinstance(error, TransientError):
        error = TransientError(str(error), max(_LEAST_RETRY_S, error.retry_after_s))
    status = HTTPStatus.SERVICE_UNAVAILABLE if isinstance(error, TransientError) else status_of(error)
    code = _CODES.get(status, code_pb2.INVALID_ARGUMENT)
    said = status_pb2.Status(code=code, message=str(error)[:_MOST_TEXT].encode(errors="replace").decode())
    if isinstance(error, TransientError):
        delay = Duration()
        delay.FromNanoseconds(int(error.retry_after_s * 1e9))
        said.details.add().Pack(error_details_pb2.RetryInfo(retry_delay=delay))
    if _kind_of(request) == _PROTOBUF:
        return Answer(status, said.SerializeToString(), _PROTOBUF, retry_after(error))
    return Answer(status, json_format.MessageToJson(said, indent=None).encode(), _JSON, retry_after(error))


def _kind_of(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()
