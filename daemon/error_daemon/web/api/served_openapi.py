"""GET /api/openapi.json: what the API is, for whoever may connect: it says nothing of this host."""

from __future__ import annotations

from functools import cache
from importlib import resources

from error_daemon.exchange import Answer, Pages, Request, Route, Whole
from error_daemon.model.access import Caller
from error_daemon.web.api.caching import with_tag
from error_daemon.web.problem import refused

PLACE = "/api/openapi.json"
ACTION = "http/openapi"
_KIND = "application/vnd.oai.openapi+json;version=3.1"


def openapi_route() -> Route:
    return Route(("GET",), PLACE, ACTION, _begin, refused, most_bytes=0, pages=Pages.OWN)


def _begin(request: Request, _caller: Caller) -> Whole:
    return Whole(lambda _body: with_tag(Answer(200, _document(), _KIND), request))


@cache
def _document() -> bytes:
    return (resources.files(__package__) / "openapi.json").read_bytes()
