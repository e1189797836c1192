"""What monitoring systems see of a real daemon: a Prometheus scrapes it, promtool reads it, and health says when faults are welcome."""

from __future__ import annotations

import json
import shutil
import ssl
import subprocess
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from prometheus_client.parser import text_string_to_metric_families

from error_daemon.runtime.monitoring.catalogue import CATALOGUE
from error_recovery.v1 import fault_pb2, recovery_pb2
from tests.e2e.alert_senders import needs_prometheus, prometheus
from tests.e2e.daemon_process import DaemonProcess, a_fault, journal_scripts, one_target, running
from tests.e2e.secured import Secured, free_port
from tests.fakes.authority import OPENSSL
from tests.waiting import eventually

PROMTOOL = shutil.which("promtool")
needs_promtool = pytest.mark.skipif(not PROMTOOL, reason="needs prometheus")
AUTO = "{id: auto, when: {component: test}, target: t, mode: auto, ladder: {1: [heal]}, verify: {within: 20ms}}"
ASKS = "{id: asks, when: {component: test}, target: t, mode: approve, ladder: {1: [heal]}}"


def daemon_at(directory: Path, rule: str, settings: str = "", **more: Any) -> DaemonProcess:
    definitions = one_target(dict(journal_scripts(directory)), [rule])
    return DaemonProcess(directory / "daemon", definitions, settings, http=f"127.0.0.1:{free_port()}", **more)


def get(url: str, context: ssl.SSLContext | None = None, **headers: str) -> tuple[int, str]:
    request = urllib.request.Request(url, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=10, context=context) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def samples(daemon: DaemonProcess) -> dict[tuple[str, ...], float]:
    """By name and the values of its labels."""
    status, text = get(f"http://{daemon.http}/metrics")
    assert status == 200
    parse: Any = text_string_to_metric_families
    return {(sample.name, *sample.labels.values()): sample.value for family in parse(text) for sample in family.samples}


def recovered(daemon: DaemonProcess) -> None:
    daemon.wait_for_state(daemon.report(a_fault(source="client/python")).error_id, "watching")


def test_a_recovery_is_counted_from_its_fault_to_its_verdict(tmp_path: Path) -> None:
    daemon = daemon_at(tmp_path, AUTO)
    with running(daemon):
        recovered(daemon)
        seen = samples(daemon)
        assert seen["error_recovery_faults_total", "client", "data", "not_said"] == 1
        assert seen["error_recovery_decisions_total", "auto", "auto"] == 1
        assert seen["error_recovery_attempts_total", "heal", "1", "completed", "recovered"] == 1
        assert seen["error_recovery_tickets_ended_total", "t", "recovered"] == 1
        assert seen["error_recovery_errors", "watching"] == 1
        assert seen["error_recovery_lag_seconds_count",] == 1
        assert seen["error_recovery_ready",] == 1


def test_what_waits_for_a_person_is_seen(tmp_path: Path) -> None:
    daemon = daemon_at(tmp_path, ASKS)
    with running(daemon):
        daemon.wait_for_state(daemon.report(a_fault()).error_id, "parked")
        seen = samples(daemon)
        assert seen["error_recovery_approvals_waiting",] == 1
        assert seen["error_recovery_tickets_waiting", "approval"] == 1
        assert seen["error_recovery_target_tickets_open", "t"] == 1
        assert seen["error_recovery_tickets_open", "medium"] == 1


@needs_promtool
def test_promtool_finds_nothing_to_complain_of_in_a_scrape(tmp_path: Path) -> None:
    daemon = daemon_at(tmp_path, AUTO, has_sensors=True)
    with running(daemon):
        recovered(daemon)
        status, text = get(f"http://{daemon.http}/metrics")
        command = [str(PROMTOOL), "check", "metrics"]
        said = subprocess.run(command, input=text, capture_output=True, text=True, timeout=60, check=False)
        assert (status, said.returncode, said.stdout, said.stderr) == (200, 0, "", "")
        assert [metric.name for metric in CATALOGUE if f"# TYPE {metric.shown_name} " not in text] == []


def result_of(url: str, query: str) -> list[dict[str, Any]]:
    """Of a Prometheus."""
    answer = json.loads(get(f"{url}/api/v1/query?query={quote(query)}")[1])
    found: list[dict[str, Any]] = answer["data"]["result"]
    return found


