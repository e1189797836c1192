"""
HTTP as values, and the contract of whatever serves a path of it (web/server.py serves them).

    Request + Caller ── Route.begin ──► Body ◄── feed ── the body, unpacked, piece by piece
                                          │
                                          └── finish ──► Answer

A body is given on as it comes, so that a receiver keeps of it only what it needs. Whatever a receiver raises of errors.py becomes an
answer in its own protocol's words (`Route.refuse`): the clients of each understand another way of "not now".
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from http import HTTPStatus
from math import ceil
from typing import Protocol

from error_daemon.errors import (
    Denied,
    ErrorRecoveryError,
    InputError,
    NotFound,
    Refused,
    StoreUnavailable,
    TooLarge,
    TransientError,
    Unidentified,
    Unreadable,
)
from error_daemon.model.access import Caller, Peer


@dataclass(frozen=True, slots=True)
class Request:
    """All of a request but its body. Names of `headers` are in lower case; repeated ones are joined by ", ". Of a query's name that comes
    twice, the first value counts. `place`: the variable parts of the path, by their names in the route. `query_is_plain`: no name comes
    twice, and all names are in `query`."""

    method: str
    path: str
    place: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    peer: Peer
    query_is_plain: bool = True


class Stream(Protocol):
    """A body that comes piece by piece, and perhaps without an end."""

    def pieces(self) -> AsyncGenerator[bytes, None]:
        """Called once at most. The next piece is asked for when the asker has taken most of those before; closed where they have gone."""

    def close(self) -> None:
        """Called once, at the end, also where no piece was asked for."""


@dataclass(frozen=True, slots=True)
class Answer:
    """`stream`: in the place of `body`."""

    status: int
    body: bytes = b""
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    stream: Stream | None = None


class Body(Protocol):
    """What becomes of one request."""

    @property
    def held_bytes(self) -> int:
        """Memory that it holds of what was fed."""

    def feed(self, data: bytes) -> None:
        """The next piece of the body. Raises InputError for what can never be taken, TransientError for what may be later."""

    def finish(self) -> Answer | Awaitable[Answer]:
        """The body is whole."""


class Whole:
    """The body of a receiver that needs all of it at once: `then` gets it."""

    def __init__(self, then: Callable[[bytes], Answer | Awaitable[Answer]]) -> None:
        self._then = then
        self._held = bytearray()

    @property
    def held_bytes(self) -> int:
        return len(self._held)

    def feed(self, data: bytes) -> None:
        self._held += data

    def finish(self) -> Answer | Awaitable[Answer]:
        return self._then(bytes(self._held))


_STATUSES: tuple[tuple[type[ErrorRecoveryError], HTTPStatus], ...] = (
    (TooLarge, HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
    (Unreadable, HTTPStatus.UNSUPPORTED_MEDIA_TYPE),
    (InputError, HTTPStatus.BAD_REQUEST),
    (Unidentified, HTTPStatus.UNAUTHORIZED),
    (Denied, HTTPStatus.FORBIDDEN),
    (NotFound, HTTPStatus.NOT_FOUND),
    (Refused, HTTPStatus.CONFLICT),
    (TransientError, HTTPStatus.TOO_MANY_REQUESTS),
    (StoreUnavailable, HTTPStatus.SERVICE_UNAVAILABLE),
)
"""The first that fits, so the narrower before the wider."""


def status_of(error: ErrorRecoveryError) -> HTTPStatus:
    """What it is in HTTP, where a protocol has no other word for it."""
    return next((status for kind, status in _STATUSES if isinstance(error, kind)), HTTPStatus.INTERNAL_SERVER_ERROR)


def retry_after(error: ErrorRecoveryError) -> dict[str, str]:
    """The header, where it is a matter of time."""
    return {"retry-after": str(max(1, ceil(error.retry_after_s)))} if isinstance(error, TransientError) else {}


def bearer(request: Request) -> str:
    """The token of an Authorization header; empty where there is none."""
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else ""


NOBODY = Caller("", "", frozenset())
"""Who asks, until it is known."""


class Pages(Enum):
    """What a page in a browser may ask of a route (web/pages.py)."""

    NONE = "none"
    OWN = "own"  # pages that came from this server
    LINKED = "linked"  # and it may be opened by a link from anywhere


@dataclass(frozen=True, slots=True)
class Route:
    """One path. `place` is as in "/api/{project}/store/"; "{prefix:path}" stands for any number of parts. `action` is its line in
    access/methods.py. `most_bytes`: the longest body that is taken, as it comes and unpacked. `token`: what the request shows as one.
    `says_who_later`: of a request whose head shows none, its body does; then the receiver asks the gate, and until then has NOBODY."""

    methods: tuple[str, ...]
    place: str
    action: str
    begin: Callable[[Request, Caller], Body]
    refuse: Callable[[Request, ErrorRecoveryError], Answer]
    most_bytes: int
    token: Callable[[Request], str] = bearer
    says_who_later: bool = False
    pages: Pages = Pages.NONE
