"""Starting, stopping, starting again."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from error_recovery.v1 import recovery_pb2
from tests.e2e.daemon_process import DaemonProcess, a_fault, journal, journal_scripts, one_target, running
from tests.waiting import eventually

ME = f"uid {os.getuid()}"


def definitions(scripts: Mapping[str, Path], mode: str = "auto") -> str:
    rules = (
        f"{{id: slow, when: {{component: slow}}, target: t, mode: {mode}, ladder: {{1: [heal-slowly]}}}}",
        f"{{id: quick, when: {{component: test}}, target: t, mode: {mode}, ladder: {{1: [heal]}}, stability_window: 1h}}",
    )
    return one_target(scripts, rules, ("heal", "heal-slowly"))


def test_sigterm_lets_a_running_attempt_end_and_records_it(tmp_path: Path) -> None:
    daemon = DaemonProcess(tmp_path / "daemon", definitions(journal_scripts(tmp_path)))
    with running(daemon):
        slow = a_fault()
        slow.context.component = "slow"
        error_id = daemon.report(slow).error_id
        eventually("the attempt runs", lambda: journal(tmp_path))
        assert daemon.process is not None
        daemon.process.terminate()
        eventually("the daemon is draining", lambda: '"draining"' in daemon.log.read_text())
        (tmp_path / "go").touch()
        assert daemon.stop() == 0
    assert daemon.record("SELECT error_id, state FROM errors") == [(error_id, "watching")]


def test_what_was_learned_and_what_is_known_survive_a_restart(tmp_path: Path) -> None:
    daemon = DaemonProcess(tmp_path / "daemon", definitions(journal_scripts(tmp_path)))
    with running(daemon):
        error_id = daemon.report(a_fault()).error_id
        before = daemon.wait_for_state(error_id, "watching")
        daemon.wait_until_recorded()
        assert daemon.stop() == 0
    with running(daemon):
        after = daemon.error(error_id)
        assert (after.state, after.count, after.recovered_at) == ("watching", before.count, before.recovered_at)
        (tmp_path / "well" / "t").unlink()
        other = daemon.report(a_fault("another one")).error_id
        daemon.wait_for_state(other, "watching")
        daemon.wait_until_recorded()
        explained = daemon.recovery.Explain(recovery_pb2.ExplainRequest(id=other))
        [candidate] = explained.decision.candidates
        assert candidate.samples == pytest.approx(1.0, abs=0.01), "the first run's attempt is remembered"


def test_a_rule_without_mode_acts_on_nothing_and_says_what_it_would_do(tmp_path: Path) -> None:
    written = definitions(journal_scripts(tmp_path)).replace("mode: auto, ", "")
    daemon = DaemonProcess(tmp_path / "daemon", written)
    with running(daemon):
        error_id = daemon.report(a_fault()).error_id
        error = daemon.error(error_id)
        assert (error.state, error.mode) == ("observed", "observe")
        assert "would run heal at level 1 on t" in error.reason
        daemon.wait_until_recorded()
        assert "mode is observe" in " ".join(
            daemon.recovery.Explain(recovery_pb2.ExplainRequest(id=error_id)).sentences
        )
        assert daemon.stop() == 0
    assert journal(tmp_path) == []


def test_health_and_reflection_answer(tmp_path: Path) -> None:
    with running(DaemonProcess(tmp_path / "daemon", "version: 1\n")) as daemon:
        health = health_pb2_grpc.HealthStub(daemon.channel)
        answer = health.Check(health_pb2.HealthCheckRequest(service="error_recovery.v1.FaultService"))
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
        asked = reflection_pb2.ServerReflectionRequest(list_services="")
        [listed] = reflection_pb2_grpc.ServerReflectionStub(daemon.channel).ServerReflectionInfo(iter([asked]))
        names = {service.name for service in listed.list_services_response.service}
        assert {
            "error_recovery.v1.FaultService",
            "error_recovery.v1.RecoveryService",
            "error_recovery.v1.HandlerService",
        } <= names


def test_wrong_definitions_are_all_named_with_their_places_and_nothing_starts(tmp_path: Path) -> None:
    daemon = DaemonProcess(
        tmp_path / "daemon", "version: 1\nrules:\n  - {id: a, when: {}, ladder: {9: [x]}}\n  - {id: a, when: {}}\n"
    )
    command = [sys.executable, "-m", "error_daemon", "--config", str(daemon.directory / "recovery.conf")]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 78
    places = [line for line in ended.stderr.splitlines() if "test.yaml:" in line]
    assert len(places) >= 2, ended.stderr
    assert "Traceback" not in ended.stderr


SECRET = "version: 1\nprobes: {a: {kind: http, url: http://h, headers: {Authorization: Bearer-5f3c}}}\n"


def test_a_secret_that_others_may_read_keeps_the_daemon_from_starting_and_is_not_printed(tmp_path: Path) -> None:
    daemon = DaemonProcess(tmp_path / "daemon", SECRET)
    file = daemon.directory / "definitions" / "test.yaml"
    file.chmod(0o644)
    command = [sys.executable, "-m", "error_daemon", "--config", str(daemon.directory / "recovery.conf")]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 78
    assert f"{file}:2:" in ended.stderr
    assert f"(chmod 600 {file})" in ended.stderr
    assert "5f3c" not in ended.stderr
    file.chmod(0o600)
    with running(daemon):
        assert daemon.status().targets == 0


def test_what_the_host_lacks_is_logged_and_keeps_no_daemon_from_starting(tmp_path: Path) -> None:
    definitions = (
        "version: 1\ntargets: {web: {kind: host, probes: up}}\nprobes: {up: {kind: exec, command: [/absent/probe]}}\n"
        "strategies: {look: {kind: retry}}\nrules: [{id: r, when: {}, target: web, ladder: {1: look}, mode: auto}]\n"
    )
    with running(DaemonProcess(tmp_path / "daemon", definitions)) as daemon:
        eventually("it is logged", lambda: "definition_wrong" in daemon.log.read_text())
        [line] = [line for line in daemon.log.read_text().splitlines() if "definition_wrong" in line]
        assert "test.yaml:3:37: `/absent/probe` does not exist" in line


def test_a_failed_recovery_is_said_loudly_and_a_reset_tries_it_again(tmp_path: Path) -> None:
    scripts = journal_scripts(tmp_path)
    healing = scripts["heal"].read_text()
    scripts["heal"].write_text("exit 3\n")
    daemon = DaemonProcess(
        tmp_path / "daemon", definitions(scripts).replace("stability_window: 1h", "verify: {within: 10ms}")
    )
    with running(daemon):
        error_id = daemon.report(a_fault()).error_id
        daemon.wait_for_state(error_id, "failed")
        daemon.wait_until_recorded()
        eventually("it is logged", lambda: '"needs_a_person"' in daemon.log.read_text())
        assert dict(daemon.status().errors_by_state) == {"failed": 1}
        again = daemon.report(a_fault())
        assert not again.opened, "it is not tried at once again"
        scripts["heal"].write_text(healing)
        assert daemon.recovery.Reset(recovery_pb2.ResetRequest(error_id=error_id)).errors_reset == 1
        daemon.wait_for_state(error_id, "watching")
        assert [line[0] for line in journal(tmp_path)].count("A") == 1


def test_what_has_failed_is_tried_again_although_its_time_came_while_the_daemon_was_away(tmp_path: Path) -> None:
    scripts = journal_scripts(tmp_path)
    scripts["heal"].write_text("exit 3\n")
    written = definitions(scripts).replace("stability_window: 1h", "verify: {within: 10ms}")
    daemon = DaemonProcess(tmp_path / "daemon", written, "retry_failed_after = '1s'")
    with running(daemon):
        error_id = daemon.report(a_fault()).error_id
        failed = daemon.wait_for_state(error_id, "failed")
        daemon.wait_until_recorded()
        daemon.report(a_fault())
        again_at = daemon.error(error_id).parked_until
        assert again_at > failed.last_at, "it is tried again in time"
        eventually("that is recorded", lambda: daemon.status().store.rows_waiting == 0)
        daemon.kill()
        (tmp_path / "well" / "t").touch()
        eventually("its time has come", lambda: time.time() > again_at)
        daemon.start()
        daemon.wait_for_state(error_id, "watching")
        daemon.wait_until_recorded()  # and nothing of it is left in the ring


def test_a_second_daemon_on_the_same_state_is_refused(tmp_path: Path) -> None:
    with running(DaemonProcess(tmp_path / "daemon", "version: 1\n")) as daemon:
        command = [sys.executable, "-m", "error_daemon", "--config", str(daemon.directory / "recovery.conf")]
        second = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert second.returncode == 78
        assert "another error_daemon has this ring open" in second.stderr
        assert daemon.status().state == "serving"


def test_a_person_resolves_flushes_and_resets_and_it_is_in_the_audit(tmp_path: Path) -> None:
    daemon = DaemonProcess(tmp_path / "daemon", definitions(journal_scripts(tmp_path), "observe"))
    with running(daemon):
        error_id = daemon.report(a_fault()).error_id
        recovery = daemon.recovery
        resolved = recovery.ResolveError(
            recovery_pb2.ResolveErrorRequest(error_id=error_id[:6], note="seen to", by="ann")
        )
        assert resolved.error.state == "resolved"
        assert "seen to" in resolved.error.reason
        flushed = recovery.Flush(recovery_pb2.FlushRequest(all=True, by="bob"))
        assert (flushed.purged, flushed.running) == (0, 0)
        assert recovery.Reset(recovery_pb2.ResetRequest(learned=True, by="cyd")).scores_reset == 0
        assert not recovery.Resume(recovery_pb2.ResumeRequest(by="dan")).was_paused
        assert not recovery.ResetBreaker(recovery_pb2.ResetBreakerRequest(by="eve")).was_open
        recovery.Reset(recovery_pb2.ResetRequest(error_id=error_id))
        with pytest.raises(grpc.RpcError) as unknown:
            recovery.GetError(recovery_pb2.GetErrorRequest(error_id="0123456789abcdef"))
        assert unknown.value.code() is grpc.StatusCode.NOT_FOUND
        assert daemon.stop() == 0
    assert daemon.acts_of_people("action, actor") == [
        ("resolve", f"{ME}, as ann (as they say)"),
        ("flush", f"{ME}, as bob (as they say)"),
        ("forget", f"{ME}, as cyd (as they say)"),
        ("resume", f"{ME}, as dan (as they say)"),
        ("reset_breaker", f"{ME}, as eve (as they say)"),
        ("reset", ME),
    ]


def test_flush_purges_what_waits_and_leaves_what_runs_alone(tmp_path: Path) -> None:
    daemon = DaemonProcess(tmp_path / "daemon", definitions(journal_scripts(tmp_path)))
    with running(daemon):
        slow = a_fault()
        slow.context.component = "slow"
        running_id = daemon.report(slow).error_id
        eventually("the attempt runs", lambda: journal(tmp_path))
        waiting = [daemon.report(a_fault(f"waits {word}")).error_id for word in ("a", "b", "c")]
        flushed = daemon.recovery.Flush(recovery_pb2.FlushRequest(all=True))
        assert (flushed.purged, flushed.running) == (3, 1)
        assert {daemon.error(error_id).state for error_id in waiting} == {"flushed"}
        (tmp_path / "go").touch()
        daemon.wait_for_state(running_id, "watching")
        daemon.wait_until_recorded()
        assert len(journal(tmp_path)) == len([line for line in journal(tmp_path) if line[0] == "P"]) + 1
