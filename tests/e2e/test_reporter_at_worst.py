"""What somebody with a reporter's certificate can do at worst, and the brake that bounds it. docs/security.md is the same in words."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor import MethodDescriptor
from google.rpc import code_pb2

from error_recovery import HandlerAnswer, attach
from error_recovery.v1 import fault_pb2, fault_pb2_grpc, handler_pb2, recovery_pb2
from tests.e2e.daemon_process import (
    PATIENCE_S,
    SH,
    a_fault,
    journal,
    journal_scripts,
    running,
)
from tests.e2e.secured import Secured
from tests.fakes.authority import OPENSSL
from tests.waiting import eventually

pytestmark = pytest.mark.skipif(OPENSSL is None, reason="needs the program openssl")
BURST = 300


def definitions(scripts: dict[str, Path]) -> str:
    return f"""
version: 1
targets:
  shop: {{kind: service, probes: [look]}}
  stock: {{kind: application, probes: [look-stock]}}
probes:
  look: {{kind: exec, command: [{SH}, {scripts["look"]}, shop]}}
  look-stock: {{kind: exec, command: [{SH}, {scripts["look"]}, stock]}}
strategies:
  heal: {{kind: exec, command: [{SH}, {scripts["heal"]}], timeout: 10s}}
  ask: {{kind: handler, application: stock, handler: reload, timeout: 10s}}
rules:
  - {{id: shop, when: {{component: shop}}, target: shop, mode: auto, ladder: {{3: [heal]}}}}
  - {{id: stock, when: {{component: stock}}, target: stock, mode: auto, ladder: {{1: [ask]}}, verify: {{within: 50ms}}}}
  - {{id: seen, when: {{source: sensor/systemd}}, target: shop, mode: auto, ladder: {{3: [heal]}}}}
