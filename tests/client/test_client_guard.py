"""Guards, tries and fallbacks: what the application does on the spot, and what is told of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import error_recovery
from error_recovery import fallback, guard, recovers, retry
from error_recovery.recoveries import recoveries
from error_recovery.sight import sight
from error_recovery.v1 import fault_pb2
from tests.client.fault_service import FaultServer


@pytest.fixture(autouse=True)
def shared(server: FaultServer, spool_dir: Path) -> Iterator[None]:
    reporter = error_recovery.configure(server.address, "shop", spool_dir=spool_dir)
    yield
    recoveries.clear()
    reporter.close(0)


class _Flaky:
    """Fails as often as it is told."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.calls = 0

    def __call__(self, value: int = 1) -> int:
        self.calls += 1
        if self.calls <= self.failures:
            raise ConnectionError(f"failure {self.calls}")
        return value


def _faults(server: FaultServer) -> list[fault_pb2.Fault]:
    assert error_recovery.flush(30)
    return server.faults


def test_a_guard_reports_what_escapes_with_its_fields_and_lets_it_go_on(server: FaultServer) -> None:
    with pytest.raises(KeyError), guard(target="stock-db", operation="sell", severity="high"):
        raise KeyError("order")
    with guard(operation="nothing happens"):
        pass
    with pytest.raises(SystemExit), guard():
        raise SystemExit
    [fault] = _faults(server)
    assert (fault.target, fault.context.operation, fault.severity) == ("stock-db", "sell", fault_pb2.SEVERITY_HIGH)


def test_no_attributes_are_none_and_what_could_not_be_reported_is_not_marked(server: FaultServer) -> None:
    problem = KeyError("order")
    with pytest.raises(KeyError), guard(attributes=None):  # type: ignore[arg-type]
        raise problem
    again = LookupError("later")
    assert not sight(again, "test", no_field=1)  # type: ignore[call-arg]
    assert sight(again, "test")
    assert len(_faults(server)) == 2


def test_a_guard_decorates_plain_and_async_functions(server: FaultServer) -> None:
    @guard(operation="plain")
    def plain(value: int) -> int:
        return 1 // value

    @guard(operation="async")
    async def slow(value: int) -> int:
        await asyncio.sleep(0)
        return 1 // value

    async def nested() -> None:
        async with guard(operation="async with"):
            raise ValueError

    assert (plain(1), asyncio.run(slow(1))) == (1, 1)
    for failing in (lambda: plain(0), lambda: asyncio.run(slow(0)), lambda: asyncio.run(nested())):
        with pytest.raises((ZeroDivisionError, ValueError)):
            failing()
    assert [fault.context.operation for fault in _faults(server)] == ["plain", "async", "async with"]


@pytest.mark.parametrize("make", [guard, retry, lambda **fields: fallback(0, **fields)])
def test_wrong_fields_are_refused_where_they_are_written(make: Callable[..., object]) -> None:
    with pytest.raises(ValueError, match="severity 'fatal' is not known"):
        make(severity="fatal")
    with pytest.raises(TypeError, match="unknown field 'sevrity'"):
        make(sevrity="low")


def test_no_attempt_at_all_is_refused() -> None:
    with pytest.raises(ValueError, match="attempts 0 is too small"):
        retry(attempts=0)


def test_a_retry_that_helps_is_reported_as_done(server: FaultServer) -> None:
    flaky = _Flaky(2)
    assert retry(ConnectionError, wait_s=0, operation="sell")(flaky)(7) == 7
    [fault] = _faults(server)
    assert (fault.retry_count, fault.retry_success) == (2, True)
    assert (fault.exception.message, fault.context.operation) == ("failure 2", "sell")


def test_a_retry_that_does_not_help_is_reported_once_and_the_exception_goes_on(server: FaultServer) -> None:
    with pytest.raises(ConnectionError, match="failure 4"), guard():
        retry(ConnectionError, attempts=4, wait_s=0)(_Flaky(9))()
    [fault] = _faults(server)
    assert (fault.retry_count, fault.retry_success) == (3, False)
    assert fault.exception.message == "failure 4"


