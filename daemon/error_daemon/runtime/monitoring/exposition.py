"""
Metrics in the two formats that Prometheus and those like it scrape: the text format 0.0.4, and OpenMetrics 1.0.

    text 0.0.4      https://prometheus.io/docs/instrumenting/exposition_formats/
    OpenMetrics     https://prometheus.io/docs/specs/om/open_metrics_spec/: the name of a counter in its TYPE line lacks `_total`; infos and
                    units are named; it ends with `# EOF`

By hand, and not by prometheus-client: its registry renders everything at once, which holds the daemon's loop for as long as that takes, and
its counters take a lock each time. Here the pieces come one by one, and who sends them lets others have their turn in between. Tests read
what is made here with prometheus-client's own parsers, promtool and a Prometheus.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from error_daemon.runtime.monitoring.metric import Kind, Labels, Metric, Value
from error_daemon.telemetry import Histogram


@dataclass(frozen=True, slots=True)
class Format:
    content_type: str
    is_open_metrics: bool


TEXT = Format("text/plain; version=0.0.4; charset=utf-8", is_open_metrics=False)
OPEN_METRICS = Format("application/openmetrics-text; version=1.0.0; charset=utf-8", is_open_metrics=True)


def wanted(accept: str) -> Format:
    """By the header `Accept`: whichever of the two is liked better; the text format where that is not said."""
    liking = {"application/openmetrics-text": 0.0, "text/plain": 0.0, "*/*": 0.0}
    for offer in accept.lower().split(","):
        kind, *parameters = (part.strip() for part in offer.split(";"))
        if kind in liking and _is_spoken(kind, parameters):
            liking[kind] = max(liking[kind], _quality(parameters))
    likes_text = max(liking["text/plain"], liking["*/*"])
    return OPEN_METRICS if liking["application/openmetrics-text"] > likes_text else TEXT


def _is_spoken(kind: str, parameters: list[str]) -> bool:
    """OpenMetrics of another version is another format."""
    versions = [one.partition("=")[2] for one in parameters if one.startswith("version=")]
    return kind != "application/openmetrics-text" or versions in ([], ["1.0.0"])


def _quality(parameters: list[str]) -> float:
    for one in parameters:
        if one.startswith("q="):
            try:
                return float(one[2:])
            except ValueError:
                return 0.0
    return 1.0


def head(metric: Metric, form: Format) -> str:
    kind = metric.kind.value
    if form.is_open_metrics:
        name = metric.name
        unit = f"# UNIT {name} {metric.unit}\n" if metric.unit else ""
    else:
        name, unit = metric.shown_name, ""
        kind = "gauge" if metric.kind is Kind.INFO else kind
    return f"# HELP {name} {_escaped_help(metric.help)}\n# TYPE {name} {kind}\n{unit}"


def lines(metric: Metric, labels: Labels, value: Value) -> str:
    """Of one combination of labels."""
    pairs = ",".join(f'{name}="{_escaped(text)}"' for name, text in zip(metric.labels, labels, strict=True))
    if isinstance(value, Histogram):
        return "".join(_histogram(metric.name, pairs, value))
    return f"{metric.shown_name}{_in_braces(pairs)} {_number(value)}\n"


def _histogram(name: str, pairs: str, histogram: Histogram) -> Iterator[str]:
    total = 0
    bounds: Iterable[str] = (*map(_number, map(float, histogram.bounds_s)), "+Inf")
    for bound, count in zip(bounds, histogram.counts, strict=True):
        total += count
        le = f'le="{bound}"'
        yield f"{name}_bucket{_in_braces(f'{pairs},{le}' if pairs else le)} {total}\n"
    yield f"{name}_sum{_in_braces(pairs)} {_number(histogram.sum_s)}\n"
    yield f"{name}_count{_in_braces(pairs)} {total}\n"


def _in_braces(pairs: str) -> str:
    return f"{{{pairs}}}" if pairs else ""


def _number(value: float) -> str:
    if value != value:  # noqa: PLR0124  not a number
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "+Inf" if value > 0 else "-Inf"
    return repr(value)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _escaped_help(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', "'")
