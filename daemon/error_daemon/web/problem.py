"""Errors as RFC 9457 has them: application/problem+json."""

from __future__ import annotations

import json
from http import HTTPStatus
from math import ceil

from error_daemon.errors import Denied, ErrorRecoveryError, InputError, NotFound, Refused, TransientError, Unidentified
from error_daemon.exchange import Answer, TooLarge, Unreadable

_STATUSES: tuple[tuple[type[ErrorRecoveryError], HTTPStatus], ...] = (
    (TooLarge, HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
    (Unreadable, HTTPStatus.UNSUPPORTED_MEDIA_TYPE),
    (InputError, HTTPStatus.BAD_REQUEST),
    (Unidentified, HTTPStatus.UNAUTHORIZED),
    (Denied, HTTPStatus.FORBIDDEN),
    (NotFound, HTTPStatus.NOT_FOUND),
    (Refused, HTTPStatus.CONFLICT),
    (TransientError, HTTPStatus.TOO_MANY_REQUESTS),
)
"""The first that fits, so the narrower before the wider."""


def status_of(error: ErrorRecoveryError) -> HTTPStatus:
    return next((status for kind, status in _STATUSES if isinstance(error, kind)), HTTPStatus.INTERNAL_SERVER_ERROR)


def retry_after(error: ErrorRecoveryError) -> dict[str, str]:
    """The header, where it is a matter of time."""
    return {"retry-after": str(max(1, ceil(error.retry_after_s)))} if isinstance(error, TransientError) else {}


def problem(error: ErrorRecoveryError) -> Answer:
    """What went wrong, in words and in a status."""
    return said(status_of(error), str(error), retry_after(error))


def said(status: HTTPStatus, detail: str, headers: dict[str, str] | None = None) -> Answer:
    body = json.dumps({"title": status.phrase, "status": int(status), "detail": detail})
    return Answer(status, body.encode(), "application/problem+json", headers or {})
