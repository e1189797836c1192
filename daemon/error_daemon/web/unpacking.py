"""
A body as it was before its sender packed it (Content-Encoding), in pieces of 64 KiB or little more, and never more of it than may be.

What is unpacked is handed on before more is, so a body that unpacks to a thousand times its size holds no more memory than another, and
ends where its length passes `most_bytes`. gzip may have several members, one after the other (RFC 1952), and zstd frames: up to 256, since
empty ones cost time and give nothing. What a decoder keeps to look back on counts as held. "deflate" is zlib's format
(RFC 9110), but some send it bare, as browsers take it. Unknown names, and more than one, are refused.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import brotli

from error_daemon.errors import InputError, TooLarge, Unreadable

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

PIECE_BYTES = 64 << 10
_MOST_STREAMS = 256
_LONGEST_WINDOW_LOG = 23  # 8 MiB: what every decoder of zstd should have, and none need exceed (RFC 8878, 3.1.1.1.2)


class _Unpacks(Protocol):
    """One stream. `more` gives some PIECE_BYTES at most; nothing: it wants other data, or has ended."""

    @property
    def is_whole(self) -> bool: ...

    def more(self, data: bytes) -> bytes: ...

    def left(self) -> bytes:
        """Data after the stream's end."""


class Unpacker:
    """`encoding`: the Content-Encoding header; empty: none. Raises Unreadable."""

    def __init__(self, encoding: str, most_bytes: int) -> None:
        name = encoding.strip().lower()
        if name not in _UNPACKS:
            known = ", ".join(filter(None, _UNPACKS))
            raise Unreadable(f"Content-Encoding {encoding[:40]!r} is not understood: {known} are, one at a time")
        self._made = _UNPACKS[name]
        self._stream = self._made() if self._made else None
        self._name = name
        self._most_bytes = most_bytes
        self._has_begun = False
        self._streams = 1
        self._window_bytes = _WINDOWS.get(name, 0)
        self.unpacked_bytes = 0

    @property
    def held_bytes(self) -> int:
        return min(self.unpacked_bytes, self._window_bytes)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Pieces, as they are asked for. Raises TooLarge, or InputError where the data is not what its name says."""
        self._has_begun = self._has_begun or bool(data)
        for piece in self._pieces(data):
            self.unpacked_bytes += len(piece)
            if self.unpacked_bytes > self._most_bytes:
                raise TooLarge(f"the body has more than {self._most_bytes} bytes when it is unpacked")
            yield piece

    def end(self) -> None:
        """Nothing more comes. Raises InputError where it breaks off."""
        if self._stream is not None and self._has_begun and not self._stream.is_whole:
            raise InputError("body", f"breaks off: its {self._name} stream has no end")

    def _pieces(self, data: bytes) -> Iterator[bytes]:
        if self._made is None or self._stream is None:
            yield from (data[at : at + PIECE_BYTES] for at in range(0, len(data), PIECE_BYTES))
            return
        while True:
            try:
                piece = self._stream.more(data)
            except (zlib.error, brotli.error, zstd.ZstdError) as error:
                raise InputError("body", f"is not {self._name}: {error}") from None
            data = b""
            if piece:
                yield piece
            elif self._stream.is_whole and (left := self._stream.left()):
                self._streams += 1
                if self._streams > _MOST_STREAMS:
                    raise InputError(
                        "body", f"has more than {_MOST_STREAMS} streams of {self._name}, one after the other"
                    )
                self._stream, data = self._made(), left
            else:
                return


class _Zlib:
    def __init__(self, window_bits: int) -> None:
        self._one = zlib.decompressobj(window_bits)

    @property
    def is_whole(self) -> bool:
        return self._one.eof

    def more(self, data: bytes) -> bytes:
        return b"" if self._one.eof else self._one.decompress(self._one.unconsumed_tail + data, PIECE_BYTES)

    def left(self) -> bytes:
        return self._one.unused_data


class _Deflate(_Zlib):
    """In zlib's format, or bare: its first byte tells (RFC 1950: a method of 8, and a window of 32 KiB at most)."""

    def __init__(self) -> None:
        super().__init__(zlib.MAX_WBITS)
        self._is_told = False

    def more(self, data: bytes) -> bytes:
        if data and not self._is_told:
            self._is_told = True
            if data[0] & 0x0F != 8 or data[0] >> 4 > 7:
                self._one = zlib.decompressobj(-zlib.MAX_WBITS)
        return super().more(data)


class _Brotli:
    def __init__(self) -> None:
        self._one: Any = brotli.Decompressor()
        self._has_all = False

    @property
    def is_whole(self) -> bool:
        return bool(self._one.is_finished())

    def more(self, data: bytes) -> bytes:
        """Beyond its limit it keeps what it was given, and takes nothing more until that is out."""
        if self.is_whole:
            return b""
        return bytes(self._one.process(data, output_buffer_limit=PIECE_BYTES))

    def left(self) -> bytes:
        return b""


class _Zstd:
    def __init__(self) -> None:
        options: dict[int, int] = {zstd.DecompressionParameter.window_log_max: _LONGEST_WINDOW_LOG}
        self._one: Any = zstd.ZstdDecompressor(options=options)

    @property
    def is_whole(self) -> bool:
        return bool(self._one.eof)

    def more(self, data: bytes) -> bytes:
        if self._one.eof or (self._one.needs_input and not data):
            return b""
        return bytes(self._one.decompress(data, max_length=PIECE_BYTES))

    def left(self) -> bytes:
        return bytes(self._one.unused_data)


def _gzip() -> _Unpacks:
    return _Zlib(zlib.MAX_WBITS | 16)


_UNPACKS: dict[str, Callable[[], Any] | None] = {
    "": None,
    "identity": None,
    "gzip": _gzip,
    "x-gzip": _gzip,
    "deflate": _Deflate,
    "br": _Brotli,
    "zstd": _Zstd,
}
_WINDOWS = {"gzip": 32 << 10, "x-gzip": 32 << 10, "deflate": 32 << 10, "br": 16 << 20, "zstd": 1 << _LONGEST_WINDOW_LOG}
"""How far back each looks at most, and so what it keeps."""
