"""
What fields of requests may be, where that is less than their type: as schemas, for openapi.py. The checks themselves are those of the
methods (rpc/requests.py); schemathesis (tests/e2e/test_rest_conforms.py) finds where the two differ.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from error_daemon.model import ErrorType, State

Schema = dict[str, Any]


def _up_to(most: float) -> Schema:
    return {"type": "integer" if isinstance(most, int) else "number", "minimum": 0, "maximum": most}


def _one_of(names: Sequence[str]) -> Schema:
    """Or nothing."""
    return {"type": "string", "enum": ["", *names]}


TEXT: Schema = {"type": "string", "maxLength": 256, "pattern": "^[^\\x00-\\x1f\\x7f-\\x9f]*$"}
"""Any text of a request: it is shown on terminals."""
ID: Schema = {"type": "string", "maxLength": 64, "pattern": "^[A-Za-z0-9][A-Za-z0-9_:-]*$"}
"""Part of a path."""
_NOTE: Schema = {**TEXT, "maxLength": 1000}
_TIME = _up_to(1e300)
_SEQUENCE: Schema = {"type": "integer", "minimum": 1, "maximum": (1 << 63) - 1}
_TYPE = _one_of([kind.value for kind in ErrorType])

BY_NAME: Mapping[str, Schema] = {
    "since": _TIME,
    "until": _TIME,
    "note": _NOTE,
    "reason": _NOTE,
    "text": _NOTE,
    "error_type": _TYPE,
    "page_token": {"type": "string", "maxLength": 512, "pattern": "^[A-Za-z0-9_-]*$"},
    "step": {"type": "integer", "minimum": 1, "maximum": (1 << 32) - 1},
}
"""The same in every request."""

LIMITS: Mapping[str, Schema] = {
    "ListErrorsRequest.type": _TYPE,
    "ListErrorsRequest.state": _one_of([state.value for state in State]),
    "ListErrorsRequest.limit": _up_to(1000),
    "ListHistoryRequest.limit": _up_to(10_000),
    "ListApprovalsRequest.limit": _up_to(500),
    "WatchRequest.most_per_s": _up_to(200),
    "PauseRequest.for_s": _up_to(366 * 86400.0),
    "GetNowRequest.limit": _up_to(100),
    "ListScoresRequest.by": _one_of(["type", "level", "target"]),
    "ListScoresRequest.level": _up_to(5),
    "ListScoresRequest.points": _up_to(200),
    "GetHostRequest.last_s": _up_to(900.0),
    "GetHostRequest.points": _up_to(600),
    "ListRunsRequest.state": _one_of(["active", "completed", "aborted", "expired"]),
    "ListRunsRequest.limit": _up_to(200),
    "ListDeliveriesRequest.state": _one_of(["waiting", "sent", "dead"]),
    "ListDeliveriesRequest.limit": _up_to(1000),
    "ListAuditRequest.limit": _up_to(1000),
    "GetAuditEntryRequest.sequence": _SEQUENCE,
    "AuditHead.sequence": _SEQUENCE,
    "AuditHead.hash": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
}
"""By request and field."""

REQUIRED: Mapping[str, Sequence[str]] = {
    "CompleteStepRequest": ["step"],
    "StepBackRequest": ["step"],
    "AuditHead": ["sequence", "hash"],
}
"""Fields without which a request, or a part of one, means nothing."""

_EMPTY: Schema = {"maxLength": 0}
_NAMED: Schema = {"minLength": 1}
TOGETHER: Mapping[str, Schema] = {
    "RedeliverRequest": {
        "anyOf": [{"required": [name], "properties": {name: _NAMED}} for name in ("hook_id", "delivery_id")]
    },
    **{
        f"{name}Request": {
            "oneOf": [
                {"required": [flag], "properties": {"error_id": _EMPTY, flag: {"const": True}}},
                {
                    "required": ["error_id"],
                    "properties": {"error_id": _NAMED, flag: {"const": False}, "strategy_id": _EMPTY},
                },
            ]
        }
        for name, flag in (("Flush", "all"), ("Reset", "learned"))
    },
}
"""What fields of a request may be together: one is named, or all are meant."""
