"""OpenTelemetry's metrics as figures: which are taken, what they are called, how many are kept."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from google.protobuf.message import Message
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric

from error_daemon.errors import InputError
from error_daemon.ingest.otlp.exporting import Export
from error_daemon.ingest.otlp.signals import signals
from error_daemon.ingest.otlp.values import NOTHING
from error_daemon.ingest.sensors.samples import Samples
from error_daemon.ingest.sensors.told_figures import FORGET_S, MOST_FIGURES, MOST_POINTS, Both, ToldFigures
from tests.ingest.otlp.exported import AT_NS, NOW, SHOP, as_json, pairs

Told = list[tuple[str, float, float]]
Read = Callable[[Message], Told]


class HandClock:
    """Stands until the test moves it."""

    def __init__(self) -> None:
        self.at = NOW

    def now(self) -> float:
        return self.at

    def from_monotonic(self, monotonic_s: float) -> float:
        return monotonic_s


def _heard(made: Callable[[Any], Export]) -> Told:
    """What is told of an export that is made of its signal."""
    told: Told = []

    def tell(name: str, at: float, value: float) -> bool:
        told.append((name, at, value))
        return True

    [metrics] = [signal for signal in signals(tell) if signal.name == "metrics"]
    export = made(metrics)
    for origin, record in export.items:
        if record is NOTHING:
            continue
        assert origin is not None
        assert list(export.make(origin, record, NOW)) == []
    return told


def _by_protobuf(export: Message) -> Told:
    return _heard(lambda metrics: metrics.of_protobuf(export.SerializeToString()))


def _by_json(export: Message) -> Told:
    return _heard(lambda metrics: metrics.of_json(json.dumps(as_json(export)).encode()))


@pytest.fixture(params=[_by_protobuf, _by_json], ids=["protobuf", "json"])
def read(request: pytest.FixtureRequest) -> Read:
    by: Read = request.param
    return by


def _exported(*metrics: Metric) -> ExportMetricsServiceRequest:
    export = ExportMetricsServiceRequest()
    resource = export.resource_metrics.add()
    resource.resource.attributes.extend(pairs(SHOP))
    resource.scope_metrics.add(metrics=metrics)
    return export


def _metric(kind: str = "gauge", at_ns: int = AT_NS, attributes: Any = None, **value: Any) -> Metric:
    metric = Metric(name="queue.size")
    points = getattr(metric, kind).data_points
    points.add(time_unix_nano=at_ns, attributes=pairs(attributes or {}), **value)
    return metric


@pytest.mark.parametrize("kind", ["gauge", "sum"])
@pytest.mark.parametrize("value", [{"as_int": 7}, {"as_double": 7.0}])
def test_the_value_of_a_gauge_and_of_a_sum_is_a_figure_of_its_service(read: Read, kind: str, value: Any) -> None:
    assert read(_exported(_metric(kind, **value))) == [("otlp.shop.queue.size", AT_NS / 1e9, 7.0)]


def test_its_attributes_are_part_of_its_name_in_their_order(read: Read) -> None:
    [(name, _, _)] = read(_exported(_metric(attributes={"queue": "orders", "a": 1}, as_int=7)))
    assert name == "otlp.shop.queue.size{a=1,queue=orders}"


def test_what_is_no_single_value_is_passed_over(read: Read) -> None:
    histogram = Metric(name="took")
    histogram.histogram.data_points.add(count=3, sum=1.0)
    many = {f"a{number}": number for number in range(9)}
    without = _metric(as_int=7, flags=1)
    assert read(_exported(histogram, _metric(), _metric(attributes=many, as_int=1), without, Metric())) == []


def test_a_time_that_cannot_be_is_when_it_came(read: Read) -> None:
    assert [at for _, at, _ in read(_exported(_metric(at_ns=5, as_int=7)))] == [NOW]
    ahead_ns = int((NOW + 3600) * 1e9)
    assert [at for _, at, _ in read(_exported(_metric(at_ns=ahead_ns, as_int=7)))] == [NOW]


@pytest.mark.parametrize("wrong", [7, {"gauge": 7}, {"gauge": {"dataPoints": 7}}, {"name": 7, "gauge": {}}])
def test_a_metric_that_is_none_is_rejected(wrong: Any) -> None:
    body = {"resourceMetrics": [{"scopeMetrics": [{"metrics": [wrong]}]}]}
    with pytest.raises(InputError):
        _heard(lambda metrics: metrics.of_json(json.dumps(body).encode()))


# --- the figures


def test_the_newest_value_counts_and_older_ones_are_its_series() -> None:
    clock = HandClock()
    figures = ToldFigures(clock)
    for ago_s in (30, 20, 25, 10):
        figures.tell("otlp.shop.queue", NOW - ago_s, float(ago_s))
    assert figures.current() == {"otlp.shop.queue": 10.0}
    assert figures.series("otlp.shop.queue", 20.0) == ([NOW - 20, NOW - 10], [20.0, 10.0])
    assert figures.series("otlp.shop.other", 20.0) == ([], [])


def test_a_figure_that_is_not_told_any_more_is_forgotten() -> None:
    clock = HandClock()
    figures = ToldFigures(clock)
    figures.tell("first", NOW, 1.0)
    clock.at += FORGET_S / 2
    figures.tell("second", clock.at, 2.0)
    clock.at += FORGET_S / 2 + 1
    assert figures.current() == {"second": 2.0}
    assert not figures.tell("first", NOW, 1.0)


@pytest.mark.parametrize(("name", "value"), [("n", float("nan")), ("n", float("inf")), ("n" * 257, 1.0)])
def test_what_is_no_figure_is_not_taken(name: str, value: float) -> None:
    assert not ToldFigures(HandClock()).tell(name, NOW, value)


@given(st.lists(st.tuples(st.integers(0, 2000), st.floats(0, 100)), max_size=3000))
def test_however_many_are_told_few_are_kept(told: list[tuple[int, float]]) -> None:
    figures = ToldFigures(HandClock())
    for number, at_s in told:
        figures.tell(f"otlp.{number}", NOW - at_s, 1.0)
    current = figures.current()
    assert len(current) == min(MOST_FIGURES, len({number for number, _ in told})) or len(told) > MOST_FIGURES
    assert len(current) <= MOST_FIGURES
    assert all(len(figures.series(name, 1e9)[0]) <= MOST_POINTS for name in current)


def test_the_figures_of_the_host_and_those_that_were_told_are_read_in_one_place() -> None:
    samples, figures = Samples(0.1), ToldFigures(HandClock())
    samples.add(["steal_ratio"])
    samples.begin(NOW)
    samples.put("steal_ratio", 0.5)
    figures.tell("otlp.shop.queue", NOW, 7.0)
    both = Both(samples, figures)
    assert both.current() == {"steal_ratio": 0.5, "otlp.shop.queue": 7.0}
    assert list(both.series("steal_ratio", 1.0)[1]) == [0.5]
    assert both.series("otlp.shop.queue", 1.0) == ([NOW], [7.0])
