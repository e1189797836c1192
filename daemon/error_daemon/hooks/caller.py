"""One hook's task: takes what is due from its outbox, sends it, and tells the outbox how that went. No hook waits for another.

Before anything is sent it is written down as tried, so that a daemon that dies on the way sends the same again, by the same id.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

import structlog

from error_daemon.hooks.events import wanted_as
from error_daemon.hooks.outbox import Outbox
from error_daemon.hooks.sending import Sender, Sent
from error_daemon.model import Notice
from error_daemon.model.hook import Delivery, Hook, HookEvent
from error_daemon.ports import Clock

_log = structlog.get_logger()
_AFTER_BUG_S = 5.0


class Caller:
    """`written()`: writes down what has changed in outboxes, at once."""

    def __init__(self, outbox: Outbox, sender: Sender, clock: Clock, written: Callable[[], None]) -> None:
        self.outbox = outbox
        self._sender, self._clock, self._written = sender, clock, written
        self._is_wanted = asyncio.Event()  # something may be due that was not
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.ensure_future(self._run(self._sender))

    async def stop(self) -> None:
        """What is on its way is cut off: it may have arrived, and is sent again."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
        await self._sender.close()

    def redefine(self, hook: Hook, sender: Sender) -> Sender:
        """What is on its way is cut off, as by `stop`. The sender before, which is to be closed."""
        if self._task is not None:
            self._task.cancel()
        before, self._sender = self._sender, sender
        self.outbox.redefine(hook)
        self.start()
        return before

    def enable(self) -> None:
        self.outbox.enable()
        self._is_wanted.set()

    # --- in

    def wanted_as(self, notice: Notice, types: tuple[str, ...]) -> str | None:
        return wanted_as(self.outbox.hook, types, notice, was_told=self.outbox.was_told(notice.error_id))

    def put(self, event: HookEvent) -> None:
        self.outbox.put(event, self._clock.now())
        self._is_wanted.set()

    def redeliver(self, delivery_id: str) -> int:
        """See Outbox.redeliver."""
        again = self.outbox.redeliver(delivery_id, self._clock.now())
        self._is_wanted.set()
        return again

    async def test(self, delivery: Delivery) -> Sent:
        """Send this at once, beside what waits."""
        sent = await self._sent(delivery)
        self.outbox.proven(sent, self._clock.now())
        self._is_wanted.set()
        return sent

    # --- out

    async def _run(self, sender: Sender) -> None:
        while sender is self._sender:  # a cancelled wait may be over just then, and so not be cancelled
            try:
                await self._send_next()
            except Exception as error:  # noqa: BLE001  a bug must not leave a hook that is silent, with no word of it
                _log.error("hook_bug", hook=self.outbox.hook.id, exc_info=error)
                await asyncio.sleep(_AFTER_BUG_S)

    async def _send_next(self) -> None:
        """Or wait until there is something."""
        delivery = self.outbox.take(self._clock.now())
        self._written()
        if delivery is None:
            await self._wait()
            return
        sent = await self._sent(delivery)
        ended = self.outbox.ended(delivery.delivery_id, sent, self._clock.now())
        self._written()
        if not sent.is_done:
            self._tell(delivery if ended is None else ended, sent)

    async def _wait(self) -> None:
        """Until something may be due."""
        at = self.outbox.wake_at()
        wait_s = None if at is None else max(0.0, at - self._clock.now())
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._is_wanted.wait(), wait_s)
        self._is_wanted.clear()

    async def _sent(self, delivery: Delivery) -> Sent:
        timeout_s = self.outbox.hook.timeout_s
        try:
            return await asyncio.wait_for(self._sender.send(delivery, self._clock.now()), timeout_s)
        except asyncio.TimeoutError:
            return Sent(is_done=False, detail=f"no answer within {timeout_s:g} s")
        except Exception as error:  # noqa: BLE001  a hook that cannot be called must not cost the others
            _log.error("hook_bug", hook=delivery.hook, exc_info=error)
            return Sent(is_done=False, detail=f"a bug: {error!r}")

    def _tell(self, delivery: Delivery, sent: Sent) -> None:
        about = {"hook": delivery.hook, "delivery": delivery.delivery_id, "type": delivery.event.type}
        if sent.is_gone:
            _log.error("hook_disabled", problem=sent.detail, **about)
        elif delivery.state == "dead":
            _log.error("hook_given_up", attempts=delivery.attempts, problem=sent.detail, **about)
        else:
            _log.warning("hook_failed", attempts=delivery.attempts, problem=sent.detail, **about)
