"""Running recovery handlers: each run is answered once, whatever the handler does.

a plain function     runs on one of a few threads; it can't be stopped, so after a cancel its answer is dropped
an async function    runs on an event loop of its own in one thread; a cancel or the deadline cancels its task

returns True or None        success
returns False               failure
returns a HandlerAnswer     as it says
returns anything else, or raises    failure, with a text that tells
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import logging
import operator
import queue
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, SupportsIndex, TypeAlias, cast

from error_recovery.exception import qualified_name
from error_recovery.text import fitted, printed
from error_recovery.v1 import fault_pb2, handler_pb2

THREADS = 4
_MESSAGE_BYTES = 1024
_COUNT_LIMIT = (1 << 32) - 1

_log = logging.getLogger("error_recovery")


@dataclass(frozen=True, slots=True)
class Request:
    """What a handler is asked: recover from this error."""

    error_id: str
    """The error, 16 hexadecimal digits."""
    fault: fault_pb2.Fault
    """The newest fault of it."""
    level: int
    """Ladder level, 1 (basic retry) to 5 (full system recovery)."""
    deadline_s: float
    """Seconds that the handler has from now on; an answer after that is ignored."""
    handler: str
    """The name it was offered under."""
    attempt_id: str


@dataclass(frozen=True, slots=True)
class HandlerAnswer:
    """What a handler may return where True or False is too little."""

    success: bool
    message: str = ""
    affected_tasks: int = 0
    recovered_tasks: int = 0


Returned: TypeAlias = "bool | HandlerAnswer | None"
Handler: TypeAlias = "Callable[[Request], Returned | Awaitable[Returned]]"
AsyncHandler: TypeAlias = "Callable[[Request], Coroutine[Any, Any, Returned]]"
Reply: TypeAlias = Callable[[handler_pb2.HandlerResult], None]


class HandlerRuns:
    """The runs of one attachment. Safe for any thread. Its threads are daemons: a handler that hangs ends with the process."""

    def __init__(self, handlers: Mapping[str, Handler]) -> None:
        self._handlers = dict(handlers)
        self._lock = threading.Lock()
        self._running: dict[str, Future[HandlerAnswer] | None] = {}  # by attempt_id; None: a plain function
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._jobs_open = 0
        self._threads = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_closed = False

    def offer(self, handlers: Mapping[str, Handler]) -> None:
        """From now on these; what runs goes on."""
        self._handlers = dict(handlers)

    def start(self, run: handler_pb2.RunHandler, reply: Reply) -> None:
        """Starts one run; `reply` is called with its result from another thread, unless it is cancelled before."""
        handler = self._handlers.get(run.handler)
        if handler is None:
            offered = ", ".join(sorted(self._handlers))
            reply(_result(run, HandlerAnswer(False, f"no handler {run.handler!r} here: there are {offered}")))
        elif _is_async(handler):
            self._start_async(run, cast("AsyncHandler", handler), reply)
        else:
            self._start_plain(run, handler, reply)

    def cancel(self, attempt_id: str) -> None:
        """The answer of that run is not wanted any more."""
        with self._lock:
            future = self._running.pop(attempt_id, None)
        if future is not None:
            future.cancel()

    def close(self) -> None:
        """Cancels what runs and ends the threads as soon as they are free."""
        with self._lock:
            self._is_closed = True
            futures, self._running = list(self._running.values()), {}
            loop, self._loop = self._loop, None
        for future in futures:
            if future is not None:
                future.cancel()
        for _ in range(self._threads):
            self._jobs.put(None)
        if loop is not None:
            loop.call_soon_threadsafe(loop.stop)

    def _start_plain(self, run: handler_pb2.RunHandler, handler: Handler, reply: Reply) -> None:
        end_at = time.monotonic() + run.deadline_s

        def job() -> None:
            left_s = end_at - time.monotonic()
            if run.attempt_id in self._running and left_s > 0:  # else it was cancelled while it waited for a thread
                self._finish(run, reply, _called(handler, _request(run, left_s)))

        with self._lock:
            if self._is_closed:
                return
            self._running[run.attempt_id] = None
            self._jobs_open += 1
            if self._jobs_open > self._threads and self._threads < THREADS:
                self._threads += 1
                threading.Thread(target=self._work, name="error-recovery-handler", daemon=True).start()
        self._jobs.put(job)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()  # does not raise
            with self._lock:
                self._jobs_open -= 1

    def _start_async(self, run: handler_pb2.RunHandler, handler: AsyncHandler, reply: Reply) -> None:
        with self._lock:
            if self._is_closed:
                return
            task = asyncio.wait_for(_awaited(handler, _request(run, run.deadline_s)), run.deadline_s)
            future = asyncio.run_coroutine_threadsafe(task, self._opened_loop())
            self._running[run.attempt_id] = future
        future.add_done_callback(lambda done: self._finish(run, reply, _ended(done)))

    def _opened_loop(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            threading.Thread(target=_serve, args=(self._loop,), name="error-recovery-handlers", daemon=True).start()
        return self._loop

    def _finish(self, run: handler_pb2.RunHandler, reply: Reply, answer: HandlerAnswer) -> None:
        with self._lock:
            is_wanted = run.attempt_id in self._running
            self._running.pop(run.attempt_id, None)
        if is_wanted:
            reply(_result(run, answer))


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    """Runs the loop until it is stopped, then lets cancelled handlers clean up."""
    try:
        loop.run_forever()
        loop.run_until_complete(_cancel_others())
    finally:
        loop.close()


async def _cancel_others() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


def _called(handler: Handler, request: Request) -> HandlerAnswer:
    try:
        return _checked(handler(request))
    except BaseException as problem:  # noqa: BLE001  a user's handler may raise anything; it becomes the answer
        return _failed(problem)


async def _awaited(handler: AsyncHandler, request: Request) -> HandlerAnswer:
    try:
        return _checked(await handler(request))
    except (Exception, SystemExit, KeyboardInterrupt) as problem:  # noqa: BLE001  likewise, but for a cancel
        return _failed(problem)


def _ended(done: Future[HandlerAnswer]) -> HandlerAnswer:
    if done.cancelled():
        return HandlerAnswer(False, "the handler was cancelled")
    problem = done.exception()
    return done.result() if problem is None else _failed(problem)


def _failed(problem: BaseException) -> HandlerAnswer:
    _log.warning("a recovery handler failed", exc_info=problem)
    text = printed(problem)
    return HandlerAnswer(False, f"{qualified_name(type(problem))}: {text}" if text else qualified_name(type(problem)))


def _checked(returned: object) -> HandlerAnswer:
    """What a handler returned, fit to be sent. Raises TypeError for a number of tasks that is none."""
    if returned is None or returned is True:
        return HandlerAnswer(True)
    if returned is False:
        return HandlerAnswer(False, "the handler returned False")
    if isinstance(returned, HandlerAnswer):
        tasks = _count(returned.affected_tasks), _count(returned.recovered_tasks)
        return HandlerAnswer(bool(returned.success), printed(returned.message), *tasks)
    if inspect.iscoroutine(returned):
        returned.close()
    kind = type(returned).__name__
    return HandlerAnswer(False, f"the handler returned a {kind}: return True, False, None or a HandlerAnswer")


def _count(tasks: SupportsIndex) -> int:
    return min(max(0, operator.index(tasks)), _COUNT_LIMIT)


def _result(run: handler_pb2.RunHandler, answer: HandlerAnswer) -> handler_pb2.HandlerResult:
    return handler_pb2.HandlerResult(
        attempt_id=run.attempt_id,
        success=answer.success,
        message=fitted(answer.message, _MESSAGE_BYTES)[0],
        affected_tasks=answer.affected_tasks,
        recovered_tasks=answer.recovered_tasks,
    )


def _request(run: handler_pb2.RunHandler, deadline_s: float) -> Request:
    return Request(run.error_id, run.fault, run.level, deadline_s, run.handler, run.attempt_id)


def _is_async(handler: Handler) -> bool:
    plain: object = handler
    while isinstance(plain, functools.partial):
        plain = plain.func
    return inspect.iscoroutinefunction(plain) or inspect.iscoroutinefunction(getattr(plain, "__call__", None))  # noqa: B004
