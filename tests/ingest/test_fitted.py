"""What of others' attributes is withheld, whatever way they came."""

from __future__ import annotations

import pytest

from error_daemon.ingest.fitted import WITHHELD, fitted, withheld
from error_recovery.v1 import fault_pb2


@pytest.mark.parametrize(
    "key",
    [
        "userPassword", "DB_PASSWORD", "api_key", "x-api-key", "apiKey", "Authorization", "session.id", "sessionId", "db.query.text",
        "db.statement", "resource.aws.secret", "Set-Cookie", "log.access-token", "PRIVATE_KEY", "SENTRY_DSN",
    ],
)  # fmt: skip
def test_values_of_telling_names_are_withheld(key: str) -> None:
    assert withheld(key, "hunter2") == WITHHELD


@pytest.mark.parametrize(
    "key", ["author", "key", "monkey", "db.system", "passenger", "session_count", "ping", "trace_id"]
)
def test_other_values_are_kept(key: str) -> None:
    assert withheld(key, "as it is") == "as it is"


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("https://user:pw@host/a?b=c@d", "https://host/a?b=c@d"),
        ("postgres://u:p@ss@db:5432/x and amqp://v@q", "postgres://db:5432/x and amqp://q"),
        ("https://host/a@b", "https://host/a@b"),
        ('{"u":"https://host","mail":"a@b"}', '{"u":"https://host","mail":"a@b"}'),
    ],
)
def test_who_signs_in_by_a_url_is_left_out_of_it(said: str, kept: str) -> None:
    assert withheld("url", said) == kept


def test_a_fault_has_the_name_of_what_was_withheld_and_not_its_value() -> None:
    fault = fault_pb2.Fault(message="it broke")
    payload = fitted(fault, [("DB_PASSWORD", "hunter2"), ("at", "https://a:b@c")])
    assert dict(fault_pb2.Fault.FromString(payload).context.attributes) == {"DB_PASSWORD": WITHHELD, "at": "https://c"}
