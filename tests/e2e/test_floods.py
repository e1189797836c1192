"""Floods: of equal faults, and of different ones until the ring is full."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import grpc
import psutil
from google.rpc import code_pb2, error_details_pb2

from error_recovery.v1 import fault_pb2, fault_pb2_grpc, recovery_pb2
from tests.e2e.daemon_process import (
    SH,
    DaemonProcess,
    a_fault,
    journal,
    journal_scripts,
    running,
    status_details,
)
from tests.waiting import eventually

FLOOD_S = 20.0
BATCH = 64
MOST_GROWTH_BYTES = 24 << 20
_ALL = recovery_pb2.ListErrorsRequest()


def definitions(scripts: dict[str, Path]) -> str:
    return f"""
version: 1
targets:
  slow: {{kind: service, probes: [look-slow]}}
  vital: {{kind: service, probes: [look-vital]}}
probes:
  look-slow: {{kind: exec, command: [{SH}, {scripts["look"]}, slow]}}
  look-vital: {{kind: exec, command: [{SH}, {scripts["look"]}, vital]}}
strategies:
  heal-slowly: {{kind: exec, command: [{SH}, {scripts["heal-slowly"]}], timeout: 120s, timeout_max: 120s}}
  heal: {{kind: exec, command: [{SH}, {scripts["heal"]}], timeout: 10s}}
rules:
  - id: vital
    when: {{component: vital}}
    target: vital
    mode: auto
    ladder: {{1: [heal]}}
  - id: slow
    when: {{component: test}}
    target: slow
    mode: auto
    ladder: {{1: [heal-slowly]}}
    stability_window: 1s
"""


class Flood(threading.Thread):
    """Batches of equal faults, as fast as they are answered, for a time."""

    def __init__(self, daemon: DaemonProcess, seconds: float) -> None:
        super().__init__()
        self._channel = grpc.insecure_channel(daemon.address, options=[("grpc.use_local_subchannel_pool", 1)])
        self._seconds = seconds
        self.accepted = 0

    def run(self) -> None:
        batch = [a_fault("the same again", fingerprint="flood") for _ in range(BATCH)]
        until = time.monotonic() + self._seconds

        def batches() -> Iterator[fault_pb2.ReportBatchRequest]:
            number = 0
            while time.monotonic() < until:
                number += 1
                yield fault_pb2.ReportBatchRequest(batch_id=number, faults=batch)

        with self._channel:
            for answer in fault_pb2_grpc.FaultServiceStub(self._channel).StreamReports(batches()):
                assert not answer.refusals
                self.accepted += answer.accepted


def test_a_flood_of_equal_faults_gives_one_recovery_and_delays_nobody(tmp_path: Path) -> None:
    scripts = journal_scripts(tmp_path)
    daemon = DaemonProcess(tmp_path / "daemon", definitions(dict(scripts)))
    with running(daemon):
        floods = [Flood(daemon, FLOOD_S) for _ in range(2)]
        for flood in floods:
            flood.start()
        eventually("the flood's recovery runs", lambda: journal(tmp_path))
        time.sleep(FLOOD_S / 4)  # into the middle of the flood
        assert daemon.process is not None
        process = psutil.Process(daemon.process.pid)
        before_bytes = process.memory_info().rss

        vital = a_fault("vital", severity=fault_pb2.SEVERITY_CRITICAL, context=fault_pb2.Context(component="vital"))
        critical = daemon.report(vital)
        assert critical.opened
        daemon.wait_for_state(critical.error_id, "watching")
        assert all(flood.is_alive() for flood in floods), "the critical one was recovered while the flood went on"

        for flood in floods:
            flood.join()
        grown_bytes = process.memory_info().rss - before_bytes
        assert grown_bytes < MOST_GROWTH_BYTES
        (tmp_path / "go").touch()
        [flooded] = [error for error in daemon.recovery.ListErrors(_ALL).errors if error.component == "test"]
        flooded = daemon.wait_for_state(flooded.error_id, "watching", "resolved")
        assert flooded.count == sum(flood.accepted for flood in floods)
        assert flooded.attempts == 1

    assert sum(line[:2] == ["A", "slow"] for line in journal(tmp_path)) == 1


def test_a_flood_that_goes_on_after_a_quick_recovery_gives_no_second_one(tmp_path: Path) -> None:
    scripts = journal_scripts(tmp_path)
    (tmp_path / "go").touch()
    written = definitions(dict(scripts)).replace(
        "ladder: {1: [heal-slowly]}", "ladder: {1: [heal-slowly], 3: [heal], 4: [heal]}"
    )
    daemon = DaemonProcess(tmp_path / "daemon", written, 'flap_threshold = "500ms"')
    with running(daemon):
        flood = Flood(daemon, 3.0)
        flood.start()
        flood.join()
        [flooded] = daemon.recovery.ListErrors(_ALL).errors
        daemon.wait_for_state(flooded.error_id, "watching", "resolved")
        assert daemon.error(flooded.error_id).count == flood.accepted
    assert sum(line[:2] == ["A", "slow"] for line in journal(tmp_path)) == 1


def test_a_full_ring_refuses_with_a_delay_and_serves_fully_afterwards(tmp_path: Path) -> None:
    scripts = journal_scripts(tmp_path)
    daemon = DaemonProcess(tmp_path / "daemon", definitions(dict(scripts)), "[ring]\nnormal_slots = 40\n")
    with running(daemon):
        accepted: list[str] = []
        refusal = None
        while refusal is None:
            fault = a_fault("all different", fingerprint=f"f{len(accepted)}", severity=fault_pb2.SEVERITY_MEDIUM)
            try:
                accepted.append(daemon.report(fault).error_id)
            except grpc.RpcError as error:
                refusal = error
        assert len(accepted) == 40
        assert refusal.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert _retry_delay_s(refusal) > 0

        answer = daemon.faults.ReportBatch(
            fault_pb2.ReportBatchRequest(faults=[a_fault("one more", fingerprint="more")])
        )
        assert [item.code for item in answer.refusals] == [code_pb2.RESOURCE_EXHAUSTED]
        assert answer.refusals[0].retry_after_ms > 0
        again = daemon.report(a_fault("known", fingerprint="f0", severity=fault_pb2.SEVERITY_MEDIUM))
        assert again.error_id == accepted[0], "an equal fault needs no slot"
        vital = a_fault("vital", severity=fault_pb2.SEVERITY_CRITICAL, context=fault_pb2.Context(component="vital"))
        daemon.wait_for_state(daemon.report(vital).error_id, "watching")

        (tmp_path / "go").touch()
        for error_id in accepted:
            daemon.wait_for_state(error_id, "watching", "resolved")
        daemon.wait_until_recorded()
        late = daemon.report(a_fault("one more", fingerprint="more"))
        assert late.opened
        daemon.wait_for_state(late.error_id, "watching", "resolved")
        daemon.wait_until_recorded()
        assert daemon.stop() == 0

    assert {row[0] for row in daemon.record("SELECT error_id FROM errors WHERE recovered_at > 0")} >= set(accepted)


def _retry_delay_s(error: grpc.RpcError) -> float:
    info = error_details_pb2.RetryInfo()
    assert status_details(error).details[0].Unpack(info)
    return float(info.retry_delay.ToTimedelta().total_seconds())
