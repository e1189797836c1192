"""All hooks of a daemon: what happens is told to those that want it.

`tell` is called for every notice, in the turn of the loop in which it happens: it looks what the notice is, asks each hook, and makes the
event once for those that want it. What was put is written down at the end of that turn, in one transaction. All else is in tasks.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import random
from typing import Any

import structlog

from error_daemon.errors import NotFound, TransientError
from error_daemon.hooks.caller import Caller
from error_daemon.hooks.events import types_of
from error_daemon.hooks.outbox import Outbox
from error_daemon.hooks.payload import Origin, event_of, links, made_event
from error_daemon.hooks.sending import Sender, Sent
from error_daemon.hooks.shelf import Shelf
from error_daemon.model import Notice
from error_daemon.model.hook import TEST, Delivery, Hook, HookEvent, HookView
from error_daemon.ports import Clock

_log = structlog.get_logger()
_TEST_TEXT = "a test, sent by a person: it arrives"
_MOST_TESTS = 8
_TEST_TAKES_S = 5.0
_ALL_AGAIN_S = 5.0
"""Between tries to write all down, where the copy has missed something: they cost more than a change."""


@dataclass(frozen=True, slots=True)
class Given:
    """What hooks get from outside. `sender_of(hook)` makes what sends."""

    clock: Clock
    origin: Origin
    state_dir: Path
    sender_of: Callable[[Hook], Sender]


class Hooks:
    def __init__(self, given: Given) -> None:
        self._given = given
        self._shelf = Shelf(given.state_dir)
        self._shelf.open()
        self._callers: dict[str, Caller] = {}
        self._is_write_due = False
        self._told_problem = ""
        self._tests = 0
        self._checkpoint: asyncio.Future[None] | None = None
        self._all_again: asyncio.TimerHandle | None = None

    # --- who there is

    def define(self, hooks: Sequence[Hook]) -> None:
        """At the start, and with every reload. Those that are gone take what waits for them along."""
        named = {hook.id: hook for hook in hooks}
        for gone in self._callers.keys() - named.keys():
            caller = self._callers.pop(gone)
            _later(caller.stop())
            _log.info("hook_removed", hook=gone, waiting=caller.outbox.view(0.0).waiting)
        for hook in hooks:
            self._define(hook)
        self._shelf.forget_others(named)
        if self._shelf.is_behind:
            self._write_all()
        self._tell_problem()

    def _define(self, hook: Hook) -> None:
        known = self._callers.get(hook.id)
        if known is not None and known.outbox.hook == hook:
            known.enable()
            return
        sender = self._given.sender_of(hook)
        if known is not None:
            _later(known.redefine(hook, sender).close())
            return
        outbox = Outbox(hook, self._given.origin, _new_id, random)
        outbox.restore(*self._shelf.kept(hook.id))
        caller = self._callers[hook.id] = Caller(outbox, sender, self._given.clock, self._write)
        caller.start()

    async def stop(self) -> None:
        callers, self._callers = list(self._callers.values()), {}
        await asyncio.gather(*(caller.stop() for caller in callers))
        if self._all_again is not None:
            self._all_again.cancel()
        if self._shelf.is_behind:
            self._shelf.write_all({caller.outbox.hook.id: caller.outbox.everything() for caller in callers})
        else:
            self._shelf.write({caller.outbox.hook.id: caller.outbox.drain() for caller in callers})
        await asyncio.to_thread(self._shelf.checkpoint)
        self._shelf.close()

    # --- told

    def tell(self, notice: Notice) -> None:
        """Does not raise: what happens must not fail because somebody is told of it."""
        types = types_of(notice)
        if not types:
            return
        made: dict[str, HookEvent] = {}
        for caller in self._callers.values():
            kind = caller.wanted_as(notice, types)
            if kind is not None:
                event = made.get(kind)
                if event is None:
                    event = made[kind] = event_of(notice, kind, self._given.origin)
                caller.put(event)
        if made and not self._is_write_due:
            self._is_write_due = True
            asyncio.get_running_loop().call_soon(self._write)

    def _write(self) -> None:
        self._is_write_due = False
        changes = {name: found for name, caller in self._callers.items() if (found := caller.outbox.drain())}
        if not changes:
            return
        if not self._shelf.is_behind:
            self._shelf.write(changes)
        if self._shelf.is_behind and self._all_again is None:
            self._all_again = asyncio.get_running_loop().call_later(_ALL_AGAIN_S, self._write_all)
        self._tell_problem()
        if self._shelf.is_due_for_checkpoint and (self._checkpoint is None or self._checkpoint.done()):
            self._checkpoint = asyncio.ensure_future(asyncio.to_thread(self._shelf.checkpoint))

    def _write_all(self) -> None:
        """The copy has missed something: what the outboxes have goes there in its place, and changes meanwhile with it."""
        if self._all_again is not None:
            self._all_again.cancel()
        self._all_again = None
        self._shelf.write_all({name: caller.outbox.everything() for name, caller in self._callers.items()})
        if self._shelf.is_behind:
            self._all_again = asyncio.get_running_loop().call_later(_ALL_AGAIN_S, self._write_all)
        self._tell_problem()

    def _tell_problem(self) -> None:
        if self.problem != self._told_problem:
            self._told_problem = self.problem
            if self._told_problem:
                _log.error("hooks_not_kept", problem=self._told_problem)

    # --- people

    @property
    def problem(self) -> str:
        """What of it was lost, and why what waits is not kept over a restart; empty where all is well."""
        return self._shelf.problem

    def views(self) -> list[HookView]:
        now = self._given.clock.now()
        return [caller.outbox.view(now) for caller in self._callers.values()]

    def deliveries(self, hook: str = "") -> list[Delivery]:
        """Of one hook or of all, the newest event first. Raises NotFound."""
        callers = [self._caller(hook)] if hook else self._callers.values()
        found = [one for caller in callers for one in caller.outbox.deliveries()]
        return sorted(found, key=lambda one: (one.event.at, one.delivery_id), reverse=True)

    def redeliver(self, hook: str, delivery_id: str) -> int:
        """See Outbox.redeliver; without a hook the delivery is looked for. Raises NotFound."""
        if not hook:
            hook = next((one.hook for one in self.deliveries() if one.delivery_id == delivery_id), "")
            if not hook:
                raise NotFound(f"no delivery {delivery_id} is known")
        again = self._caller(hook).redeliver(delivery_id)
        self._write()
        return again

    async def test(self, hook: str) -> Sent:
        """Send a test now, and say how that went. Raises NotFound; TransientError while too many tests run."""
        caller = self._caller(hook)
        if self._tests >= _MOST_TESTS:
            raise TransientError(f"{self._tests} tests are running already", _TEST_TAKES_S)
        at, origin = self._given.clock.now(), self._given.origin
        event = made_event(TEST, at, origin, {"text": _TEST_TEXT, "hook": hook, "links": links("", origin)})
        self._tests += 1
        try:
            sent = await caller.test(Delivery(_new_id(), hook, event))
        finally:
            self._tests -= 1
        self._write()
        return sent

    def _caller(self, hook: str) -> Caller:
        caller = self._callers.get(hook)
        if caller is None:
            raise NotFound(f"no hook is called {hook!r}")
        return caller


def _new_id() -> str:
    return f"msg_{uuid.uuid4().hex}"


_ending: set[asyncio.Future[Any]] = set()  # asyncio itself keeps no task alive


def _later(work: Coroutine[Any, Any, None]) -> None:
    task = asyncio.ensure_future(work)
    _ending.add(task)
    task.add_done_callback(_ending.discard)
