"""Whatever bytes come as an export: a record is a fault, none, or rejected; never anything else, and never for long."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from tests.fuzz.otlp_target import check
from tests.ingest.otlp.exported import RAISED, a_log, a_span, as_json, exported

_KEYS = st.sampled_from(
    (
        *("resource", "scope", "attributes", "key", "value", "name", "stringValue", "intValue", "doubleValue"),
        *("boolValue", "bytesValue", "arrayValue", "kvlistValue", "values", "severityNumber", "severityText", "body"),
        *("timeUnixNano", "traceId", "spanId", "parentSpanId", "events", "status", "code", "message", "gauge", "sum"),
        *("dataPoints", "asInt", "asDouble", "flags", "scopeLogs", "logRecords"),
    )
)
_PLAIN = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(["exception", "exception.type", "exception.message", "service.name", "17", "2", "ab" * 16]),
)
_JSON = st.recursive(
    _PLAIN,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(_KEYS, inner, max_size=5)),
    max_leaves=30,
)
_LEVELS = (
    ("resourceLogs", "scopeLogs", "logRecords"),
    ("resourceSpans", "scopeSpans", "spans"),
    ("resourceMetrics", "scopeMetrics", "metrics"),
)
_REAL = (
    exported(a_log("it broke", attributes={**RAISED, "deep": {"a": [1, {"b": "c"}]}})).SerializeToString(),
    exported(a_span(RAISED, says="no", attributes={"k": 1.5})).SerializeToString(),
)


@given(st.integers(0, 255), st.binary(max_size=300))
def test_any_bytes(first: int, rest: bytes) -> None:
    check(bytes([first]) + rest)


@given(
    st.sampled_from([0, 1]),
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=8),
    st.integers(0, 500),
)
def test_a_real_export_with_other_bytes_in_it_or_cut_off(
    which: int, others: list[tuple[int, int]], length: int
) -> None:
    raw = bytearray(_REAL[which])
    for place, byte in others:
        raw[place % len(raw)] = byte
    check(bytes([which]) + bytes(raw[:length]))


@given(st.sampled_from([0, 1, 2]), _JSON, _JSON, _JSON, _JSON)
@example(0, None, None, {"severityNumber": 17, "body": {"stringValue": "\ud800"}}, None)
def test_any_json_at_any_place(which: int, resource: Any, scope: Any, record: Any, other: Any) -> None:
    resources, scopes, records = _LEVELS[which]
    body = {resources: [{"resource": resource, scopes: [{"scope": scope, records: [record]}, other]}, other]}
    check(bytes([0x80 + (which + 1) % 3]) + json.dumps(body).encode())


@given(st.sampled_from([0, 1]), st.data())
def test_a_real_export_of_json_with_one_value_replaced(which: int, data: st.DataObject) -> None:
    export = exported(a_log("m", attributes={**RAISED, "a": {"b": [1]}})) if which == 0 else exported(a_span(RAISED))
    body = as_json(export)
    holder: Any = body
    while True:
        key = data.draw(st.sampled_from(sorted(holder) if isinstance(holder, dict) else list(range(len(holder)))))
        if not (isinstance(holder[key], dict | list) and holder[key] and data.draw(st.integers(0, 5))):
            holder[key] = data.draw(_JSON)
            break
        holder = holder[key]
    check(bytes([0x80 + (which + 1) % 3]) + json.dumps(body).encode())
