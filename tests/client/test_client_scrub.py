"""What a fault may tell: no secrets, some source, and what the application's own hook lets through."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from error_recovery import Disclosure, Reporter
from error_recovery.fault import fault_from_exception, fault_from_message
from error_recovery.scrub import SCRUBBED, Scrubber
from error_recovery.v1 import fault_pb2
from tests.client.fault_service import FaultServer

PLAIN = Scrubber()


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("login failed with password=hunter2 for bob", "hunter2"),
        ("{'user': 'bob', 'Password': 'hun ter2'}", "hun ter2"),
        ('{"api_key": "hunter2", "n": 1}', "hunter2"),
        ("DB_PASSWD: hunter2", "hunter2"),
        ("GET /pay?token=hunter2&n=1", "hunter2"),
        ("        self.secret_key = 'hunter2'", "hunter2"),
        ('if password == "hunter2":', "hunter2"),
        ("clientSecret => hunter2", "hunter2"),
        ("pin: 1234", "1234"),
        ("Authorization: Basic aHVudGVyMg==", "aHVudGVyMg"),
        ("Cookie: session=hunter2; cart=hunter2", "hunter2"),
        ("set-cookie: id=hunter2; Secure", "hunter2"),
        ("said Bearer abc.def-123456 to it", "abc.def"),
        ("redis://shop:hunter2@cache:6379/0", "hunter2"),
        ("postgresql://:hunter2@db/shop", "hunter2"),
        ("-----BEGIN RSA PRIVATE KEY-----\nhunter2\n-----END RSA PRIVATE KEY-----", "hunter2"),
        ("jwt was eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", "eyJzdWIi"),
        ("AKIAIOSFODNN7EXAMPLE is refused", "AKIAIOSFODNN7EXAMPLE"),
        ("order 12 paid with 4111 1111 1111 1111 on 12/27", "1111 1111"),
        ("card 5555-5555-5555-4444.", "5555-4444"),
        ("amex 378282246310005", "378282246310005"),
        ("password='hunter2", "hunter2"),
        (r"{\"password\": \"hunter2\", \"n\": 1}", "hunter2"),
        (r"{\\\"password\\\": \\\"hun ter2\\\"}", "ter2"),
        (r'{"password": "ab\"cdsecretrest"}', "cdsecretrest"),
        (r"{\"password\": \"ab\\\"cdsecretrest\"}", "cdsecretrest"),
        (r"""'{"password": "ab\\"cdsecretrest"}'""", "cdsecretrest"),
        ("('password', 'hunter2')", "hunter2"),
        ("[(b'x-api-key', b'hunter2zz')]", "hunter2zz"),
    ],
)
def test_a_secret_is_scrubbed(text: str, secret: str) -> None:
    scrubbed = PLAIN.text(text)
    assert secret not in scrubbed
    assert SCRUBBED in scrubbed


@pytest.mark.parametrize(
    "text",
    [
        "connection to db:5432 refused after 3.5 s",
        "author = 'bob', inside = 3, spinning: yes",
        "a basic example of digest authentication",
        "order 4111111111111112 at 1763800000000000000 ns",
        "trace 9f3a61c2e4b84111111111111111",
        "https://example.org/a:b/c",
        "bob@example.org is unknown",
        "2026-11-22 17:46:26,123 4711 4712 4713",
    ],
)
def test_what_only_looks_a_little_like_a_secret_stays(text: str) -> None:
    assert PLAIN.text(text) == text


def test_the_application_names_keys_and_patterns_of_its_own_and_e_mail_addresses() -> None:
    scrub = Scrubber(("patient",), (r"KD-[0-9]{4}",), scrubs_emails=True)
    assert (
        scrub.text("patient_name=Bob KD-1234 bob.b@mail.example.org")
        == f"patient_name={SCRUBBED} {SCRUBBED} {SCRUBBED}"
    )
    assert scrub.value("PatientName", "Bob") == SCRUBBED
    assert scrub.value("password", "hunter2") == SCRUBBED
    assert scrub.value("author", "Bob") == "Bob"
    with pytest.raises(re.error):
        Disclosure(patterns=("(",))


@given(st.text() | st.text(alphabet="password=:'\" [scrubed]4 1-@./token>{}\n", max_size=200))
def test_scrubbing_twice_changes_nothing_more(text: str) -> None:
    once = PLAIN.text(text)
    assert PLAIN.text(once) == once


@given(
    st.sampled_from(["password", "api_key", "Authorization", "session_id"]),
    st.sampled_from(["=", ": ", "='", '": "', " = "]),
    st.text(alphabet=st.characters(codec="ascii", categories=("L", "N")), min_size=12, max_size=40),
    st.text(max_size=40),
)
def test_no_value_behind_a_telling_key_comes_through(key: str, between: str, value: str, after: str) -> None:
    assert value not in PLAIN.text(f"it said {key}{between}{value}")
    assert value not in PLAIN.text(f"it said {key}{between}{value} {after}") or value in after


@given(st.text(max_size=20), st.text(max_size=20), st.integers(0, 2))
def test_no_secret_comes_through_json_in_json(before: str, after: str, times: int) -> None:
    text = json.dumps({"password": f'{before}"hunter2\\{after}', "n": "behind it"})
    for _ in range(times):
        text = json.dumps(text)
    scrubbed = PLAIN.text(text)
    assert "hunter2" not in scrubbed


def _sell(password: str) -> None:
    stock = {"apples": 3}
    raise ValueError(f"refused {password} of {stock}")  # token = "in the source"


def _raised() -> BaseException:
    try:
        _sell("password=hunter2")
    except ValueError as exc:
        return exc
    raise AssertionError


def test_a_fault_of_an_exception_has_no_secrets_and_the_source_around_its_innermost_frames() -> None:
    exc = _raised()
    fault = fault_from_exception(exc, "token=hunter2", attributes={"cookie": "hunter2", "note": "pwd: hunter2"})
    assert b"hunter2" not in fault.SerializeToString()
    assert b"in the source" not in fault.SerializeToString()
    trace = fault.exception.stack_trace
    line = exc.__traceback__.tb_next.tb_lineno if exc.__traceback__ and exc.__traceback__.tb_next else 0
    assert f"Source of _sell ({__file__}:{line}):\n" in trace
    assert f'    {line - 1} |     stock = {{"apples": 3}}\n  > {line} |     raise ValueError(' in trace
    assert trace.index("Source of _sell") < trace.index("Source of _raised")
    assert "with stock" not in trace


def test_local_variables_are_told_only_where_that_is_asked_for_and_scrubbed() -> None:
    trace = fault_from_exception(_raised(), "", Disclosure(tells_locals=True)).exception.stack_trace
    assert f"  with password = {SCRUBBED}, stock = {{'apples': 3}}\n" in trace
    trace = fault_from_exception(_raised(), "", Disclosure(source_lines=0)).exception.stack_trace
    assert "Source of" not in trace


def test_a_secret_at_the_place_where_a_text_is_cut_is_found_first() -> None:
    text = "x" * 4088 + " 4111111111111111"
    assert "4111" not in fault_from_message(text).message


def test_who_wants_to_may_tell_everything() -> None:
    assert fault_from_message("password=hunter2", Disclosure(tells_secrets=True)).message == "password=hunter2"


def test_the_hook_has_the_last_word_and_a_broken_one_neither_loses_the_fault_nor_lets_its_texts_through(
    server: FaultServer, spool_dir: Path
) -> None:
    def hook(fault: fault_pb2.Fault) -> fault_pb2.Fault | None:
        if fault.message == "withheld":
            return None
        if fault.message != "fine":
            raise RuntimeError(fault.message)
        fault.message = "changed"
        return fault

    reporter = Reporter(server.address, spool_dir=spool_dir, disclosure=Disclosure(hook=hook))
    assert reporter.report("withheld") == ""
    assert reporter.report("fine")
    assert reporter.capture(_raised(), "for nobody", attributes={"for": "nobody"})
    assert reporter.flush(30)
    reporter.close()
    changed, stripped = server.faults
    assert changed.message == "changed"
    assert stripped.message == "texts were taken out, for the hook that scrubs them failed: it raised RuntimeError"
    assert stripped.exception.type == "ValueError"
    assert stripped.exception.frames
    assert b"nobody" not in stripped.SerializeToString()
    assert stripped.shortened
