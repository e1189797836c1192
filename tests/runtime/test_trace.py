"""What the log says of a recovery, and that it is said off the fault path."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import Any

import pytest
import structlog
from structlog.testing import LogCapture

from error_daemon.core.effects import SaveFault, TimePassed
from error_daemon.logs.levels import logger_class
from error_daemon.model import ErrorType, Fault, Priority, ReadingValue, SlotRef
from error_daemon.runtime import recovery_loop
from error_daemon.runtime.heartbeat import Heartbeat
from error_daemon.runtime.trace import FaultTrace
from tests.runtime.joined import HandClock, Joined, web_fault


@pytest.fixture
def told() -> Iterator[list[MutableMapping[str, Any]]]:
    """The lines, in their order."""
    before = structlog.get_config()
    capture = LogCapture()
    structlog.configure(processors=[capture], wrapper_class=logger_class("DEBUG"), cache_logger_on_first_use=False)
    yield capture.entries
    structlog.configure(**before)


def test_one_id_goes_from_the_fault_to_the_verdict(tmp_path: Path, told: list[dict[str, Any]]) -> None:
    async def go() -> str:
        joined = Joined(tmp_path)
        error_id, _ = joined.intake.take(web_fault(message="it broke"))
        joined.end(joined.executor.attempts[-1])
        joined.see(joined.executor.rounds[-1], ReadingValue.NOT_OK)
        joined.clock.at += 7.0
        joined.loop.feed(TimePassed())
        joined.see(joined.executor.rounds[-1], ReadingValue.NOT_OK)
        joined.end(joined.executor.attempts[-1])
        joined.see(joined.executor.rounds[-1])
        joined.close()
        return error_id

    error_id = asyncio.run(go())
    lines = [line for line in told if line.get("error_id") == error_id]
    assert [line["event"] for line in lines] == [
        "fault",
        "decision",
        "attempt",
        "decision",
        "attempt",
        "ticket_ended",
        "ERR_LAG_THRESHOLD_EXCEEDED",
    ]
    [ticket_id] = {line["ticket_id"] for line in lines}
    assert ticket_id.startswith(f"{error_id}-")
    assert [line["log_level"] for line in lines] == ["recovery"] * 6 + ["warning"]
    assert lines[0]["message"] == "it broke"
    assert [line["verdict"] for line in lines if line["event"] == "attempt"] == ["persisting", "recovered"]
    assert lines[-1]["lag_s"] == pytest.approx(7.0)
    assert lines[-1]["ended_as"] == "recovered"


def test_lines_are_made_when_the_order_has_gone(tmp_path: Path, told: list[dict[str, Any]]) -> None:
    async def go() -> None:
        joined = Joined(tmp_path)
        joined.executor.on_attempt = lambda order: told.append({"event": "order"})
        joined.intake.take(web_fault())
        joined.close()

    asyncio.run(go())
    assert [line["event"] for line in told] == ["order", "fault", "decision"]


def test_a_fault_that_opens_no_ticket_has_a_line_for_who_debugs(tmp_path: Path, told: list[dict[str, Any]]) -> None:
    async def go() -> None:
        joined = Joined(tmp_path)
        joined.intake.take(web_fault(context={"component": "nobody"}))
        joined.close()

    asyncio.run(go())
    assert [(line["event"], line["log_level"], line["ticket_id"]) for line in told] == [("fault", "debug", "")]


def test_a_storm_has_few_lines_and_says_how_many_were_left_out(told: list[dict[str, Any]]) -> None:
    clock = HandClock()
    trace = FaultTrace(lambda error_id: "e1-t1", 5.0, clock.now)
    for number in range(1001):
        if number == 1000:
            assert not told
            trace.tell()
            clock.at += 1.0
        received_at = 1000.0 + number  # as the ring gives them back at a start
        trace.note(SaveFault("e1", Fault(ErrorType.DATA, received_at=received_at), SlotRef(Priority.LOW, 0, 1)))
    trace.tell()
    assert [line["event"] for line in told] == ["fault"] * 200 + ["lines_left_out", "fault"]
    assert told[200]["count"] == 800


@pytest.mark.parametrize("is_closed", [False, True])
def test_how_many_lines_were_left_out_is_said_although_nothing_more_comes(
    is_closed: bool, tmp_path: Path, told: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recovery_loop, "_LEFT_OUT_FOR_S", 60.0 if is_closed else 0.0)

    async def go() -> None:
        joined = Joined(tmp_path)
        for _ in range(203):
            fault = Fault(ErrorType.DATA, received_at=joined.clock.at)
            joined.loop._trace.note(SaveFault("e1", fault, SlotRef(Priority.LOW, 0, 1)))
        joined.loop.feed(TimePassed())
        if not is_closed:
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert told[-1]["event"] == "lines_left_out"
        joined.close()

    asyncio.run(go())
    assert [(line["event"], line["count"]) for line in told if "count" in line] == [("lines_left_out", 3)]


def test_a_line_that_cannot_be_made_costs_no_recovery(told: list[dict[str, Any]]) -> None:
    def broken(error_id: str) -> str:
        raise KeyError(error_id)

    trace = FaultTrace(broken, 5.0, HandClock().now)
    trace.note(SaveFault("e1", Fault(ErrorType.DATA), SlotRef(Priority.LOW, 0, 1)))
    trace.tell()
    assert [line["event"] for line in told] == ["trace_failed"]


def test_a_heartbeat_has_the_figures(told: list[dict[str, Any]]) -> None:
    status = {
        "uptime_s": 1.23456,
        "state": "serving",
        **dict.fromkeys(("faults_received", "faults_refused", "calls_refused", "errors_known", "tickets_open"), 5),
        **dict.fromkeys(("attempts_running", "workers", "workers_lost", "peers_sent_away"), 2),
        "errors_by_state": {"watching": 1},
        "rings": [{"used": 1}, {"used": 2}],
        "store": {"rows_waiting": 4, "available": True},
        "lag": {"p50_us": 245.2, "p99_us": 914.0},
        "log": {"lines": 9, "lines_lost": 0},
    }

    async def go() -> None:
        twice = asyncio.Event()

        def asked() -> dict[str, Any]:
            if told:
                twice.set()
            return status

        heartbeat = Heartbeat(asked, 0.001)
        heartbeat.start()
        await asyncio.wait_for(twice.wait(), 30.0)
        heartbeat.stop()
        never = Heartbeat(lambda: status, 0.0)
        never.start()
        never.stop()

    asyncio.run(go())
    assert {line["event"] for line in told} == {"heartbeat"}
    assert (told[0]["uptime_s"], told[0]["slots_used"], told[0]["lag_p50_us"]) == (1.235, 3, 245)
    assert told[0]["memory_bytes"] > 1_000_000
