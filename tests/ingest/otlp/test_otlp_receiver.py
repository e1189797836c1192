"""OTLP as exporters speak it, over both gRPC servers and over HTTP: what is answered, and what comes into the intake."""

from __future__ import annotations

import gzip
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from error_daemon.errors import Denied, InputError, TransientError
from error_daemon.ingest.acceptance import Acceptance
from error_daemon.ingest.otlp import exporting as exporting_module
from error_daemon.ingest.otlp.from_json import read_export
from error_daemon.ingest.otlp.receiver import OtlpReceiver
from error_daemon.ingest.otlp.signals import NAMES
from error_daemon.ingest.sensors.told_figures import ToldFigures
from error_daemon.model.access import Caller, Role
from error_daemon.runtime.clock import SteadyClock
from error_recovery.v1 import fault_pb2
from tests.e2e.daemon_process import status_details
from tests.fakes.listed_intake import ListedIntake
from tests.fakes.open_gate import OpenGate
from tests.ingest.otlp.exported import PARENT, RAISED, a_log, a_span, as_json, exported
from tests.rpc.serving import SERVERS, run
from tests.rpc.serving import serving as serving_grpc
from tests.web.serving_web import Serving, serving

PROTOBUF = "application/x-protobuf"
MOST_BYTES = 64 << 10


class BoundedIntake(ListedIntake):
    """Takes faults while there is `room`; each whose message is in `refused` never."""

    def __init__(self) -> None:
        super().__init__()
        self.room = 1 << 30
        self.refused: set[str] = set()

    def take(self, payload: bytes, *, is_trusted: bool = True, is_test: bool = False) -> tuple[str, bool]:
        if len(self.taken) >= self.room:
            raise TransientError("the ring is full", 0.25)
        if fault_pb2.Fault.FromString(payload).message in self.refused:
            raise InputError("fault.message", "is refused")
        return super().take(payload, is_trusted=is_trusted, is_test=is_test)

    def messages(self) -> list[str]:
        return [fault_pb2.Fault.FromString(payload).message for payload in self.taken]


@dataclass
class Otlp:
    intake: BoundedIntake
    gate: OpenGate
    desks: dict[str, Acceptance]
    receiver: OtlpReceiver
    figures: ToldFigures


def made(*, is_durable: bool = False) -> Otlp:
    intake, gate = BoundedIntake(), OpenGate()
    clock, desks = SteadyClock(), {name: Acceptance(intake, gate, is_durable=is_durable) for name in NAMES}
    figures = ToldFigures(clock)
    return Otlp(intake, gate, desks, OtlpReceiver(desks, gate, clock, figures.tell, MOST_BYTES), figures)


@asynccontextmanager
async def http() -> AsyncIterator[tuple[Otlp, Serving]]:
    otlp = made()
    async with serving(gate=otlp.gate, routes=otlp.receiver.routes()) as web:
        yield otlp, web


async def post(
    web: Serving, export: Message, path: str = "/v1/logs", **headers: str
) -> tuple[int, dict[str, str], bytes]:
    return await web.post(path, export.SerializeToString(), Content_Type=PROTOBUF, **headers)


# --- over gRPC


def exporting(channel: Any, service: str = "logs.v1.LogsService", answers: Any = ExportLogsServiceResponse) -> Any:
    return channel.unary_unary(
        f"/opentelemetry.proto.collector.{service}/Export",
        request_serializer=lambda request: request.SerializeToString(),
        response_deserializer=answers.FromString,
    )


@pytest.fixture(params=SERVERS, ids=str)
def server(request: pytest.FixtureRequest) -> Any:
    return SERVERS[request.param]


def test_faults_of_logs_and_traces_are_taken_over_grpc(server: Any) -> None:
    async def test() -> None:
        otlp = made()
        async with serving_grpc(otlp.receiver.services(), make=server, gate=otlp.gate) as channel:
            answer = await exporting(channel)(exported(a_log("one"), a_log(severity=9), a_log("two")))
            assert answer == ExportLogsServiceResponse()
            traces = exporting(channel, "trace.v1.TraceService", ExportTraceServiceResponse)
            assert await traces(exported(a_span(says="three"))) == ExportTraceServiceResponse()
            assert otlp.intake.messages() == ["one", "two", "three"]
            assert otlp.desks["logs"].tally.passed_over == 1

    run(test())


