"""Traces for a collector: whose trace a recovery joins, and that neither a storm nor a collector that is away costs more than a bound."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from error_daemon.errors import ConfigError, PermanentError, TransientError
from error_daemon.model import (
    ErrorType,
    RecoveryClass,
    ResponseClass,
    Severity,
    Standing,
    TicketRecord,
)
from error_daemon.runtime.clock import SteadyClock
from error_daemon.runtime.exporting.exporter import Exporter
from error_daemon.runtime.exporting.message import resource
from error_daemon.runtime.exporting.sender import sender_of
from error_daemon.runtime.exporting.spans import Context, Span, is_kept, own_trace, sent_in, span_id
from error_daemon.runtime.exporting.story import Story
from error_daemon.settings import TelemetrySettings
from error_daemon.telemetry import CountsBy
from tests.rpc.serving import run, until

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
JOINED = Context(bytes.fromhex(TRACE), bytes.fromhex(SPAN))


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({}, None),
        ({"traceparent": f"00-{TRACE}-{SPAN}-01"}, JOINED),
        ({"traceparent": f" 00-{TRACE.upper()}-{SPAN}-03 "}, JOINED),
        ({"traceparent": f"00-{TRACE}-{SPAN}-00"}, replace(JOINED, is_sampled=False)),
        ({"traceparent": f"cc-{TRACE}-{SPAN}-01-what-will-be"}, JOINED),
        ({"trace_id": TRACE, "span_id": SPAN}, JOINED),
        ({"trace_id": TRACE}, None),
        ({"traceparent": f"00-{'0' * 32}-{SPAN}-01"}, None),
        ({"traceparent": f"00-{TRACE}-{'0' * 16}-01"}, None),
        ({"trace_id": "rubbish", "span_id": SPAN}, None),
    ],
)
def test_a_fault_says_which_trace_it_came_from(attributes: dict[str, str], expected: Context | None) -> None:
    assert sent_in(attributes) == expected


@given(st.dictionaries(st.sampled_from(["traceparent", "trace_id", "span_id"]), st.text()))
def test_no_attribute_breaks_it(attributes: dict[str, str]) -> None:
    found = sent_in(attributes)
    assert found is None or (len(found.trace_id), len(found.span_id)) == (16, 8)


def test_ids_are_those_of_the_ticket_and_of_the_daemon() -> None:
    assert own_trace("a", "t-1") == own_trace("a", "t-1") != own_trace("b", "t-1")
    assert len({span_id("t-1", number) for number in range(100)}) == 100


@given(st.binary(min_size=16, max_size=16), st.floats(0, 1), st.floats(0, 1))
def test_a_trace_that_is_kept_is_kept_with_every_greater_ratio(trace_id: bytes, one: float, other: float) -> None:
    assert not is_kept(trace_id, 0.0)
    assert is_kept(trace_id, 1.0)
    if is_kept(trace_id, min(one, other)):
        assert is_kept(trace_id, max(one, other))


# --- one story


def a_story() -> Story:
    return Story("e-1-1", own_trace("", "e-1-1"), None, None, 100.0, {})


def an_end(ended_as: str = "failed", at: float = 120.0) -> TicketRecord:
    return TicketRecord(
        ticket_id="e-1-1",
        error_id="e",
        error_type=ErrorType.DATA,
        severity=Severity.HIGH,
        response_class=ResponseClass.PERMANENT,
        recovery_class=RecoveryClass.GRADUAL,
        target="t",
        component="",
        rule="r",
        mode="auto",
        occurred_at=0.0,
        opened_at=100.0,
        responded_at=0.0,
        ended_at=at,
        ended_as=ended_as,
        reason="password=hunter2 was refused",
        attempts=0,
        entry_level=0,
        last_level=0,
        looked_first=False,
        planned=False,
        relapses=0,
    )


def test_each_brake_is_a_wait_of_its_own_and_what_was_waited_for_last_ends_with_the_ticket() -> None:
    story = a_story()
    story.held("pause", "paused by ann", 100.0)
    story.held("pause", "paused by ann", 105.0)
    story.held("throttle", "too many", 110.0)
    first, *waits = story.ended(an_end())
    shown = [(span.name, span.begun_at, span.ended_at, span.attributes["error_recovery.held_by"]) for span in waits]
    assert shown == [("wait", 100.0, 110.0, "pause"), ("wait", 110.0, 120.0, "throttle")]
    assert (first.begun_at, first.ended_at, first.has_failed) == (100.0, 120.0, True)


def test_no_secret_is_exported() -> None:
    first, *_ = a_story().ended(an_end())
    assert "hunter2" not in str(first)


def test_a_story_has_a_bounded_number_of_spans() -> None:
    story = a_story()
    for number in range(1000):
        story.round_begins(f"r{number}", 100.0 + number)
        story.round_ends(f"r{number}", (), 100.5 + number)
    first, *others = story.ended(an_end(at=2000.0))
    assert (len(others), story.left_out) == (200, 800)
    assert first.attributes["error_recovery.spans_left_out"] == 800


# --- the queue


@dataclass
class ToldSender:
    """`raises` instead of sending, while it is set."""

    raises: Exception | None = None
    tries: int = 0
    sent: list[str] = field(default_factory=list)

    async def send(self, signal: str, export: bytes) -> None:
        self.tries += 1
        if self.raises is not None:
            raise self.raises
        for told in ExportTraceServiceRequest.FromString(export).resource_spans:
            self.sent += [span.name for scoped in told.scope_spans for span in scoped.spans]

    async def close(self) -> None: ...


def spans(number: int) -> Sequence[Span]:
    return [Span(str(n), Context(b"t" * 16, b"s" * 8), b"", 1.0, 2.0) for n in range(number)]


def exporter(sender: ToldSender, counts: CountsBy) -> Exporter:
    return Exporter(sender, resource({}), SteadyClock(), counts, metrics_every_s=0, every_s=0.001)


def start(one: Exporter) -> None:
    nothing: Any = None  # what is monitored is not asked without metrics
    one.start(nothing, lambda: None)


def test_spans_are_sent_in_their_order_and_counted() -> None:
    async def go() -> None:
        sender, counts = ToldSender(), CountsBy()
        one = exporter(sender, counts)
        start(one)
        one.put(spans(300))
        await until(lambda: len(sender.sent) == 300)
        assert sender.sent == [str(n) for n in range(300)]
        await one.stop()
        assert counts.counts == {("traces", "sent"): 300}

    run(go())


def test_while_the_collector_is_away_spans_wait_up_to_a_bound_and_the_rest_is_dropped_and_counted() -> None:
    async def go() -> None:
        sender, counts = ToldSender(raises=TransientError("nobody there", 1.0)), CountsBy()
        one = exporter(sender, counts)
        start(one)
        one.put(spans(10_000))
        await until(lambda: sender.tries > 1)
        assert counts.counts == {("traces", "dropped"): 10_000 - 8192}
        [told] = one.diagnostics()
        assert (told.standing, told.figures) == (Standing.NOTICE, {"waiting": 8192, "dropped": 1808})
        assert told.says.startswith("traces: nobody there; 0 spans sent, 8,192 wait")
        sender.raises = None
        await until(lambda: len(sender.sent) == 8192)
        assert one.diagnostics()[0].standing is Standing.GOOD
        await one.stop()

    run(go())


def test_what_the_collector_will_never_take_is_not_tried_again() -> None:
    async def go() -> None:
        sender, counts = ToldSender(raises=PermanentError("400")), CountsBy()
        one = exporter(sender, counts)
        start(one)
        one.put(spans(3))
        await until(lambda: counts.counts.get(("traces", "refused")) == 3)
        assert sender.tries == 1
        await one.stop()

    run(go())


def test_a_bug_with_some_spans_costs_them_and_no_others() -> None:
    async def go() -> None:
        sender, counts = ToldSender(), CountsBy()
        one = exporter(sender, counts)
        one.put([replace(spans(1)[0], begun_at=-1.0)])  # no time that OTLP can say
        start(one)
        await until(lambda: counts.counts.get(("traces", "dropped")) == 1)
        one.put(spans(1))
        await until(lambda: sender.sent == ["0"])
        await one.stop()

    run(go())


def test_a_stop_sends_what_waits_and_does_not_wait_for_a_collector_that_is_away() -> None:
    async def go() -> None:
        for raises in (None, TransientError("nobody there", 1.0)):
            sender = ToldSender(raises=raises)
            one = Exporter(sender, resource({}), SteadyClock(), CountsBy(), metrics_every_s=0, every_s=3600.0)
            start(one)
            one.put(spans(1))
            await asyncio.wait_for(one.stop(), 30)
            assert sender.sent == ([] if raises else ["0"])

    run(go())


# --- settings


def test_headers_are_of_a_file_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "headers"
    file.write_text("authorization: Bearer abc\n")
    file.chmod(0o644)
    settings = TelemetrySettings(endpoint="http://127.0.0.1:4318", headers_file=str(file))
    with pytest.raises(ConfigError, match="its owner alone"):
        sender_of(settings)
    file.chmod(0o600)
    sender_of(settings)
    file.write_text("authorization Bearer abc\n")
    with pytest.raises(ConfigError, match="is no header"):
        sender_of(settings)


def test_a_file_of_authorities_that_has_none_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.write_text("rubbish")
    with pytest.raises(ConfigError, match="no certificates"):
        sender_of(TelemetrySettings(endpoint="https://127.0.0.1:4318", ca=str(file)))


@pytest.mark.parametrize(
    "endpoint", ["127.0.0.1:4318", "ftp://a", "http://user:secret@a:4318", "http://a b", "http://"]
)
def test_an_endpoint_that_is_none_is_refused(endpoint: str) -> None:
    with pytest.raises(ValueError, match="is no collector"):
        TelemetrySettings(endpoint=endpoint)
