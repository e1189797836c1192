"""60-cron-job.yaml.example, used: the line of its comment is run as cron runs it, and fails."""

from __future__ import annotations

import re

from tests.box.host import ROOT
from tests.shipped.recovery_host import RecoveryHost
from tests.waiting import eventually

EXAMPLE = ROOT / "etc" / "recovery" / "definitions" / "60-cron-job.yaml.example"


def test_a_job_that_failed_reports_itself_and_is_run_again(host: RecoveryHost) -> None:
    [line] = re.findall(r"^# +0 3 \* \* \* root (.+)$", EXAMPLE.read_text(), re.MULTILINE)

    failed = host.run("sh", "-c", line, is_checked=False)
    assert failed.returncode == 3, failed

    def states() -> list[str]:
        return [error["state"] for error in host.errors("job/nightly-report")]

    eventually("it is recovered", lambda: states() == ["watching"])
    [error] = host.errors("job/nightly-report")
    recovery = host.recovery(error["error_id"], 0, "")
    assert recovery.strategies == ["nightly-report-run-again"]
    assert recovery.verdicts == ["recovered"]
    assert recovery.seen == {"nightly-report-succeeded": "ok"}
    assert host.read("/var/lib/run-job/nightly-report") == "ok\n"
    assert host.read("/var/lib/run-job/nightly-report.log") == "42 rows reported\n"
    assert "connection reset by peer" in host.error_cli("errors", "show", error["error_id"], "--json")[1]
