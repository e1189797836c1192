"""What senders of alerts send, as it was seen on the wire, cut to what matters."""

from __future__ import annotations

import json
from typing import Any

NOW = 1_790_000_000.0  # 2026-09-21T14:13:20Z
STARTED, ENDED = "2026-09-21T14:10:00.5Z", "2026-09-21T14:13:00Z"
STARTED_AT, ENDED_AT = NOW - 199.5, NOW - 20
LABELS = {"alertname": "ShopDown", "job": "shop", "instance": "web-1:9100", "severity": "critical"}
_NEVER = "0001-01-01T00:00:00Z"


def notified(*, is_resolved: bool = False, **more: Any) -> dict[str, Any]:
    """One alert in a webhook of an Alertmanager."""
    return {
        "status": "resolved" if is_resolved else "firing",
        "labels": LABELS,
        "annotations": {"summary": "the shop is down", "runbook_url": "x"},
        "startsAt": STARTED,
        "endsAt": ENDED if is_resolved else _NEVER,
        "generatorURL": "http://prometheus/graph?g0.expr=up",
        "fingerprint": "c1a1b2c3d4e5f607",
        **more,
    }


def webhook(*alerts: dict[str, Any], **more: Any) -> bytes:
    """Of an Alertmanager."""
    return json.dumps(
        {
            "receiver": "recovery",
            "status": "firing",
            "alerts": alerts,
            "groupLabels": {"alertname": "ShopDown"},
            "commonLabels": {},
            "commonAnnotations": {},
            "externalURL": "http://alertmanager",
            "version": "4",
            "groupKey": '{}:{alertname="ShopDown"}',
            "truncatedAlerts": 0,
            **more,
        }
    ).encode()


def of_grafana(*alerts: dict[str, Any]) -> bytes:
    values = {"values": {"A": 12.5, "C": 1}, "valueString": "[ var='A' ]", "dashboardURL": "", "silenceURL": "http://g"}
    made = [{**alert, **values} for alert in alerts]
    more = {"version": "1", "orgId": 1, "title": "[FIRING:1]", "state": "alerting", "message": "**Firing**"}
    return webhook(*made, **more)


def pushed(*, ends: str = "2026-09-21T14:17:00Z", **more: Any) -> dict[str, Any]:
    """One alert as Prometheus pushes it."""
    return {
        "labels": LABELS,
        "annotations": {"summary": "the shop is down"},
        "startsAt": STARTED,
        "endsAt": ends,
        "generatorURL": "http://prometheus/graph",
        **more,
    }
