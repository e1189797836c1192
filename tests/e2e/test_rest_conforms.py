"""schemathesis against a real daemon: the REST API is what its OpenAPI document says, whatever is sent to it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.daemon_process import DaemonProcess, a_fault, running
from tests.e2e.secured import free_port
from tests.web.written_openapi import text

DEFINITIONS = """\
version: 1
targets: {web: {kind: service, probes: [never]}}
probes: {never: {kind: exec, command: [/bin/false]}}
strategies: {look: {kind: retry, max_attempts: 1}}
rules:
  - {id: web-broken, when: {component: test}, target: web, mode: approve, ladder: {1: [look]}, verify: {within: 100ms}}
"""
LASTS_S = 40
SLOW = ("/api/diagnostics", "/api/recovery/reload")  # seconds each; they have one or two fields
CHECKS = "all"
NOT_CHECKED = "positive_data_acceptance"  # what_is_allowed_is_taken stands in for it
UNENDING = "/api/events"


def test_the_api_is_what_its_document_says(tmp_path: Path) -> None:
    pytest.importorskip("schemathesis", reason="it is for Python 3.11 and newer")
    daemon = DaemonProcess(tmp_path / "daemon", DEFINITIONS, http=f"127.0.0.1:{free_port()}")
    with running(daemon):
        error_id = daemon.report(a_fault()).error_id
        document = tmp_path / "openapi.json"
        document.write_text(text())
        config = tmp_path / "schemathesis.toml"
        config.write_text(
            f'hooks = "tests.e2e.conforming.hooks"\n[parameters]\n"path.error_id" = "{error_id}"\n"path.id" = "{error_id}"\n'
        )
        excluded = [option for path in (*SLOW, UNENDING) for option in ("--exclude-path", path)]
        ran = subprocess.run(
            [
                *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(config), "run", str(document)),
                *("--url", f"http://{daemon.http}", "--checks", CHECKS, "--exclude-checks", NOT_CHECKED),
                *("--phases", "coverage,fuzzing,stateful", "-n", "5", "--max-time", str(LASTS_S), "--warnings", "off"),
                *("--no-color", "--generation-deterministic", *excluded),
            ],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])},
            capture_output=True,
            text=True,
            timeout=10 * LASTS_S,
            check=False,
        )
        assert ran.returncode == 0, ran.stdout[-20_000:] + ran.stderr[-2000:]
        assert daemon.status().state == "serving"
    assert '"level":"ERROR"' not in daemon.log.read_text()
