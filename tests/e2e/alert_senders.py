"""A real Alertmanager and a real Prometheus, as plain processes on this host with a configuration of the test's own; and their amtool."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.secured import free_port
from tests.waiting import eventually

ALERTMANAGER, PROMETHEUS, AMTOOL = map(shutil.which, ("prometheus-alertmanager", "prometheus", "amtool"))
needs_alertmanager = pytest.mark.skipif(not ALERTMANAGER or not AMTOOL, reason="needs prometheus-alertmanager")
needs_prometheus = pytest.mark.skipif(not PROMETHEUS, reason="needs prometheus")


@contextlib.contextmanager
def alertmanager(directory: Path, webhook: str, http_config: str = "{}") -> Iterator[str]:
    """It tells `webhook` at once of what changes. Yields its URL."""
    directory.mkdir()
    receiver = f"{{url: '{webhook}', send_resolved: true, http_config: {http_config}}}"
    (directory / "alertmanager.yml").write_text(
        "route: {receiver: recovery, group_wait: 0s, group_interval: 1s, repeat_interval: 1h}\n"
        f"receivers: [{{name: recovery, webhook_configs: [{receiver}]}}]\n"
    )
    address = f"127.0.0.1:{free_port()}"
    command = [
        str(ALERTMANAGER),
        f"--config.file={directory}/alertmanager.yml",
        f"--storage.path={directory}/data",
        f"--web.listen-address={address}",
        "--cluster.listen-address=",
    ]
    with _running(command, directory, address):
        yield f"http://{address}"


@contextlib.contextmanager
def prometheus(directory: Path, *, pushes_to: str, scrapes: str, rule: str, how: str = "") -> Iterator[str]:
    """It scrapes, evaluates and pushes twice a second. `how` it scrapes, as YAML. Yields its URL."""
    directory.mkdir()
    (directory / "rules.yml").write_text(f"groups: [{{name: shop, rules: [{rule}]}}]\n")
    (directory / "prometheus.yml").write_text(
        "global: {scrape_interval: 500ms, scrape_timeout: 500ms, evaluation_interval: 500ms}\n"
        f"rule_files: ['{directory}/rules.yml']\n"
        f"scrape_configs: [{{job_name: shop, {how}static_configs: [{{targets: ['{scrapes}']}}]}}]\n"
        f"alerting: {{alertmanagers: [{{static_configs: [{{targets: ['{pushes_to}']}}]}}]}}\n"
    )
    address = f"127.0.0.1:{free_port()}"
    command = [
        str(PROMETHEUS),
        f"--config.file={directory}/prometheus.yml",
        f"--storage.tsdb.path={directory}/data",
        f"--web.listen-address={address}",
        "--rules.alert.resend-delay=500ms",
    ]
    with _running(command, directory, address):
        yield f"http://{address}"


@contextlib.contextmanager
def _running(command: list[str], directory: Path, address: str) -> Iterator[None]:
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        eventually(f"{command[0]} is ready", lambda: process.poll() is None and _answers(f"http://{address}/-/ready"))
        yield
    finally:
        process.terminate()
        process.wait(30)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def tell(url: str, name: str, *labels: str, ends: str = "") -> None:
    """With amtool: the alert fires; or ended at `ends`."""
    command = [str(AMTOOL), "alert", "add", name, *labels, f"--alertmanager.url={url}", "--annotation=summary=it broke"]
    command += [f"--end={ends}"] if ends else []
    done = subprocess.run(command, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def requests_failed(url: str) -> float:
    """How often the Alertmanager could not tell its webhook."""
    with urllib.request.urlopen(f"{url}/metrics", timeout=10) as answer:
        figures: str = answer.read().decode()
    name = 'alertmanager_notification_requests_failed_total{integration="webhook"}'
    return float(next((line.rpartition(" ")[2] for line in figures.splitlines() if line.startswith(name)), "0"))
