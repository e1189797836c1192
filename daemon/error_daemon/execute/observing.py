"""Looking at the state of a target: a round asks all its observers and probes side by side, and always ends with one observation each.

A probe's reading is an observation too: its value is compared, and its detail shown.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from hashlib import sha256
from itertools import islice

from error_daemon.errors import InputError, PermanentError
from error_daemon.execute import frames_pb2 as frames
from error_daemon.execute import observers
from error_daemon.execute.looking import look_with, shorten
from error_daemon.execute.params import parse
from error_daemon.execute.program import TERM_GRACE_S, Programs
from error_daemon.execute.usage import HostUsage

MOST_FACTS = 1000
MOST_VALUE_BYTES = 4096  # what is longer is told by its digest
_FACT_BYTES = 64 << 10  # of one observer: eight of them, with their others, fit a frame
_OTHER_BYTES = 8 << 10
_MOST_OBSERVERS = 8
_SLACK_S = TERM_GRACE_S + 0.5


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
    try:
        observer = observers.make(order.kind)
        look = observers.Look(
            round_id=owner,
            params=parse(order.params_json),
            target=parse(order.target_json),
            timeout_s=order.timeout_s,
            programs=programs,
        )
        seen = await asyncio.wait_for(observer.observe(look), order.timeout_s + _SLACK_S)
        facts, others = _fitted(seen.facts, _FACT_BYTES), _fitted(seen.others, _OTHER_BYTES)
    except asyncio.TimeoutError:
        return _problem(order, f"did not end within {order.timeout_s:g} s")
    except (InputError, PermanentError) as error:
        return _problem(order, str(error))
    except Exception as error:  # noqa: BLE001 an observer that breaks has seen nothing, and says so
        return _problem(order, f"the observer raised {type(error).__name__}: {error}")
    return frames.Observation(observer=order.probe, facts=facts, others=others)


def _problem(order: frames.ProbeOrder, problem: str) -> frames.Observation:
    return frames.Observation(observer=order.probe, problem=shorten(problem))


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
