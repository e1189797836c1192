"""
The fault that a firing alert is. Pure.

**Severity.** `critical` is CRITICAL here, where the gravest word of an application's SDK is only HIGH: an application calls fatal whatever
ends it, but the severity of an alert is written into a rule by who runs the host, and means what the host's own sensors mean by it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from error_daemon.ingest.acceptance import TARGET
from error_daemon.ingest.alerts.alert import Alert
from error_daemon.ingest.exception_types import error_type_named
from error_daemon.ingest.fitted import fitted
from error_recovery.v1 import fault_pb2

TARGET_LABEL = "error_recovery_target"  # the names of labels can't have dots
_COMPONENTS = ("component", "service", "job", "alertname")
_NODES = ("instance", "node", "host")
_ENVIRONMENTS = ("environment", "env")
_MESSAGES = ("summary", "description", "message")
_SEVERITIES: Mapping[str, fault_pb2.Severity.ValueType] = {
    **dict.fromkeys(("critical", "page", "emergency", "disaster", "fatal"), fault_pb2.SEVERITY_CRITICAL),
    **dict.fromkeys(("error", "high", "major"), fault_pb2.SEVERITY_HIGH),
    **dict.fromkeys(("warning", "warn", "medium", "average", "ticket"), fault_pb2.SEVERITY_MEDIUM),
    **dict.fromkeys(("minor", "low"), fault_pb2.SEVERITY_LOW),
    **dict.fromkeys(("info", "information", "notice", "none", "debug"), fault_pb2.SEVERITY_INFO),
}


def fault_of(alert: Alert, source: str) -> bytes:
    """Serialised, within all limits."""
    labels, annotations = alert.labels, alert.annotations
    fault = fault_pb2.Fault(
        type=error_type_named(alert.name),
        severity=_SEVERITIES.get(labels.get("severity", "").lower(), fault_pb2.SEVERITY_UNSPECIFIED),
        fingerprint=f"alert:{alert.fingerprint}",
        occurred_at_unix_ns=alert.starts_ns,
        source=source,
    )
    fault.message = _first(annotations, _MESSAGES) or f"{_first(labels, _COMPONENTS) or 'an alert'} fires"
    fault.target = target_of(alert)
    context = fault.context
    context.component = _first(labels, _COMPONENTS)
    context.operation = alert.name
    context.node = _first(labels, _NODES)
    context.environment = _first(labels, _ENVIRONMENTS)
    return fitted(fault, _attributes(alert))


def target_of(alert: Alert) -> str:
    """The target that the alert names; empty where it names none."""
    for said in (alert.labels, alert.annotations):
        if name := said.get(TARGET_LABEL) or said.get(TARGET):
            return name
    return ""


def _attributes(alert: Alert) -> Iterator[tuple[str, str]]:
    for prefix, texts in (("label", alert.labels), ("annotation", alert.annotations), ("value", alert.values)):
        for name, value in texts.items():
            yield f"{prefix}.{name}", value
    if alert.generator_url:
        yield "generator_url", alert.generator_url


def _first(texts: Mapping[str, str], names: tuple[str, ...]) -> str:
    return next((texts[name] for name in names if name in texts), "")
