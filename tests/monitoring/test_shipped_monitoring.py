"""The rules for Prometheus and the dashboard for Grafana: right in themselves, and about metrics that there are."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from error_daemon.runtime.monitoring.catalogue import CATALOGUE
from error_daemon.runtime.monitoring.metric import Kind
from tests.monitoring.shipped import RULES, UNIT_TESTS, dashboard_queries, metrics_named, rules

PROMTOOL = shutil.which("promtool")
needs_promtool = pytest.mark.skipif(not PROMTOOL, reason="needs prometheus")
ALERTS = [rule["alert"] for rule in rules() if "alert" in rule]


def promtool(*arguments: str) -> None:
    said = subprocess.run([str(PROMTOOL), *arguments], capture_output=True, text=True, timeout=120, check=False)
    assert said.returncode == 0, said.stdout + said.stderr


@needs_promtool
def test_promtool_takes_the_rules() -> None:
    promtool("check", "rules", "--lint=all", "--lint-fatal", str(RULES))


@needs_promtool
def test_each_alert_is_quiet_first_and_fires_when_it_should() -> None:
    promtool("test", "rules", str(UNIT_TESTS))


def test_each_alert_has_a_unit_test_a_severity_and_says_what_to_do() -> None:
    tested = re.findall(r'alertname="(\w+)", alertstate="firing", instance', UNIT_TESTS.read_text())
    assert sorted(set(tested)) == sorted(ALERTS)
    for rule in rules():
        if "alert" in rule:
            assert rule["labels"]["severity"] in ("page", "ticket"), rule["alert"]
            assert rule["annotations"]["summary"], rule["alert"]
            assert "`" in rule["annotations"]["runbook"], rule["alert"]


@needs_promtool
def test_promtool_takes_every_query_of_the_dashboard(tmp_path: Path) -> None:
    queries = dashboard_queries()
    assert len(queries) > 30
    recorded = [{"record": f"q{number}", "expr": query} for number, query in enumerate(queries)]
    file = tmp_path / "queries.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": recorded}]}))
    promtool("check", "rules", "--lint=none", str(file))


@needs_promtool
@pytest.mark.parametrize(
    ("ended", "expected"),
    [({"failed": 3}, [0.0]), ({"recovered": 1, "failed": 3}, [0.25]), ({"recovered": 2}, [1.0]), ({"observed": 1}, [])],
)
def test_the_dashboards_success_is_a_number_where_nothing_recovered(
    tmp_path: Path, ended: dict[str, int], expected: list[float]
) -> None:
    [query] = [query for query in dashboard_queries() if "ended_as" in query and " / " in query]
    series = [
        {
            "series": f'error_recovery_tickets_ended_total{{job="j", instance="i", ended_as="{how}"}}',
            "values": f"0+{n}x10",
        }
        for how, n in ended.items()
    ]
    asks = {"expr": query, "eval_time": "10m", "exp_samples": [{"labels": "{}", "value": value} for value in expected]}
    test = {"interval": "1m", "input_series": series, "promql_expr_test": [asks]}
    file = tmp_path / "success.yml"
    file.write_text(yaml.safe_dump({"tests": [test]}))
    promtool("test", "rules", str(file))


def test_every_metric_that_rules_and_dashboard_name_is_one() -> None:
    known = {metric.shown_name for metric in CATALOGUE}
    for metric in CATALOGUE:
        if metric.kind is Kind.HISTOGRAM:
            known |= {f"{metric.name}_{part}" for part in ("bucket", "sum", "count")}
    named = set(metrics_named())
    assert len(named) > 25
    assert named <= known
