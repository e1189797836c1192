"""
Where the dashboard is served: `/`, and `/assets/{digest}/...`.

The files are the same for everybody and say nothing about the host, so they are given to whoever may connect: a browser can't show a token
before there is a page that asks for one. All that the page shows it asks of /api, and there every call passes the gate.

A page that shows what others wrote (messages, stack traces, names) must never run it: nothing but files of this server is loaded or
run, no form goes anywhere (web/pages.py has the rest). Sources: https://www.w3.org/TR/CSP3/, RFC 9111 (immutable: RFC 8246)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from error_daemon.errors import ErrorRecoveryError, NotFound
from error_daemon.exchange import Answer, Pages, Request, Route, Whole
from error_daemon.model.access import Caller
from error_daemon.web.dashboard import files
from error_daemon.web.dashboard.files import Asset
from error_daemon.web.problem import problem

ACTION = "http/dashboard"
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_EACH_TIME = "no-cache"
_FOR_GOOD = "public, max-age=31536000, immutable"


def routes() -> Sequence[Route]:
    return [
        _route("/", lambda request: _sent(files.first_page(), request, _EACH_TIME), Pages.LINKED),
        _route("/favicon.ico", lambda request: _sent(files.asset("icon.svg"), request, _EACH_TIME)),
        _route("/assets/{digest}/{name:path}", _asset),
    ]


def _route(place: str, answer: Callable[[Request], Answer], pages: Pages = Pages.OWN) -> Route:
    def begin(request: Request, caller: Caller) -> Whole:
        return Whole(lambda body: answer(request))

    return Route(("GET",), place, ACTION, begin, _refuse, most_bytes=0, pages=pages)


def _refuse(request: Request, error: ErrorRecoveryError) -> Answer:
    return problem(error)


def _asset(request: Request) -> Answer:
    """Of this version only: a page that was loaded from another one hears that it is out of date."""
    name = request.place["name"]
    if request.place["digest"] != files.digest() or name not in files.names():
        raise NotFound("this version of the dashboard has no such file: load the page again")
    return _sent(files.asset(name), request, _FOR_GOOD)


def _sent(asset: Asset, request: Request, caching: str) -> Answer:
    encoding = asset.best_for(request.headers.get("accept-encoding", ""))
    etag = f'"{asset.etag}-{encoding}"' if encoding else f'"{asset.etag}"'
    headers = {"content-security-policy": _POLICY, "etag": etag, "cache-control": caching, "vary": "accept-encoding"}
    known = {tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")}
    if etag in known:
        return Answer(304, headers=headers)
    if encoding:
        headers["content-encoding"] = encoding
    return Answer(200, asset.packed[encoding], asset.content_type, headers)
