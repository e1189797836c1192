"""HandlerService.Attach: applications offer recovery handlers of their own, and are asked to run them.

One stream is one session of one process of an application, which may offer other handlers at any time. An attempt of a strategy of
kind `handler` goes to the session of its application that has the handler and the fewest runs going on. It ends with the application's
result, at its deadline (timed_out, and the application is told), with the stream (lost: nobody knows what was done), or at once where
no such session is attached (refused).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from error_daemon.calls import Call, Method, Service, Shape
from error_daemon.errors import InputError, TransientError
from error_daemon.model import AttemptOrder, Json, Outcome, OutcomeKind
from error_daemon.model.variables import fill_from_fault
from error_daemon.ports import Clock, OnOutcome
from error_recovery.v1 import fault_pb2, handler_pb2

_MOST_HANDLERS = 256
_MOST_SESSIONS = 256
_RETRY_AFTER_S = 5.0
_NAME_BYTES = 128
_DETAIL_CHARACTERS = 2048
_MOST_UNREAD = 256  # messages; an application that reads no more is as good as gone


@dataclass(slots=True)
class _Run:
    order: AttemptOrder
    started_at: float
    deadline: asyncio.TimerHandle


@dataclass(slots=True, eq=False)
class _Session:
    session_id: str
    application: str
    handlers: frozenset[str]
    outgoing: asyncio.Queue[handler_pb2.AttachResponse | None] = field(default_factory=asyncio.Queue)
    runs: dict[str, _Run] = field(default_factory=dict)


class HandlerService:
    """`fault_of(error_id)`: the serialised fault that the handler is given, or None."""

    def __init__(self, clock: Clock, on_outcome: OnOutcome, fault_of: Callable[[str], bytes | None]) -> None:
        self._clock = clock
        self._on_outcome = on_outcome
        self._fault_of = fault_of
        self._sessions: list[_Session] = []
        self._last_session = 0

    def service(self) -> Service:
        read, write = handler_pb2.AttachRequest.FromString, handler_pb2.AttachResponse.SerializeToString
        return Service(
            "error_recovery.v1.HandlerService", (Method("Attach", Shape.BIDI_STREAM, self.attach, read, write),)
        )

    def names(self) -> Sequence[str]:
        """The applications attached now."""
        return sorted({session.application for session in self._sessions})

    def close(self) -> None:
        """End every session. Runs that are still going on are lost."""
        for session in self._sessions:
            session.outgoing.put_nowait(None)

    # --- orders

    def start_attempt(self, order: AttemptOrder) -> None:
        """Ask an application. Answered exactly once through `on_outcome`, never before this returns."""
        loop = asyncio.get_running_loop()
        params = fill_from_fault(
            order.strategy.params, {"target": order.target.id, **order.target.variables}, order.variables
        )
        session = self._session_for(params)
        if session is None:
            detail = f"application {params['application']!r} is not attached with a handler {params['handler']!r}"
            loop.call_soon(self._on_outcome, Outcome(order.attempt_id, OutcomeKind.REFUSED, detail))
            return
        deadline = loop.call_later(order.timeout_s, self._time_out, session, order.attempt_id)
        session.runs[order.attempt_id] = _Run(order, self._clock.now(), deadline)
        run = handler_pb2.RunHandler(
            attempt_id=order.attempt_id,
            handler=params["handler"],
            error_id=order.error_id,
            level=order.level,
            deadline_s=order.timeout_s,
        )
        payload = self._fault_of(order.error_id)
        if payload is not None:
            run.fault.CopyFrom(fault_pb2.Fault.FromString(payload))
        session.outgoing.put_nowait(handler_pb2.AttachResponse(run=run))

    def _session_for(self, params: Mapping[str, Json]) -> _Session | None:
        able = (
            session
            for session in self._sessions
            if session.application == params["application"]
            and params["handler"] in session.handlers
            and session.outgoing.qsize() < _MOST_UNREAD
        )
        return min(able, key=lambda session: len(session.runs), default=None)

    def _time_out(self, session: _Session, attempt_id: str) -> None:
        cancel = handler_pb2.CancelHandler(attempt_id=attempt_id)
        session.outgoing.put_nowait(handler_pb2.AttachResponse(cancel=cancel))
        self._end(session, attempt_id, OutcomeKind.TIMED_OUT, "the application did not answer in time")

    def _end(
        self, session: _Session, attempt_id: str, kind: OutcomeKind, detail: str, tasks: tuple[int, int] = (0, 0)
    ) -> None:
        run = session.runs.pop(attempt_id, None)
        if run is None:
            return  # it was ended before: an answer after the deadline
        run.deadline.cancel()
        outcome = Outcome(
            attempt_id=attempt_id,
            kind=kind,
            detail=detail[:_DETAIL_CHARACTERS],
            started_at=run.started_at,
            execution_time_s=self._clock.now() - run.started_at,
            affected_tasks=tasks[0],
            recovered_tasks=tasks[1],
        )
        self._on_outcome(outcome)

    # --- the stream

    async def attach(
        self, requests: AsyncIterator[handler_pb2.AttachRequest], _call: Call
    ) -> AsyncIterator[handler_pb2.AttachResponse]:
        session = self._open(await _offer(requests))
        reading = asyncio.ensure_future(self._read(session, requests))
        try:
            yield handler_pb2.AttachResponse(attached=handler_pb2.Attached(session_id=session.session_id))
            async with aclosing(_until_done(session.outgoing, reading)) as messages:
                async for message in messages:
                    if message.HasField("run") and message.run.attempt_id not in session.runs:
                        continue  # the application took so long to read that its deadline has passed
                    yield message
            if reading.done():
                reading.result()  # a message that was wrong ends the stream with its status
        finally:
            reading.cancel()
            self._close(session)

    def _open(self, offer: handler_pb2.Offer) -> _Session:
        if len(self._sessions) >= _MOST_SESSIONS:
            raise TransientError(f"{_MOST_SESSIONS} applications are attached already", _RETRY_AFTER_S)
        self._last_session += 1
        session = _Session(f"{offer.application}-{self._last_session}", offer.application, frozenset(offer.handlers))
        self._sessions.append(session)
        return session

    async def _read(self, session: _Session, requests: AsyncIterator[handler_pb2.AttachRequest]) -> None:
        async for request in requests:
            if request.WhichOneof("message") == "offer":
                session.handlers = _handlers(request.offer, session.application)
                continue
            if request.WhichOneof("message") != "result":
                raise InputError("message", "after the offer only results and other offers are expected")
            result = request.result
            kind = OutcomeKind.COMPLETED if result.success else OutcomeKind.FAILED
            tasks = (result.affected_tasks, result.recovered_tasks)
            self._end(session, result.attempt_id, kind, result.message, tasks)

    def _close(self, session: _Session) -> None:
        self._sessions.remove(session)
        for attempt_id in list(session.runs):
            self._end(session, attempt_id, OutcomeKind.LOST, f"application {session.application} went away")


async def _offer(requests: AsyncIterator[handler_pb2.AttachRequest]) -> handler_pb2.Offer:
    """The first message, checked."""
    async for request in requests:
        if request.WhichOneof("message") != "offer":
            raise InputError("message", "the first message must be an offer")
        if not request.offer.application or len(request.offer.application.encode()) > _NAME_BYTES:
            raise InputError("offer.application", f"must have 1 to {_NAME_BYTES} bytes")
        _handlers(request.offer, request.offer.application)
        return request.offer
    raise InputError("message", "the stream ended without an offer")


def _handlers(offer: handler_pb2.Offer, application: str) -> frozenset[str]:
    """Checked."""
    if offer.application != application:
        raise InputError("offer.application", f"is not {application!r}, which this stream is of")
    if not 1 <= len(offer.handlers) <= _MOST_HANDLERS:
        raise InputError("offer.handlers", f"has {len(offer.handlers)} names; 1 to {_MOST_HANDLERS} are allowed")
    if any(not name or len(name.encode()) > _NAME_BYTES for name in offer.handlers):
        raise InputError("offer.handlers", f"each name must have 1 to {_NAME_BYTES} bytes")
    return frozenset(offer.handlers)


async def _until_done(
    queue: asyncio.Queue[handler_pb2.AttachResponse | None], reading: asyncio.Future[None]
) -> AsyncGenerator[handler_pb2.AttachResponse, None]:
    """What is put into the queue, until that is None or `reading` is done."""
    while True:
        getting = asyncio.ensure_future(queue.get())
        try:
            both: set[asyncio.Future[Any]] = {getting, reading}
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            message = getting.result() if getting.done() else None
            if message is None:
                return
            yield message
        finally:
            getting.cancel()