@needs_prometheus
def test_a_prometheus_scrapes_a_daemon(tmp_path: Path) -> None:
    daemon = daemon_at(tmp_path, AUTO)
    with running(daemon):
        recovered(daemon)
        rule = "{record: recovered, expr: 'sum(error_recovery_tickets_ended_total{ended_as=\"recovered\"})'}"
        with prometheus(tmp_path / "prometheus", pushes_to="127.0.0.1:9", scrapes=daemon.http, rule=rule) as url:
            [result] = eventually("the rule has seen the recovery", lambda: result_of(url, "recovered"))
            assert result["value"][1] == "1"


@needs_prometheus
@pytest.mark.skipif(OPENSSL is None, reason="needs the program openssl")
def test_a_prometheus_with_a_token_scrapes_over_tls_as_the_page_says(tmp_path: Path) -> None:
    secured, port = Secured(tmp_path), free_port()
    token = secured.new_token("prometheus", "auditor")
    conf = secured.daemon.directory / "recovery.conf"
    written = (
        conf.read_text()
        .partition("[access.certificates]")[0]
        .replace("http.listen", f'http.listen = "0.0.0.0:{port}" #')
    )
    conf.write_text("\n".join(line for line in written.splitlines() if not line.startswith("client_ca")))
    how = (
        f"scheme: https, authorization: {{credentials_file: '{token}'}}, "
        f"tls_config: {{ca_file: '{secured.authority.certificate}'}}, "
    )
    rule = "{record: ready, expr: error_recovery_ready}"
    with (
        running(secured.daemon),
        prometheus(tmp_path / "p", pushes_to="127.0.0.1:9", scrapes=f"127.0.0.1:{port}", rule=rule, how=how) as url,
    ):
        [result] = eventually("it is scraped", lambda: result_of(url, "ready"))
        assert result["value"][1] == "1"


@pytest.mark.skipif(OPENSSL is None, reason="needs the program openssl")
def test_metrics_are_for_who_may_see_and_health_is_for_everybody(tmp_path: Path) -> None:
    secured = Secured(tmp_path)
    secured.daemon.http = ""
    conf = secured.daemon.directory / "recovery.conf"
    port = free_port()
    conf.write_text(conf.read_text().replace('http.listen = ""', f'http.listen = "0.0.0.0:{port}"'))
    base = f"https://127.0.0.1:{port}"
    with running(secured.daemon):
        for role, expected in (("auditor", 200), ("operator", 200), ("reporter", 403), ("application", 403)):
            context = ssl.create_default_context(cafile=str(secured.authority.certificate))
            own = secured.roles[role]
            context.load_cert_chain(own.certificate, own.key)
            assert get(f"{base}/metrics", context)[0] == expected, role
            assert get(f"{base}/healthz", context)[0] == 200, role
            assert get(f"{base}/readyz", context)[0] == 200, role


def test_a_daemon_that_has_no_place_for_critical_faults_is_not_ready_and_is_again(tmp_path: Path) -> None:
    rule = ASKS.replace("component: test", 'component: "*"')
    daemon = daemon_at(tmp_path, rule, "ring.critical_slots = 1\nhttp.connections = 8")
    with running(daemon):
        assert get(f"http://{daemon.http}/readyz")[0] == 200
        receipt = daemon.report(a_fault(severity=fault_pb2.SEVERITY_CRITICAL))
        status, body = get(f"http://{daemon.http}/readyz")
        assert status == 503
        failed = [check["says"] for check in json.loads(body)["checks"] if not check["ok"]]
        assert failed == ["no slot is free for new errors of priority critical"]
        assert get(f"http://{daemon.http}/healthz")[0] == 200
        health = health_pb2_grpc.HealthStub(daemon.channel)
        words = health_pb2.HealthCheckResponse

        def says(service: str) -> Any:
            return health.Check(health_pb2.HealthCheckRequest(service=service), timeout=10).status

        eventually("gRPC health says so, too", lambda: says("") == words.NOT_SERVING)
        assert says("error_recovery.v1.FaultService") == words.NOT_SERVING
        assert says("error_recovery.v1.RecoveryService") == words.SERVING
        daemon.recovery.Deny(recovery_pb2.DenyRequest(error_id=receipt.error_id))
        eventually("it is ready again", lambda: get(f"http://{daemon.http}/readyz")[0] == 200)
        eventually("gRPC health says so, too", lambda: says("") == words.SERVING)
