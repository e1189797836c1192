"""receivers: what a message of others costs on its way in, beside a bare route of the same framework.

The bare route (bare_routes.py) is served by the daemon's own web server, reads the body, takes it apart with `json.loads` or `FromString`,
and answers. Ours is the real daemon: it makes faults of the message, and each of them is in the ring and seen by the engine before it is
answered. So the ratio has two parts: what the receiver takes, and what a fault takes by whatever way it came (`own`).

Four connections send one request after the other. CPU time of the server's own process; the record's is another. Of each way the medians of
some rounds, in which it alternates with the bare route.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from statistics import median

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from bench.contender import Contender, Echo, python
from bench.daemon_process import DaemonProcess

_MARK = "ZZZZZZZZ"
_LETTERS = "ABCDEFGHIJKLMNOP"
_CONNECTIONS = 4
_PROTOBUF, _JSON = "application/x-protobuf", "application/json"
_TRACE = "Traceback (most recent call last):\n" + '  File "/srv/shop/till.py", line 42, in sell\n    raise\n' * 6


@dataclass(frozen=True, slots=True)
class Way:
    """`body`: a request with a mark of fixed length in each event, so that each can be another error. `is_distinct`: they are."""

    name: str
    path: str
    content_type: str
    body: bytes
    events: int
    is_distinct: bool = True

    def request(self, number: int) -> bytes:
        body = self.body
        if self.is_distinct:
            first, *others = body.split(_MARK.encode())
            body = first + b"".join(
                _word(number * self.events + index).encode() + other for index, other in enumerate(others)
            )
        head = f"POST {self.path} HTTP/1.1\r\nHost: bench\r\nContent-Type: {self.content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
        return head.encode() + body


def _word(number: int) -> str:
    """Of letters: digits would be masked, and all faults would be equal."""
    return "".join(_LETTERS[number >> shift & 15] for shift in (28, 24, 20, 16, 12, 8, 4, 0))


def _logs(severity: int, count: int) -> ExportLogsServiceRequest:
    """A batch of an application's log records, as an SDK exports them."""
    export = ExportLogsServiceRequest()
    resource = export.resource_logs.add()
    resource.resource.attributes.extend(
        _pairs({"service.name": "bench-matched", "host.name": "node", "telemetry.sdk.name": "x"})
    )
    scope = resource.scope_logs.add()
    scope.scope.name = "shop.checkout"
    for _ in range(count):
        record = scope.log_records.add(
            severity_number=severity, severity_text="ERROR", trace_id=b"t" * 16, span_id=b"s" * 8
        )
        record.time_unix_nano = time.time_ns()
        record.body.string_value = "checkout failed" if severity >= 17 else f"checkout began: {_MARK}"
        attributes = {"code.function.name": "sell", "code.file.path": "/srv/shop/till.py", "cart": "17"}
        if severity >= 17:
            attributes |= {
                "exception.type": "ConnectionError",
                "exception.message": f"no answer: {_MARK}",
                "exception.stacktrace": _TRACE,
            }
        record.attributes.extend(_pairs(attributes))
    return export


def _pairs(attributes: dict[str, str]) -> list[KeyValue]:
    return [KeyValue(key=key, value=AnyValue(string_value=text)) for key, text in attributes.items()]


def _logs_in_json(severity: int, count: int) -> bytes:
    """The same, by hand: protobuf's own JSON has ids in base64."""

    def pairs(of: Sequence[KeyValue]) -> list[object]:
        return [{"key": pair.key, "value": {"stringValue": pair.value.string_value}} for pair in of]

    [resource] = _logs(severity, count).resource_logs
    records = [
        {
            "timeUnixNano": str(record.time_unix_nano),
            "severityNumber": int(record.severity_number),
            "severityText": record.severity_text,
            "body": {"stringValue": record.body.string_value},
            "attributes": pairs(record.attributes),
            "traceId": record.trace_id.hex(),
            "spanId": record.span_id.hex(),
        }
        for record in resource.scope_logs[0].log_records
    ]
    scope = {"scope": {"name": "shop.checkout"}, "logRecords": records}
    body = {"resourceLogs": [{"resource": {"attributes": pairs(resource.resource.attributes)}, "scopeLogs": [scope]}]}
    return json.dumps(body).encode()


