"""
Errors as RFC 9457 has them: application/problem+json.

    {"title": "Bad Request", "status": 400, "detail": "limit: 5000 is more than 1000",
     "errors": [{"field": "limit", "detail": "5000 is more than 1000"}]}

Beside the members of the RFC: `errors` where a field is wrong, `reason` (a word for programs) where it is not for this caller,
`retry_after_s` where it is a matter of time.
"""

from __future__ import annotations

import json

from error_daemon.errors import Denied, ErrorRecoveryError, InputError, TransientError, Unidentified
from error_daemon.exchange import Answer, Request, retry_after, status_of
from error_daemon.model import Json

CONTENT_TYPE = "application/problem+json"


def problem(error: ErrorRecoveryError) -> Answer:
    """What went wrong, in words and in a status."""
    status = status_of(error)
    body = {"title": status.phrase, "status": int(status), "detail": str(error), **_more(error)}
    headers = retry_after(error)
    if isinstance(error, Unidentified):
        headers["www-authenticate"] = _challenge(error)
    return Answer(status, json.dumps(body).encode(), CONTENT_TYPE, headers)


def refused(_request: Request, error: ErrorRecoveryError) -> Answer:
    """exchange.Route.refuse, of whoever has no other words for it."""
    return problem(error)


def _more(error: ErrorRecoveryError) -> dict[str, Json]:
    if isinstance(error, InputError):
        return {"errors": [{"field": error.field, "detail": error.problem}]}
    if isinstance(error, TransientError):
        return {"retry_after_s": error.retry_after_s}
    if isinstance(error, Denied):
        return {"reason": error.reason}
    return {}


def _challenge(error: Unidentified) -> str:
    """RFC 6750, section 3: where no token was shown, none was wrong."""
    return 'Bearer realm="error-recovery"' + (', error="invalid_token"' if error.reason == "UNKNOWN_TOKEN" else "")
