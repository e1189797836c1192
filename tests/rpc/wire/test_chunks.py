"""However a network cuts what a peer sends, the same is heard: the begin of a frame in one segment and the rest in a hundred."""

from __future__ import annotations

from itertools import pairwise

import hypothesis.strategies as st
import pytest
from hypothesis import given
from hypothesis import settings as settled

from error_daemon.rpc.wire.frames import PREFACE, SETTINGS
from tests.rpc.wire.peer import (
    Peer,
    call,
    continuation,
    data,
    frame,
    goaway,
    headers,
    opened,
    ping,
    priority,
    rst_stream,
    settings,
    window_update,
)

NUMBERS = st.integers(0, 9)
PIECES = st.one_of(
    st.builds(call, NUMBERS, ends=st.booleans()),
    st.builds(call, NUMBERS, st.just("/test/Many"), ends=st.booleans()),
    st.builds(data, NUMBERS, st.binary(max_size=40), ends=st.booleans()),
    st.builds(headers, NUMBERS, st.binary(max_size=20), ends=st.booleans()),
    st.builds(opened, NUMBERS),
    st.builds(continuation, NUMBERS, st.binary(max_size=5), ends=st.booleans()),
    st.builds(ping),
    st.builds(priority, NUMBERS),
    st.builds(rst_stream, NUMBERS),
    st.builds(window_update, NUMBERS, st.integers(0, 70_000)),
    st.builds(settings, st.lists(st.tuples(st.integers(0, 7), st.integers(0, 70_000)), max_size=2)),
    st.builds(goaway),
    st.builds(frame, st.integers(0, 12), NUMBERS, st.binary(max_size=12), flags=st.integers(0, 255)),
    st.binary(max_size=12),
)
BEGINS = st.sampled_from([PREFACE + settings()] * 6 + [PREFACE + ping(), PREFACE, b"GET / HTTP/1.1\r\n\r\n", b"PR"])


def _heard(pieces: list[bytes]) -> tuple[object, ...]:
    peer = Peer()
    heard = [frame for piece in pieces for frame in peer.hear(piece)]
    servicer, violation = peer.servicer, peer.connection.violation
    return heard, servicer.bodies, servicer.ended, peer.connection.is_closing, violation and violation.args


@settled(max_examples=400, deadline=None)
@given(BEGINS, st.lists(PIECES, max_size=12), st.lists(st.integers(0, 1 << 16), max_size=30))
def test_the_same_bytes_in_other_segments_are_heard_as_the_same(
    begin: bytes, pieces: list[bytes], cuts: list[int]
) -> None:
    sent = begin + b"".join(pieces)
    at = sorted({0, len(sent), *(cut % (len(sent) + 1) for cut in cuts)})
    segments = [sent[one:other] for one, other in pairwise(at)]
    assert _heard([sent]) == _heard(segments) == _heard([sent[n : n + 1] for n in range(len(sent))])


@pytest.mark.parametrize("size", [1, 2, 8, 9, 10, 23, 24, 25, 33])
def test_a_call_in_segments_of_any_size_is_answered(size: int) -> None:
    sent = PREFACE + settings([(4, 9)]) + opened(1) + continuation(1) + data(1, b"abc") + data(1, ends=True) + ping()
    peer = Peer()
    said = [words for start in range(0, len(sent), size) for words in peer.say(sent[start : start + size])]
    assert said[2:] == ["SETTINGS ACK", "HEADERS 1", "DATA 1 8", "HEADERS 1 END_STREAM", "PING ACK 12345678"]


def test_an_empty_segment_says_nothing() -> None:
    peer = Peer()
    assert len(peer.say(b"", PREFACE[:5])) == 2
    assert peer.say(b"") == []
    assert peer.say(PREFACE[5:], b"", frame(SETTINGS)) == ["SETTINGS ACK"]
