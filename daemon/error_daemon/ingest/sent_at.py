"""When something happened, as senders write it, in nanoseconds since 1970: what a fault's `occurred_at_unix_ns` is. 0: it is not known.

A time that is none, or at which nothing can have gone wrong (before the year 2000, more than a day ahead of us), is not known: a sender
whose clock is wrong still has a fault to tell of.
"""

from __future__ import annotations

import re
from datetime import datetime, timezone

_RFC_3339 = re.compile(
    r"\s*(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:[.,](\d{1,9})\d*)?\s*(Z|z|[+-]\d\d:?\d\d)?\s*", re.ASCII
)
_YEAR_2000_NS = 946_684_800 * 10**9
_DAY_NS = 86_400 * 10**9


def of_text(text: str, now: float) -> int:
    """Of a date of RFC 3339; without a zone it is UTC. `now`: seconds since 1970."""
    match = _RFC_3339.fullmatch(text[:64])
    if match is None:
        return 0
    date, time, fraction, zone = match.groups()
    offset = "+00:00" if not zone or zone in "Zz" else f"{zone[:3]}:{zone[-2:]}"
    try:
        when = datetime.fromisoformat(f"{date}T{time}{offset}").astimezone(timezone.utc)
        seconds = int(when.timestamp())
    except (ValueError, OverflowError):
        return 0
    return believable(seconds * 10**9 + int((fraction or "0").ljust(9, "0")), now)


def of_seconds(seconds: float, now: float) -> int:
    """Of seconds since 1970."""
    return (
        believable(int(seconds * 1e9), now) if abs(seconds) < 1e11 else 0
    )  # which is false for what is no number, too


def believable(unix_ns: int, now: float) -> int:
    return unix_ns if _YEAR_2000_NS <= unix_ns <= now * 1e9 + _DAY_NS else 0