def _alerts(count: int) -> list[dict[str, object]]:
    """As an Alertmanager tells of them; each is another by its mark."""
    labels = {"alertname": "ShopDown", "job": "bench-matched", "severity": "warning", "cluster": "eu-1", "team": "shop"}
    annotations = {"summary": "the shop is down", "description": "nobody can buy anything at the shop in eu-1"}
    return [
        {
            "status": "firing",
            "labels": {**labels, "instance": f"{_MARK}:9100"},
            "annotations": annotations,
            "startsAt": datetime.now(timezone.utc).isoformat(),
            "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "http://prometheus:9090/graph?g0.expr=up+%3D%3D+0",
        }
        for _ in range(count)
    ]


def _notification(count: int) -> bytes:
    """The marks are in labels: what names an alert is made of them, where the sender has not done it."""
    alerts = _alerts(count)
    more = {
        "receiver": "recovery",
        "status": "firing",
        "groupLabels": {},
        "commonLabels": {},
        "externalURL": "http://a",
    }
    return json.dumps({"version": "4", "groupKey": "{}:{}", "truncatedAlerts": 0, **more, "alerts": alerts}).encode()


def _pushed(count: int) -> bytes:
    return json.dumps(_alerts(count)).encode()


def _envelope() -> bytes:
    """An uncaught exception, as Sentry's SDK for Python sends it."""
    frame = {
        "function": "sell",
        "module": "shop.till",
        "filename": "shop/till.py",
        "abs_path": "/srv/shop/till.py",
        "lineno": 42,
    }
    context = {
        "context_line": "    raise",
        "pre_context": ["def sell():"] * 5,
        "post_context": [""] * 5,
        "in_app": True,
    }
    exception = {"type": "ConnectionError", "module": "requests.exceptions", "value": f"no answer: {_MARK}"}
    event = {
        "event_id": "9ec79c33ec9942ab8353589fcb2e04dc",
        "timestamp": datetime.now(timezone.utc).isoformat(),
        "level": "error",
        "platform": "python",
        "transaction": "/checkout",
        "server_name": "node",
        "release": "bench-matched@1.2",
        "environment": "production",
        "tags": {"region": "eu"},
        "extra": {"sys.argv": ["shop"]},
        "modules": {f"module-{number}": "1.0" for number in range(60)},
        "contexts": {
            "runtime": {"name": "CPython", "version": "3.11"},
            "trace": {"trace_id": "t" * 32, "span_id": "s" * 16},
        },
        "exception": {"values": [{**exception, "stacktrace": {"frames": [{**frame, **context}] * 6}}]},
    }
    body = json.dumps(event)
    return f'{{"event_id":"{event["event_id"]}"}}\n{{"type":"event","length":{len(body)}}}\n{body}\n'.encode()


