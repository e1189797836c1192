"""RecoveryService: what people and error-cli see and steer, over middle.Control."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing

from error_daemon.calls import Call, Method, Service, Shape
from error_daemon.errors import ConfigError, InputError, NotFound, StoreUnavailable
from error_daemon.middle import After, Control
from error_daemon.model import BrakeView
from error_daemon.rpc import convert, paging, requests
from error_daemon.rpc.convert_approval import answered_fields, approval_message
from error_daemon.rpc.convert_diagnosis import diagnostic_message
from error_daemon.rpc.convert_event import event_message
from error_daemon.rpc.convert_metrics import metrics_message
from error_daemon.rpc.convert_reload import reload_message
from error_daemon.rpc.convert_replay import problems_message, replay_message
from error_daemon.rpc.convert_status import brake_message, status_message
from error_daemon.rpc.convert_test import step_message
from error_daemon.rpc.unary import serialise, unary
from error_recovery.v1 import fault_pb2, recovery_pb2

_PAUSE = "pause"  # BrakeView.brake


class RecoveryService:
    def __init__(self, control: Control) -> None:
        self._control = control

    def service(self) -> Service:
        pb = recovery_pb2
        return Service(
            "error_recovery.v1.RecoveryService",
            (
                unary("GetStatus", self.get_status, pb.GetStatusRequest),
                unary("ListErrors", self.list_errors, pb.ListErrorsRequest),
                unary("GetError", self.get_error, pb.GetErrorRequest),
                unary("ResolveError", self.resolve_error, pb.ResolveErrorRequest),
                Method("Watch", Shape.SERVER_STREAM, self.watch, pb.WatchRequest.FromString, serialise),
                unary("Explain", self.explain, pb.ExplainRequest),
                unary("ListHistory", self.list_history, pb.ListHistoryRequest),
                unary("GetMetrics", self.get_metrics, pb.GetMetricsRequest),
                unary("Reset", self.reset, pb.ResetRequest),
                unary("Flush", self.flush, pb.FlushRequest),
                unary("ListBrakes", self.list_brakes, pb.ListBrakesRequest),
                unary("ResetBreaker", self.reset_breaker, pb.ResetBreakerRequest),
                unary("Pause", self.pause, pb.PauseRequest),
                unary("Resume", self.resume, pb.ResumeRequest),
                unary("ListApprovals", self.list_approvals, pb.ListApprovalsRequest),
                unary("Approve", self.approve, pb.ApproveRequest),
                unary("Deny", self.deny, pb.DenyRequest),
                unary("Reload", self.reload, pb.ReloadRequest),
                Method("Replay", Shape.SERVER_STREAM, self.replay, pb.ReplayRequest.FromString, serialise),
                Method("TestRecovery", Shape.SERVER_STREAM, self.test, pb.TestRecoveryRequest.FromString, serialise),
                unary("ContinueTest", self.continue_test, pb.ContinueTestRequest),
                unary("Diagnose", self.diagnose, pb.DiagnoseRequest),
            ),
        )

    # --- seeing

    def get_status(self, _request: recovery_pb2.GetStatusRequest, _call: Call) -> recovery_pb2.GetStatusResponse:
        _, waiting = self._control.approvals(0)
        return status_message(self._control.status(), self._control.brakes(), waiting)

    def list_brakes(self, _request: recovery_pb2.ListBrakesRequest, _call: Call) -> recovery_pb2.ListBrakesResponse:
        return recovery_pb2.ListBrakesResponse(brakes=map(brake_message, self._control.brakes()))

    async def list_errors(
        self, request: recovery_pb2.ListErrorsRequest, _call: Call
    ) -> recovery_pb2.ListErrorsResponse:
        limit = requests.limit(request.limit, 100, requests.MOST_ERRORS)
        found, total = await self._control.errors(requests.error_filter(request), limit + 1, paging.place_in(request))
        views, last = paging.page_of(found, limit)
        return recovery_pb2.ListErrorsResponse(
            errors=[convert.error_message(view) for view in views],
            total=total,
            next_page_token=paging.token_for(request, After(last.last_at, last.error_id)) if last else "",
        )

    async def get_error(self, request: recovery_pb2.GetErrorRequest, _call: Call) -> recovery_pb2.GetErrorResponse:
        view = self._control.error(requests.some_id(request.error_id))
        answer = recovery_pb2.GetErrorResponse(error=convert.error_message(view))
        waiting = self._control.approval(view.error_id)
        if waiting is not None:
            answer.error.approval.CopyFrom(approval_message(waiting))
        try:
            payload = await self._control.fault(view.error_id)
            if payload is not None:
                answer.error.fault.CopyFrom(fault_pb2.Fault.FromString(payload))
            answer.attempts.extend(map(convert.attempt_message, await self._control.attempts(view.error_id)))
            answer.decisions.extend(map(convert.decision_message, await self._control.decisions(view.error_id)))
        except StoreUnavailable as error:
            answer.incomplete = f"the record cannot be read now: {error}"
        return answer

    async def watch(self, request: recovery_pb2.WatchRequest, _call: Call) -> AsyncIterator[recovery_pb2.Event]:
        error_id = self._control.error(request.error_id).error_id if request.error_id else None
        async with aclosing(self._control.watch(error_id, requests.pace(request.most_per_s))) as notices:
            async for notice in notices:
                yield event_message(notice)

    async def explain(self, request: recovery_pb2.ExplainRequest, _call: Call) -> recovery_pb2.ExplainResponse:
        decision, attempt = await self._control.decision(requests.some_id(request.id, "id"))
        return recovery_pb2.ExplainResponse(
            error=self._error_if_known(decision.error_id),
            decision=convert.decision_message(decision),
            attempt=convert.attempt_message(attempt) if attempt else None,
            sentences=await self._control.sentences(decision, attempt),
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
        limit = requests.limit(request.limit, 50, requests.MOST_HISTORY)
        found = await self._control.history(
            limit + 1,
            paging.place_in(request),
            error_id=requests.short(request.error_id, "error_id"),
            strategy_id=requests.short(request.strategy_id, "strategy_id"),
            error_type=requests.error_type(request.error_type, "error_type"),
            since=requests.time_range(request.since, 0.0)[0],
        )
        attempts, last = paging.page_of(found, limit)
        return recovery_pb2.ListHistoryResponse(
            attempts=[convert.attempt_message(attempt) for attempt in attempts],
            next_page_token=paging.token_for(request, After(last.started_at, last.attempt_id)) if last else "",
        )

    async def get_metrics(
        self, request: recovery_pb2.GetMetricsRequest, _call: Call
    ) -> recovery_pb2.GetMetricsResponse:
        return metrics_message(await self._control.metrics(*requests.time_range(request.since, request.until)))

    async def diagnose(self, _request: recovery_pb2.DiagnoseRequest, _call: Call) -> recovery_pb2.DiagnoseResponse:
        found = await self._control.diagnose()
        facts = self._control.status()
        return recovery_pb2.DiagnoseResponse(
            diagnostics=map(diagnostic_message, found), version=facts["version"], pid=facts["pid"]
        )

    async def replay(self, request: recovery_pb2.ReplayRequest, _call: Call) -> AsyncIterator[recovery_pb2.ReplayEvent]:
        files = requests.definition_files(request)
        span = requests.time_range(request.since, request.until)
        try:
            async with aclosing(self._control.replay(files, *span, request.seed)) as steps:
                async for step in steps:
                    yield await asyncio.to_thread(replay_message, step)  # the loop goes on meanwhile
        except ConfigError as wrong:
            yield problems_message(wrong.problems)

    # --- steering

    async def test(
        self, request: recovery_pb2.TestRecoveryRequest, call: Call
    ) -> AsyncIterator[recovery_pb2.TestEvent]:
        async with aclosing(self._control.test(requests.repeat_wish(request, call.caller))) as steps:
            async for step in steps:
                yield step_message(step)

    def continue_test(
        self, request: recovery_pb2.ContinueTestRequest, _call: Call
    ) -> recovery_pb2.ContinueTestResponse:
        self._control.continue_test(requests.some_id(request.test_id, "test_id"), request.number)
        return recovery_pb2.ContinueTestResponse()

    def resolve_error(self, request: recovery_pb2.ResolveErrorRequest, call: Call) -> recovery_pb2.ResolveErrorResponse:
        note = requests.short(request.note, "note", requests.MOST_NOTE_CHARACTERS)
        view = self._control.resolve(requests.some_id(request.error_id), note, requests.person(request.by, call.caller))
        return recovery_pb2.ResolveErrorResponse(error=convert.error_message(view))

    async def reset(self, request: recovery_pb2.ResetRequest, call: Call) -> recovery_pb2.ResetResponse:
        if bool(request.error_id) == request.learned:
            raise InputError("error_id", "name an error, or set learned = true to forget what was learned; not both")
        by = requests.person(request.by, call.caller)
        strategy_id = requests.short(request.strategy_id, "strategy_id") or None
        if request.learned:
            return recovery_pb2.ResetResponse(scores_reset=await self._control.forget(strategy_id, by))
        if strategy_id:
            raise InputError("strategy_id", "is for what was learned of a strategy: set learned = true, and no error")
        await self._control.reset_ladder(requests.some_id(request.error_id), by)
        return recovery_pb2.ResetResponse(errors_reset=1)

    def flush(self, request: recovery_pb2.FlushRequest, call: Call) -> recovery_pb2.FlushResponse:
        if bool(request.error_id) == request.all:
            raise InputError("error_id", "name an error, or set all = true; not both")
        error_id = requests.short(request.error_id, "error_id") or None
        purged, running = self._control.flush(error_id, requests.person(request.by, call.caller))
        return recovery_pb2.FlushResponse(purged=purged, running=running)

    def reset_breaker(self, request: recovery_pb2.ResetBreakerRequest, call: Call) -> recovery_pb2.ResetBreakerResponse:
        was_open = self._control.reset_breaker(
            requests.short(request.target, "target"), requests.person(request.by, call.caller)
        )
        return recovery_pb2.ResetBreakerResponse(was_open=was_open)

    def pause(self, request: recovery_pb2.PauseRequest, call: Call) -> recovery_pb2.PauseResponse:
        target = requests.short(request.target, "target")
        pauses = self._control.pause(
            target,
            requests.pause_length_s(request.for_s),
            requests.short(request.reason, "reason", requests.MOST_NOTE_CHARACTERS),
            requests.person(request.by, call.caller),
        )
        return recovery_pb2.PauseResponse(
            pauses=map(brake_message, pauses),
            attempts_running=self._control.attempting(target),
            tickets_waiting=sum(pause.waiting for pause in pauses if pause.subject == target),
        )

    def resume(self, request: recovery_pb2.ResumeRequest, call: Call) -> recovery_pb2.ResumeResponse:
        was_paused = self._control.resume(
            requests.short(request.target, "target"), requests.person(request.by, call.caller)
        )
        return recovery_pb2.ResumeResponse(was_paused=was_paused, pauses=map(brake_message, self._pauses()))

    def _pauses(self) -> Sequence[BrakeView]:
        return [view for view in self._control.brakes() if view.brake == _PAUSE]

    def list_approvals(
        self, request: recovery_pb2.ListApprovalsRequest, _call: Call
    ) -> recovery_pb2.ListApprovalsResponse:
        found, total = self._control.approvals(requests.limit(request.limit, 100, requests.MOST_APPROVALS))
        return recovery_pb2.ListApprovalsResponse(approvals=map(approval_message, found), total=total)

    async def approve(self, request: recovery_pb2.ApproveRequest, call: Call) -> recovery_pb2.ApproveResponse:
        given = requests.answer(request, call.caller, is_yes=True)
        answered, is_kept = await self._control.answer(requests.some_id(request.error_id), given)
        view = self._control.error(answered.error_id)
        return recovery_pb2.ApproveResponse(**answered_fields(answered, view, is_kept=is_kept))

    async def deny(self, request: recovery_pb2.DenyRequest, call: Call) -> recovery_pb2.DenyResponse:
        given = requests.answer(request, call.caller, is_yes=False)
        answered, is_kept = await self._control.answer(requests.some_id(request.error_id), given)
        view = self._control.error(answered.error_id)
        return recovery_pb2.DenyResponse(**answered_fields(answered, view, is_kept=is_kept))

    async def reload(self, request: recovery_pb2.ReloadRequest, call: Call) -> recovery_pb2.ReloadResponse:
        return reload_message(
            await self._control.reload(requests.person(request.by, call.caller), dry_run=request.dry_run)
        )
