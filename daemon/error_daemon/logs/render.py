"""From an event to its line: JSON in ASCII, one a line, with time, level and event first; no secrets, never above LINE_BYTES.

This is what a line costs the loop, so it does the least that it can: one pass of the C encoder, one look for hints of secrets.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, MutableMapping
from datetime import datetime, timezone
from typing import Any

from structlog.processors import format_exc_info

from error_daemon.logs.redact import may_hold_a_secret, redacted, representation

LINE_BYTES = 16 << 10
_TEXT_CHARACTERS = 2000  # of each text of a line that is too long; the middle is left out
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
        """The line, with its end."""
        values = {"timestamp": self._timestamp(), "level": level, "event": event, **fields}
        text = self._text(values)
        if len(text) >= LINE_BYTES:
            values = shortened(values)
            text = self._text(values)
        if may_hold_a_secret(text):
            text = self._text(redacted(values))
        if len(text) >= LINE_BYTES:
            text = self._text({**_head(values), "cut": text[: LINE_BYTES // 4]})
        return text.encode("ascii") + b"\n"

    def _text(self, values: Mapping[str, Any]) -> str:
        try:
            return self._encode(values)
        except (ValueError, TypeError, RecursionError) as error:  # a line that cannot be made must not cost its caller
            return self._encode({**_head(values), "unwritable": repr(error)[:200]})

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
        half = _TEXT_CHARACTERS // 2
        left_out = len(value) - _TEXT_CHARACTERS
        return f"{value[:half]} ({left_out} characters left out) {value[-half:]}" if left_out > 0 else value
    if depth >= _DEEPEST and isinstance(value, (Mapping, list, tuple)):
        return f"({len(value)} items left out)"
    if isinstance(value, Mapping):
        return {key: shortened(value[key], depth + 1) for key in list(value)[:_MOST_ITEMS]}
    if isinstance(value, (list, tuple)):
        more = [f"({len(value) - _MOST_ITEMS} more left out)"] if len(value) > _MOST_ITEMS else []
        return [shortened(inner, depth + 1) for inner in value[:_MOST_ITEMS]] + more
    return value if isinstance(value, (int, float, bool, type(None))) else shortened(representation(value), depth)


def _head(values: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(values[name])[:100] for name in ("timestamp", "level", "event")}
