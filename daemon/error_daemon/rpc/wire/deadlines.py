"""How long a call may take, as its caller says in grpc-timeout (gRPC over HTTP/2, "Timeout")."""

from __future__ import annotations

import math

from google.rpc import code_pb2

from error_daemon.rpc.status import RpcStatus, StatusError
from error_daemon.rpc.wire.request_head import RequestHead

_LONGEST_S = 86_400.0 * 365
LATE = RpcStatus(code_pb2.DEADLINE_EXCEEDED, "Deadline Exceeded", b"")


def deadline_s(head: RequestHead) -> float | None:
    """From now on; None without one. Raises StatusError when it is over already, or none that can be read."""
    timeout_s = head.timeout_s
    if timeout_s is None:
        return None
    if math.isnan(timeout_s):
        raise StatusError(code_pb2.INVALID_ARGUMENT, "grpc-timeout is up to eight digits and one of H M S m u n")
    if timeout_s <= 0:
        raise StatusError(code_pb2.DEADLINE_EXCEEDED, LATE.message)
    return min(timeout_s, _LONGEST_S)
