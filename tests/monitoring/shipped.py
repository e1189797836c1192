"""What is shipped for Prometheus and Grafana, and the names and queries in it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
RULES = ROOT / "etc/prometheus/error-recovery.rules.yml"
DASHBOARD = ROOT / "etc/grafana/error-recovery.json"
UNIT_TESTS = Path(__file__).parent / "error-recovery.test.yml"
_VARIABLES = {"$__rate_interval": "5m", "$job": ".*", "$instance": ".*"}


def rules() -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def dashboard_queries() -> list[str]:
    """As Grafana sends them."""
    dashboard = json.loads(DASHBOARD.read_text())
    queries = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ())]
    queries += [annotation["expr"] for annotation in dashboard["annotations"]["list"]]
    return [_filled(query) for query in queries]


def _filled(query: str) -> str:
    for name, value in _VARIABLES.items():
        query = query.replace(name, value)
    return query


def metrics_named() -> Iterator[str]:
    """Those of the daemon; the names of recording rules have colons."""
    texts = [DASHBOARD.read_text(), *(rule["expr"] for rule in rules())]
    for text in texts:
        yield from re.findall(r"(?<![:\w])(?:error_recovery|process)_\w+(?!:)\b", text)
