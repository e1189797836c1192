"""Looking at the state of a target: a round asks all its observers and probes side by side, and always ends with one observation each.

A probe's reading is an observation too: its value is compared, and its detail shown.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from hashlib import sha256
from itertools import islice

from error_daemon.execute import frames_pb2 as frames
from error_daemon.execute import observers
from error_daemon.execute.looking import Unseen, look_once, look_with, shorten
from error_daemon.execute.program import Programs
from error_daemon.execute.usage import HostUsage

MOST_FACTS = 1000
MOST_VALUE_BYTES = 4096  # what is longer is told by its digest
_FACT_BYTES = 64 << 10  # of one observer: eight of them, with their others, fit a frame
_OTHER_BYTES = 8 << 10
_MOST_OBSERVERS = 8


async def observe(order: frames.Observe, programs: Programs, usage: HostUsage) -> frames.Observed:
    """The observations in the order of the observers, and then of the probes."""
    seen, readings = await asyncio.gather(
        asyncio.gather(*(_observe(order.round_id, one, programs) for one in order.observers[:_MOST_OBSERVERS])),
        look_with(order.round_id, order.probes, programs, usage.times),
    )
    return frames.Observed(round_id=order.round_id, observations=[*seen, *map(_of_reading, readings)])


def _of_reading(reading: frames.ProbeReading) -> frames.Observation:
    return frames.Observation(
        observer=f"probe {reading.probe}", facts={"reading": reading.value}, others={"detail": reading.detail}
    )


async def _observe(owner: str, order: frames.ProbeOrder, programs: Programs) -> frames.Observation:
    async def see(look: observers.Look) -> frames.Observation:
        seen = await observers.make(order.kind).observe(look)
        facts, others = _fitted(seen.facts, _FACT_BYTES), _fitted(seen.others, _OTHER_BYTES)
        return frames.Observation(observer=order.probe, facts=facts, others=others)

    try:
        return await look_once(owner, order, programs, see, "the observer")
    except Unseen as why:
        return frames.Observation(observer=order.probe, problem=shorten(str(why)))


def _fitted(facts: Mapping[str, str], most_bytes: int) -> dict[str, str]:
    """What a frame can carry, of which nothing is lost that a comparison needs: what is too much is told by its digest."""
    short = {shorten(name): _short(value) for name, value in facts.items()}
    kept: dict[str, str] = {}
    size = 0
    for name, value in islice(short.items(), MOST_FACTS):
        size += len(name.encode("utf-8", "replace")) + len(value.encode("utf-8", "replace"))
        if size > most_bytes:
            break
        kept[name] = value
    if len(kept) < len(short):
        others = sorted(item for item in short.items() if item[0] not in kept)
        kept[f"and {len(others)} more"] = _digest(repr(others))
    return {_clean(name): _clean(value) for name, value in kept.items()}


def _short(value: str) -> str:
    raw = value.encode("utf-8", "surrogateescape")
    return value if len(raw) <= MOST_VALUE_BYTES else f"{len(raw)} bytes, {_digest(value)}"


def _digest(text: str) -> str:
    return f"sha256 {sha256(text.encode('utf-8', 'surrogateescape')).hexdigest()[:16]}"


def _clean(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
