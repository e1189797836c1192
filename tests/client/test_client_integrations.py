"""gRPC servers, Celery, structlog and plain logging, as they are installed."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc
import pytest
import structlog

import error_recovery
from error_recovery.integrations.grpc import AioErrorRecoveryInterceptor, ErrorRecoveryInterceptor
from error_recovery.integrations.logging import FaultHandler, quiet
from error_recovery.integrations.structlog import report_errors
from error_recovery.v1 import fault_pb2
from tests.client.fault_service import FaultServer

KINDS = ("unary_unary", "unary_stream", "stream_unary", "stream_stream")


@pytest.fixture(autouse=True)
def installed(server: FaultServer, spool_dir: Path) -> Iterator[None]:
    error_recovery.install("shop", address=server.address, spool_dir=spool_dir, ways=["logging"])
    yield
    error_recovery.uninstall()
    error_recovery.configure(server.address, spool_dir=spool_dir).close(0)


def _faults(server: FaultServer) -> list[fault_pb2.Fault]:
    assert error_recovery.flush(30)
    return server.faults


def _fail(request: bytes, context: Any) -> None:
    if request == b"raise":
        raise KeyError("order")
    if request == b"gone":
        context.abort(grpc.StatusCode.NOT_FOUND, "gone")
    if request == b"broken":
        context.abort(grpc.StatusCode.INTERNAL, "broken")


def _behaviors() -> dict[str, Callable[..., Any]]:
    def one(request: bytes, context: Any) -> bytes:
        _fail(request, context)
        return request

    def many(request: bytes, context: Any) -> Iterator[bytes]:
        yield b"first"
        _fail(request, context)

    return {
        "unary_unary": one,
        "unary_stream": many,
        "stream_unary": lambda requests, context: one(next(requests), context),
        "stream_stream": lambda requests, context: many(next(requests), context),
    }


async def _aio_fail(request: bytes, context: Any) -> None:
    if request == b"raise":
        raise KeyError("order")
    if request == b"gone":
        await context.abort(grpc.StatusCode.NOT_FOUND, "gone")
    if request == b"broken":
        await context.abort(grpc.StatusCode.INTERNAL, "broken")


def _aio_behaviors() -> dict[str, Callable[..., Any]]:
    async def one(request: bytes, context: Any) -> bytes:
        await _aio_fail(request, context)
        return request

    async def many(request: bytes, context: Any) -> AsyncIterator[bytes]:
        yield b"first"
        await _aio_fail(request, context)

    async def one_of_many(requests: AsyncIterator[bytes], context: Any) -> bytes:
        return await one(await anext(requests), context)

    async def written(requests: AsyncIterator[bytes], context: Any) -> None:
        await context.write(b"first")
        await _aio_fail(await anext(requests), context)

    return {"unary_unary": one, "unary_stream": many, "stream_unary": one_of_many, "stream_stream": written}


def _handlers(behaviors: dict[str, Callable[..., Any]]) -> Any:
    makers = {kind: getattr(grpc, f"{kind}_rpc_method_handler")(behavior) for kind, behavior in behaviors.items()}
    return grpc.method_handlers_generic_handler("shop.Stock", makers)


def _call(address: str, kind: str, request: bytes) -> grpc.StatusCode:
    with grpc.insecure_channel(address) as channel:
        call: Any = getattr(channel, kind)(f"/shop.Stock/{kind}")
        sent = iter([request]) if kind.startswith("stream") else request
        try:
            answer = call(sent, timeout=30, metadata=(("x-request-id", "r-1"),))
            if kind.endswith("stream"):
                list(answer)
        except grpc.RpcError as error:
            code: grpc.StatusCode = error.code()
            return code
    return grpc.StatusCode.OK


OUTCOMES = {
    b"fine": grpc.StatusCode.OK,
    b"gone": grpc.StatusCode.NOT_FOUND,
    b"raise": grpc.StatusCode.UNKNOWN,
    b"broken": grpc.StatusCode.INTERNAL,
}


def _outcomes(address: str, kind: str) -> dict[bytes, grpc.StatusCode]:
    return {request: _call(address, kind, request) for request in OUTCOMES}


def _told(server: FaultServer) -> set[tuple[str, str, str]]:
    return {
        (fault.context.operation, fault.exception.type or fault.message, fault.context.attributes["request_id"])
        for fault in _faults(server)
    }


EXPECTED = {
    told
    for kind in KINDS
    for told in (
        (f"/shop.Stock/{kind}", "KeyError", "r-1"),
        (f"/shop.Stock/{kind}", f"/shop.Stock/{kind} was ended with INTERNAL", "r-1"),
    )
}


def test_a_grpc_server(server: FaultServer, tmp_path: Path) -> None:
    shop = grpc.server(futures.ThreadPoolExecutor(2), interceptors=[ErrorRecoveryInterceptor()])
    shop.add_generic_rpc_handlers((_handlers(_behaviors()),))
    address = f"unix:{tmp_path}/shop"
    shop.add_insecure_port(address)
    shop.start()
    try:
        codes = [_outcomes(address, kind) for kind in KINDS]
    finally:
        shop.stop(None).wait(30)
    assert codes == [OUTCOMES] * 4
    assert _told(server) == EXPECTED
    assert len(server.faults) == 8


async def _aio_outcomes(address: str, behaviors: dict[str, Callable[..., Any]]) -> list[dict[bytes, grpc.StatusCode]]:
    shop = grpc.aio.server(interceptors=[AioErrorRecoveryInterceptor()])
    shop.add_generic_rpc_handlers((_handlers(behaviors),))
    shop.add_insecure_port(address)
    await shop.start()
    try:
        return [await asyncio.to_thread(_outcomes, address, kind) for kind in behaviors]
    finally:
        await shop.stop(None)


def test_an_asyncio_grpc_server(server: FaultServer, tmp_path: Path) -> None:
    assert asyncio.run(_aio_outcomes(f"unix:{tmp_path}/shop", _aio_behaviors())) == [OUTCOMES] * 4
    assert _told(server) == EXPECTED
    assert len(server.faults) == 8


def test_an_asyncio_grpc_server_with_plain_handlers(server: FaultServer, tmp_path: Path) -> None:
    plain = {"unary_unary": _behaviors()["unary_unary"]}
    assert asyncio.run(_aio_outcomes(f"unix:{tmp_path}/shop", plain)) == [OUTCOMES]
    assert _told(server) == {("/shop.Stock/unary_unary", "KeyError", "r-1")}


def test_a_call_that_cannot_tell_of_itself_fails_as_it_would_unwatched(server: FaultServer) -> None:
    def abort(request: bytes, context: Any) -> bytes:
        raise Exception if request == b"abort" else KeyError("order")

    handler = grpc.unary_unary_rpc_method_handler(abort)
    watched: Any = ErrorRecoveryInterceptor().intercept_service(lambda details: handler, None)
    with pytest.raises(Exception, match=r"^$"):
        watched.unary_unary(b"abort", None)
    with pytest.raises(KeyError):
        watched.unary_unary(b"raise", None)
    assert [fault.exception.type for fault in _faults(server)] == ["KeyError"]


TASKS = """
import os, sys
from celery import Celery
import error_recovery
from error_recovery.integrations.celery import init_app