def test_what_works_at_once_and_what_is_not_to_be_tried_again_is_left_alone(server: FaultServer) -> None:
    assert retry()(_Flaky(0))(3) == 3
    flaky = _Flaky(1)
    with pytest.raises(ConnectionError):
        retry(KeyError, wait_s=0)(flaky)()
    assert flaky.calls == 1
    assert _faults(server) == []


def test_async_functions_are_tried_again_too_and_a_cancel_ends_it(server: FaultServer) -> None:
    flaky = _Flaky(1)

    @retry(ConnectionError, wait_s=0)
    async def sell() -> int:
        await asyncio.sleep(0)
        return flaky(5)

    async def cancel() -> None:
        tried = asyncio.Event()

        @retry(ConnectionError, wait_s=60)
        async def wait() -> int:
            tried.set()
            raise ConnectionError("never mind")

        task = asyncio.ensure_future(wait())
        await tried.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    assert asyncio.run(sell()) == 5
    asyncio.run(cancel())
    [fault] = _faults(server)
    assert (fault.retry_count, fault.retry_success) == (1, True)


def test_a_fallback_takes_the_place_of_what_failed_and_says_so(server: FaultServer) -> None:
    @fallback([], ConnectionError, operation="offers")
    def offers() -> list[int]:
        return [_Flaky(1)()]

    @fallback(lambda exc: [str(exc)], ConnectionError)
    async def more() -> list[str]:
        raise ConnectionError("away")

    assert offers() == []
    assert asyncio.run(more()) == ["away"]
    first, second = _faults(server)
    assert first.context.operation == "offers"
    assert first.context.attributes["error_recovery.fallback"] == "used"
    assert not second.retry_success


def test_a_fallback_of_a_retry_is_one_fault(server: FaultServer) -> None:
    assert fallback(0)(retry(wait_s=0)(_Flaky(9)))() == 0
    [fault] = _faults(server)
    assert fault.retry_count == 2


def test_a_fault_names_the_handler_for_the_nearest_type_of_its_exception_and_the_strategy_that_it_wants(
    server: FaultServer,
) -> None:
    @recovers(ConnectionError, TimeoutError, strategy="reconnect")
    def reopen(_request: error_recovery.Request) -> bool:
        return True

    @recovers(ConnectionResetError, name="start-over")
    async def begin(_request: error_recovery.Request) -> bool:
        return True

    for exc in (BrokenPipeError("a"), ConnectionResetError("b"), KeyError("c")):
        error_recovery.capture(exc)
    named = [
        {key: value for key, value in fault.context.attributes.items() if key.startswith("error_recovery.")}
        for fault in _faults(server)
    ]
    assert named == [
        {"error_recovery.handler": "reopen", "error_recovery.strategy": "reconnect"},
        {"error_recovery.handler": "start-over"},
        {},
    ]


def test_what_is_no_type_of_exceptions_or_no_handler_is_refused() -> None:
    with pytest.raises(TypeError, match="<class 'int'> is not a type of exceptions"):
        recovers(int)(lambda request: True)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="a handler is a function of one Request, and not a int"):
        recovers(KeyError)(3)  # type: ignore[type-var]


def test_handlers_registered_before_and_after_installing_are_offered_and_run(
    server: FaultServer, spool_dir: Path
) -> None:
    ran: list[str] = []

    @recovers(ConnectionError)
    def reconnect(_request: error_recovery.Request) -> bool:
        ran.append("reconnect")
        return True

    handlers: error_recovery.Handlers = {
        "reload": lambda _request: True,
        KeyError: error_recovery.Recovery(lambda _request: True, name="refill"),
    }
    error_recovery.install("shop", handlers=handlers, address=server.address, spool_dir=spool_dir, ways=())
    try:
        server.wait_for(lambda: server.sessions)
        [session] = server.sessions
        assert session.offer.application == "shop"
        assert list(session.offer.handlers) == ["reconnect", "refill", "reload"]

        @recovers(TimeoutError)
        def wait_longer(_request: error_recovery.Request) -> bool:
            ran.append("wait_longer")
            return True

        server.wait_for(lambda: "wait_longer" in session.offer.handlers)
        session.run("a1", "wait_longer")
        server.wait_for(lambda: server.results)
        assert server.results[0].success
        assert ran == ["wait_longer"]
    finally:
        error_recovery.uninstall()
