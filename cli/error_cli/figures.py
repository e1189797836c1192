"""The figures of recovery as people read them: their names, their values, their goals.

A figure that is newer than this error-cli is shown by its own name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from error_cli.phrase import duration

if TYPE_CHECKING:
    from error_recovery.v1 import recovery_pb2

_NAMES = {
    "mean_time_to_detect_s": "mean time to detect",
    "mean_time_to_recover_s": "mean time to recover",
    "success_ratio": "success rate",
    "first_time_ratio": "recovered at the first attempt",
    "escalation_ratio": "escalated to a higher level",
    "false_positive_ratio": "false positives",
    "ended_by_people_ratio": "ended by people",
    "availability_ratio": "availability",
    "planned_downtime_s": "planned downtime",
    "unplanned_downtime_s": "unplanned downtime",
    "in_time_ratio": "recovered",
    "kept_ratio": "answered",
    "p95_time_to_detect_s": "time to detect, 95 of 100",
    "p95_time_to_recover_s": "time to recover, 95 of 100",
    "quality_score": "quality score",
}
_SCOPES = {
    "target": " of target {}",
    "component": " of component {}",
    "recovery_class": ", {} class",
    "response_class": ", {} faults",
    "layer": ", {} layer",
}
_BOUNDS = {"above": "> ", "below": "< ", "at_least": ""}


def name(figure: recovery_pb2.Figure) -> str:
    said = _NAMES.get(figure.name, figure.name.removesuffix("_s").replace("_", " "))
    if figure.HasField("within_s"):
        said += f" within {duration(figure.within_s)}"
    return said + _SCOPES.get(figure.scope, " of {}" if figure.subject else "").format(figure.subject)


def value(figure: recovery_pb2.Figure) -> str:
    return _said(figure.value, figure.unit) if figure.HasField("value") else "-"


def goal(figure: recovery_pb2.Figure) -> str:
    if not figure.HasField("goal"):
        return "-"
    return _BOUNDS.get(figure.goal_kind, "") + _said(figure.goal, figure.unit)


def share(ratio: float) -> str:
    """A ratio as precisely as availability needs it: "91.3 %", "99.995 %". What is not everything is never rounded up to it."""
    percent = 100 * ratio
    if 99.0 < percent < 100.0:
        return f"{int(percent * 1000) / 1000:g} %"
    return f"{percent:.1f}".removesuffix(".0") + " %"


def _said(number: float, unit: str) -> str:
    if unit == "s":
        return duration(number) if number else "0 s"
    return share(number) if unit == "ratio" else f"{number:.2f}"
