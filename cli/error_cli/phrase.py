"""Numbers and times as people say them, and back.

Durations take the unit that fits (245 µs, 3.2 ms, 12 s, 3 min 20 s, 4 h 12 min, 3 d 4 h). Instants are seconds since 1970;
they are shown as local time to the second, and as a distance from now.
"""

from __future__ import annotations

import re
import time
from datetime import datetime, timezone

import click

_UNITS_S = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]+)\s*")


def count(number: int, noun: str, plural: str = "") -> str:
    """ "1 ticket", "3 tickets", "1,024 tickets"."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def percent(ratio: float) -> str:
    """0 to 1 as "62 %"."""
    return f"{100 * ratio:.0f} %"


def duration(seconds: float) -> str:
    """A duration in the unit that fits it."""
    if seconds < 0.0009995:
        return f"{_short(seconds * 1e6)} µs"
    if seconds < 0.9995:
        return f"{_short(seconds * 1e3)} ms"
    if seconds < 59.5:
        return f"{_short(seconds)} s"
    whole = round(seconds)
    if whole < 3600:
        return _two(whole, 60, "min", 1, "s")
    if whole < 86400:
        return _two(whole, 3600, "h", 60, "min")
    return _two(whole, 86400, "d", 3600, "h")


def instant(at: float) -> str:
    """Local time as "2026-03-01 03:12:09"; "never" for 0."""
    if not at:
        return "never"
    return datetime.fromtimestamp(at, tz=timezone.utc).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def ago(at: float, now: float | None = None) -> str:
    """How far `at` is from now: "12 s ago", "in 3 min"; "never" for 0. Within a second: "just now"."""
    if not at:
        return "never"
    distance_s = (time.time() if now is None else now) - at
    if abs(distance_s) < 1:
        return "just now"
    coarse = _coarse(abs(distance_s))
    return f"{coarse} ago" if distance_s > 0 else f"in {coarse}"


def instant_and_ago(at: float) -> str:
    return f"{instant(at)} ({ago(at)})" if at else "never"


def until(at: float, now: float | None = None) -> str:
    """When something will be, on the clock and from now: "12:03:04 (in 12 s)", with its date where that is not today's."""
    today_at = time.time() if now is None else now
    day, clock = instant(at).split(" ")
    day_and_clock = clock if instant(today_at).startswith(day) else f"{day} {clock}"
    return f"{day_and_clock} ({ago(at, today_at)})"


def parse_duration_s(text: str) -> float:
    """ "90" and "90s" → 90.0, "1h30m" → 5400.0. Raises ValueError with the mend."""
    stripped = text.strip().lower()
    if re.fullmatch(r"\d+(\.\d+)?", stripped):
        return float(stripped)
    parts = _PART.findall(stripped)
    if not parts or _PART.sub("", stripped) or any(unit not in _UNITS_S for _, unit in parts):
        raise ValueError(
            f"{text!r} is not a duration: write seconds, or a number and one of ms, s, m, h, d, w, as in 90s or 1h30m"
        )
    return sum(float(number) * _UNITS_S[unit] for number, unit in parts)


def seconds_option(text: str) -> float:
    """A duration on the command line, larger than 0."""
    try:
        seconds = parse_duration_s(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error
    if seconds <= 0:
        raise click.BadParameter(f"{text!r} is not longer than nothing")
    return seconds


def since_option(text: str) -> float:
    """An instant on the command line: a distance back from now ("1h") or a local time ("2026-03-01 03:00")."""
    try:
        return datetime.fromisoformat(text).astimezone().timestamp()
    except ValueError:
        pass  # not a date, so it must be a distance
    try:
        return time.time() - parse_duration_s(text)
    except ValueError:
        problem = f"{text!r} is neither a distance such as 1h or 2d nor a time such as 2026-03-01 03:00"
        raise click.BadParameter(problem) from None


def instant_option(text: str) -> float:
    """As since_option; "all" is 0: without a bound."""
    return 0.0 if text.strip().lower() == "all" else since_option(text)


def _short(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0") if value < 9.95 else f"{value:.0f}"


def _two(whole: int, big: int, big_unit: str, small: int, small_unit: str) -> str:
    rest = whole % big // small
    return f"{whole // big} {big_unit}" + (f" {rest} {small_unit}" if rest else "")


def _coarse(seconds: float) -> str:
    for unit_s, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= unit_s:
            return f"{seconds // unit_s:.0f} {unit}"
    return f"{seconds:.0f} s"
