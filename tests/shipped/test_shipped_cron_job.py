"""60-cron-job.yaml.example, used: the line of its comment is run as cron runs it, and fails."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

from tests.box.host import ROOT
from tests.shipped.recovery_host import RecoveryHost, eventually

EXAMPLE = ROOT / "etc" / "recovery" / "definitions" / "60-cron-job.yaml.example"


def test_a_job_that_failed_reports_itself_and_is_run_again(host: RecoveryHost) -> None:
    host.run("ln", "-sf", str(Path(sys.prefix) / "bin" / "error-cli"), "/usr/local/bin/error-cli")
    host.run("ln", "-sf", "/srv/services/nightly-report", "/usr/local/bin/nightly-report")
    [line] = re.findall(r"^# +0 3 \* \* \* root (.+)$", EXAMPLE.read_text(), re.MULTILINE)

    failed = host.run("sh", "-c", line, is_checked=False)
    assert failed.returncode == 3, failed

    def errors() -> list[dict[str, str]]:
        listed = json.loads(host.error_cli("errors", "list", "--json")[1]).get("errors", [])
        return [error for error in listed if error["component"] == "job/nightly-report"]

    eventually("it is recovered", lambda: [error["state"] for error in errors()] == ["watching"])
    recovery = host.recovery(errors()[0]["error_id"], 0, "")
    assert recovery.strategies == ["nightly-report-run-again"]
    assert recovery.verdicts == ["recovered"]
    assert recovery.seen == {"nightly-report-succeeded": "ok"}
    assert host.read("/var/lib/run-job/nightly-report") == "ok\n"
    assert host.read("/var/lib/run-job/nightly-report.log") == "42 rows reported\n"
    assert "connection reset by peer" in host.error_cli("errors", "show", errors()[0]["error_id"], "--json")[1]
