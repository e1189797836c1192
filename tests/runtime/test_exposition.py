"""The formats of /metrics, read by the parsers of prometheus-client."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import parser
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_open_metrics

from error_daemon.runtime.monitoring.catalogue import CATALOGUE
from error_daemon.runtime.monitoring.exposition import OPEN_METRICS, TEXT, Format, head, lines, wanted
from error_daemon.runtime.monitoring.metric import Kind, Metric, by_name, one
from error_daemon.telemetry import Histogram
from tests.runtime.metric_table import PAGE, in_page, table

PROMETHEUS = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)


def written(form: Format, *metrics: Metric) -> str:
    pieces = []
    for metric in metrics:
        pieces.append(head(metric, form))
        pieces += [lines(metric, labels, value) for labels, value in metric.read(None)]
    return "".join(pieces) + ("# EOF\n" if form.is_open_metrics else "")


def read(form: Format, text: str) -> dict[str, float]:
    """Every sample by its name and labels."""
    parse: Any = read_open_metrics if form.is_open_metrics else parser.text_string_to_metric_families
    families = parse(text)
    samples = [sample for family in families for sample in family.samples]
    return {sample.name + "".join(map(str, sorted(sample.labels.items()))): sample.value for sample in samples}


def a_histogram() -> Histogram:
    histogram = Histogram((0.005, 1.0))
    for duration_s in (0.001, 0.5, 7.0):
        histogram.record(duration_s)
    return histogram


@pytest.mark.parametrize("form", [TEXT, OPEN_METRICS])
def test_each_kind_is_read_back_as_it_was(form: Format) -> None:
    text = written(
        form,
        Metric(Kind.COUNTER, "a", 'of "these"\nthings', one(lambda _: 7)),
        Metric(Kind.GAUGE, "b_seconds", "", one(lambda _: 0.25)),
        Metric(Kind.INFO, "c", "", lambda _: [(("x",), 1)], ("version",)),
        Metric(Kind.HISTOGRAM, "d_seconds", "", lambda _: [(("t",), a_histogram())], ("target",)),
    )
    assert read(form, text) == {
        "a_total": 7,
        "b_seconds": 0.25,
        "c_info('version', 'x')": 1,
        "d_seconds_bucket('le', '0.005')('target', 't')": 1,
        "d_seconds_bucket('le', '1.0')('target', 't')": 2,
        "d_seconds_bucket('le', '+Inf')('target', 't')": 3,
        "d_seconds_sum('target', 't')": 7.501,
        "d_seconds_count('target', 't')": 3,
    }


@given(st.text(st.characters(codec="utf-8")))
def test_no_text_of_a_label_breaks_the_format(text: str) -> None:
    metric = Metric(Kind.GAUGE, "a", "", lambda _: [((text,), 1)], ("name",))
    [sample] = read(OPEN_METRICS, written(OPEN_METRICS, metric))
    assert sample == f"a{('name', text)}"


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("", TEXT),
        ("*/*", TEXT),
        ("text/plain", TEXT),
        (PROMETHEUS, OPEN_METRICS),
        ("application/openmetrics-text", OPEN_METRICS),
        ("application/openmetrics-text;version=0.0.1", TEXT),
        ("application/openmetrics-text;q=0.2, text/plain;q=0.9", TEXT),
        ("application/openmetrics-text;q=rubbish", TEXT),
    ],
)
def test_the_format_is_the_one_that_is_liked_better(accept: str, form: Format) -> None:
    assert wanted(accept) is form


def test_where_there_are_too_many_names_the_smallest_are_added_up() -> None:
    values = dict(by_name(lambda _: {f"t{n}": float(n) for n in range(1000)})(None))
    assert len(values) == 301
    assert values["t999",] == 999
    assert sum(value for value in values.values() if isinstance(value, float)) == sum(range(1000))


def test_names_are_given_once_and_by_the_conventions() -> None:
    names = [metric.name for metric in CATALOGUE]
    assert len(names) == len(set(names))
    for metric in CATALOGUE:
        assert metric.name.startswith(("error_recovery_", "process_"))
        assert not metric.name.endswith(("_total", "_info", "_count", "_sum", "_bucket"))
        assert metric.help.endswith(".")
        assert metric.unit or metric.kind is not Kind.HISTOGRAM


def test_the_page_has_every_metric_as_it_is() -> None:
    assert in_page(PAGE.read_text()) == table(), "run: python -m tests.runtime.metric_table"