def ways() -> Sequence[Way]:
    """One line for each that is measured."""
    error, info = 17, 9
    one, many, others = (_logs(*each).SerializeToString() for each in ((error, 1), (error, 64), (info, 512)))
    logs = "/v1/logs"
    hook, push = "/hooks/alertmanager", "/api/v2/alerts"
    envelope = "application/x-sentry-envelope"
    return (
        Way("sentry, 1 equal", "/api/1/envelope/", envelope, _envelope(), 1, is_distinct=False),
        Way("sentry, 1 error", "/api/1/envelope/", envelope, _envelope(), 1),
        Way("alerts, 1 told again", hook, _JSON, _notification(1), 1, is_distinct=False),
        Way("alerts, 1 told", hook, _JSON, _notification(1), 1),
        Way("alerts, 64 told again", hook, _JSON, _notification(64), 64, is_distinct=False),
        Way("alerts, 64 told", hook, _JSON, _notification(64), 64),
        Way("alerts, 64 pushed", push, _JSON, _pushed(64), 64),
        Way("otlp, protobuf, 1 equal", logs, _PROTOBUF, one, 1, is_distinct=False),
        Way("otlp, protobuf, 1 error", logs, _PROTOBUF, one, 1),
        Way("otlp, protobuf, 64 equal", logs, _PROTOBUF, many, 64, is_distinct=False),
        Way("otlp, protobuf, 64 errors", logs, _PROTOBUF, many, 64),
        Way("otlp, protobuf, 512 of no fault", logs, _PROTOBUF, others, 512),
        Way("otlp, json, 1 equal", logs, _JSON, _logs_in_json(error, 1), 1, is_distinct=False),
        Way("otlp, json, 1 error", logs, _JSON, _logs_in_json(error, 1), 1),
        Way("otlp, json, 64 errors", logs, _JSON, _logs_in_json(error, 64), 64),
        Way("otlp, json, 512 of no fault", logs, _JSON, _logs_in_json(info, 512), 512),
    )


def run(rounds: int, lasts_s: float, say: Callable[[str], None]) -> dict[str, object]:
    """{"ways": {name: {"bare_us", "ours_us", "ratio", "bare_per_s", "ours_per_s", "put_off"}}}: of one event."""
    measured: dict[str, dict[str, list[float]]] = {}
    with (
        tempfile.TemporaryDirectory(prefix="error-recovery-bench-") as directory,
        DaemonProcess(Path(directory), has_http=True) as daemon,
        Echo(python("bench.bare_routes")) as bare,
    ):
        number = 0
        for turn in range(rounds):
            for way in ways():
                say(f"receivers, round {turn + 1} of {rounds}: {way.name}")
                figures = measured.setdefault(way.name, {})
                for name, server, address in (("bare", bare, bare.address), ("ours", daemon, daemon.http)):
                    us, per_s, put_off, number = _one(way, server, address, number, lasts_s)
                    figures.setdefault(f"{name}_us", []).append(us)
                    figures.setdefault(f"{name}_per_s", []).append(per_s)
                    figures.setdefault(f"{name}_put_off", []).append(put_off)
                daemon.settle()
    medians = {name: {key: median(values) for key, values in figures.items()} for name, figures in measured.items()}
    for each in medians.values():
        each["ratio"] = each["ours_us"] / each["bare_us"]
    return {"ways": medians, "rounds": rounds}


def _one(way: Way, server: Contender, address: str, number: int, lasts_s: float) -> tuple[float, float, float, int]:
    """CPU in µs and events in a second, of an event; how many were told to come again; the number of the next request."""
    before, began = server.cpu(), time.monotonic()
    sent, put_off = asyncio.run(_send(way, address, number, began + lasts_s))
    took_s, cpu = time.monotonic() - began, server.cpu().since(before)
    events = max(1, (sent - put_off) * way.events)
    return cpu.own_s * 1e6 / events, events / took_s, put_off * way.events, number + sent


async def _send(way: Way, address: str, number: int, until: float) -> tuple[int, int]:
    """How many requests were answered, and how many of them with "not now"."""
    host, _, port = address.rpartition(":")
    next_number, statuses = number, list[int]()

    async def one_after_the_other() -> None:
        nonlocal next_number
        reader, writer = await asyncio.open_connection(host, int(port))
        while time.monotonic() < until:
            request = way.request(next_number)
            next_number += 1
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            statuses.append(int(head.split(b" ", 2)[1]))
            length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
            await reader.readexactly(int(length or b"0"))
        writer.close()

    await asyncio.gather(*(one_after_the_other() for _ in range(_CONNECTIONS)))
    wrong = set(statuses) - {200, 503}
    assert not wrong, f"{way.name}: answered {wrong}"
    return len(statuses), statuses.count(503)