error_recovery.install("worker", address=os.environ["ADDRESS"], spool_dir=os.environ["SPOOL"])
init_app()
folder = os.environ["FOLDER"]
app = Celery("shop", broker="filesystem://")
app.conf.broker_transport_options = {"data_folder_in": folder, "data_folder_out": folder, "control_folder": folder}
app.conf.task_ignore_result = True

@app.task(bind=True, max_retries=1)
def charge(self, card):
    try:
        raise ConnectionError("bank")
    except ConnectionError as problem:
        raise self.retry(exc=problem, countdown=0)

@app.task
def ship(order):
    raise ValueError("no stock")

@app.task
def fine():
    pass
"""


@pytest.mark.parametrize("pool", ["prefork", "threads"])
def test_a_celery_worker(server: FaultServer, spool_dir: Path, tmp_path: Path, pool: str) -> None:
    (tmp_path / "shop_tasks.py").write_text(textwrap.dedent(TASKS))
    (tmp_path / "broker").mkdir()
    environment = {
        "ADDRESS": server.address,
        "SPOOL": str(spool_dir),
        "FOLDER": str(tmp_path / "broker"),
        "PYTHONPATH": str(tmp_path),
        "PATH": "/usr/bin:/bin",
        "C_FORCE_ROOT": "1",
    }
    ask = "import shop_tasks as t; t.fine.delay(); t.charge.delay('4111111111111111'); t.ship.delay('order-4711')"
    subprocess.run([sys.executable, "-c", ask], env=environment, check=True, timeout=60, cwd=tmp_path)
    worker = [sys.executable, "-m", "celery", "-A", "shop_tasks", "worker", "-P", pool, "-c", "1", "-l", "INFO"]
    with subprocess.Popen(
        worker, env=environment, cwd=tmp_path, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    ) as running:
        try:
            server.wait_for(lambda: len(server.faults) >= 2)
        finally:
            running.terminate()
            running.wait(60)
    faults = {fault.context.operation: fault for fault in server.faults}
    assert set(faults) == {"shop_tasks.charge", "shop_tasks.ship"}
    assert len(server.faults) == 2
    charge, ship = faults["shop_tasks.charge"], faults["shop_tasks.ship"]
    assert (charge.exception.type, charge.retry_count) == ("ConnectionError", 1)
    assert (ship.exception.message, ship.context.component) == ("no stock", "worker")
    assert charge.context.attributes["task_id"]
    assert not any(word in fault.SerializeToString() for fault in server.faults for word in (b"4111", b"order-4711"))


def _configure_structlog(factory: Any, *processors: Any) -> Any:
    structlog.configure(
        processors=[*processors, structlog.processors.format_exc_info, structlog.processors.JSONRenderer()],
        logger_factory=factory,
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    return structlog.get_logger("shop")


@pytest.fixture
def structlog_as_it_was() -> Iterator[None]:
    before = structlog.get_config()
    yield
    structlog.configure(**before)


@pytest.mark.usefixtures("structlog_as_it_was")
@pytest.mark.parametrize("factory", [structlog.ReturnLoggerFactory(), structlog.stdlib.LoggerFactory()])
def test_structlog_with_and_without_logging_behind_it(server: FaultServer, factory: Any) -> None:
    log = _configure_structlog(factory, report_errors)
    log.info("nothing")
    log.error("stock is empty", request_id="r-1", customer="bob")
    try:
        raise KeyError("order")
    except KeyError as problem:
        log.exception("cannot sell")
        log.error("again", exc_info=problem)
    log.error("and then")
    logging.getLogger("shop").error("by logging itself")
    faults = _faults(server)
    assert [(fault.message, fault.exception.type) for fault in faults] == [
        ("stock is empty", ""),
        ("cannot sell", "KeyError"),
        ("and then", ""),
        ("by logging itself", ""),
    ]
    assert faults[0].context.attributes["request_id"] == "r-1"
    assert b"bob" not in faults[0].SerializeToString()


@pytest.mark.usefixtures("structlog_as_it_was")
def test_an_event_that_a_later_processor_drops_does_not_hide_another_record(server: FaultServer) -> None:
    def drop(_logger: Any, _name: str, event: Any) -> Any:
        if event["event"] == "dropped":
            raise structlog.DropEvent
        return event

    log = _configure_structlog(structlog.stdlib.LoggerFactory(), report_errors, drop)
    log.error("dropped")
    logging.getLogger("shop").error("by logging itself")
    log.error('quoted "\u00e9"')
    assert [fault.message for fault in _faults(server)] == ["dropped", "by logging itself", 'quoted "\u00e9"']


def test_a_record_that_a_filter_replaced_is_told_as_it_is_then(server: FaultServer) -> None:
    class Replacing(FaultHandler):
        def filter(self, record: logging.LogRecord) -> Any:
            return logging.makeLogRecord({**record.__dict__, "msg": "replaced"})

    Replacing().handle(logging.makeLogRecord({"name": "shop", "levelno": logging.ERROR, "msg": "hunter2"}))
    assert [fault.message for fault in _faults(server)] == ["replaced"]


def test_a_logger_that_does_not_propagate_has_a_handler_of_its_own_and_a_quiet_one_is_left_out(
    server: FaultServer,
) -> None:
    alone, noisy = logging.getLogger("alone"), logging.getLogger("noisy.library")
    alone.propagate = False
    handler = FaultHandler()
    alone.addHandler(handler)
    quiet("noisy")
    try:
        alone.error("heard")
        noisy.error("not heard")
    finally:
        alone.removeHandler(handler)
        alone.propagate = True
    assert [fault.message for fault in _faults(server)] == ["heard"]
