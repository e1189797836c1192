"""
Spans, and how they hang together. Values; nothing here knows a clock or a network.

Ids are made of the ticket's id, so that nothing has to be remembered for them, and the same ticket has the same trace wherever it is told
of. A fault that came out of a trace of its sender's is told as a part of that trace: its attributes `traceparent` (W3C), or `trace_id` and
`span_id` (receivers of OpenTelemetry and Sentry set them), say of which. A `traceparent` whose trace is not sampled is only linked to:
nobody would see a part of what was not kept.
Source: https://www.w3.org/TR/trace-context/#traceparent-header
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b

_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?")
_TRACE_BYTES, _SPAN_BYTES = 16, 8
_SAMPLED = 0x01
_ALL = 1 << 64


@dataclass(frozen=True, slots=True)
class Context:
    """A place in a trace."""

    trace_id: bytes
    span_id: bytes
    is_sampled: bool = True


@dataclass(frozen=True, slots=True)
class Span:
    name: str
    context: Context
    parent_id: bytes  # empty: it is the first
    begun_at: float
    ended_at: float
    attributes: Mapping[str, str | int | float | bool] = field(default_factory=dict)
    has_failed: bool = False
    says: str = ""  # why, where it has
    links: tuple[Context, ...] = ()


def sent_in(attributes: Mapping[str, str]) -> Context | None:
    """The place in its sender's trace that a fault came from."""
    match = _TRACEPARENT.fullmatch(attributes.get("traceparent", "").strip().lower())
    if match:
        return _context(match[1], match[2], is_sampled=bool(int(match[3], 16) & _SAMPLED))
    return _context(attributes.get("trace_id", ""), attributes.get("span_id", ""), is_sampled=True)


def _context(trace: str, span: str, *, is_sampled: bool) -> Context | None:
    try:
        trace_id, span_id = bytes.fromhex(trace), bytes.fromhex(span)
    except ValueError:
        return None
    is_one = len(trace_id) == _TRACE_BYTES and len(span_id) == _SPAN_BYTES and any(trace_id) and any(span_id)
    return Context(trace_id, span_id, is_sampled) if is_one else None


def own_trace(instance: str, ticket_id: str) -> bytes:
    """`instance`: tells daemons apart, whose tickets may have the same ids."""
    return blake2b(f"{instance}/{ticket_id}".encode(), digest_size=_TRACE_BYTES).digest()


def span_id(ticket_id: str, number: int) -> bytes:
    """Of the span with this number in the trace of the ticket."""
    return blake2b(f"{ticket_id}/{number}".encode(), digest_size=_SPAN_BYTES).digest()


def is_kept(trace_id: bytes, ratio: float) -> bool:
    """Whether a trace is among the share of all that is sampled; the same for everybody who decides by its id."""
    return int.from_bytes(trace_id[8:], "big") < ratio * _ALL
