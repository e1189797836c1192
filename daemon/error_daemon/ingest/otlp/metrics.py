"""
OpenTelemetry's metrics as figures: the newest value of each gauge and sum.

    otlp.SERVICE.METRIC{attribute=value,...}        otlp.shop.queue.size{queue=orders}

A point with more than eight attributes, or longer names than a figure's may be, is one of too many to be looked at one by one, and passed
over; so are histograms and summaries, and points that say that there is no value. A sum is taken as it was sent: a cumulative one grows,
a "delta" is what came since the last.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any

from opentelemetry.proto.metrics.v1 import metrics_pb2

from error_daemon.ingest import sent_at
from error_daemon.ingest.otlp import from_json, from_protobuf
from error_daemon.ingest.otlp.values import MOST_POINTS, Origin, Point

Tell = Callable[[str, float, float], bool]
_MOST_ATTRIBUTES = 8
_NO_VALUE_FLAG = 1


def of_protobuf(raw: bytes) -> Iterator[Point]:
    """Raises InputError."""
    metric = from_protobuf.read(metrics_pb2.Metric, raw, "metric")
    kind = metric.WhichOneof("data")
    if kind not in ("gauge", "sum"):
        return
    for point in islice(getattr(metric, kind).data_points, MOST_POINTS):
        value_kind = point.WhichOneof("value")
        if value_kind is not None and not point.flags & _NO_VALUE_FLAG:
            value = float(getattr(point, value_kind))
            yield Point(metric.name, point.time_unix_nano, value, from_protobuf.attributes(point.attributes))


def of_json(raw: object) -> Iterator[Point]:
    """Raises InputError."""
    metric = from_json.object_in(raw)
    held = metric.get("gauge") or metric.get("sum")
    name = from_json.text_in(metric.get("name"))
    for one in islice(from_json.list_in(from_json.object_in(held).get("dataPoints")), MOST_POINTS):
        point = from_json.object_in(one)
        value = _value(point)
        if value is not None and not from_json.number_in(point.get("flags")) & _NO_VALUE_FLAG:
            at_ns = from_json.number_in(point.get("timeUnixNano"))
            yield Point(name, at_ns, value, from_json.attributes(from_json.list_in(point.get("attributes"))))


def _value(point: from_json.Object) -> float | None:
    if point.get("asInt") is not None:
        return float(from_json.number_in(point["asInt"]))
    return None if point.get("asDouble") is None else from_json.double_in(point["asDouble"])


def told(read: Callable[[Any], Iterator[Point]], tell: Tell) -> Callable[[Origin, Any, float], Sequence[bytes]]:
    """What tells the figures of a metric. No faults come of it."""

    def make(origin: Origin, raw: Any, now: float) -> Sequence[bytes]:
        service = origin.resource.get("service.name", "")
        for point in read(raw):
            if len(point.attributes) <= _MOST_ATTRIBUTES:
                at = (sent_at.believable(point.at_ns, now) / 1e9) or now
                tell(f"otlp.{service or 'unknown'}.{point.name}{_labels(point)}", min(at, now), point.value)
        return ()

    return make


def _labels(point: Point) -> str:
    listed = ",".join(f"{name}={text}" for name, text in sorted(point.attributes.items()))
    return f"{{{listed}}}" if listed else ""
