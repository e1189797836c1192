"""
Servicers that block, in threads: each method as protoc's plain stubs have it, with iterators of requests and generators of answers.

The loop never waits for one. A request is handed over when the thread asks for it, an answer when the loop has sent the one before: so
flow control holds here too. A call that ends makes the thread's next wait for a request end with it; code that waits for something else
is not interrupted, as with grpc.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Lock
from typing import Any

from error_daemon.rpc.wire.context import BlockingContext
from error_daemon.rpc.wire.wire_call import WireCall

_MOST_THREADS = 8  # what blocks here is no fault: a few calls at once, the others wait
_THREADS = ThreadPoolExecutor(_MOST_THREADS, "servicer")  # starts none before it has work
_END = object()


class RequestsForThread:
    """The iterator of a thread over what comes in the loop."""

    def __init__(self, requests: AsyncIterator[Any]) -> None:
        self._requests = requests
        self._loop = asyncio.get_running_loop()
        self._has_ended = False
        self._asking: asyncio.Task[Any] | None = None

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        """Raises concurrent.futures.CancelledError when the call is over."""
        request = asyncio.run_coroutine_threadsafe(self.next(), self._loop).result()
        if request is _END:
            raise StopIteration
        return request

    async def next(self) -> Any:
        """In the loop, as `end` is: which of the two comes first is no race."""
        if self._has_ended:
            raise asyncio.CancelledError
        self._asking = asyncio.current_task()
        return await anext(self._requests, _END)

    def end(self) -> None:
        self._has_ended = True
        if self._asking is not None:
            self._asking.cancel()


class _Answers:
    """What a servicer gives, one at a time; closed as soon as it is not at work on one."""

    def __init__(self, answers: Iterable[Any]) -> None:
        self._answers = iter(answers)
        self._at_work = Lock()

    def take(self) -> Any:
        with self._at_work:
            return next(self._answers, _END)

    def close(self) -> None:
        with self._at_work:
            if isinstance(self._answers, Generator):
                self._answers.close()


@contextmanager
def _for_a_thread(request: Any) -> Iterator[Any]:
    if not isinstance(request, AsyncIterator):
        yield request
        return
    requests = RequestsForThread(request)
    try:
        yield requests
    finally:
        requests.end()


def answer_of(behaviour: Callable[..., Any]) -> Callable[[Any, WireCall], Any]:
    async def serve(request: Any, call: WireCall) -> Any:
        context = BlockingContext(call)
        with context.judged(), _for_a_thread(request) as given:
            return await asyncio.get_running_loop().run_in_executor(_THREADS, behaviour, given, context)

    return serve


def answers_of(behaviour: Callable[..., Any]) -> Callable[[Any, WireCall], AsyncIterator[Any]]:
    async def serve(request: Any, call: WireCall) -> AsyncIterator[Any]:
        context, loop = BlockingContext(call), asyncio.get_running_loop()
        with context.judged(), _for_a_thread(request) as given:
            answers = _Answers(await loop.run_in_executor(_THREADS, behaviour, given, context))
            try:
                while (answer := await loop.run_in_executor(_THREADS, answers.take)) is not _END:
                    yield answer
            finally:
                _THREADS.submit(answers.close)

    return serve
