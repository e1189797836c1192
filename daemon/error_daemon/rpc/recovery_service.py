"""RecoveryService: what people and error-cli see and steer, over ports.Control."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Any

from google.protobuf.message import Message

from error_daemon.errors import InputError, NotFound, StoreUnavailable
from error_daemon.model import Decision, ErrorType
from error_daemon.ports import Call, Control, ErrorFilter, Method, Service, Shape
from error_daemon.rpc import convert
from error_recovery.v1 import fault_pb2, recovery_pb2

_MOST_ERRORS = 1000
_MOST_HISTORY = 10_000
_MOST_CHARACTERS = 256
_MOST_NOTE_CHARACTERS = 1000


class RecoveryService:
    def __init__(self, control: Control) -> None:
        self._control = control

    def service(self) -> Service:
        pb = recovery_pb2
        return Service(
            "error_recovery.v1.RecoveryService",
            (
                _unary("GetStatus", self.get_status, pb.GetStatusRequest),
                _unary("ListErrors", self.list_errors, pb.ListErrorsRequest),
                _unary("GetError", self.get_error, pb.GetErrorRequest),
                _unary("ResolveError", self.resolve_error, pb.ResolveErrorRequest),
                Method("Watch", Shape.SERVER_STREAM, self.watch, pb.WatchRequest.FromString, _serialise),
                _unary("Explain", self.explain, pb.ExplainRequest),
                _unary("ListHistory", self.list_history, pb.ListHistoryRequest),
                _unary("GetMetrics", self.get_metrics, pb.GetMetricsRequest),
                _unary("Reset", self.reset, pb.ResetRequest),
                _unary("Flush", self.flush, pb.FlushRequest),
            ),
        )

    def get_status(self, _request: recovery_pb2.GetStatusRequest, _call: Call) -> recovery_pb2.GetStatusResponse:
        return convert.status_message(self._control.status())

    def list_errors(self, request: recovery_pb2.ListErrorsRequest, _call: Call) -> recovery_pb2.ListErrorsResponse:
        if request.status not in (0, *convert.STATUS_NAMES):
            raise InputError("status", f"{request.status} is not a Status")
        wanted = ErrorFilter(
            status=convert.STATUS_NAMES.get(request.status, ""),
            type=_error_type(request.type),
            component=_short(request.component, "component"),
            target=_short(request.target, "target"),
            min_severity=request.min_severity,
        )
        views, total = self._control.errors(wanted, _limit(request.limit, 100, _MOST_ERRORS))
        return recovery_pb2.ListErrorsResponse(errors=[convert.error_message(view) for view in views], total=total)

    async def get_error(self, request: recovery_pb2.GetErrorRequest, _call: Call) -> recovery_pb2.GetErrorResponse:
        view = self._control.error(_id(request.error_id))
        answer = recovery_pb2.GetErrorResponse(error=convert.error_message(view))
        try:
            payload = await self._control.fault(view.error_id)
            if payload is not None:
                answer.error.fault.CopyFrom(fault_pb2.Fault.FromString(payload))
            answer.attempts.extend(map(convert.attempt_message, await self._control.attempts(view.error_id)))
            answer.decisions.extend(map(convert.decision_message, await self._control.decisions(view.error_id)))
        except StoreUnavailable as error:
            answer.incomplete = f"the record cannot be read now: {error}"
        return answer

    def resolve_error(
        self, request: recovery_pb2.ResolveErrorRequest, _call: Call
    ) -> recovery_pb2.ResolveErrorResponse:
        if len(request.note) > _MOST_NOTE_CHARACTERS:
            raise InputError("note", f"has {len(request.note)} characters; at most {_MOST_NOTE_CHARACTERS}")
        view = self._control.resolve(_id(request.error_id), request.note)
        return recovery_pb2.ResolveErrorResponse(error=convert.error_message(view))

    async def watch(self, request: recovery_pb2.WatchRequest, _call: Call) -> AsyncIterator[recovery_pb2.Event]:
        error_id = self._control.error(request.error_id).error_id if request.error_id else None
        notices = self._control.watch(error_id)
        try:
            async for notice in notices:
                yield convert.event_message(notice)
        finally:
            if isinstance(notices, AsyncGenerator):
                await notices.aclose()

    async def explain(self, request: recovery_pb2.ExplainRequest, _call: Call) -> recovery_pb2.ExplainResponse:
        decision, attempt = await self._control.decision(_id(request.id, "id"))
        return recovery_pb2.ExplainResponse(
            error=self._error_if_known(decision.error_id),
            decision=convert.decision_message(decision),
            attempt=convert.attempt_message(attempt) if attempt else None,
            sentences=_sentences(decision),
        )

    def _error_if_known(self, error_id: str) -> recovery_pb2.Error | None:
        """The record remembers decisions about errors for which memory had no room any more."""
        try:
            return convert.error_message(self._control.error(error_id))
        except NotFound:
            return None

    async def list_history(
        self, request: recovery_pb2.ListHistoryRequest, _call: Call
    ) -> recovery_pb2.ListHistoryResponse:
        records = await self._control.history(
            _limit(request.limit, 50, _MOST_HISTORY),
            error_id=_short(request.error_id, "error_id"),
            strategy_id=_short(request.strategy_id, "strategy_id"),
            error_type=_error_type(request.error_type),
            since=request.since,
        )
        return recovery_pb2.ListHistoryResponse(attempts=[convert.attempt_message(record) for record in records])

    async def get_metrics(
        self, _request: recovery_pb2.GetMetricsRequest, _call: Call
    ) -> recovery_pb2.GetMetricsResponse:
        return convert.metrics_message(await self._control.metrics())

    async def reset(self, request: recovery_pb2.ResetRequest, _call: Call) -> recovery_pb2.ResetResponse:
        if bool(request.error_id) == request.learned:
            raise InputError("error_id", "name an error, or set learned = true to forget what was learned; not both")
        if request.learned:
            strategy_id = _short(request.strategy_id, "strategy_id") or None
            return recovery_pb2.ResetResponse(scores_reset=await self._control.forget(strategy_id))
        await self._control.reset_ladder(_id(request.error_id))
        return recovery_pb2.ResetResponse(errors_reset=1)

    def flush(self, request: recovery_pb2.FlushRequest, _call: Call) -> recovery_pb2.FlushResponse:
        if bool(request.error_id) == request.all:
            raise InputError("error_id", "name an error, or set all = true; not both")
        purged, running = self._control.flush(_short(request.error_id, "error_id") or None)
        return recovery_pb2.FlushResponse(purged=purged, running=running)


def _serialise(message: Message) -> bytes:
    return message.SerializeToString()


def _unary(name: str, serve: Callable[[Any, Call], Any], request: type[Message]) -> Method:
    return Method(name, Shape.UNARY, serve, request.FromString, _serialise)


def _id(text: str, field: str = "error_id") -> str:
    if not text:
        raise InputError(field, "is empty")
    return _short(text, field)


def _short(text: str, field: str) -> str:
    if len(text) > _MOST_CHARACTERS:
        raise InputError(field, f"has {len(text)} characters; at most {_MOST_CHARACTERS}")
    return text


def _limit(asked: int, default: int, most: int) -> int:
    if asked > most:
        raise InputError("limit", f"{asked} is more than {most}")
    return asked or default


def _error_type(name: str) -> str:
    if name and name not in {kind.value for kind in ErrorType}:
        raise InputError("type", f"{name!r} is none of {', '.join(kind.value for kind in ErrorType)}")
    return name


def _sentences(decision: Decision) -> list[str]:
    """The decision in words."""
    what = f"{'Ran' if decision.attempt_id else 'Would run'} {decision.strategy_id} on {decision.target}"
    sentences = [f"{what} at level {decision.level}, with {decision.timeout_s:.3g} s to finish: {decision.reason}."]
    if not decision.attempt_id:
        sentences.append(f"Nothing was done: the rule's mode is {decision.mode}.")
    for candidate in decision.candidates:
        mean = candidate.alpha / (candidate.alpha + candidate.beta)
        known = (
            f"{candidate.samples:.1f} attempts, of which {mean:.0%} are expected to succeed"
            if candidate.samples
            else "never tried here"
        )
        sentences.append(f"{candidate.strategy_id}: {known}; score {candidate.score:.3f}.")
    return sentences
