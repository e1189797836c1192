"""Our exceptions as gRPC statuses with machine-readable details (google.rpc, AIP-193).

InputError         INVALID_ARGUMENT     BadRequest with the field
TransientError     RESOURCE_EXHAUSTED   RetryInfo with the delay
StoreUnavailable   UNAVAILABLE
NotFound           NOT_FOUND
Unidentified       UNAUTHENTICATED      ErrorInfo with the reason and what it is about
Denied             PERMISSION_DENIED    ErrorInfo likewise
Refused            FAILED_PRECONDITION
StatusError        its own              what a server itself refuses: a message that is too large, a method that is not there
anything else      INTERNAL             a bug; the daemon logs it, the caller is told no more than that
"""

from __future__ import annotations

from dataclasses import dataclass

from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc import code_pb2, error_details_pb2, status_pb2

from error_daemon.errors import (
    Denied,
    InputError,
    NotFound,
    PermanentError,
    StoreUnavailable,
    TransientError,
    Unidentified,
)


@dataclass(frozen=True, slots=True)
class RpcStatus:
    """`code`: google.rpc.Code. `details`: a serialised google.rpc.Status for the trailer `grpc-status-details-bin`."""

    code: int
    message: str
    details: bytes


class StatusError(Exception):
    """What ends a call with this status, of google.rpc.Code, and no further details."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


DOMAIN = "error-recovery"  # of ErrorInfo.reason
_MOST_TEXT_BYTES = 1000  # a status travels in headers, of which peers take 8 KiB, and each byte may be escaped as three
_MOST_FIELD_BYTES = 256


def status_of(error: BaseException) -> RpcStatus:
    if isinstance(error, InputError):
        violation = error_details_pb2.BadRequest.FieldViolation(
            field=_cut(error.field, _MOST_FIELD_BYTES), description=_cut(error.problem, _MOST_TEXT_BYTES)
        )
        return _status(
            code_pb2.INVALID_ARGUMENT, str(error), error_details_pb2.BadRequest(field_violations=[violation])
        )
    if isinstance(error, TransientError):
        delay = Duration()
        delay.FromNanoseconds(int(error.retry_after_s * 1e9))
        return _status(code_pb2.RESOURCE_EXHAUSTED, str(error), error_details_pb2.RetryInfo(retry_delay=delay))
    if isinstance(error, StoreUnavailable):
        return _status(code_pb2.UNAVAILABLE, f"the record cannot be read now: {error}")
    if isinstance(error, Denied):
        code = code_pb2.UNAUTHENTICATED if isinstance(error, Unidentified) else code_pb2.PERMISSION_DENIED
        facts = {name: _cut(fact, _MOST_FIELD_BYTES) for name, fact in error.facts.items()}
        info = error_details_pb2.ErrorInfo(reason=error.reason, domain=DOMAIN, metadata=facts)
        return _status(code, str(error), info)
    if isinstance(error, NotFound):
        return _status(code_pb2.NOT_FOUND, str(error))
    if isinstance(error, PermanentError):
        return _status(code_pb2.FAILED_PRECONDITION, str(error))
    if isinstance(error, StatusError):
        return _status(error.code, error.message)
    return _status(code_pb2.INTERNAL, "a bug in the daemon; its log has the details")


def _status(code: int, message: str, detail: Message | None = None) -> RpcStatus:
    message = _cut(message, _MOST_TEXT_BYTES)
    status = status_pb2.Status(code=code, message=message)
    if detail is not None:
        packed = Any()
        packed.Pack(detail)
        status.details.append(packed)
    return RpcStatus(code, message, status.SerializeToString())


def _cut(text: str, most_bytes: int) -> str:
    return text.encode(errors="replace")[:most_bytes].decode(errors="ignore")
