"""Looking with probes: a round asks all of its probes side by side, and always ends with one reading for each.

A probe has a time within which it must see. When the host withheld a good part of it (withheld.py), what the probe did not see says
nothing of its target: it looks once more. A reading that is ok is one, however long it took.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from error_daemon.errors import InputError, PermanentError
from error_daemon.execute import frames_pb2 as frames
from error_daemon.execute import probes
from error_daemon.execute.dying import until_dead
from error_daemon.execute.params import parse
from error_daemon.execute.probes.contract import unknown
from error_daemon.execute.program import TERM_GRACE_S, Programs
from error_daemon.execute.withheld import HostTimes, withheld_s
from error_daemon.model import ReadingValue

DETAIL_CHARACTERS = 2048
T = TypeVar("T")
# who looks keeps its own deadline, in words of its own; this one is for those that don't
_SLACK_S = TERM_GRACE_S + 0.5
_WITHHELD_RATIO = 0.25  # of a probe's time; less than that it can do without


class Unseen(Exception):
    """A look that failed itself, and why."""


async def look_with(
    owner: str,
    orders: Iterable[frames.ProbeOrder],
    programs: Programs,
    times: Callable[[], HostTimes],
    on_longer: Callable[[float], None] = lambda _longer_s: None,
) -> list[frames.ProbeReading]:
    """Readings in the order of the probes. `owner` is the attempt or probe round that their programs belong to. `times()`: as they are now;
    `on_longer` is told before a probe looks once more, and how long that may take."""

    async def look(order: frames.ProbeOrder) -> frames.ProbeReading:
        began = times()
        reading = await _look(owner, order, programs)
        is_ok = reading.value == ReadingValue.OK.value
        if is_ok or withheld_s(began, times()) < _WITHHELD_RATIO * order.timeout_s:
            return reading
        on_longer(order.timeout_s)
        return await _look(owner, order, programs)

    return await asyncio.gather(*(look(order) for order in orders))


async def _look(owner: str, order: frames.ProbeOrder, programs: Programs) -> frames.ProbeReading:
    began = time.perf_counter()
    try:
        sight = await look_once(owner, order, programs, lambda look: probes.make(order.kind).look(look), "the probe")
    except Unseen as why:
        sight = unknown(str(why))
    return frames.ProbeReading(
        probe=order.probe,
        value=sight.value.value,
        detail=shorten(sight.detail),
        duration_s=time.perf_counter() - began,
    )


async def look_once(
    owner: str, order: frames.ProbeOrder, programs: Programs, see: Callable[[probes.Look], Awaitable[T]], who: str
) -> T:
    """What `see` gives for this order. Raises Unseen whatever goes wrong; `who` looks, in words."""
    try:
        look = probes.Look(
            round_id=owner,
            params=parse(order.params_json),
            target=parse(order.target_json),
            timeout_s=order.timeout_s,
            programs=programs,
        )
        return await asyncio.wait_for(_see_when_dead(look, see), order.timeout_s + _SLACK_S)
    except asyncio.TimeoutError:
        raise Unseen(f"{who} did not end within {order.timeout_s:g} s") from None
    except (InputError, PermanentError) as error:
        raise Unseen(str(error)) from error
    except Exception as error:
        raise Unseen(f"{who} raised {type(error).__name__}: {error}") from error


async def _see_when_dead(look: probes.Look, see: Callable[[probes.Look], Awaitable[T]]) -> T:
    """When the target's process is dying, after that (dying.py)."""
    await until_dead(look.target)
    return await see(look)


def shorten(detail: str) -> str:
    """What frames carry: the beginning says what happened, the end holds the last words; the middle goes. What is no character (half of a
    pair, a byte of a file's name) becomes a question mark."""
    detail = detail.encode("utf-8", "replace").decode()
    if len(detail) <= DETAIL_CHARACTERS:
        return detail
    head = DETAIL_CHARACTERS // 4
    return f"{detail[:head]}\N{HORIZONTAL ELLIPSIS}{detail[head + 1 - DETAIL_CHARACTERS :]}"
