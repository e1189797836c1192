"""Django: the first line of MIDDLEWARE.

    MIDDLEWARE = ["error_recovery.integrations.django.ErrorRecoveryMiddleware", ...]

What escapes a view or another middleware is reported by Django's signal `got_request_exception`, an answer with 500 that a view made
itself by that it is one. For synchronous and asynchronous views. Django logs each of both as an error of `django.request`, which is
therefore not looked at by the log handler.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.core.signals import got_request_exception

from error_recovery.fault import FaultFields
from error_recovery.integrations.request_facts import FAILED, answered, operation, request_id
from error_recovery.log_handler import quiet
from error_recovery.sight import protected, sight

_WAY = "django"
_SEEN = "_error_recovery_has_seen"


class ErrorRecoveryMiddleware:
    """As Django makes it, once for each process."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[Any], Any]) -> None:
        self._get_response = get_response
        got_request_exception.connect(_on_exception, dispatch_uid="error_recovery")
        quiet("django.request")
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: Any) -> Any:
        if iscoroutinefunction(self):
            return self._asynchronous(request)
        return _seen(request, self._get_response(request))

    async def _asynchronous(self, request: Any) -> Any:
        return _seen(request, await self._get_response(request))


def _on_exception(sender: object, request: Any = None, **_more: Any) -> None:
    """Called while the exception is being handled."""
    with protected():
        if request is not None:
            setattr(request, _SEEN, True)
    sight(sys.exc_info()[1], _WAY, told=lambda: _fields(request))


def _seen(request: Any, response: Any) -> Any:
    with protected():
        if response.status_code == FAILED and not getattr(request, _SEEN, False):
            answered(_WAY, lambda: _fields(request))
    return response


def _fields(request: Any) -> FaultFields:
    if request is None:
        return {}
    match = getattr(request, "resolver_match", None)
    route = f"/{match.route}" if match is not None else ""
    headers = {name.lower(): value for name, value in request.headers.items()}
    return {"operation": operation(request.method or "", route), "attributes": request_id(headers)}
