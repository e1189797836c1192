"""Asks every area how it is, all at once, and puts the answers in the order of the areas.

An area that fails, or takes longer than `WITHIN_S`, is `unavailable`, with its reason: who asks at three in the morning is not to be told
nothing because one of fifteen things can't be looked at.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from inspect import isawaitable

import structlog

from error_daemon.errors import ErrorRecoveryError
from error_daemon.middle import Diagnosing
from error_daemon.model import Diagnostic
from error_daemon.runtime.diagnosis.area import Area

WITHIN_S = 4.0  # error-cli waits for 5
_log = structlog.get_logger()


class Shared:
    """One diagnosis at a time: who asks meanwhile gets the same. It reads every native module, and has the definitions examined in a
    process of their own; a hundred callers are not to have that done a hundred times."""

    def __init__(self) -> None:
        self._running: asyncio.Task[list[Diagnostic]] | None = None

    async def diagnose(self, areas: Mapping[str, Diagnosing]) -> list[Diagnostic]:
        if self._running is None or self._running.done():
            self._running = asyncio.ensure_future(diagnose(areas))
        return await asyncio.shield(self._running)  # a caller that goes away takes nobody's answer along

    def close(self) -> None:
        """The daemon stops."""
        if self._running is not None:
            self._running.cancel()


async def diagnose(areas: Mapping[str, Diagnosing], within_s: float = WITHIN_S) -> list[Diagnostic]:
    """`areas`: by name. One area may have more than one thing to say, and things of other areas too."""
    answers = await asyncio.gather(*(_asked(name, look, within_s) for name, look in areas.items()))
    return [one for answer in answers for one in answer]


async def _asked(name: str, look: Diagnosing, within_s: float) -> Sequence[Diagnostic]:
    try:
        answer = look()
        return await asyncio.wait_for(answer, within_s) if isawaitable(answer) else answer
    except asyncio.TimeoutError:
        return [Area(name).unavailable("diagnosis", f"took longer than {within_s:g} s: the host, or its disk, is busy")]
    except (OSError, ErrorRecoveryError) as error:
        return [Area(name).unavailable("diagnosis", f"could not be looked at: {error}")]
    except Exception as error:  # noqa: BLE001  a bug in one area must not cost the others
        _log.critical("diagnosis_failed", area=name, exc_info=error)
        return [Area(name).unavailable("diagnosis", f"could not be looked at: {error!r}", "this is a bug: see the log")]


def in_thread(look: Callable[[], Sequence[Diagnostic]]) -> Diagnosing:
    """For what reads files: the loop goes on meanwhile."""

    def ask() -> Awaitable[Sequence[Diagnostic]]:
        return asyncio.to_thread(look)

    return ask
