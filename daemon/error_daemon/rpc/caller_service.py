"""CallerService: who is asking, and what they are to the daemon. The gate has found that out already."""

from __future__ import annotations

from error_daemon.calls import Call, Method, Service, Shape
from error_recovery.v1 import caller_pb2


def caller_service() -> Service:
    request, response = caller_pb2.GetCallerRequest, caller_pb2.GetCallerResponse
    method = Method("GetCaller", Shape.UNARY, _get_caller, request.FromString, response.SerializeToString)
    return Service("error_recovery.v1.CallerService", (method,))


def _get_caller(_request: caller_pb2.GetCallerRequest, call: Call) -> caller_pb2.GetCallerResponse:
    caller = call.caller
    return caller_pb2.GetCallerResponse(name=caller.name, roles=sorted(role.value for role in caller.roles))