"""


@pytest.fixture
def secured(tmp_path: Path) -> Iterator[Secured]:
    scripts = dict(journal_scripts(tmp_path))
    (tmp_path / "well" / "shop").touch()
    more = f"faults_per_second = {BURST}\nfaults_burst = {BURST}\n"
    world = Secured(tmp_path, definitions(scripts), more)
    with running(world.daemon):
        yield world


def faults(world: Secured, role: str = "reporter") -> fault_pb2_grpc.FaultServiceStub:
    return fault_pb2_grpc.FaultServiceStub(world.channel(role))


def report(stub: fault_pb2_grpc.FaultServiceStub, fault: fault_pb2.Fault) -> fault_pb2.Receipt:
    return stub.Report(fault_pb2.ReportRequest(fault=fault), timeout=PATIENCE_S).receipt


def of_shop(name: str = "", **fields: Any) -> fault_pb2.Fault:
    return a_fault(context=fault_pb2.Context(component="shop"), fingerprint=name, **fields)


def attempts(world: Secured) -> list[list[str]]:
    return [line for line in journal(world.directory) if line[0] == "A"]


def code_of(call: Any) -> grpc.StatusCode:
    with pytest.raises(grpc.RpcError) as failed:
        call()
    code: grpc.StatusCode = failed.value.code()
    return code


METHODS = [
    method
    for file in (recovery_pb2, handler_pb2)
    for service in file.DESCRIPTOR.services_by_name.values()
    for method in service.methods
]


def called(channel: Any, method: MethodDescriptor) -> None:
    path = f"/{method.containing_service.full_name}/{method.name}"
    if method.client_streaming:
        list(channel.stream_stream(path)(iter([b""]), timeout=PATIENCE_S))
    elif method.server_streaming:
        list(channel.unary_stream(path)(b"", timeout=PATIENCE_S))
    else:
        channel.unary_unary(path)(b"", timeout=PATIENCE_S)


def test_it_can_see_steer_and_attach_nothing(secured: Secured) -> None:
    with secured.channel("reporter") as channel:
        codes = {method.full_name: code_of(lambda method=method: called(channel, method)) for method in METHODS}
    assert len(codes) > 20
    assert set(codes.values()) == {grpc.StatusCode.PERMISSION_DENIED}
    assert secured.daemon.status().calls_refused == len(codes)


def test_its_lies_have_no_healthy_service_restarted_whatever_names_it_gives_them(secured: Secured) -> None:
    stub = faults(secured)
    for number in range(100):
        report(stub, of_shop(f"lie {number}", severity=fault_pb2.SEVERITY_CRITICAL))
    secured.daemon.wait_until_recorded()
    eventually("all were looked into", lambda: secured.daemon.status().tickets_open == 0)
    assert attempts(secured) == []
    report(faults(secured, "operator"), of_shop("the word of an operator"))
    eventually("it was acted on", lambda: attempts(secured))


def test_what_it_says_truly_is_recovered(secured: Secured, tmp_path: Path) -> None:
    (tmp_path / "well" / "shop").unlink()
    receipt = report(faults(secured), of_shop())
    secured.daemon.wait_for_state(receipt.error_id, "watching")
    assert len(attempts(secured)) == 1


def test_it_cannot_speak_as_a_sensor_of_the_daemon(secured: Secured) -> None:
    fault = a_fault(source="sensor/systemd")
    assert code_of(lambda: report(faults(secured), fault)) is grpc.StatusCode.INVALID_ARGUMENT
    batch = fault_pb2.ReportBatchRequest(faults=[fault])
    [refusal] = faults(secured).ReportBatch(batch, timeout=PATIENCE_S).refusals
    assert (refusal.code, refusal.field) == (code_pb2.INVALID_ARGUMENT, "fault.source")


def test_its_flood_is_cut_to_its_rate_and_others_get_through(secured: Secured) -> None:
    stub = faults(secured)
    flood = fault_pb2.ReportBatchRequest(faults=[a_fault(fingerprint=f"flood {number}") for number in range(1000)])
    answers = [stub.ReportBatch(flood, timeout=PATIENCE_S) for _ in range(3)]
    assert answers[0].accepted == BURST
    refusals = [refusal for answer in answers for refusal in answer.refusals]
    assert {refusal.code for refusal in refusals} == {code_pb2.RESOURCE_EXHAUSTED}
    assert all(refusal.retry_after_ms > 0 for refusal in refusals)
    report(faults(secured, "application"), a_fault("somebody else's"))
    for _ in range(3):
        assert secured.daemon.status().state == "serving"
    eventually("it is in the log", lambda: "TOO_MANY_FAULTS" in secured.daemon.log.read_text())


def test_what_it_sends_is_bounded_and_the_daemon_unharmed(secured: Secured) -> None:
    stub = faults(secured)
    large = a_fault("x" * (300 << 10))
    assert code_of(lambda: report(stub, large)) is grpc.StatusCode.INVALID_ARGUMENT
    huge = a_fault("x" * (5 << 20))
    assert code_of(lambda: report(stub, huge)) is grpc.StatusCode.RESOURCE_EXHAUSTED
    many = fault_pb2.ReportBatchRequest(faults=[a_fault()] * 1025)
    assert code_of(lambda: stub.ReportBatch(many, timeout=PATIENCE_S)) is grpc.StatusCode.INVALID_ARGUMENT
    unknown = a_fault(target="no-such-target")
    assert code_of(lambda: report(stub, unknown)) is grpc.StatusCode.INVALID_ARGUMENT
    receipt = report(stub, a_fault("\x1b[2J\x07 " + "y" * (100 << 10), count=1_000_000_000))
    secured.daemon.wait_for_state(receipt.error_id, "observed")
    shown = secured.cli("errors", "show", receipt.error_id, role="auditor").stdout
    assert "\x1b" not in shown
    assert "\x07" not in shown


def test_an_application_that_lies_about_its_handler_deceives_nobody(secured: Secured) -> None:
    """This takes the role application: a reporter cannot attach at all."""
    address, security = secured.daemon.address, secured.security("application")
    with attach(
        {"reload": lambda _request: HandlerAnswer(True, "all is well")}, "stock", address, security
    ) as attached:
        assert attached.wait_attached(PATIENCE_S)
        receipt = report(faults(secured, "application"), a_fault(context=fault_pb2.Context(component="stock")))
        secured.daemon.wait_for_state(receipt.error_id, "failed")
        secured.daemon.wait_until_recorded()
        history = secured.daemon.history(receipt.error_id)
    assert {attempt.outcome for attempt in history} == {"completed"}
    assert "recovered" not in {attempt.verdict for attempt in history}
