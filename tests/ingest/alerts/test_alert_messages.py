"""What senders write, read; and the faults that firing alerts are."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from error_daemon.errors import InputError
from error_daemon.ingest.alerts.alert import Alert, Told, notification
from error_daemon.ingest.alerts.alert import pushed as read_as_pushed
from error_daemon.ingest.alerts.fault import fault_of, target_of
from error_daemon.ingest.decode import decode
from error_recovery.v1 import fault_pb2
from tests.ingest.alerts.alerting import (
    ENDED,
    ENDED_AT,
    LABELS,
    NOW,
    STARTED_AT,
    notified,
    of_grafana,
    pushed,
    webhook,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(st.characters(), max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
KEYS = ("labels", "annotations", "status", "startsAt", "endsAt", "fingerprint", "generatorURL", "values", "other")
ALERTS = st.dictionaries(st.sampled_from(KEYS), JSON, max_size=9) | st.builds(
    lambda labels, more: {"status": "firing", **more, "labels": labels},
    st.dictionaries(st.text(st.characters(), max_size=300), st.text(st.characters(), max_size=300), max_size=80),
    st.dictionaries(st.sampled_from(KEYS), JSON, max_size=9),
)


def read_notification(body: bytes, now: float) -> Told:
    return notification(body).read(now)


def read_pushed(body: bytes, now: float) -> Told:
    return read_as_pushed(body).read(now)


def the_alert(body: bytes) -> Alert:
    told = read_notification(body, NOW)
    assert told.wrong == []
    [alert] = told.alerts
    return alert


def the_fault(alert: Alert, source: str = "alertmanager") -> fault_pb2.Fault:
    return fault_pb2.Fault.FromString(fault_of(alert, source))


def labelled(**labels: str) -> Alert:
    return the_alert(webhook(notified(labels=labels)))


# --- reading


def test_a_notification_has_alerts_that_fire_and_alerts_that_are_resolved() -> None:
    told = read_notification(webhook(notified(), notified(is_resolved=True)), NOW)
    fires, resolved = told.alerts
    assert (fires.is_firing, fires.ends_at, fires.holds_until) == (True, 0.0, 0.0)
    assert (resolved.is_firing, resolved.ends_at) == (False, ENDED_AT)
    assert fires.starts_ns == int(STARTED_AT * 1e9)
    assert fires.fingerprint == resolved.fingerprint == "c1a1b2c3d4e5f607"


def test_what_its_sender_has_left_out_is_counted() -> None:
    assert notification(webhook(notified(), truncatedAlerts=3)).left_out == 3


def test_a_pushed_alert_fires_until_its_end_has_passed() -> None:
    fires, resolved, endless = read_pushed(
        json.dumps([pushed(), pushed(ends=ENDED), pushed(ends="")]).encode(), NOW
    ).alerts
    assert (fires.is_firing, fires.holds_until) == (True, NOW + 220)
    assert (resolved.is_firing, resolved.ends_at, resolved.holds_until) == (False, ENDED_AT, 0.0)
    assert (endless.is_firing, endless.holds_until) == (True, 0.0)


def test_equal_labels_are_one_alert_where_the_sender_gives_it_no_name() -> None:
    turned = dict(reversed(LABELS.items()))
    one, other, third = read_pushed(
        json.dumps([pushed(), pushed(labels=turned), pushed(labels={**LABELS, "job": "db"})]).encode(), NOW
    ).alerts
    assert one.fingerprint == other.fingerprint != third.fingerprint


def test_an_end_in_the_future_of_what_is_resolved_is_now() -> None:
    assert the_alert(webhook(notified(is_resolved=True, endsAt="2026-09-21T15:00:00Z"))).ends_at == NOW


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"{}", b'{"alerts": 1}', b"[" * 100_000, b"9" * 10_000, b"\xff", b'"\\ud800"']
)
def test_what_is_no_notification_is_refused(body: bytes) -> None:
    with pytest.raises(InputError):
        read_notification(body, NOW)


def test_what_is_no_list_is_not_pushed() -> None:
    with pytest.raises(InputError, match="not a list"):
        read_pushed(b"{}", NOW)


def test_one_alert_that_is_wrong_does_not_cost_the_others() -> None:
    told = read_notification(webhook(notified(), notified(labels={}), notified(status="maybe")), NOW)
    assert len(told.alerts) == 1
    assert [str(error) for error in told.wrong] == [
        "alerts[1]: labels: are missing: they are what names an alert",
        "alerts[2]: status: 'maybe' is none: firing and resolved are",
    ]


@given(alerts=st.lists(ALERTS, max_size=4))
def test_whatever_comes_is_read_and_each_firing_alert_makes_a_fault_that_is_taken(alerts: list[Any]) -> None:
    for told in (
        read_notification(json.dumps({"alerts": alerts}).encode(), NOW),
        read_pushed(json.dumps(alerts).encode(), NOW),
    ):
        assert len(told.alerts) + len(told.wrong) == len(alerts)
        for alert in told.alerts:
            decode(fault_of(alert, "alertmanager"), NOW)


@given(body=st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    for read in (read_notification, read_pushed):
        with suppress(InputError):
            read(body, NOW)


# --- the fault


def test_an_alert_is_a_fault_of_the_component_and_host_that_its_labels_name() -> None:
    fault = the_fault(the_alert(webhook(notified())))
    context = fault.context
    assert (context.component, context.operation, context.node) == ("shop", "ShopDown", "web-1:9100")
    assert (fault.message, fault.source) == ("the shop is down", "alertmanager")
    assert fault.severity == fault_pb2.SEVERITY_CRITICAL
    assert fault.fingerprint == "alert:c1a1b2c3d4e5f607"
    assert fault.occurred_at_unix_ns == int(STARTED_AT * 1e9)
    assert dict(context.attributes) == {
        "label.alertname": "ShopDown",
        "label.job": "shop",
        "label.instance": "web-1:9100",
        "label.severity": "critical",
        "annotation.summary": "the shop is down",
        "annotation.runbook_url": "x",
        "generator_url": "http://prometheus/graph?g0.expr=up",
    }


def test_grafana_says_what_it_has_measured() -> None:
    attributes = the_fault(the_alert(of_grafana(notified()))).context.attributes
    assert (attributes["value.A"], attributes["value.C"]) == ("12.5", "1")


@pytest.mark.parametrize(
    ("labels", "component"),
    [
        ({"component": "c", "service": "s", "job": "j", "alertname": "a"}, "c"),
        ({"service": "s", "job": "j", "alertname": "a"}, "s"),
        ({"job": "j", "alertname": "a"}, "j"),
        ({"alertname": "a"}, "a"),
        ({"x": "y"}, ""),
    ],
)
def test_the_component_is_the_first_label_that_names_one(labels: dict[str, str], component: str) -> None:
    assert the_fault(labelled(**labels)).context.component == component


@pytest.mark.parametrize(
    ("label", "severity"),
    [
        ("critical", "CRITICAL"),
        ("page", "CRITICAL"),
        ("Critical", "CRITICAL"),
        ("error", "HIGH"),
        ("warning", "MEDIUM"),
        ("low", "LOW"),
        ("info", "INFO"),
        ("P1", "UNSPECIFIED"),
        ("", "UNSPECIFIED"),
    ],
)
def test_the_label_severity_says_how_grave_it_is(label: str, severity: str) -> None:
    fault = the_fault(labelled(alertname="a", severity=label))
    assert fault_pb2.Severity.Name(fault.severity) == f"SEVERITY_{severity}"


def test_an_alert_without_words_still_says_something() -> None:
    assert the_fault(the_alert(webhook(notified(annotations=None)))).message == "shop fires"


def test_the_type_is_that_of_its_name() -> None:
    assert the_fault(labelled(alertname="HostOutOfMemory")).type == fault_pb2.ERROR_TYPE_RESOURCE


@pytest.mark.parametrize(
    "names",
    [
        {"labels": {"alertname": "a", "error_recovery_target": "shop"}},
        {"labels": {"alertname": "a", "error_recovery.target": "shop"}},
        {"annotations": {"error_recovery_target": "shop"}},
    ],
)
def test_a_label_or_annotation_names_the_target(names: dict[str, Any]) -> None:
    alert = the_alert(webhook(notified(**names)))
    assert (target_of(alert), the_fault(alert).target) == ("shop", "shop")
