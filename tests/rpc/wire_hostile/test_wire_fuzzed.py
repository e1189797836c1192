"""What tests/fuzz does for hours, for a second or two: any bytes, cut anywhere."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.wire_target import check

FOUND = {  # by atheris; each broke something once
    "a goodbye before a mistake, cut between them": bytes.fromhex(
        "1d25412b0101680837f8d2412b01ffffffffffffff2b0101680837f8d2412b01ffffffffffffffffffffc001007af8d236ffffff47"
    ),
}
WAYS = st.sampled_from([0, 1, 2, 4, 5, 6, 7])


@pytest.mark.parametrize("name", FOUND)
def test_what_was_found_once_stays_mended(name: str) -> None:
    check(FOUND[name])


@settings(max_examples=150, deadline=None)
@given(WAYS, st.integers(0, 255), st.binary(max_size=300))
def test_any_bytes_are_answered_alike_however_they_are_cut(way: int, cut: int, content: bytes) -> None:
    check(bytes([way, cut]) + content)


_FRAMES = st.lists(
    st.tuples(st.integers(0, 15), st.integers(0, 7), st.integers(0, 7), st.integers(0, 31), st.binary(max_size=12)).map(
        lambda parts: bytes(parts[:4]) + parts[4]
    ),
    max_size=30,
).map(b"".join)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from([0, 1, 4, 5]), st.integers(0, 255), _FRAMES)
def test_any_frames_are_answered_alike_however_they_are_cut(way: int, cut: int, content: bytes) -> None:
    check(bytes([way, cut]) + content)
