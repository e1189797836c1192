"""
Spans and metrics as OTLP has them (https://opentelemetry.io/docs/specs/otlp/), serialised. Metrics keep the names that /metrics has, so
that what is known of the one holds for the other; counters are cumulative since the daemon's start.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.metrics.v1 import metrics_pb2
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1 import trace_pb2

from error_daemon import __version__
from error_daemon.runtime.exporting.spans import Span
from error_daemon.runtime.monitoring.metric import Kind, Labels, Metric, Value
from error_daemon.telemetry import Histogram

_SCOPE = InstrumentationScope(name="error_daemon", version=__version__)
_UNITS = {"seconds": "s", "bytes": "By", "ratio": "1", "": "1"}
_CUMULATIVE = metrics_pb2.AGGREGATION_TEMPORALITY_CUMULATIVE
_SAMPLED = 0x01


def resource(attributes: Mapping[str, str]) -> Resource:
    return Resource(attributes=_attributes(attributes))


def traces(of: Resource, spans: Sequence[Span]) -> bytes:
    scoped = trace_pb2.ScopeSpans(scope=_SCOPE, spans=map(_span, spans))
    told = trace_pb2.ResourceSpans(resource=of, scope_spans=[scoped])
    return ExportTraceServiceRequest(resource_spans=[told]).SerializeToString()


def _span(span: Span) -> trace_pb2.Span:
    status = (
        trace_pb2.Status(code=trace_pb2.Status.STATUS_CODE_ERROR, message=_valid(span.says))
        if span.has_failed
        else None
    )
    return trace_pb2.Span(
        trace_id=span.context.trace_id,
        span_id=span.context.span_id,
        parent_span_id=span.parent_id,
        flags=_SAMPLED,
        name=_valid(span.name),
        kind=trace_pb2.Span.SPAN_KIND_INTERNAL,
        start_time_unix_nano=_ns(span.begun_at),
        end_time_unix_nano=_ns(max(span.begun_at, span.ended_at)),
        attributes=_attributes(span.attributes),
        links=[trace_pb2.Span.Link(trace_id=link.trace_id, span_id=link.span_id) for link in span.links],
        status=status,
    )


class Metrics:
    """One export, put together metric by metric."""

    def __init__(self, of: Resource, started_at: float, now: float) -> None:
        self._request = ExportMetricsServiceRequest()
        told = self._request.resource_metrics.add(resource=of)
        self._into = told.scope_metrics.add(scope=_SCOPE)
        self._start_ns, self._now_ns = _ns(started_at), _ns(now)

    def add(self, metric: Metric, values: Iterable[tuple[Labels, Value]]) -> None:
        points = list(values)
        if not points:
            return
        into = self._into.metrics.add(name=metric.shown_name, description=metric.help, unit=_UNITS[metric.unit])
        for labels, value in points:
            attributes = _attributes(dict(zip(metric.labels, labels, strict=True)))
            if isinstance(value, Histogram):
                self._histogram(into, attributes, value)
            else:
                self._number(into, metric.kind, attributes, value)

    def _number(self, into: metrics_pb2.Metric, kind: Kind, attributes: Sequence[KeyValue], value: float) -> None:
        if kind is Kind.COUNTER:
            into.sum.is_monotonic = True
            into.sum.aggregation_temporality = _CUMULATIVE
            point = into.sum.data_points.add(attributes=attributes, start_time_unix_nano=self._start_ns)
        else:
            point = into.gauge.data_points.add(attributes=attributes)
        point.time_unix_nano = self._now_ns
        point.as_double = value

    def _histogram(self, into: metrics_pb2.Metric, attributes: Sequence[KeyValue], histogram: Histogram) -> None:
        into.histogram.aggregation_temporality = _CUMULATIVE
        into.histogram.data_points.add(
            attributes=attributes,
            start_time_unix_nano=self._start_ns,
            time_unix_nano=self._now_ns,
            count=sum(histogram.counts),
            sum=histogram.sum_s,
            bucket_counts=histogram.counts,
            explicit_bounds=histogram.bounds_s,
        )

    def serialised(self) -> bytes:
        return self._request.SerializeToString()


def _ns(at: float) -> int:
    return int(at * 1e9)


def _attributes(attributes: Mapping[str, str | int | float | bool]) -> list[KeyValue]:
    return [KeyValue(key=key, value=_value(value)) for key, value in attributes.items() if value != ""]


def _value(value: str | int | float | bool) -> AnyValue:
    if isinstance(value, bool):
        return AnyValue(bool_value=value)
    if isinstance(value, str):
        return AnyValue(string_value=_valid(value))
    return AnyValue(int_value=value) if isinstance(value, int) else AnyValue(double_value=value)


def _valid(text: str) -> str:
    """As UTF-8 can say it."""
    return text.encode(errors="replace").decode()
