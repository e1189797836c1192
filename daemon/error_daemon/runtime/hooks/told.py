"""Hooks among the other parts: they hear every notice while some are defined. While none are, nothing of them is loaded, and nobody makes
notices for them."""

from __future__ import annotations

import asyncio
import importlib
import socket
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from error_daemon.access.secret_file import read_secret
from error_daemon.errors import NotFound
from error_daemon.model import Definitions, Json
from error_daemon.model.hook import Delivery, HookView
from error_daemon.ports import Clock
from error_daemon.runtime.audit import Audit
from error_daemon.runtime.watchers import Watchers
from error_daemon.settings import Settings

if TYPE_CHECKING:
    from error_daemon.hooks.hooks import Hooks

_NEEDED = ("error_daemon.hooks.hooks", "error_daemon.hooks.shelf", "error_daemon.hooks.senders.made")


class ToldHooks:
    """middle.HookDesk, over all hooks of the definitions in force."""

    def __init__(self, settings: Settings, clock: Clock, watchers: Watchers, audit: Audit) -> None:
        self._settings, self._clock = settings, clock
        self._watchers, self._acted = watchers, audit.acted
        self._hooks: Hooks | None = None  # not before there is one

    async def prepare(self, definitions: Definitions) -> None:
        """These will be in force. What the first hook needs is loaded by a thread: the loop has no time for that."""
        if self._hooks is None and definitions.hooks:
            for module in _NEEDED:
                await asyncio.to_thread(importlib.import_module, module)

    def define(self, definitions: Definitions) -> None:
        """At the start, and when others are in force."""
        if self._hooks is None and not definitions.hooks:
            return
        hooks = self._hooks = self._hooks or self._made()
        hooks.define(definitions.hooks)
        self._watchers.hear(hooks.tell if definitions.hooks else None)

    def _made(self) -> Hooks:
        from error_daemon.hooks.hooks import Given, Hooks
        from error_daemon.hooks.payload import Origin
        from error_daemon.hooks.senders.made import made_sender

        origin = Origin(socket.gethostname(), self._settings.http.public_url)
        sender_of = partial(made_sender, read_secret=read_secret)
        return Hooks(Given(self._clock, origin, Path(self._settings.state_dir), sender_of))

    async def stop(self) -> None:
        self._watchers.hear(None)
        if self._hooks is not None:
            await self._hooks.stop()

    # --- people

    @property
    def problem(self) -> str:
        return self._hooks.problem if self._hooks else ""

    def views(self) -> Sequence[HookView]:
        return self._hooks.views() if self._hooks else ()

    def deliveries(self, hook: str, state: str) -> Sequence[Delivery]:
        if self._hooks is None and not hook:
            return ()
        return [one for one in self._known(hook).deliveries(hook) if state in ("", one.state)]

    def redeliver(self, hook: str, delivery_id: str, by: str) -> int:
        hooks = self._known(hook or delivery_id)
        before = _counts(hooks.views(), hook)
        again = hooks.redeliver(hook, delivery_id)
        after = _counts(hooks.views(), hook)
        detail = {"delivery": delivery_id or "all", "deliveries": again}
        self._acted("redeliver", hook or delivery_id, detail, by, before=before, after=after)
        return again

    async def test(self, hook: str, by: str) -> tuple[bool, str, float]:
        began_at = self._clock.now()
        sent = await self._known(hook).test(hook)
        self._acted("test_hook", hook, {"arrived": sent.is_done, "detail": sent.detail}, by)
        return sent.is_done, sent.detail, self._clock.now() - began_at

    def _known(self, name: str) -> Hooks:
        if self._hooks is None:
            raise NotFound(f"no hook is defined, and so none for {name!r}")
        return self._hooks


def _counts(views: Sequence[HookView], hook: str) -> dict[str, Json]:
    """Of the hook, or of each."""
    return {view.hook.id: {"dead": view.dead, "waiting": view.waiting} for view in views if hook in ("", view.hook.id)}
