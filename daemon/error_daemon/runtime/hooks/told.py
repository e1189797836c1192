"""Hooks among the other parts: they hear every notice while some are defined, and nobody makes notices for them while none are."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from error_daemon.access.secret_file import read_secret
from error_daemon.hooks.hooks import Given, Hooks
from error_daemon.hooks.payload import Origin
from error_daemon.hooks.senders.made import made_sender
from error_daemon.model import Definitions, Json
from error_daemon.model.hook import Delivery, HookView
from error_daemon.ports import Clock
from error_daemon.runtime.audit import Audit
from error_daemon.runtime.watchers import Watchers
from error_daemon.settings import Settings


class ToldHooks:
    """ports.HookDesk, over all hooks of the definitions in force."""

    def __init__(self, settings: Settings, clock: Clock, watchers: Watchers, audit: Audit) -> None:
        origin = Origin(socket.gethostname(), settings.http.public_url)
        sender_of = partial(made_sender, read_secret=read_secret)
        self._hooks = Hooks(Given(clock, origin, Path(settings.state_dir), sender_of))
        self._clock, self._watchers, self._acted = clock, watchers, audit.acted

    def define(self, definitions: Definitions) -> None:
        """At the start, and when others are in force."""
        self._hooks.define(definitions.hooks)
        self._watchers.hear(self._hooks.tell if self._hooks else None)

    async def stop(self) -> None:
        self._watchers.hear(None)
        await self._hooks.stop()

    # --- people

    @property
    def problem(self) -> str:
        return self._hooks.problem

    def views(self) -> Sequence[HookView]:
        return self._hooks.views()

    def deliveries(self, hook: str, state: str) -> Sequence[Delivery]:
        return [one for one in self._hooks.deliveries(hook) if state in ("", one.state)]

    def redeliver(self, hook: str, delivery_id: str, by: str) -> int:
        before = _counts(self._hooks.views(), hook)
        again = self._hooks.redeliver(hook, delivery_id)
        after = _counts(self._hooks.views(), hook)
        detail = {"delivery": delivery_id or "all", "deliveries": again}
        self._acted("redeliver", hook or delivery_id, detail, by, before=before, after=after)
        return again

    async def test(self, hook: str, by: str) -> tuple[bool, str, float]:
        began_at = self._clock.now()
        sent = await self._hooks.test(hook)
        self._acted("test_hook", hook, {"arrived": sent.is_done, "detail": sent.detail}, by)
        return sent.is_done, sent.detail, self._clock.now() - began_at


def _counts(views: Sequence[HookView], hook: str) -> dict[str, Json]:
    """Of the hook, or of each."""
    return {view.hook.id: {"dead": view.dead, "waiting": view.waiting} for view in views if hook in ("", view.hook.id)}
