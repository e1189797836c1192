"""Starlette, FastAPI, Flask and Django, as they are installed: what a request fails with is one fault, and is answered as ever."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import django
import fastapi
import flask
import httpx
import pytest
import starlette.applications
import starlette.background
import starlette.responses
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.http import HttpResponse, HttpResponseServerError
from django.test import Client
from django.urls import path
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.routing import Mount, Route

import error_recovery
from error_recovery.integrations.fastapi import ErrorRecoveryMiddleware
from error_recovery.integrations.flask import init_app
from error_recovery.v1 import fault_pb2
from tests.client.fault_service import FaultServer

HEADERS = {"X-Request-Id": "r-1", "Authorization": "Bearer hunter2hunter2", "Cookie": "session=hunter2"}


@pytest.fixture(autouse=True)
def installed(server: FaultServer, spool_dir: Path) -> Iterator[None]:
    """With the log handler, so that what frameworks log would be a second fault."""
    error_recovery.install("shop", address=server.address, spool_dir=spool_dir, ways=["logging"])
    yield
    error_recovery.uninstall()
    error_recovery.configure(server.address, spool_dir=spool_dir).close(0)


def _told(server: FaultServer) -> list[tuple[str, str, str]]:
    """Operation, type of exception or message, and id of the request, of each fault; and nothing of the request leaks."""
    assert error_recovery.flush(30)
    assert not any(b"hunter2" in fault.SerializeToString() for fault in server.faults)
    return [
        (fault.context.operation, fault.exception.type or fault.message, fault.context.attributes["request_id"])
        for fault in server.faults
    ]


def _get(app: Any, url: str) -> int:
    """The status that an ASGI application answers with."""

    async def ask() -> int:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
            return (await client.get(url, headers=HEADERS)).status_code

    return asyncio.run(ask())


def _fastapi() -> fastapi.FastAPI:
    app = fastapi.FastAPI()
    app.add_middleware(ErrorRecoveryMiddleware)

    @app.get("/orders/{order}")
    def order(order: str) -> str:
        if order == "fine":
            return order
        raise ValueError(order)

    @app.get("/refused/{order}")
    async def refused(order: str) -> str:
        raise fastapi.HTTPException(404 if order == "gone" else 500)

    @app.get("/handled")
    async def handled() -> str:
        raise LookupError("an exception handler answers")

    @app.exception_handler(LookupError)
    async def answer(_request: fastapi.Request, _exc: Exception) -> fastapi.Response:
        return fastapi.Response(status_code=500)

    return app


def test_fastapi(server: FaultServer) -> None:
    app = _fastapi()
    urls = ("/orders/fine", "/orders/2?token=hunter2", "/refused/gone", "/refused/broken", "/handled", "/nowhere")
    assert [_get(app, url) for url in urls] == [200, 500, 404, 500, 500, 404]
    assert _told(server) == [
        ("GET /orders/{order}", "ValueError", "r-1"),
        ("GET /refused/{order}", "GET /refused/{order} was answered with 500", "r-1"),
        ("GET /handled", "GET /handled was answered with 500", "r-1"),
    ]


def test_starlette(server: FaultServer) -> None:
    async def order(request: Request) -> starlette.responses.Response:
        raise ValueError(request.path_params["order"])

    def afterwards() -> None:
        raise RuntimeError("in the background")

    async def stream(_request: Request) -> starlette.responses.Response:
        async def lines() -> AsyncIterator[bytes]:
            yield b"first"
            raise OSError("in the stream")

        return starlette.responses.StreamingResponse(lines())

    async def later(_request: Request) -> starlette.responses.Response:
        return starlette.responses.Response(background=starlette.background.BackgroundTask(afterwards))

    routes = [Route("/{order}", order), Mount("/at/{shop}", routes=[Route("/later", later), Route("/stream", stream)])]
    app = starlette.applications.Starlette(routes=routes, middleware=[Middleware(ErrorRecoveryMiddleware)])
    assert _get(app, "/12") == 500
    assert _get(app, "/at/5/later") == 200
    assert _get(app, "/at/5/stream") == 200
    assert _told(server) == [
        ("GET /{order}", "ValueError", "r-1"),
        ("GET /at/{shop}/later", "RuntimeError", "r-1"),
        ("GET /at/{shop}/stream", "OSError", "r-1"),
    ]


def test_no_part_of_a_path_is_told_whatever_its_route_is(server: FaultServer) -> None:
    async def fail(_request: Request) -> starlette.responses.Response:
        raise ValueError("no")

    async def foreign(_scope: Any, _receive: Any, _send: Any) -> None:
        raise LookupError("foreign")

    inner = Mount("/{rate:float}", routes=[Route("/{file:path}", fail)])
    routes = [Route("/rates/{rate:float}", fail), Mount("/foreign", foreign), inner]
    app = starlette.applications.Starlette(routes=routes)
    within = starlette.applications.Starlette(routes=routes, middleware=[Middleware(ErrorRecoveryMiddleware)])
    for watched in (ErrorRecoveryMiddleware(app), within):
        for url in ("/rates/1.50", "/foreign/hunter2/x", "/2.50/a/hunter2"):
            assert _get(watched, url) == 500
    expected = ["GET /rates/{rate:float}", "GET /foreign/{path}", "GET /{rate:float}/{file:path}"]
    assert [operation for operation, _, _ in _told(server)] == 2 * expected


def test_flask(server: FaultServer) -> None:
    app = flask.Flask("shop")
    init_app(app)
    init_app(app)

    @app.get("/orders/<order>")
    def order(order: str) -> str:
        raise ValueError(order)

    @app.get("/refused/<int:status>")
    def refused(status: int) -> str:
        flask.abort(status)

    @app.get("/handled")
    def handled() -> str:
        raise LookupError("an error handler answers")

    @app.errorhandler(LookupError)
    def answer(_exc: LookupError) -> tuple[str, int]:
        return "sorry", 500

    client = app.test_client()
    urls = ("/orders/7?token=hunter2", "/refused/404", "/refused/500", "/handled", "/nowhere")
    assert [client.get(url, headers=HEADERS).status_code for url in urls] == [500, 404, 500, 500, 404]
    assert _told(server) == [
        ("GET /orders/<order>", "ValueError", "r-1"),
        ("GET /refused/<int:status>", "GET /refused/<int:status> was answered with 500", "r-1"),
        ("GET /handled", "GET /handled was answered with 500", "r-1"),
    ]


def _order(_request: Any, order: str) -> HttpResponse:
    raise ValueError(order)


def _refused(_request: Any) -> HttpResponse:
    return HttpResponseServerError("sorry")


async def _slow(_request: Any) -> HttpResponse:
    raise LookupError("async")


def _fine(_request: Any) -> HttpResponse:
    return HttpResponse("fine")


urlpatterns = [path("orders/<str:order>", _order), path("refused", _refused), path("slow", _slow), path("fine", _fine)]


@pytest.fixture
def django_settings() -> None:
    if not settings.configured:
        settings.configure(
            ROOT_URLCONF=__name__,
            ALLOWED_HOSTS=["*"],
            MIDDLEWARE=["error_recovery.integrations.django.ErrorRecoveryMiddleware"],
            LOGGING_CONFIG=None,
        )
        django.setup()


@pytest.mark.usefixtures("django_settings")
def test_django(server: FaultServer) -> None:
    client = Client(raise_request_exception=False, headers={"X-Request-Id": "r-1", "Cookie": "session=hunter2"})
    urls = ("/orders/9?token=hunter2", "/refused", "/nowhere", "/fine")
    assert [client.get(url).status_code for url in urls] == [500, 500, 404, 200]
    assert _told(server) == [
        ("GET /orders/<str:order>", "ValueError", "r-1"),
        ("GET /refused", "GET /refused was answered with 500", "r-1"),
    ]


@pytest.mark.usefixtures("django_settings")
def test_django_over_asgi(server: FaultServer) -> None:
    assert _get(get_asgi_application(), "/slow") == 500
    assert _told(server) == [("GET /slow", "LookupError", "r-1")]


def test_an_error_that_a_framework_logs_besides_is_still_one_fault(server: FaultServer) -> None:
    app = _fastapi()

    async def logging_server(scope: Any, receive: Any, send: Any) -> None:
        try:
            await app(scope, receive, send)
        except ValueError:
            logging.getLogger("uvicorn.error").exception("Exception in ASGI application")
            raise

    assert _get(logging_server, "/orders/3") == 500
    assert len(_told(server)) == 1


@pytest.mark.parametrize(("kind", "operation"), [("http", "GET (no route)"), ("websocket", "websocket (no route)")])
def test_an_operation_that_no_route_is_for_does_not_have_the_callers_words(kind: str, operation: str) -> None:
    async def app(_scope: Any, _receive: Any, _send: Any) -> None:
        raise ValueError("no route")

    seen: list[fault_pb2.Fault] = []
    error_recovery.install("shop", ways=(), scrub=seen.append)
    scope: dict[str, Any] = {"type": kind, "method": "GET", "path": "/x/hunter2"}
    with pytest.raises(ValueError, match="no route"):
        asyncio.run(ErrorRecoveryMiddleware(app)(scope, None, None))  # type: ignore[arg-type]
    assert [fault.context.operation for fault in seen] == [operation]
