"""
Pages of a list that goes on while it is read (AIP-158).

A token says where its page ended: the time and the id of the last one on it. The next page begins there in the list as it is then: nothing
is on two pages, and what did not move is on one. What has moved to the front meanwhile is in no later page; it is on the first one.
With the place stands what the filters were: with others a place is meaningless.
Source: https://google.aip.dev/158
"""

from __future__ import annotations

import binascii
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from hashlib import blake2b
from math import isfinite
from typing import Any, TypeVar

from error_daemon.errors import InputError
from error_daemon.middle import After
from error_daemon.rpc.requests import short

T = TypeVar("T")
_DIGEST_BYTES = 6
_HEAD = struct.Struct(f">{_DIGEST_BYTES}sd")
_MOST_CHARACTERS = 512


def place_in(request: Any) -> After | None:
    """Where the page begins that a request asks for; None: at the first one. Raises InputError."""
    token = short(request.page_token, "page_token", _MOST_CHARACTERS)
    if not token:
        return None
    try:
        raw = urlsafe_b64decode(token + "=" * (-len(token) % 4))
        digest, at = _HEAD.unpack_from(raw)
        after = After(at, raw[_HEAD.size :].decode())
    except (binascii.Error, struct.error, ValueError) as error:
        raise _unknown() from error
    if digest != _filters(request) or not isfinite(at):
        raise _unknown()
    return after


def page_of(found: Sequence[T], limit: int) -> tuple[Sequence[T], T | None]:
    """Of one more than a page has: those that are on it, and the last of them where there are more."""
    return (found[:limit], found[limit - 1]) if len(found) > limit else (found, None)


def token_for(request: Any, after: After) -> str:
    """Of the page that follows the one that this request asked for."""
    return urlsafe_b64encode(_HEAD.pack(_filters(request), after.at) + after.id.encode()).rstrip(b"=").decode()


def _filters(request: Any) -> bytes:
    """Of all that a request says but which page, and how long it is."""
    asked = type(request)()
    asked.CopyFrom(request)
    asked.ClearField("page_token")
    asked.ClearField("limit")
    return blake2b(asked.SerializeToString(deterministic=True), digest_size=_DIGEST_BYTES).digest()


def _unknown() -> InputError:
    return InputError("page_token", "is not of this list, or its filters are others now: begin with the first page")
