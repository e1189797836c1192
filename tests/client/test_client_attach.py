from __future__ import annotations

import asyncio
import functools
import logging
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from error_recovery import Attachment, HandlerAnswer, Request, Security, attach
from error_recovery.v1 import handler_pb2
from tests.client.fault_service import FaultServer

PATIENCE_S = 30.0
Attach = Callable[..., Attachment]


@pytest.fixture
def attached(server: FaultServer) -> Iterator[Attach]:
    """Attaches handlers, given by keyword, to the server; closes them at the end of the test."""
    made: list[Attachment] = []

    def make(**handlers: Any) -> Attachment:
        made.append(attach(handlers, "shop", server.address))
        server.wait_for(lambda: server.sessions)
        return made[-1]

    yield make
    for attachment in made:
        attachment.close()


def _result(server: FaultServer, attempt_id: str) -> handler_pb2.HandlerResult:
    server.wait_for(lambda: any(result.attempt_id == attempt_id for result in server.results))
    return next(result for result in server.results if result.attempt_id == attempt_id)


def test_the_names_are_offered(server: FaultServer, attached: Attach) -> None:
    attachment = attached(b=lambda request: None, a=lambda request: None)
    assert attachment.wait_attached(PATIENCE_S)
    offer = server.sessions[0].offer
    assert offer.application == "shop"
    assert list(offer.handlers) == ["a", "b"]
    assert ":" in offer.instance


def test_a_plain_handler_gets_the_request_and_its_return_is_the_answer(server: FaultServer, attached: Attach) -> None:
    requests: list[Request] = []

    def mend(request: Request) -> bool:
        requests.append(request)
        return True

    attached(mend=mend)
    server.sessions[0].run("a1", "mend", level=3)
    assert _result(server, "a1").success
    (request,) = requests
    assert (request.error_id, request.fault.message, request.level) == ("e1", "broken", 3)
    assert (request.handler, request.attempt_id) == ("mend", "a1")
    assert 0 < request.deadline_s <= 20.0


def test_an_async_handler_runs_on_a_loop(server: FaultServer, attached: Attach) -> None:
    async def mend(request: Request) -> HandlerAnswer:
        await asyncio.sleep(0)
        return HandlerAnswer(True, "mended", affected_tasks=3, recovered_tasks=2)

    attached(mend=mend, partly=functools.partial(mend))
    for attempt_id, handler in (("a1", "mend"), ("a2", "partly")):
        server.sessions[0].run(attempt_id, handler)
        result = _result(server, attempt_id)
        assert (result.success, result.message) == (True, "mended")
        assert (result.affected_tasks, result.recovered_tasks) == (3, 2)


@pytest.mark.parametrize(
    ("returned", "success", "message"),
    [
        (None, True, ""),
        (True, True, ""),
        (False, False, "the handler returned False"),
        (HandlerAnswer(False, "no luck"), False, "no luck"),
        ("done", False, "the handler returned a str: return True, False, None or a HandlerAnswer"),
    ],
)
def test_what_a_handler_returns_decides(
    server: FaultServer, attached: Attach, returned: object, success: bool, message: str
) -> None:
    async def later(request: Request) -> object:
        return returned

    attached(now=lambda request: returned, later=later)
    for attempt_id, handler in (("a1", "now"), ("a2", "later")):
        server.sessions[0].run(attempt_id, handler)
        result = _result(server, attempt_id)
        assert (result.success, result.message) == (success, message)


@pytest.mark.parametrize("problem", [ConnectionError("still down"), SystemExit("still down")])
def test_a_handler_that_raises_has_failed_with_its_text_and_the_next_one_runs(
    server: FaultServer, attached: Attach, problem: BaseException
) -> None:
    def fail(request: Request) -> None:
        raise problem

    async def fail_later(request: Request) -> None:
        raise problem

    attached(fail=fail, fail_later=fail_later, mend=lambda request: None)
    for attempt_id, handler in (("a1", "fail"), ("a2", "fail_later")):
        server.sessions[0].run(attempt_id, handler)
        result = _result(server, attempt_id)
        assert (result.success, result.message) == (False, f"{type(problem).__name__}: still down")
    server.sessions[0].run("a3", "mend")
    assert _result(server, "a3").success


class _Unforeseen(BaseException):
    """Nobody's Exception, as asyncio.CancelledError is none."""


def test_whatever_handlers_do_each_run_is_answered_and_the_next_ones_run(server: FaultServer, attached: Attach) -> None:
    def halves(request: Request) -> HandlerAnswer:
        return HandlerAnswer(True, affected_tasks=2.5)  # type: ignore[arg-type]

    async def halves_later(request: Request) -> HandlerAnswer:
        return halves(request)

    def escape(request: Request) -> None:
        raise _Unforeseen("no Exception")

    attached(halves=halves, halves_later=halves_later, escape=escape, mend=lambda request: None)
    for number in range(5):  # more than there are threads
        for name in ("halves", "halves_later", "escape"):
            server.sessions[0].run(f"{name}-{number}", name)
            assert not _result(server, f"{name}-{number}").success
    server.sessions[0].run("last", "mend")
    assert _result(server, "last").success


