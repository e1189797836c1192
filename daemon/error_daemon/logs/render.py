"""From an event to its line: JSON in ASCII, one a line, with time, level and event first; no secrets, never above LINE_BYTES.

This is what a line costs the loop, so it does the least that it can: one pass of the C encoder, one look for hints of secrets.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, MutableMapping
from datetime import datetime, timezone
from typing import Any

from structlog.processors import format_exc_info

from error_daemon.redact import may_hold_a_secret, redacted, redacted_text, representation

LINE_BYTES = 16 << 10
_TEXT_CHARACTERS = 2000  # of each text of a line that is too long; the middle is left out
_LONGEST_SECRET = 8000  # a private key is half of it
_MOST_ITEMS = 50
_DEEPEST = 6


class Renderer:
    """`now()`: wall time in seconds. It may be called from any thread."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._stamp = -1, ""  # a second, and how it is written
        self._encode = json.JSONEncoder(separators=(",", ":"), default=representation, skipkeys=True).encode

    def __call__(self, logger: object, level: str, fields: MutableMapping[str, Any]) -> bytes:
        """A structlog processor, the last one."""
        if "exc_info" in fields:
            format_exc_info(logger, level, fields)
        return self.line(level, fields.pop("event", ""), fields)

    def line(self, level: str, event: object, fields: Mapping[str, Any]) -> bytes:
        """The line, with its end. Never raises."""
        values = {"timestamp": self._timestamp(), "level": level, "event": event, **fields}
        try:
            text = self._text(values)
        except (ValueError, TypeError, RecursionError) as error:  # a line that cannot be made must not cost its caller
            text = self._encode({**_head(values), "unwritable": repr(error)[:200]})
        return text.encode("ascii") + b"\n"

    def _text(self, values: dict[str, Any]) -> str:
        text = self._encode(values)
        is_long = len(text) >= LINE_BYTES
        if is_long:
            values = shortened(values)
        if may_hold_a_secret(values):
            values = redacted(values)
        elif not is_long:
            return text
        text = self._encode(values)
        return text if len(text) < LINE_BYTES else self._encode({**_head(values), "cut": text[: LINE_BYTES // 4]})

    def _timestamp(self) -> str:
        """2026-11-13T11:53:32.123456Z. A second's text is made once."""
        at = self._now()
        second = int(at)
        known, prefix = self._stamp
        if second != known:
            prefix = datetime.fromtimestamp(second, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S")
            self._stamp = second, prefix
        return f"{prefix}.{int((at - second) * 1e6):06d}Z"


def shortened(value: Any, depth: int = 0) -> Any:
    """The same with what is long left out, from the middle of texts and the end of lists."""
    if isinstance(value, str):
        return _shortened_text(value)
    if depth >= _DEEPEST and isinstance(value, (Mapping, list, tuple)):
        return f"({len(value)} items left out)"
    if isinstance(value, Mapping):
        return {key: shortened(value[key], depth + 1) for key in list(value)[:_MOST_ITEMS]}
    if isinstance(value, (list, tuple)):
        more = [f"({len(value) - _MOST_ITEMS} more left out)"] if len(value) > _MOST_ITEMS else []
        return [shortened(inner, depth + 1) for inner in value[:_MOST_ITEMS]] + more
    return value if isinstance(value, (int, float, bool, type(None))) else shortened(representation(value), depth)


def _shortened_text(text: str) -> str:
    """The end is redacted before its beginning is cut off, or what says that something is a secret could be cut off with it."""
    left_out = len(text) - _TEXT_CHARACTERS
    if left_out <= 0:
        return text
    half = _TEXT_CHARACTERS // 2
    end = redacted_text(text[-half - _LONGEST_SECRET :])[-half:]
    return f"{text[:half]} ({left_out} characters left out) {end}"


def _head(values: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(values[name])[:100] for name in ("timestamp", "level", "event")}
