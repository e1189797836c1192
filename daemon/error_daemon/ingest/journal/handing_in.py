"""
What entries of the journal tell, handed in.

**Who tells what.** The failure of a unit that a target has is told by the watch of units (unit_watch.py), which knows whether systemd
starts it again; so it is passed over here, unless that watch can't see it. Out of memory and core dumps are told of all units: they say
what the failure does not. A core dump comes when it is written, perhaps long after its unit runs again: both are claims, so that a target
is looked at before anything is done. What a person breaks for a test of a recovery is passed over.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol

from error_daemon.errors import TransientError
from error_daemon.ingest.acceptance import Acceptance
from error_daemon.ingest.journal.entry import entry_of
from error_daemon.ingest.journal.faults import Kind, Teller, Told
from error_daemon.model.access import Caller, Role
from error_daemon.ports import Clock

_SHORTEST_WAIT_S = 0.05
_LOOK_AT_UNITS_S = 0.2
_MOST_LOOKS = 75  # 15 s, for a watch of units that comes to no end


class Watched(Protocol):
    """Who watches the units of targets: ingest/unit_watch.py."""

    def targets_of(self, unit: str) -> Sequence[str]: ...

    def is_watched(self, target_id: str) -> bool | None: ...

    def is_hushed(self, target_id: str) -> bool: ...


class HandingIn:
    """`waits`: a fault has to wait until there is room for it."""

    def __init__(self, desk: Acceptance, watched: Watched, clock: Clock) -> None:
        self.waits = False
        self._desk = desk
        self._watched = watched
        self._clock = clock
        self._teller = Teller()

    async def take(self, line: bytes) -> str:
        """On return what the line tells is safe in the ring, or none of ours. The cursor behind it; empty where that is not known."""
        entry = entry_of(line)
        if entry is None or not entry.is_of_the_system:
            self._pass_over()
            return entry.cursor if entry else ""
        told = self._teller.feed(entry, self._clock.now())
        if told is not None:
            targets = self._watched.targets_of(told.unit) if told.unit else ()
            if await self._is_told_elsewhere(told, targets):
                self._pass_over()
            else:
                await self._hand_in(told, targets[0] if len(targets) == 1 else "")
        return entry.cursor

    def _pass_over(self) -> None:
        self._desk.tally.passed_over += 1

    async def _hand_in(self, told: Told, target: str) -> None:
        payload, caller = told.payload(target), _SAYS[told.kind is Kind.FAILURE]
        try:
            while wait_s := await self._refused_for_s(payload, caller):
                self.waits = True
                await asyncio.sleep(max(wait_s, _SHORTEST_WAIT_S))
        finally:
            self.waits = False

    async def _refused_for_s(self, payload: bytes, caller: Caller) -> float:
        """0: it is taken."""
        try:
            return (await self._desk.take([payload], caller)).retry_after_s
        except TransientError as error:  # it is not as durable as it has to be: better twice than never
            return error.retry_after_s

    async def _is_told_elsewhere(self, told: Told, targets: Sequence[str]) -> bool:
        """Right after the start it is not known yet who watches: that is waited for."""
        if any(map(self._watched.is_hushed, targets)):
            return True
        if told.kind is not Kind.FAILURE:
            return False
        for _ in range(_MOST_LOOKS):
            known = [self._watched.is_watched(target) for target in targets]
            if True in known or None not in known:
                return True in known
            await asyncio.sleep(_LOOK_AT_UNITS_S)
        return False


_SAYS = {
    is_trusted: Caller("the journal", "journal", frozenset({Role.REPORTER}), False, is_trusted)
    for is_trusted in (True, False)
}