def test_over_grpc_a_sender_is_told_when_to_come_again_and_goes_on_where_it_was(server: Any) -> None:
    async def test() -> None:
        otlp = made()
        otlp.intake.room = 2
        async with serving_grpc(otlp.receiver.services(), make=server, gate=otlp.gate) as channel:
            export = exporting(channel)
            request = exported(*(a_log(f"{number}") for number in range(5)))
            with pytest.raises(grpc.aio.AioRpcError) as told:
                await export(request)
            assert told.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
            again = error_details_pb2.RetryInfo()
            assert status_details(told.value).details[0].Unpack(again)
            assert again.retry_delay.nanos == 250_000_000
            otlp.intake.room = 100
            assert await export(request) == ExportLogsServiceResponse()
            assert otlp.intake.messages() == ["0", "1", "2", "3", "4"]

    run(test())


def test_over_grpc_nonsense_is_an_invalid_argument(server: Any) -> None:
    async def test() -> None:
        otlp = made()
        async with serving_grpc(otlp.receiver.services(), make=server, gate=otlp.gate) as channel:
            export = channel.unary_unary("/opentelemetry.proto.collector.logs.v1.LogsService/Export")
            with pytest.raises(grpc.aio.AioRpcError) as told:
                await export(b"\x0a\x7f")
            assert told.value.code() is grpc.StatusCode.INVALID_ARGUMENT

    run(test())


# --- over HTTP


@pytest.mark.parametrize("is_packed", [False, True])
def test_over_http_it_is_answered_in_what_it_came_in(is_packed: bool) -> None:
    async def test() -> None:
        async with http() as (otlp, web):
            export = exported(a_log("one"))
            for kind, body in (
                (PROTOBUF, export.SerializeToString()),
                ("application/json", json.dumps(as_json(export)).encode()),
            ):
                packed = {"Content_Encoding": "gzip"} if is_packed else {}
                sent = gzip.compress(body) if is_packed else body
                status, headers, answer = await web.post(
                    "/v1/logs", sent, Content_Type=f"{kind}; charset=utf-8", **packed
                )
                assert (status, answer) == (200, b"" if kind == PROTOBUF else b"{}")
                assert headers.get("content-type", kind) == kind
            assert (await post(web, exported(a_span(says="two")), "/v1/traces"))[0] == 200
            assert otlp.intake.messages() == ["one", "one", "two"]

    run(test())


def test_what_is_rejected_is_said_and_the_others_are_taken() -> None:
    async def test() -> None:
        async with http() as (otlp, web):
            otlp.intake.refused = {"never"}
            export = exported(a_log("one"), a_log("köln"), a_log("never"), a_log("two"))
            raw = export.SerializeToString().replace("köln".encode(), b"k\xff\xfeln")
            status, _, body = await web.post("/v1/logs", raw, Content_Type=PROTOBUF)
            said = ExportLogsServiceResponse.FromString(body).partial_success
            assert (status, said.rejected_log_records) == (200, 2)
            assert "fault.message: is refused" in said.error_message or "UTF-8" in said.error_message
            assert otlp.intake.messages() == ["one", "two"]
            assert otlp.desks["logs"].tally.refused == 2
            body = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [{"status": {"code": 2}}, 7]}]}]}).encode()
            status, _, answer = await web.post("/v1/traces", body, Content_Type="application/json")
            said = json.loads(answer)["partialSuccess"]
            assert (status, said["rejectedSpans"]) == (200, "1")

    run(test())


