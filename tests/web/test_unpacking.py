"""Bodies as they were before their sender packed them, and never more of one than may be."""

from __future__ import annotations

import gzip
import sys
import zlib
from collections.abc import Callable

import brotli
import pytest
from hypothesis import given
from hypothesis import strategies as st

from error_daemon.errors import InputError, TooLarge, Unreadable
from error_daemon.web.unpacking import PIECE_BYTES, Unpacker

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd


def bare(data: bytes) -> bytes:
    packing = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packing.compress(data) + packing.flush()


PACKED: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": zstd.compress,
}
EVERY = pytest.mark.parametrize("name", PACKED)


def unpacked(name: str, packed: bytes, step: int = 1 << 20, most_bytes: int = 1 << 24) -> bytes:
    unpacker = Unpacker(name, most_bytes)
    pieces = [piece for at in range(0, len(packed), step) for piece in unpacker.feed(packed[at : at + step])]
    unpacker.end()
    assert all(len(piece) < 2 * PIECE_BYTES for piece in pieces)
    return b"".join(pieces)


@EVERY
@given(data=st.binary(max_size=2000), times=st.integers(1, 200), step=st.integers(1, 5000))
def test_however_it_is_cut_it_comes_out_as_it_was(name: str, data: bytes, times: int, step: int) -> None:
    assert unpacked(name, PACKED[name](data * times), step) == data * times


@given(data=st.binary(max_size=3000), step=st.integers(1, 5000))
def test_deflate_without_its_head_is_understood_as_well(data: bytes, step: int) -> None:
    assert unpacked("deflate", bare(data), step) == data


@pytest.mark.parametrize("name", ["gzip", "zstd"])
def test_several_streams_after_one_another_are_one_body(name: str) -> None:
    assert unpacked(name, PACKED[name](b"first ") + PACKED[name](b"second"), 7) == b"first second"


@pytest.mark.parametrize("name", ["", "identity", "GZIP", " gzip "])
def test_names_are_taken_as_http_has_them(name: str) -> None:
    packed = gzip.compress(b"text") if "zip" in name.lower() else b"text"
    assert unpacked(name, packed) == b"text"


@pytest.mark.parametrize("name", ["gzip, gzip", "lzma", "x" * 5000])
def test_what_is_not_understood_is_refused_with_what_is(name: str) -> None:
    with pytest.raises(Unreadable, match="x-gzip, deflate, br, zstd are") as caught:
        Unpacker(name, 100)
    assert len(str(caught.value)) < 200


@EVERY
def test_a_bomb_is_refused_before_it_has_gone_off(name: str) -> None:
    bomb = PACKED[name](bytes(50_000_000))
    assert len(bomb) < 100_000
    unpacker = Unpacker(name, 1_000_000)
    with pytest.raises(TooLarge, match="more than 1000000 bytes"):
        list(unpacker.feed(bomb))
    assert unpacker.unpacked_bytes < 1_000_000 + 2 * PIECE_BYTES


@EVERY
def test_a_body_that_breaks_off_is_told_so(name: str) -> None:
    with pytest.raises(InputError, match=f"breaks off: its {name} stream has no end"):
        unpacked(name, PACKED[name](b"text" * 100)[:-3])


@EVERY
def test_what_is_not_packed_as_its_name_says_is_told_so(name: str) -> None:
    with pytest.raises(InputError, match=f"is not {name}"):
        unpacked(name, b"this is not packed at all, whatever its header says")


@EVERY
def test_nothing_is_an_empty_body(name: str) -> None:
    assert unpacked(name, b"") == b""


@pytest.mark.parametrize("name", ["gzip", "zstd"])
def test_streams_of_nothing_one_after_the_other_have_an_end(name: str) -> None:
    with pytest.raises(InputError, match="streams"):
        unpacked(name, PACKED[name](b"") * 1000)
