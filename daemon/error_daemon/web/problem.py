"""Errors as RFC 9457 has them: application/problem+json."""

from __future__ import annotations

import json
from http import HTTPStatus

from error_daemon.errors import ErrorRecoveryError
from error_daemon.exchange import Answer, retry_after, status_of


def problem(error: ErrorRecoveryError) -> Answer:
    """What went wrong, in words and in a status."""
    return said(status_of(error), str(error), retry_after(error))


def said(status: HTTPStatus, detail: str, headers: dict[str, str] | None = None) -> Answer:
    body = json.dumps({"title": status.phrase, "status": int(status), "detail": detail})
    return Answer(status, body.encode(), "application/problem+json", headers or {})
