"""
The dashboard's files as they are sent.

All files under `assets/` have one digest, which is part of their address: `/assets/3f2a…/lib/render.js`. So a browser keeps them for good,
modules find each other by relative names, and a page never mixes the files of two versions. Only the first page, which names the digest,
is asked for each time, and answered with "not modified" where it is.

A file is read and packed when it is first asked for: who never looks at the dashboard pays nothing. At this effort all of them together
take a few milliseconds, one file at a time.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import brotli

HOME = Path(__file__).parent
_BROTLI_EFFORT = 5
_GZIP_EFFORT = 6
_PLACE_OF_DIGEST = b"{digest}"
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}


@dataclass(frozen=True, slots=True)
class Asset:
    """`packed`: its bytes by Content-Encoding; "" as they are."""

    content_type: str
    etag: str
    packed: Mapping[str, bytes]

    def best_for(self, accept_encoding: str) -> str:
        """The shortest encoding that is accepted. Weights are not read: no browser says that it would rather not."""
        accepted = {item.partition(";")[0].strip().lower() for item in accept_encoding.split(",")}
        return next((name for name in ("br", "gzip") if name in accepted), "")


@cache
def names() -> frozenset[str]:
    """Of all assets: nothing else is ever read."""
    root = HOME / "assets"
    return frozenset(str(path.relative_to(root)) for path in root.rglob("*") if path.suffix in _TYPES)


@cache
def digest() -> str:
    whole = hashlib.sha256()
    for name in sorted(names()):
        whole.update(f"{name}\n".encode() + (HOME / "assets" / name).read_bytes())
    return whole.hexdigest()[:16]


@cache
def asset(name: str) -> Asset:
    """`name`: one of `names()`."""
    return _packed(name, (HOME / "assets" / name).read_bytes())


@cache
def first_page() -> Asset:
    return _packed("index.html", (HOME / "index.html").read_bytes().replace(_PLACE_OF_DIGEST, digest().encode()))


def _packed(name: str, data: bytes) -> Asset:
    packed = {
        "": data,
        "gzip": gzip.compress(data, _GZIP_EFFORT, mtime=0),
        "br": brotli.compress(data, quality=_BROTLI_EFFORT),
    }
    return Asset(_TYPES[Path(name).suffix], hashlib.sha256(data).hexdigest()[:16], packed)
