"""A control that answers what the test has told it, and writes down what it was asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence

from error_daemon.errors import ErrorRecoveryError, NotFound, Refused, StoreUnavailable
from error_daemon.middle import After, ErrorFilter
from error_daemon.model import (
    Answer,
    Answered,
    Approval,
    AttemptRecord,
    BrakeView,
    Decision,
    DefinitionChange,
    Diagnostic,
    ErrorView,
    Json,
    KeyChange,
    Notice,
    Reloaded,
    RepeatStep,
    RepeatWish,
    Standing,
    Summary,
)


class ToldControl:
    """middle.Control over one error, one decision and one attempt."""

    def __init__(self, view: ErrorView, decision: Decision, record: AttemptRecord, payload: bytes | None) -> None:
        self._view = view
        self._decision = decision
        self._record = record
        self._payload = payload
        self.is_known = True  # whether the error is still in memory
        self.asked: list[tuple[str, object]] = []
        self.notices: asyncio.Queue[Notice | Summary] = asyncio.Queue()
        self.waiting: Approval | None = None  # for a yes or no
        self.watchers = 0
        self.errors_listed = 1
        self.paused: dict[str, BrakeView] = {}
        self.report: Mapping[str, Json] = {}  # what `metrics` says of recovery
        self.steps: Sequence[Mapping[str, Json] | ErrorRecoveryError] = ()  # what `replay` yields, or raises
        self.replays = 0
        self.test_steps: Sequence[RepeatStep | ErrorRecoveryError] = ()  # what `test` yields, or raises
        self.tests = 0

    is_away = False  # whether the record cannot be asked

    def status(self) -> Mapping[str, Json]:
        return {
            "version": "1.2.3",
            "pid": 42,
            "state": "serving",
            "faults_received": 7,
            "rings": [{"priority": "critical", "used": 1, "slots": 2}],
            "store": {"available": True, "rows_written": 5, "rows_waiting": 1, "detail": "all well"},
            "lag": {"samples": 3, "p50_us": 1.0, "p99_us": 2.0, "max_us": 3.0},
            "log": {
                "file": "/var/log/framework/recovery.log",
                "lines": 9,
                "problem": "it is full",
                "outlets": [{"name": "journal", "sent": 8}],
            },
            "applications": ["shop"],
            "attempts_running": 6,
            "errors_by_state": {"parked": 2},
        }

    async def errors(
        self, wanted: ErrorFilter, limit: int, after: After | None = None
    ) -> tuple[Sequence[ErrorView], int]:
        """As many as may be on a page, and one more, as long as it is asked for the first."""
        self.asked.append(("errors", (wanted, limit, after)))
        return [self._view] * (1 if after else min(limit, self.errors_listed)), 17

    def error(self, error_id: str) -> ErrorView:
        if not self.is_known or not self._view.error_id.startswith(error_id):
            raise NotFound(f"no error {error_id!r} is known")
        return self._view

    async def fault(self, error_id: str) -> bytes | None:
        assert error_id == self._view.error_id
        return self._payload

    async def attempts(self, error_id: str) -> Sequence[AttemptRecord]:
        assert error_id == self._view.error_id
        if self.is_away:
            raise StoreUnavailable("its writer is away")
        return [self._record]

    async def decisions(self, error_id: str) -> Sequence[Decision]:
        assert error_id == self._view.error_id
        return [self._decision]

    async def decision(self, any_id: str) -> tuple[Decision, AttemptRecord | None]:
        if any_id != self._decision.decision_id:
            raise NotFound(f"no decision {any_id!r}")
        return self._decision, self._record if self._decision.attempt_id else None

    async def sentences(self, decision: Decision, attempt: AttemptRecord | None) -> Sequence[str]:
        return [f"chose {decision.strategy_id}", "it ran" if attempt else "nothing was done"]

    async def history(self, limit: int, after: After | None = None, **wanted: Json) -> Sequence[AttemptRecord]:
        self.asked.append(("history", {"limit": limit, "after": after, **wanted}))
        return [self._record]

    async def metrics(self, since: float, until: float) -> Mapping[str, Json]:
        self.asked.append(("metrics", (since, until)))
        return {
            "recovery": self.report,
            "strategies": [{"error_type": "network", "strategy_id": "restart", "score": 0.5, "samples": 4}],
            "lag": {"samples": 0, "p50_us": 0.0, "p99_us": 0.0, "max_us": 0.0},
        }

    async def diagnose(self) -> Sequence[Diagnostic]:
        return [Diagnostic("ring", "high", Standing.NOTICE, "half full", "look", {"used_ratio": 0.5})]

    def brakes(self) -> Sequence[BrakeView]:
        throttle = BrakeView("throttle", "", "closed", "3 begun in the last second, of 300", figures={"per_s": 300.0})
        return [*self.paused.values(), throttle]

    def resolve(self, error_id: str, note: str, by: str) -> ErrorView:
        self.asked.append(("resolve", (error_id, note, by)))
        return self.error(error_id)

    def flush(self, error_id: str | None, by: str) -> tuple[int, int]:
        self.asked.append(("flush", (error_id, by)))
        return 3, 2

    async def reset_ladder(self, error_id: str, by: str) -> ErrorView:
        self.asked.append(("reset_ladder", (error_id, by)))
        return self.error(error_id)

    async def forget(self, strategy_id: str | None, by: str) -> int:
        self.asked.append(("forget", (strategy_id, by)))
        return 9

    def pause(self, target: str, for_s: float, reason: str, by: str) -> Sequence[BrakeView]:
        self.asked.append(("pause", (target, for_s, reason, by)))
        self.paused[target] = BrakeView("pause", target, "paused", f"paused by {by}: {reason}", for_s, waiting=4)
        return list(self.paused.values())

    def resume(self, target: str, by: str) -> bool:
        self.asked.append(("resume", (target, by)))
        return self.paused.pop(target, None) is not None

    def attempting(self, target: str) -> int:
        return 3 if target else 6

    def approvals(self, limit: int) -> tuple[Sequence[Approval], int]:
        self.asked.append(("approvals", limit))
        return ([self.waiting] if self.waiting else []), 7

    def approval(self, error_id: str) -> Approval | None:
        return self.waiting

    async def answer(self, error_id: str, answer: Answer) -> tuple[Answered, bool]:
        self.asked.append(("answer", (error_id, answer)))
        if not answer.is_yes:
            raise Refused("nothing of it waits for an approval")
        return Answered(self.error(error_id).error_id, answer, self.waiting, is_repeated=self.waiting is None), True

    def reset_breaker(self, target: str, by: str) -> bool:
        self.asked.append(("reset_breaker", (target, by)))
        return bool(target)

    async def reload(self, by: str, *, dry_run: bool) -> Reloaded:
        self.asked.append(("reload", (by, dry_run)))
        keys = (KeyChange("mode", "observe", "auto"),)
        return Reloaded(
            not dry_run,
            (),
            (DefinitionChange("rule", "web", "changed", keys),),
            "abc",
            5.0,
            ("listen",),
            1,
            2,
            3,
            ("db",),
        )

    async def replay(
        self, files: Mapping[str, str], since: float, until: float, seed: int
    ) -> AsyncGenerator[Mapping[str, Json], None]:
        self.asked.append(("replay", (dict(files), since, until, seed)))
        self.replays += 1
        try:
            for step in self.steps:
                if isinstance(step, ErrorRecoveryError):
                    raise step
                yield step
            if not self.steps:
                await asyncio.Event().wait()
        finally:
            self.replays -= 1

    async def test(self, wish: RepeatWish) -> AsyncGenerator[RepeatStep, None]:
        self.asked.append(("test", wish))
        self.tests += 1
        try:
            for step in self.test_steps:
                if isinstance(step, ErrorRecoveryError):
                    raise step
                yield step
            if not self.test_steps:
                await asyncio.Event().wait()
        finally:
            self.tests -= 1

    def continue_test(self, test_id: str, number: int) -> None:
        self.asked.append(("continue_test", (test_id, number)))

    async def watch(self, error_id: str | None, most_per_s: int = 0) -> AsyncGenerator[Notice | Summary, None]:
        self.asked.append(("watch", (error_id, most_per_s)))
        self.watchers += 1
        try:
            while True:
                yield await self.notices.get()
        finally:
            self.watchers -= 1
