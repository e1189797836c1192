"""What the daemon does by itself is in the audit; and people are answered when what they did is on the disk."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from error_daemon.calls import Method, Service, Shape
from error_daemon.core.brakes.pause import Pause
from error_daemon.core.effects import FailurePredicted
from error_daemon.errors import Refused
from error_daemon.model import ReadingValue
from error_daemon.model.audit import DAEMON, Entry
from error_daemon.runtime.audit import OwnActs, answered_when_kept
from error_recovery.v1 import fault_pb2
from tests.runtime.joined import Joined, web_fault


def acts_of(directory: Path, body: Callable[[Joined, OwnActs], None]) -> list[Entry]:
    async def go() -> list[Entry]:
        joined = Joined(directory)
        await joined.audit.begin()
        own = OwnActs(joined.audit, joined.engine, joined.clock)
        joined.loop._on_act = own.note
        body(joined, own)
        await joined.audit.kept()
        found = list(joined.audit.recent)
        own.close()
        await joined.audit.close()
        joined.close()
        return found

    return asyncio.run(go())


def test_an_attempt_has_its_begin_with_what_was_seen_before_and_its_verdict(tmp_path: Path) -> None:
    def body(joined: Joined, _own: OwnActs) -> None:
        joined.intake.take(web_fault())
        for seen in (ReadingValue.NOT_OK, ReadingValue.OK):
            joined.end(joined.executor.attempts[-1])
            for _ in range(2):
                joined.see(joined.executor.rounds[-1], seen)
                joined.clock.at += 60.0
                joined.loop._woken()

    acts = acts_of(tmp_path, body)
    attempts = [act for act in acts if act.action == "attempt"]
    verdicts = [act for act in acts if act.action == "verdict"]
    assert {act.actor for act in acts} == {DAEMON}
    assert [act.subject for act in attempts] == ["web"] * len(attempts)
    assert attempts[0].before == {"readings": []}
    assert attempts[1].before == {"readings": ["port: not_ok"]}
    assert attempts[0].detail["strategy"] == "fix"
    assert [act.detail["attempt_id"] for act in verdicts] == [
        act.detail["attempt_id"] for act in attempts[: len(verdicts)]
    ]
    assert verdicts[0].after["verdict"] == "persisting"


def test_what_is_only_observed_is_no_act(tmp_path: Path) -> None:
    def body(joined: Joined, _own: OwnActs) -> None:
        joined.intake.take(web_fault(context=fault_pb2.Context(component="seen")))

    assert acts_of(tmp_path, body) == []


def test_breakers_that_open_and_close_and_pauses_that_end_are_acts(tmp_path: Path) -> None:
    def body(joined: Joined, own: OwnActs) -> None:
        now = joined.clock.at
        joined.loop.feed(FailurePredicted("web", 0.9, "a forecast", now + 100.0))
        joined.engine.pause(Pause("web", now, now + 10.0, "maintenance", "ann"))
        joined.engine.pause(Pause("", now, now + 10.0, "all of it", "ann"))
        own._look()
        own._look()
        joined.engine.resume("", now, "ann")
        own.watch()
        joined.clock.at += 11.0
        joined.loop._woken()
        own._look()
        joined.engine.reset_breaker("web", joined.clock.at)
        own._look()

    acts = acts_of(tmp_path, body)
    assert [(act.action, act.subject) for act in acts] == [
        ("breaker_opened", "web"),
        ("pause_ended", "web"),
        ("breaker_closed", "web"),
    ]
    assert "a forecast foresees" in acts[0].why


@pytest.mark.parametrize("is_refused", [False, True])
def test_an_answer_waits_for_what_was_done_and_other_methods_do_not(is_refused: bool) -> None:
    log: list[str] = []

    async def kept() -> None:
        log.append("kept")

    def serve(_request: object, _call: object) -> str:
        log.append("done")
        if is_refused:
            raise Refused("no")
        return "answer"

    async def ask() -> None:
        methods = tuple(Method(name, Shape.UNARY, serve, None, None) for name in ("Pause", "Look"))
        [service] = answered_when_kept([Service("S", methods)], {"S/Pause"}, kept)
        for method in service.methods:
            try:
                answer = method.serve(None, None)  # type: ignore[arg-type]
                log.append(await answer if asyncio.iscoroutine(answer) else answer)
            except Refused:
                log.append("refused")

    asyncio.run(ask())
    end = "refused" if is_refused else "answer"
    assert log == ["done", "kept", end, "done", end]
