"""What faults of requests have in common, whatever the framework."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from error_recovery.fault import FaultFields
from error_recovery.sight import protected, tell

REQUEST_ID = "request_id"
STATUS = "http.status"
_ID_HEADERS = ("x-request-id", "x-correlation-id", "traceparent")
_ID_CHARACTERS = 128
FAILED = 500


def request_id(headers: Mapping[str, str]) -> dict[str, object]:
    """The attribute with the request's id, from the first of these headers that is there. `headers`: by names in lower case."""
    for name in _ID_HEADERS:
        found = headers.get(name)
        if found:
            return {REQUEST_ID: found[:_ID_CHARACTERS]}
    return {}


def operation(method: str, route: str) -> str:
    """ "GET /orders/{id}"; a request that no route is for has no name that would not be the caller's own."""
    return f"{method} {route or '(no route)'}"


def answered(way: str, told: Callable[[], FaultFields]) -> None:
    """A request was answered with 500, and nobody has seen why. `told` asks the request. Never raises."""
    with protected():
        fields = told()
        tell(f"{fields['operation']} was answered with {FAILED}", way, **fields)