@pytest.mark.parametrize("kind", [PROTOBUF, "application/json"])
def test_over_http_under_pressure_it_is_told_when_to_come_again_and_nothing_is_told_twice(kind: str) -> None:
    async def test() -> None:
        async with http() as (otlp, web):
            otlp.intake.room, otlp.intake.refused = 130, {"7"}
            export = exported(*(a_log(f"{number}", severity=17 if number % 3 else 9) for number in range(300)))
            raw = export.SerializeToString() if kind == PROTOBUF else json.dumps(as_json(export)).encode()
            status, headers, body = await web.post("/v1/logs", raw, Content_Type=kind)
            assert (status, headers["retry-after"]) == (503, "2")
            told = status_pb2.Status.FromString(body) if kind == PROTOBUF else json.loads(body)
            assert (told.code if isinstance(told, status_pb2.Status) else told["code"]) == 14
            assert (await web.post("/v1/logs", raw, Content_Type=kind))[0] == 503
            otlp.intake.room = 1000
            status, _, body = await web.post("/v1/logs", raw, Content_Type=kind)
            assert (status, b"rejectedLogRecords" in body or kind == PROTOBUF) == (200, True)
            assert otlp.intake.messages() == [f"{number}" for number in range(300) if number % 3 and number != 7]
            tally = otlp.desks["logs"].tally
            assert (tally.accepted, tally.refused, tally.passed_over) == (199, 1, 100)

    run(test())


def test_a_caller_who_may_report_less_at_once_than_an_export_has_gets_all_of_it_in_in_the_end() -> None:
    async def test() -> None:
        async with http() as (otlp, web):
            otlp.gate.most_faults = 10
            export = exported(*(a_log(f"{number}") for number in range(35)))
            statuses = [(await post(web, export))[0]]
            while statuses[-1] != 200:
                assert len(statuses) < 4, (
                    "each time it gets on, by as much as may be reported at once or, in several turns, by more"
                )
                statuses.append((await post(web, export))[0])
            assert set(statuses[:-1]) == {503}
            assert otlp.intake.messages() == [f"{number}" for number in range(35)]

    run(test())


def test_what_comes_again_does_not_tell_an_exception_again_by_the_span_around_it() -> None:
    async def test() -> None:
        async with http() as (otlp, web):
            inner = a_span(RAISED, name="inner", parent_span_id=PARENT)
            others = [a_span(says=f"{number}", span_id=bytes([number]) * 8) for number in range(1, 4)]
            export = exported(inner, *others, a_span(RAISED, name="outer", span_id=PARENT))
            otlp.intake.room = 2
            assert (await post(web, export, "/v1/traces"))[0] == 503
            otlp.intake.room = 100
            assert (await post(web, export, "/v1/traces"))[0] == 200
            assert otlp.intake.messages() == ["json.JSONDecodeError: no value", "1", "2", "3"]

    run(test())


def test_an_exception_that_was_put_off_is_told_though_the_span_within_was_seen_meanwhile() -> None:
    async def test() -> None:
        async with http() as (otlp, web):
            outer = a_span(RAISED, {"exception.type": "Other"}, name="outer", span_id=PARENT)
            export = exported(outer, a_span(RAISED, name="inner", parent_span_id=PARENT))
            otlp.intake.room = 1
            assert (await post(web, export, "/v1/traces"))[0] == 503
            otlp.intake.room = 100
            assert (await post(web, export, "/v1/traces"))[0] == 200
            told = "json.JSONDecodeError: no value"
            assert otlp.intake.messages() == [told, "Other", told]

    run(test())


def test_who_may_report_nothing_now_is_told_so_even_where_nothing_is_a_fault() -> None:
    async def test() -> None:
        async with http() as (otlp, web):
            otlp.gate.most_faults = 0
            assert (await post(web, exported(a_log(severity=9))))[0] == 503
            assert otlp.desks["logs"].tally.passed_over == 0

    run(test())


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"\x0a\x7f", PROTOBUF, 400),
        (b"nonsense", "application/json", 400),
        (b"\xff", "application/json", 400),
        (b"[" * 100_000, "application/json", 413),
        (b"[" * 20_000, "application/json", 400),
        (b"[]", "application/json", 400),
        (b'{"resourceLogs": 7}', "application/json", 400),
        (b"", "text/plain", 415),
        (b"", "", 415),
    ],
)
def test_what_can_never_be_taken_is_refused_in_what_it_came_in(body: bytes, kind: str, status: int) -> None:
    async def test() -> None:
        async with http() as (otlp, web):
            told, headers, answer = await web.post("/v1/logs", body, Content_Type=kind)
            assert told == status
            if kind == PROTOBUF:
                assert status_pb2.Status.FromString(answer).message
            else:
                assert json.loads(answer)["message"]
                assert headers["content-type"] == "application/json"
            assert otlp.intake.taken == []

    run(test())


