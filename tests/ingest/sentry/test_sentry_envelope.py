"""Sentry's envelopes: however their bytes are cut, the same items; and never more kept than is wanted."""

from __future__ import annotations

import contextlib
import json
import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from error_daemon.errors import InputError
from error_daemon.ingest.sentry.envelope import MOST_ITEM_BYTES, EnvelopeReader, Item

HEAD = b'{"event_id":"9ec79c33ec9942ab8353589fcb2e04dc"}\n'
KINDS = st.sampled_from(["event", "check_in", "attachment", "session"])


def item(kind: str, payload: bytes, *, has_length: bool = True) -> bytes:
    head = {"type": kind, **({"length": len(payload)} if has_length else {})}
    return json.dumps(head).encode() + b"\n" + payload + b"\n"


def read(envelope: bytes, cuts: list[int] | None = None) -> list[Item]:
    reader = EnvelopeReader(("event", "check_in"))
    edges = [0, *sorted(cuts or []), len(envelope)]
    items: list[Item] = []
    for start, end in pairwise(edges):
        reader.feed(envelope[start:end])
        items += reader.drain()
    reader.end()
    return items + reader.drain()


@given(
    parts=st.lists(st.tuples(KINDS, st.binary(max_size=50), st.booleans()), max_size=5),
    cuts=st.lists(st.integers(0, 400), max_size=20),
)
def test_items_with_and_without_a_length_are_the_same_however_the_bytes_are_cut(
    parts: list[tuple[str, bytes, bool]], cuts: list[int]
) -> None:
    said = [
        (kind, payload if has_length else payload.replace(b"\n", b""), has_length)
        for kind, payload, has_length in parts
    ]
    envelope = HEAD + b"".join(item(kind, payload, has_length=has_length) for kind, payload, has_length in said)
    wanted = [Item(kind, payload if kind in ("event", "check_in") else None) for kind, payload, _ in said]
    assert read(envelope) == wanted
    assert read(envelope, [cut for cut in cuts if cut <= len(envelope)]) == wanted


@given(raw=st.binary(max_size=300), cuts=st.lists(st.integers(0, 300), max_size=10))
def test_whatever_comes_is_items_or_a_reason(raw: bytes, cuts: list[int]) -> None:
    for data in (raw, HEAD + raw, HEAD + b'{"type":"event"}\n' + raw):
        with contextlib.suppress(InputError):
            read(data, [cut for cut in cuts if cut <= len(data)])


@pytest.mark.parametrize(
    ("envelope", "items"),
    [
        (HEAD, []),
        (HEAD.rstrip(), []),
        (b"{}\n" + b'{"type":"event","length":2}\n{}', [Item("event", b"{}")]),
        (b"{}\n" + b'{"type":"event"}\n{}', [Item("event", b"{}")]),
        (
            b"{}\n" + b'{"type":"event","length":0}\n\n{"type":"event","length":1}\n1',
            [Item("event", b""), Item("event", b"1")],
        ),
        (b"{}\n\n\n" + b'{"type":"new kind","length":3}\n\n\n\n', [Item("new kind", None)]),
    ],
)
def test_ends_of_lines_may_be_there_or_not(envelope: bytes, items: list[Item]) -> None:
    assert read(envelope) == items


@pytest.mark.parametrize(
    ("envelope", "says"),
    [
        (b"", "envelope: is empty"),
        (b"not json\n", "envelope: has a head that is not JSON"),
        (b"[]\n", "is not an object"),
        (HEAD + b"nonsense\n", r"items\[0\]: has a head that is not JSON"),
        (HEAD + b"{}\n", r"items\[0\].type: is missing"),
        (HEAD + b'{"type":"event","length":-1}\n', "length: '-1' is no number of bytes"),
        (HEAD + b'{"type":"event","length":"7"}\n', "length: '7' is no number of bytes"),
        (HEAD + b'{"type":"event","length":10}\n12345', "breaks off: an item of type 'event' lacks 5 bytes"),
        (HEAD + b'{"type":"event"', "not JSON"),
        (HEAD + b"x" * 100_000, "head of more than 65536 bytes"),
        (HEAD + item("session", b"{}") * 1001, "more than 1000 items"),
        (HEAD + b"[" * 60_000 + b"\n", "not JSON"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(envelope: bytes, says: str) -> None:
    with pytest.raises(InputError, match=says):
        read(envelope)


@pytest.mark.parametrize("has_length", [True, False])
def test_what_is_too_long_is_passed_over_and_holds_nothing(has_length: bool) -> None:
    long = b"x" * (MOST_ITEM_BYTES + 10)
    whole = item("event", long, has_length=has_length) + item("attachment", bytes(5 << 20)) + item("event", b"{}")
    most = 0
    reader = EnvelopeReader(("event",))
    reader.feed(HEAD)
    for at in range(0, len(whole), 10_000):
        reader.feed(whole[at : at + 10_000])
        most = max(most, reader.held_bytes)
    reader.end()
    assert reader.drain() == [Item("event", None), Item("attachment", None), Item("event", b"{}")]
    assert most <= MOST_ITEM_BYTES + 10_000
    assert reader.held_bytes == 0


def test_a_megabyte_of_empty_lines_costs_next_to_nothing() -> None:
    """Each was a copy of all that came after it: 4 seconds of the daemon's loop for a kilobyte that was packed."""
    reader = EnvelopeReader(("event",))
    reader.feed(HEAD)
    began = time.process_time()
    for _ in range(16):
        reader.feed(b"\n \n\r" * (16 << 10))
    assert time.process_time() - began < 0.5  # it takes 10 ms
    reader.feed(item("event", b"{}"))
    reader.end()
    assert reader.drain() == [Item("event", b"{}")]
