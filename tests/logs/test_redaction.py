"""No secret gets into a line."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from error_daemon.logs.render import Renderer
from error_daemon.redact import NEVER_SECRET, REDACTED, may_hold_a_secret, redacted, redacted_text

render = Renderer(lambda: 0.0)
SECRET = "hunter2hunter2"
MOST_CPU_S = 20  # what is linear takes less than one
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl"
LEAKS = [
    f"password={SECRET}",
    f"login failed: user=bob password: {SECRET}",
    f'{{"user": "bob", "api_key": "{SECRET}"}}',
    f"{{'DB_PASSWORD': '{SECRET}', 'x': 1}}",
    f'sent \\"secret\\": \\"{SECRET}\\"',
    f"https://x/y?access_token={SECRET}&page=2",
    f"cannot connect to postgresql://bob:{SECRET}@db:5432/shop",
    f"ran: mysql --password {SECRET} -h db",
    f"ran: mysql --db-password={SECRET} -h db",
    f"GET / Authorization: Bearer {SECRET}",
    f"proxy-authorization: Basic {SECRET}==",
    f"header 'Authorization': 'Token {SECRET}'",
    f"Set-Cookie: sid={SECRET}; Path=/",
    f"-----BEGIN RSA PRIVATE KEY-----\n{SECRET}\n-----END RSA PRIVATE KEY-----",
    f"-----BEGIN PRIVATE KEY-----\n{SECRET}",
    f"Client_Secret : {SECRET}",
    f"PGPASSWORD={SECRET}",
    f"aws_secret_access_key = {SECRET}",
    f"passphrase is in passphrase={SECRET}",
]
SHAPES = [
    JWT,
    "AKIAIOSFODNN7EXAMPLE",
    "ghp_" + "a1" * 18,
    "github_pat_" + "a1" * 20,
    "xoxb-123456789012-abcdef",
    "sk-proj-" + "a1" * 20,
    "sk_live_" + "a1" * 12,
    "AIza" + "a1" * 18,
    "hvs." + "a1" * 15,
]
INNOCENT = [
    "the disk of node 7 is full",
    "http://127.0.0.1:18573/stock answered 500",
    "restart-shop completed: pid 4488 was gone",
    "KeyError: 'stock'",
    "task-1 asks for basic training",
    "token bucket is empty",
]


@pytest.mark.parametrize("text", LEAKS)
def test_what_follows_the_name_of_a_secret_is_left_out(text: str) -> None:
    assert SECRET not in redacted_text(text)
    assert REDACTED in redacted_text(text)


@pytest.mark.parametrize("token", SHAPES)
def test_a_token_is_known_by_its_shape(token: str) -> None:
    found = redacted_text(f"got {token}, refused")
    assert found == f"got {REDACTED}, refused"


@pytest.mark.parametrize("text", INNOCENT)
def test_what_holds_no_secret_is_left_as_it_is(text: str) -> None:
    assert redacted_text(text) == text


@pytest.mark.parametrize(
    "key", ["password", "DB_PASSWORD", "apiKey", "api-key", "Authorization", "cookie", "refresh_token"]
)
def test_whatever_stands_under_the_name_of_a_secret_is_left_out(key: str) -> None:
    assert redacted({"deep": [{key: [SECRET, {"more": SECRET}]}]}) == {"deep": [{key: REDACTED}]}


def test_what_around_a_secret_helps_people_is_kept() -> None:
    assert redacted_text(f"postgresql://bob:{SECRET}@db:5432/shop") == f"postgresql://bob:{REDACTED}@db:5432/shop"
    assert redacted_text(f"x?token={SECRET}&page=2") == f"x?token={REDACTED}&page=2"


@pytest.mark.parametrize("size", range(900, 1100, 7))
def test_a_secret_is_left_out_wherever_a_long_text_is_cut(size: int) -> None:
    text = "x " * 20_000 + f"password: {SECRET} " + "y" * size
    assert SECRET[4:].encode() not in render.line("info", "x", {"text": text})


class _Held:
    def __repr__(self) -> str:
        return f"Held(password='{SECRET}')"


def test_an_object_is_looked_through_as_it_is_shown() -> None:
    assert SECRET.encode() not in render.line("info", "x", {"held": _Held(), "raw": f"token={SECRET}".encode()})


_wraps = st.sampled_from(["{}", "[{}]", "x {} y", '"{}"', "a\n{}", "é{}", "\\{}"])
_names = st.sampled_from(["password", "passwd", "API_KEY", "Secret", "auth_token", "private-key", "session_id", "PWD"])
_signs = st.sampled_from(["=", ":", ": ", " = ", '": "', "': '"])
_secrets = st.text("abcdefghijkABCDEFGHIJK0123456789-_+/.!%", min_size=12, max_size=40)


@given(st.text(max_size=30), _wraps, _names, _signs, _secrets)
def test_a_secret_with_its_name_is_found_wherever_it_stands(
    around: str, wrap: str, name: str, sign: str, secret: str
) -> None:
    text = around + " " + wrap.replace("{}", f"{name}{sign}{secret}")
    assert secret not in redacted_text(text).removeprefix(around)
    line = render.line("info", "x", {"message": text, "list": [{"inner": text}]})
    for value in (json.loads(line)["message"], json.loads(line)["list"][0]["inner"]):
        assert secret not in value.removeprefix(around)


@given(
    st.recursive(
        st.text() | st.sampled_from(LEAKS + SHAPES) | st.binary(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text() | _names, inner),
        max_leaves=8,
    )
)
def test_a_line_without_hints_holds_nothing_that_would_be_left_out(value: Any) -> None:
    fields = json.loads(json.dumps(value, default=repr))
    fields = fields if isinstance(fields, dict) else {"value": fields}
    if not NEVER_SECRET.intersection(fields) and not may_hold_a_secret(fields):
        assert redacted(fields) == fields


_BOUNDED = f"""
import resource, sys
from error_daemon.redact import redacted_text
resource.setrlimit(resource.RLIMIT_CPU, ({MOST_CPU_S}, {MOST_CPU_S}))
redacted_text(sys.argv[1] * (400_000 // len(sys.argv[1])))
"""


@pytest.mark.parametrize(
    "piece",
    [
        "eyJ",
        "password",
        "password=",
        "://",
        "://a:",
        "-----BEGIN PRIVATE KEY-----",
        "--a-",
        "AKIA",
        'secret="\\',
        "sk-",
        "authorization:",
        "bearer ",
    ],
)
def test_no_text_keeps_the_loop_busy(piece: str) -> None:
    """A pattern that were quadratic would take minutes of CPU with this: the kernel ends it after seconds of them."""
    done = subprocess.run([sys.executable, "-c", _BOUNDED, piece], check=False, capture_output=True, timeout=600)
    assert done.returncode == 0, done


@pytest.mark.parametrize(
    "text",
    [
        "--token=hunter2 x",
        "password: hunter2",
        "--secret hunter2",
        "token='hunter2'",
        "https://ann:pw@host/",
        "Authorization: Bearer abcdefgh12",
    ],
)
def test_what_is_redacted_twice_is_as_it_was_after_the_first_time(text: str) -> None:
    once = redacted_text(text)
    assert "hunter2" not in once
    assert redacted_text(once) == once
