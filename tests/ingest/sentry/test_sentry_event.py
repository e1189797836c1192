"""Events of Sentry's as faults."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from error_daemon.errors import InputError
from error_daemon.ingest import sent_at
from error_daemon.ingest.decode import decode
from error_daemon.ingest.sentry.event import fault_of, read_event
from error_recovery.v1 import fault_pb2

NOW = 1_790_000_000.0
EVENT = {
    "event_id": "9ec79c33ec9942ab8353589fcb2e04dc",
    "timestamp": "2026-09-21T10:00:00.123456789Z",
    "platform": "python",
    "level": "error",
    "logger": "shop",
    "transaction": "/checkout",
    "server_name": "web-1",
    "release": "shop-web@1.2.3",
    "environment": "production",
    "tags": {"region": "eu", "empty": ""},
    "extra": {"order": 7, "basket": ["apple"], "nested": {"secret": "x"}},
    "user": {"email": "ann@example.org"},
    "request": {"url": "https://shop.example/buy?card=4111", "method": "POST", "headers": {"Cookie": "c"}, "data": "d"},
    "exception": {
        "values": [
            {
                "type": "OSError",
                "value": "no route",
                "stacktrace": {"frames": [{"function": "send", "filename": "net.py", "lineno": 3}]},
            },
            {
                "type": "ConnectionError",
                "module": "requests.exceptions",
                "value": "it is gone",
                "mechanism": {"type": "generic", "handled": False},
                "stacktrace": {
                    "frames": [
                        {
                            "function": "main",
                            "module": "shop.app",
                            "filename": "shop/app.py",
                            "lineno": 10,
                            "in_app": True,
                            "vars": {"p": "secret"},
                        },
                        {
                            "function": "get",
                            "module": "requests.api",
                            "filename": "requests/api.py",
                            "lineno": 70,
                            "in_app": False,
                            "context_line": "  return request()",
                        },
                    ]
                },
            },
        ]
    },
}


def fault(event: dict[str, Any], project: str = "1", prefix: str = "") -> fault_pb2.Fault:
    made = fault_of(event, project=project, prefix=prefix, now=NOW)
    decode(made, NOW)
    return fault_pb2.Fault.FromString(made)


def test_an_exception_becomes_a_fault_with_all_that_rules_ask_for() -> None:
    made = fault(EVENT)
    assert made.type == fault_pb2.ERROR_TYPE_NETWORK
    assert made.severity == fault_pb2.SEVERITY_UNSPECIFIED
    assert made.message == "requests.exceptions.ConnectionError: it is gone"
    assert made.source == "sentry/python"
    assert made.fault_id == EVENT["event_id"]
    assert made.occurred_at_unix_ns == 1_789_984_800_123_456_789
    context = made.context
    assert (context.component, context.operation, context.node) == ("shop-web", "/checkout", "web-1")
    assert context.environment == "production"
    assert dict(context.attributes) == {
        "project": "1",
        "release": "shop-web@1.2.3",
        "platform": "python",
        "logger": "shop",
        "handled": "false",
        "url": "https://shop.example/buy",
        "method": "POST",
        "tag.region": "eu",
        "extra.order": "7",
    }


def test_the_last_of_a_chain_is_what_went_wrong_and_its_trace_has_the_cause_first() -> None:
    exception = fault(EVENT).exception
    assert (exception.type, exception.message) == ("requests.exceptions.ConnectionError", "it is gone")
    assert [(frame.module, frame.function, frame.line, frame.in_application) for frame in exception.frames] == [
        ("shop.app", "main", 10, True),
        ("requests.api", "get", 70, False),
    ]
    assert exception.stack_trace == (
        "OSError: no route\n  at send (net.py:3)\n\nrequests.exceptions.ConnectionError: it is gone\n"
        "  at get (requests/api.py:70)\n    return request()\n  at main (shop/app.py:10)"
    )


def test_nothing_personal_is_taken_over() -> None:
    raw = fault_of(EVENT, project="1", prefix="", now=NOW)
    for personal in (b"ann@example.org", b"4111", b"Cookie", b"secret"):
        assert personal not in raw


@pytest.mark.parametrize(
    ("changes", "prefix", "component"),
    [
        ({"tags": {"component": "tagged"}}, "by-path", "tagged"),
        ({"tags": [["component", "tagged"]]}, "by-path", "tagged"),
        ({}, "by-path", "by-path"),
        ({}, "", "shop-web"),
        ({"release": "deadbeef"}, "", "sentry-1"),
        ({"release": None}, "", "sentry-1"),
    ],
)
def test_the_component_is_what_says_most(changes: dict[str, Any], prefix: str, component: str) -> None:
    assert fault({**EVENT, **changes}, prefix=prefix).context.component == component


@pytest.mark.parametrize(
    ("level", "severity"),
    [
        ("fatal", "HIGH"),
        ("error", "UNSPECIFIED"),
        (None, "UNSPECIFIED"),
        ("warning", "LOW"),
        ("info", "INFO"),
        ("debug", "INFO"),
    ],
)
def test_levels_become_severities_and_none_is_critical(level: str | None, severity: str) -> None:
    assert fault_pb2.Severity.Name(fault({**EVENT, "level": level}).severity) == f"SEVERITY_{severity}"


@pytest.mark.parametrize(
    ("parts", "fingerprint"),
    [
        (None, ""),
        ([], ""),
        (["{{ default }}"], ""),
        (["database"], "database"),
        (["{{ default }}", "eu"], "requests.exceptions.ConnectionError shop.app:main|eu"),
        ([1, {"no": "text"}], "1|"),
        ("no list", ""),
    ],
)
def test_an_application_may_group_by_itself(parts: object, fingerprint: str) -> None:
    assert fault({**EVENT, "fingerprint": parts}).fingerprint == fingerprint


@pytest.mark.parametrize(
    "trace", [{"trace_id": "0af7", "span_id": "b7ad", "op": "http.server"}, {}, None, "rubbish", []]
)
def test_its_place_in_a_trace_is_kept_so_that_its_recovery_can_be_joined_to_it(trace: Any) -> None:
    attributes = fault({**EVENT, "contexts": {"trace": trace}}).context.attributes
    kept = {name: attributes[name] for name in ("trace_id", "span_id") if name in attributes}
    assert kept == ({"trace_id": "0af7", "span_id": "b7ad"} if isinstance(trace, dict) and trace else {})


def test_a_target_is_named_by_a_tag() -> None:
    made = fault({**EVENT, "tags": {"error_recovery.target": "shop"}})
    assert made.target == "shop"
    assert "tag.error_recovery.target" not in made.context.attributes


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"logentry": {"message": "order %s", "params": ["7"], "formatted": "order 7"}}, "order 7"),
        ({"logentry": {"message": "order %s"}}, "order %s"),
        ({"message": "said"}, "said"),
        ({"message": {"formatted": "said"}}, "said"),
        ({"exception": None}, "an event of Sentry's without a message, at /checkout"),
        ({"exception": [{"type": "E"}]}, "E"),
        ({"exception": {"type": "E", "value": "v"}}, "E: v"),
    ],
)
def test_what_went_wrong_is_said_in_words(changes: dict[str, Any], message: str) -> None:
    assert fault({**EVENT, **changes}).message == message


def test_where_no_frame_is_said_to_be_the_applications_all_are() -> None:
    frames = [{"function": "a", "module": "m"}, {"function": "b", "module": "n"}]
    made = fault({"exception": {"values": [{"type": "E", "stacktrace": {"frames": frames}}]}})
    assert all(frame.in_application for frame in made.exception.frames)


TEXTS = st.text(st.characters() | st.characters(categories=["Cs"]), max_size=20)  # lone surrogates, too
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | TEXTS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*EVENT, "values", "type", "frames", "lineno"]), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(event=st.dictionaries(st.sampled_from(list(EVENT)), JSON))
def test_whatever_an_event_has_its_fault_is_one_that_is_taken(event: dict[str, Any]) -> None:
    decode(fault_of(event, project="1", prefix="", now=NOW), NOW)


@pytest.mark.parametrize("payload", [b"", b"[]", b"{", b"\xff", b"[" * 100_000])
def test_what_is_no_event_is_said_to_be_none(payload: bytes) -> None:
    with pytest.raises(InputError, match="event: is not"):
        read_event(payload)


@pytest.mark.parametrize(
    ("text", "unix_ns"),
    [
        ("2026-09-21T10:00:00Z", 1_789_984_800 * 10**9),
        ("2026-09-21t10:00:00.5z", 1_789_984_800_500_000_000),
        ("2026-09-21 12:00:00,000000001+02:00", 1_789_984_800_000_000_001),
        ("2026-09-21T10:00:00", 1_789_984_800 * 10**9),
        ("2026-13-21T10:00:00Z", 0),
        ("yesterday", 0),
        ("1971-01-01T00:00:00Z", 0),
        ("2199-01-01T00:00:00Z", 0),
        ("0001-01-01T00:00:00+14:00", 0),
    ],
)
def test_a_time_is_understood_or_not_known(text: str, unix_ns: int) -> None:
    assert sent_at.of_text(text, NOW) == unix_ns


@given(st.floats() | st.integers())
def test_seconds_that_are_no_time_are_not_known(seconds: float) -> None:
    unix_ns = sent_at.of_seconds(seconds, NOW)
    assert unix_ns == 0 or abs(unix_ns / 1e9 - seconds) < 1


def test_an_event_of_a_known_sdk_is_the_same_as_json() -> None:
    assert fault(dict(read_event(json.dumps(EVENT).encode()))) == fault(EVENT)
