"""Frames: whatever way the bytes are cut, the same messages come out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from error_daemon.errors import InvariantError, PermanentError
from error_daemon.execute.framing import MAX_FRAME_BYTES, Decoder, encode


@given(messages=st.lists(st.binary(max_size=300), max_size=20), cuts=st.lists(st.integers(1, 400), min_size=1))
def test_messages_survive_any_cutting(messages: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(map(encode, messages))
    decoder = Decoder()
    got: list[bytes] = []
    begin = 0
    index = 0
    while begin < len(stream):
        size = cuts[index % len(cuts)]
        got += decoder.feed(stream[begin : begin + size])
        begin += size
        index += 1
    assert got == messages


@given(stream=st.binary(max_size=2000), cut=st.integers(0, 2000))
def test_arbitrary_bytes_are_cut_or_refused_alike_however_they_come(stream: bytes, cut: int) -> None:
    def outcome(*pieces: bytes) -> list[bytes] | str:
        decoder = Decoder()
        got: list[bytes] = []
        try:
            for piece in pieces:
                got += decoder.feed(piece)
        except InvariantError as error:
            return str(error)
        return got

    assert outcome(stream) == outcome(stream[:cut], stream[cut:])


def test_a_frame_of_the_largest_size_passes_and_one_more_byte_does_not() -> None:
    largest = bytes(MAX_FRAME_BYTES)
    assert Decoder().feed(encode(largest)) == [largest]
    with pytest.raises(PermanentError, match="at most 1048576"):
        encode(bytes(MAX_FRAME_BYTES + 1))


def test_a_length_that_cannot_be_is_refused_before_its_bytes_are_waited_for() -> None:
    with pytest.raises(InvariantError, match="a frame of 4294967295 bytes"):
        Decoder().feed(b"\xff\xff\xff\xff")
