"""The report of core/metrics as one list of figures, with counts and learning beside it (the message Figure says why).

The report comes as plain.py makes it plain: mappings with the names of the dataclasses' fields and properties. What has a goal there comes
first here, in the order of the goals; the goals of classes and layers follow with the figures that they belong to.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from error_daemon.model import RECOVERY_TARGETS, Json, RecoveryClass
from error_recovery.v1 import recovery_pb2

_Facts = Mapping[str, Json]
_RATES = {
    "success_ratio": "success",
    "first_time_ratio": "first_time",
    "escalation_ratio": "escalation",
    "false_positive_ratio": "false_positives",
    "ended_by_people_ratio": "ended_by_people",
}
_TIMES = {"time_to_detect_s": "detect", "time_to_recover_s": "recover", "handling_lag_s": "handling_lag"}
_COUNTED_BY = ("strategy", "type", "level", "target", "time")


def metrics_message(facts: _Facts) -> recovery_pb2.GetMetricsResponse:
    """`facts`: see middle.Control.metrics."""
    report = facts["recovery"]
    return recovery_pb2.GetMetricsResponse(
        strategies=[recovery_pb2.StrategyMetrics(**strategy) for strategy in facts["strategies"]],
        lag=recovery_pb2.LagFigures(**facts["lag"]),
        since=report["span"]["start_at"],
        until=report["span"]["end_at"],
        tickets=report["tickets"],
        ended_as=report["ended_as"],
        figures=_figures(report),
        counts=_counts(report["attempts"]),
        learning=[_learning(name, item) for name, item in report["learning"].items()],
        quality_parts=[recovery_pb2.QualityPart(**part) for part in report["quality"]["parts"]],
    )


# --- figures


def _figures(report: _Facts) -> list[recovery_pb2.Figure]:
    """Each once: those of `goals` know theirs, and the same figure met again without one is left out."""
    found: dict[tuple[str, str, str], recovery_pb2.Figure] = {}
    for figure in (*goal_figures(report), *_without_goals(report)):
        known = found.setdefault((figure.name, figure.scope, figure.subject), figure)
        if figure.HasField("low"):
            known.low, known.high = figure.low, figure.high
    return list(found.values())


def goal_figures(report: _Facts) -> Iterator[recovery_pb2.Figure]:
    """All that have a goal, of a report of core/metrics that was made plain."""
    for item in report["goals"]:
        goal, component = item["goal"], item["component"]
        yield recovery_pb2.Figure(
            name=goal["figure"],
            scope="component" if component else "",
            subject=component,
            unit=_unit(goal["figure"]),
            value=item["value"],
            samples=item["samples"],
            goal=goal["bound"],
            goal_kind="above" if goal["is_above"] else "below",
            is_met=item["is_met"],
        )
    for name, item in report["recovery_classes"].items():
        within_s, share = RECOVERY_TARGETS[RecoveryClass(name)]
        figure = _rate("in_time_ratio", item["in_time"], "recovery_class", name)
        figure.within_s, figure.goal, figure.goal_kind = within_s, share, "above"
        yield _judged(figure, item["is_met"])
    for name, item in report["response_classes"].items():
        figure = _rate("kept_ratio", item["kept"], "response_class", name)
        figure.within_s, figure.goal, figure.goal_kind = item["within_s"], 1.0, "at_least"
        yield _judged(figure, item["is_met"])
    for name, item in report["layers"].items():
        for what, is_met in (("detect", item["is_detect_met"]), ("recover", item["is_recover_met"])):
            times = item[what]
            figure = _seconds(f"p95_time_to_{what}_s", times["p95_s"], times["samples"], "layer", name)
            figure.goal, figure.goal_kind = item[f"{what}_within_s"], "below"
            yield _judged(figure, is_met)


def _without_goals(report: _Facts) -> Iterator[recovery_pb2.Figure]:
    quality = report["quality"]
    yield recovery_pb2.Figure(
        name="quality_score", unit="score", value=quality["score"], samples=quality["parts"][0]["samples"]
    )
    for name, key in _RATES.items():
        yield _rate(name, report["rates"][key])
    for name in ("occurrence_told", "clock_ahead"):
        yield _rate(f"{name}_ratio", report["times"][name])
    for name, key in _TIMES.items():
        times = report["times"][key]
        for kind in ("mean", "median", "p95"):
            yield _seconds(f"{kind}_{name}", times[f"{kind}_s"], times["samples"])
    for name, item in report["recovery_classes"].items():
        yield _rate("success_ratio", item["success"], "recovery_class", name)
    yield from _downtimes(report["downtime"])


def _downtimes(downtime: _Facts) -> Iterator[recovery_pb2.Figure]:
    parts = [("", "", downtime["overall"], len(downtime["by_target"]))]
    parts += [("target", name, item, 1) for name, item in downtime["by_target"].items()]
    parts += [("component", name, item, 1) for name, item in downtime["by_component"].items()]
    for scope, subject, item, samples in parts:
        if scope:
            yield recovery_pb2.Figure(
                name="availability_ratio",
                scope=scope,
                subject=subject,
                unit="ratio",
                value=item["availability_ratio"],
                samples=samples,
            )
        for name in ("planned", "unplanned"):
            value = item[f"{name}_s"] if samples else None
            yield _seconds(f"{name}_downtime_s", value, samples, scope, subject)


def _rate(name: str, rate: _Facts, scope: str = "", subject: str = "") -> recovery_pb2.Figure:
    low, high = rate["interval"] or (None, None)
    return recovery_pb2.Figure(
        name=name,
        scope=scope,
        subject=subject,
        unit="ratio",
        value=rate["ratio"],
        samples=rate["samples"],
        low=low,
        high=high,
    )


def _seconds(name: str, value: float | None, samples: int, scope: str = "", subject: str = "") -> recovery_pb2.Figure:
    return recovery_pb2.Figure(name=name, scope=scope, subject=subject, unit="s", value=value, samples=samples)


def _judged(figure: recovery_pb2.Figure, is_met: bool | None) -> recovery_pb2.Figure:
    if is_met is not None:
        figure.is_met = is_met
    return figure


def _unit(name: str) -> str:
    return "s" if name.endswith("_s") else "ratio"


# --- what has columns of its own


def _counts(counts: _Facts) -> list[recovery_pb2.Tally]:
    tallies = [tally_message("total", "", counts["total"])]
    for by in _COUNTED_BY:
        tallies += [tally_message(by, key, item) for key, item in counts[f"by_{by}"].items()]
    return tallies


def tally_message(by: str, key: str, item: _Facts) -> recovery_pb2.Tally:
    success = item["success"]
    low, high = success["interval"] or (None, None)
    return recovery_pb2.Tally(
        by=by,
        key=key,
        attempts=item["attempts"],
        known=success["samples"],
        successes=success["count"],
        ratio=success["ratio"],
        low=low,
        high=high,
    )


def _learning(error_type: str, item: _Facts) -> recovery_pb2.Learning:
    return recovery_pb2.Learning(
        error_type=error_type,
        success=_success_change(item["success"]) if item["success"] else None,
        time_to_recover_s=_time_change(item["time_to_recover"]) if item["time_to_recover"] else None,
    )


def _success_change(change: _Facts) -> recovery_pb2.Change:
    return recovery_pb2.Change(
        samples=change["last"]["samples"],
        first=change["first"]["ratio"],
        last=change["last"]["ratio"],
        difference=change["difference"],
        p_value=change["p_value"],
        is_more_than_chance=change["is_more_than_chance"],
    )


def _time_change(change: _Facts) -> recovery_pb2.Change:
    return recovery_pb2.Change(
        samples=change["last"]["samples"],
        first=change["first"]["mean_s"],
        last=change["last"]["mean_s"],
        difference=change["difference_s"],
    )
