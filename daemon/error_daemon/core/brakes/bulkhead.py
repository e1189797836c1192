"""Bulkheads (C13): a class of tickets has a share of what may run at once, so that no class can take all of it.

A ticket belongs to the first bulkhead, in the operator's order, whose conditions on level, priority, rule and tenant all fit;
to none if none does. With `per_tenant` every tenant has a share of that size. A ticket holds its place from the start of an
attempt, or of the look before it, to the verdict.

Where all places are taken it waits. When the queue is full, or it has waited for longer than `timeout_s`, the `fallback`
decides: it goes on waiting ("wait"), it takes a place of another bulkhead, whose limits then apply, or a person is needed
("fail").
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf

from error_daemon.core.brakes.hold import Hold
from error_daemon.core.ticket import Error, Ticket
from error_daemon.model import PRIORITY_OF, BrakeView, Bulkhead

NAME = "bulkhead"
WAIT = "wait"
FAIL = "fail"
_ENDS = (WAIT, FAIL)


@dataclass(frozen=True, slots=True)
class Share:
    """A bulkhead, and for `per_tenant` whose."""

    bulkhead: Bulkhead
    tenant: str = ""

    @property
    def key(self) -> str:
        return f"{self.bulkhead.id} of {self.tenant}" if self.tenant else self.bulkhead.id

    @property
    def gate(self) -> str:
        return f"{NAME}:{self.key}"


class Bulkheads:
    def __init__(self, bulkheads: Sequence[Bulkhead]) -> None:
        self._bulkheads = tuple(bulkheads)
        self._by_id: Mapping[str, Bulkhead] = {bulkhead.id: bulkhead for bulkhead in bulkheads}
        self._inside: dict[str, set[str]] = {}  # share → errors that have a place
        self._place: dict[str, str] = {}  # error → the share in which it has one
        self._waiting: dict[str, set[str]] = {}  # share → errors that wait for a place
        self._tried: dict[str, dict[str, float]] = {}  # error → shares that it has waited for, and since when

    def redefine(self, bulkheads: Sequence[Bulkhead]) -> None:
        """Who has a place keeps it, be its bulkhead gone or smaller now. Who waits must come up again, and be told what for."""
        self._bulkheads = tuple(bulkheads)
        self._by_id = {bulkhead.id: bulkhead for bulkhead in bulkheads}

    def share_of(self, error: Error, ticket: Ticket) -> Share | None:
        for bulkhead in self._bulkheads:
            if _fits(bulkhead, error, ticket):
                return _share(bulkhead, error)
        return None

    def hold(self, error: Error, ticket: Ticket, now: float) -> Hold | None:
        """Why it must wait; None: `enter` gives it the place that is free."""
        way = self._way(error, ticket, now)
        if not way or self._has_room(way[-1]):
            return None
        self._leave_queue(error)
        tried = self._tried.setdefault(error.error_id, {})
        for left in way[:-1]:
            tried.setdefault(left.key, -inf)
        share = way[-1]
        since = tried.setdefault(share.key, now)
        self._waiting.setdefault(share.key, set()).add(error.error_id)
        reason = f"all {share.bulkhead.max_concurrency} places of bulkhead {share.key} are taken"
        until = since + share.bulkhead.timeout_s if share.bulkhead.fallback != WAIT else 0.0
        return Hold(NAME, reason, until, share.gate, is_own_time=until > 0)

    def is_given_up(self, error: Error, ticket: Ticket, now: float) -> str:
        """Why a person is needed instead; empty where none is."""
        way = self._way(error, ticket, now)
        if not way or way[-1].bulkhead.fallback != FAIL or self._has_room(way[-1]):
            return ""
        return self._overdue(way[-1], error, now)

    def enter(self, error: Error, ticket: Ticket, now: float) -> None:
        """Take the place. How long it has waited is remembered until `stop_waiting`: it may come up again after a look."""
        way = self._way(error, ticket, now)
        self._leave_queue(error)
        if way:
            self._inside.setdefault(way[-1].key, set()).add(error.error_id)
            self._place[error.error_id] = way[-1].key

    def leave(self, error: Error) -> str:
        """Give the place back; the gate at which others may wait for it, or empty."""
        key = self._place.pop(error.error_id, "")
        if not key:
            return ""
        self._inside[key].discard(error.error_id)
        if not self._inside[key]:
            del self._inside[key]
        return f"{NAME}:{key}"

    def stop_waiting(self, error: Error) -> None:
        """It has what it waited for, or waits for something else."""
        self._leave_queue(error)
        self._tried.pop(error.error_id, None)

    def _leave_queue(self, error: Error) -> None:
        for key in self._tried.get(error.error_id, ()):
            waiting = self._waiting.get(key, set())
            waiting.discard(error.error_id)
            if not waiting:
                self._waiting.pop(key, None)

    def says(self, error: Error, ticket: Ticket, now: float) -> str:
        way = self._way(error, ticket, now)
        if not way:
            return f"{NAME}: none is for it"
        share = way[-1]
        inside = len(self._inside.get(share.key, ()))
        return f"{NAME}: {share.key}, {inside} of {share.bulkhead.max_concurrency} places taken"

    def views(self) -> list[BrakeView]:
        found = []
        for key in dict.fromkeys((*(b.id for b in self._bulkheads if not b.per_tenant), *self._inside, *self._waiting)):
            bulkhead = self._by_id.get(key.split(" of ", 1)[0])
            if bulkhead is None:
                continue  # it is gone, and what had a place in it still runs
            inside, waiting = len(self._inside.get(key, ())), len(self._waiting.get(key, ()))
            state = "full" if inside >= bulkhead.max_concurrency else "closed"
            reason = f"{inside} of {bulkhead.max_concurrency} places taken, {waiting} of {bulkhead.queue_size} waiting"
            figures = {"places": float(bulkhead.max_concurrency), "taken": float(inside)}
            found.append(BrakeView(NAME, key, state, reason, waiting=waiting, figures=figures))
        return found

    def _way(self, error: Error, ticket: Ticket, now: float) -> list[Share]:
        """From its own share to the one that it may have, or has to wait for: on to the fallback of each that is full or has
        kept it waiting for too long. No fallback leads back (definitions are refused otherwise)."""
        share = self.share_of(error, ticket)
        way = [share] if share else []
        while way and way[-1].bulkhead.fallback not in _ENDS and not self._has_room(way[-1]):
            if not self._overdue(way[-1], error, now):
                break
            way.append(_share(self._by_id[way[-1].bulkhead.fallback], error))
        return way

    def _has_room(self, share: Share) -> bool:
        return len(self._inside.get(share.key, ())) < share.bulkhead.max_concurrency

    def _overdue(self, share: Share, error: Error, now: float) -> str:
        """Why it cannot wait here (any longer)."""
        bulkhead, waiting = share.bulkhead, len(self._waiting.get(share.key, ()))
        since = self._tried.get(error.error_id, {}).get(share.key)
        if since is None and waiting >= bulkhead.queue_size:
            return f"the queue of bulkhead {share.key} is full ({bulkhead.queue_size} wait)"
        if since is not None and now >= since + bulkhead.timeout_s:
            return f"it has waited for bulkhead {share.key} for {bulkhead.timeout_s:g} s"
        return ""


def _share(bulkhead: Bulkhead, error: Error) -> Share:
    return Share(bulkhead, error.fault.tenant if bulkhead.per_tenant else "")


def _fits(bulkhead: Bulkhead, error: Error, ticket: Ticket) -> bool:
    return (
        (not bulkhead.levels or ticket.level in bulkhead.levels)
        and (not bulkhead.priorities or PRIORITY_OF[error.severity] in bulkhead.priorities)
        and (not bulkhead.rules or ticket.rule.id in bulkhead.rules)
        and (bulkhead.tenant is None or bulkhead.tenant.fullmatch(error.fault.tenant) is not None)
    )
