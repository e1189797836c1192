"""Flask: `init_app(app)`.

What no error handler of the application takes is reported by Flask's signal `got_request_exception`; an answer with 500 that the
application made itself (an error handler, `abort(500)`) by that it is one.
"""

from __future__ import annotations

from typing import Any

from flask import Flask, Response, g, got_request_exception, has_request_context, request

from error_recovery.fault import FaultFields
from error_recovery.integrations.request_facts import FAILED, answered, operation, request_id
from error_recovery.sight import sight

_WAY = "flask"
_SEEN = "_error_recovery_has_seen"


def init_app(app: Flask) -> None:
    """Reports what requests of `app` fail with. Twice is once."""
    if _WAY in app.extensions.setdefault("error_recovery", {}):
        return
    app.extensions["error_recovery"][_WAY] = True
    got_request_exception.connect(_on_exception, app, weak=False)
    app.after_request(_on_response)


def _on_exception(_app: Flask, *, exception: BaseException, **_more: Any) -> None:
    if has_request_context():
        setattr(g, _SEEN, True)
    sight(exception, _WAY, told=_fields)


def _on_response(response: Response) -> Response:
    if response.status_code == FAILED and not getattr(g, _SEEN, False):
        answered(_WAY, _fields)
    return response


def _fields() -> FaultFields:
    if not has_request_context():
        return {}
    route = request.url_rule.rule if request.url_rule is not None else ""
    headers = {name.lower(): value for name, value in request.headers}
    return {"operation": operation(request.method, route), "attributes": request_id(headers)}
