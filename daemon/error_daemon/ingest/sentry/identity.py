"""
Which key a request of Sentry's protocol shows: in the header X-Sentry-Auth, in the query, or in the DSN that the envelope's head repeats.

SDKs say it in one place or in several. Those that contradict each other are refused: a proxy that put another's key on a request must not
decide who reports. The DSN names the project as well, which must then be that of the path.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from error_daemon.errors import InputError
from error_daemon.exchange import Request

_PAIR = re.compile(r"([a-z_]+)\s*=\s*([^,\s]*)")


def key_of(request: Request) -> str:
    """The key in the request's head; empty where it has none."""
    return _of_header(request.headers).get("sentry_key", "") or request.query.get("sentry_key", "")


def sdk_of(request: Request) -> str:
    """Who sends, as "sentry.python/2.1"; empty where it is not said."""
    of_header = _of_header(request.headers).get("sentry_client", "")
    return of_header or request.query.get("sentry_client", "") or request.headers.get("user-agent", "")


def check_head(request: Request) -> None:
    """Raises InputError where two places say two keys."""
    of_header, of_query = _of_header(request.headers).get("sentry_key"), request.query.get("sentry_key")
    if of_header and of_query and of_header != of_query:
        raise InputError("sentry_key", "is one in X-Sentry-Auth and another in the query")


def key_of_dsn(dsn: object, request: Request) -> str:
    """The key in an envelope's own DSN; empty where it has none. Raises InputError where it contradicts the request."""
    if not isinstance(dsn, str) or not dsn:
        return ""
    try:
        parts = urlsplit(dsn)
        key = parts.username or ""
    except ValueError:
        raise InputError("envelope.dsn", "is not a DSN") from None
    project = parts.path.rstrip("/").rpartition("/")[2]
    if project != request.place.get("project", ""):
        raise InputError("envelope.dsn", f"is of project {project[:40]!r}, and the path is of another")
    of_head = key_of(request)
    if of_head and key and of_head != key:
        raise InputError("envelope.dsn", "has another key than the request")
    return key


def _of_header(headers: Mapping[str, str]) -> dict[str, str]:
    said = headers.get("x-sentry-auth", "")
    if not said:
        said = headers.get("authorization", "")
        if not said.lower().startswith("sentry "):
            return {}
    return dict(_PAIR.findall(said[:2048]))