def test_a_handler_that_was_not_offered_is_a_failure_that_names_the_others(
    server: FaultServer, attached: Attach
) -> None:
    attached(mend=lambda request: None)
    server.sessions[0].run("a1", "mnd")
    assert _result(server, "a1").message == "no handler 'mnd' here: there are mend"


def test_an_async_handler_is_cancelled_on_demand_and_gives_no_answer(server: FaultServer, attached: Attach) -> None:
    started, cancelled = threading.Event(), threading.Event()

    async def hang(request: Request) -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    attached(hang=hang, mend=lambda request: None)
    server.sessions[0].run("a1", "hang")
    assert started.wait(PATIENCE_S)
    server.sessions[0].cancel("a1")
    assert cancelled.wait(PATIENCE_S)
    server.sessions[0].run("a2", "mend")
    assert _result(server, "a2").success
    assert [result.attempt_id for result in server.results] == ["a2"]


def test_an_async_handler_is_cancelled_at_its_deadline(server: FaultServer, attached: Attach) -> None:
    async def hang(request: Request) -> None:
        await asyncio.Event().wait()

    attached(hang=hang)
    server.sessions[0].run("a1", "hang", deadline_s=0.01)
    result = _result(server, "a1")
    assert not result.success
    assert result.message.endswith("TimeoutError")


def test_the_answer_of_a_cancelled_plain_handler_is_dropped(server: FaultServer, attached: Attach) -> None:
    started, go_on = threading.Event(), threading.Event()

    def slow(request: Request) -> None:
        started.set()
        go_on.wait(PATIENCE_S)

    attached(slow=slow)
    server.sessions[0].run("a1", "slow")
    assert started.wait(PATIENCE_S)
    server.sessions[0].cancel("a1")
    server.sessions[0].run("a2", "unknown")  # answered at once: the cancel before it was read
    _result(server, "a2")
    go_on.set()
    server.sessions[0].run("a3", "slow")
    assert _result(server, "a3").success
    assert {result.attempt_id for result in server.results} == {"a2", "a3"}


def test_a_few_plain_handlers_run_side_by_side(server: FaultServer, attached: Attach) -> None:
    together = threading.Barrier(4)

    def meet(request: Request) -> None:
        together.wait(PATIENCE_S)

    attached(meet=meet)
    for number in range(8):
        server.sessions[0].run(f"a{number}", "meet")
    for number in range(8):
        assert _result(server, f"a{number}").success


def test_it_attaches_again_when_the_daemon_is_back(server: FaultServer, attached: Attach) -> None:
    attachment = attached(mend=lambda request: None)
    server.stop()
    server.start()
    server.wait_for(lambda: len(server.sessions) == 2)
    assert attachment.wait_attached(PATIENCE_S)
    server.sessions[1].run("a1", "mend")
    assert _result(server, "a1").success


def test_it_attaches_when_the_daemon_comes_up_later(server: FaultServer) -> None:
    server.stop()
    with attach({"mend": lambda request: None}, "shop", server.address) as attachment:
        assert not attachment.wait_attached(0.01)
        server.start()
        assert attachment.wait_attached(PATIENCE_S)
    assert not attachment.is_attached


def test_what_nobody_foresaw_does_not_end_the_thread_that_offers() -> None:
    failures = threading.Semaphore(0)

    class Heard(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            failures.release()

    log, heard = logging.getLogger("error_recovery"), Heard(logging.WARNING)
    log.addHandler(heard)
    try:
        with attach({"mend": lambda request: None}, "shop", "127.0.0.1:1", Security(tls_cert="no\0path")):
            assert failures.acquire(timeout=PATIENCE_S)
            assert failures.acquire(timeout=PATIENCE_S)
    finally:
        log.removeHandler(heard)


def test_close_cancels_what_runs_and_can_be_repeated(server: FaultServer, attached: Attach) -> None:
    started, cancelled = threading.Event(), threading.Event()

    async def hang(request: Request) -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    attachment = attached(hang=hang)
    server.sessions[0].run("a1", "hang")
    assert started.wait(PATIENCE_S)
    attachment.close()
    attachment.close()
    assert cancelled.wait(PATIENCE_S)
    assert not attachment.is_attached


def test_an_offer_that_makes_no_sense_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one handler and the name of the application"):
        attach({}, "shop")
    with pytest.raises(TypeError, match="handler 'mend' is a str"):
        attach({"mend": "restart"}, "shop")  # type: ignore[dict-item]