def test_who_may_not_report_is_told_so_and_who_is_known_but_not_trusted_makes_claims() -> None:
    async def test() -> None:
        async with http() as (otlp, web):
            otlp.gate.refusal = Denied("not you", "ROLE_MISSING", {})
            assert (await post(web, exported(a_log())))[0] == 403
            otlp.gate.refusal = None
            otlp.gate.caller = Caller("", "key", frozenset({Role.REPORTER}))
            assert (await post(web, exported(a_log())))[0] == 200
            assert otlp.intake.trusted == [False]
            assert {method for _, method in otlp.gate.seen} == {"http/otlp"}

    run(test())


def test_an_empty_export_is_an_export() -> None:
    async def test() -> None:
        async with http() as (_, web):
            assert (await web.post("/v1/logs", b"", Content_Type=PROTOBUF))[0] == 200
            assert (await web.post("/v1/traces", b"{}", Content_Type="application/json"))[0] == 200

    run(test())


def test_an_unreadable_resource_rejects_its_records_alone() -> None:
    async def test() -> None:
        async with http() as (otlp, web):
            bad = exported(a_log("one"), resource={"service.name": "köln"}).SerializeToString()
            raw = bad.replace("köln".encode(), b"k\xff\xfeln") + exported(a_log("two")).SerializeToString()
            _, _, body = await web.post("/v1/logs", raw, Content_Type=PROTOBUF)
            assert ExportLogsServiceResponse.FromString(body).partial_success.rejected_log_records == 1
            assert otlp.intake.messages() == ["two"]

    run(test())


def test_a_span_of_which_one_exception_was_taken_goes_on_with_the_next() -> None:
    async def test() -> None:
        async with http() as (otlp, web):
            otlp.intake.room = 1
            export = exported(a_span(RAISED, {"exception.type": "KeyError"}))
            assert (await post(web, export, "/v1/traces"))[0] == 503
            otlp.intake.room = 9
            assert (await post(web, export, "/v1/traces"))[0] == 200
            assert otlp.intake.messages() == ["json.JSONDecodeError: no value", "KeyError"]

    run(test())


@pytest.mark.parametrize("kind", [PROTOBUF, "application/json"])
def test_an_export_of_more_parts_than_any_real_one_has_is_refused(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.setattr(exporting_module, "MOST_PARTS", 100)

    async def test() -> None:
        async with http() as (_, web):
            body = b"\x0a\x00" * 101 if kind == PROTOBUF else json.dumps({"resourceLogs": [{}] * 101}).encode()
            assert (await web.post("/v1/logs", body, Content_Type=kind))[0] == 400
            assert (await web.post("/v1/logs", b"\x0a\x00" * 100, Content_Type=PROTOBUF))[0] == 200

    run(test())


def test_json_of_nothing_but_brackets_is_refused_before_it_is_read() -> None:
    with pytest.raises(InputError, match="objects and lists"):
        read_export(b"[" + b"{}," * (1 << 18) + b"{}]")


def test_an_export_of_more_faults_than_may_be_has_the_others_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting_module, "MOST_FAULTS", 100)

    async def test() -> None:
        async with http() as (otlp, web):
            _, _, body = await post(web, exported(*(a_log(f"{number}") for number in range(150))))
            said = ExportLogsServiceResponse.FromString(body).partial_success
            assert (said.rejected_log_records, len(otlp.intake.taken)) == (50, 100)
            assert said.error_message == "export: has more than 100 faults"

    run(test())
