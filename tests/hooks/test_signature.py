"""Signatures of webhooks, as the library of Standard Webhooks verifies them."""

from __future__ import annotations

import base64
import time

import pytest
import standardwebhooks
from hypothesis import given
from hypothesis import strategies as st

from error_daemon.errors import InputError
from error_daemon.hooks.schedule import JITTER_RATIO, wait_s
from error_daemon.hooks.signature import headers, keys_of
from error_daemon.model.hook import Retries

OLD = "whsec_" + base64.b64encode(b"a key of some bytes, that is old").decode()
NEW = "whsec_" + base64.b64encode(b"another one, which comes after it").decode()


@given(st.binary(max_size=300))
def test_the_library_verifies_it_by_either_key_while_one_takes_the_place_of_the_other(content: bytes) -> None:
    at = time.time()
    made = headers(keys_of(f"{OLD}\n{NEW}\n".encode()), "msg_1", at, b'{"a": "%s"}' % base64.b64encode(content))
    for key in (OLD, NEW):
        assert standardwebhooks.Webhook(key).verify(b'{"a": "%s"}' % base64.b64encode(content), made)
    assert len(made["webhook-signature"].split()) == 2


def test_what_was_changed_is_not_verified() -> None:
    made = headers(keys_of(OLD.encode()), "msg_1", time.time(), b'{"a": 1}')
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        standardwebhooks.Webhook(OLD).verify(b'{"a": 2}', made)


def test_without_a_key_there_is_an_id_and_no_signature() -> None:
    assert headers((), "msg_1", 7.9, b"") == {"webhook-id": "msg_1", "webhook-timestamp": "7"}


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "no key is in it"),
        (b"# only a comment\n\n", "no key is in it"),
        (b"whsec_$$$", "is not base64"),
        (b"short", "a key has 5 bytes; at least 16"),
        (b"whsec_" + base64.b64encode(b"short"), "a key has 5 bytes"),
    ],
)
def test_what_is_no_key_is_told(content: bytes, problem: str) -> None:
    with pytest.raises(InputError, match=problem.replace("$", r"\$")):
        keys_of(content)


@given(
    st.builds(Retries, st.integers(1, 20), st.floats(0.01, 100), st.floats(1, 10), st.floats(0.01, 1e5)),
    st.floats(0, 1),
    st.floats(0, 1e6),
)
def test_waits_grow_to_their_cap_and_end(retries: Retries, chance: float, retry_after_s: float) -> None:
    waits = [wait_s(retries, attempts, chance) for attempts in range(1, retries.attempts + 1)]
    assert waits.index(None) == retries.attempts - 1
    known = [wait for wait in waits if wait is not None]
    assert known == sorted(known)
    assert all(wait <= retries.cap_s * (1 + JITTER_RATIO) + 1e-9 for wait in known)
    later = wait_s(retries, 1, chance, retry_after_s)
    assert later is None or later >= min(retry_after_s, 86_400.0)
