"""Errors as RFC 9457 has them: application/problem+json."""

from __future__ import annotations

import json

from error_daemon.errors import ErrorRecoveryError
from error_daemon.exchange import Answer, retry_after, status_of


def problem(error: ErrorRecoveryError) -> Answer:
    """What went wrong, in words and in a status."""
    status = status_of(error)
    body = json.dumps({"title": status.phrase, "status": int(status), "detail": str(error)})
    return Answer(status, body.encode(), "application/problem+json", retry_after(error))
