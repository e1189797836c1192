"""A function or class of the operator's own, in this process: an entry point of the group `error_recovery.hooks`, named in the definitions.

Nothing is loaded that no definition names. What is loaded is called with the event, a dict (docs/hooks.md), in a thread of its own; a
class is made once, with the hook's `options` as keyword arguments, and its instance is called. A coroutine function has a loop of its own
there.

It can fail, and it can hang: a thread cannot be ended. Then it is left behind, a new one takes its place, and after three in a row that
failed or hung nothing is called any more until a person says so (a reload, `error-cli hooks test` that goes well, `redeliver`). What it
cannot be kept from is taking the CPU: all threads of a Python process share one lock.
"""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Callable, Mapping
from importlib.metadata import entry_points
from typing import Any

from error_daemon.hooks.sending import Sent
from error_daemon.hooks.wording import one_line
from error_daemon.model.hook import Delivery, Hook

GROUP = "error_recovery.hooks"
MOST_FAILURES = 3
_LONGEST_DETAIL = 300
_MARGIN = 0.9  # of the time limit, so that it is this that says who hung


class PluginSender:
    def __init__(self, hook: Hook) -> None:
        self._hook = hook
        self._call: Callable[[Mapping[str, Any]], object] | None = None
        self._failures = 0  # in a row

    async def close(self) -> None:
        """A thread that hangs is left behind."""

    async def send(self, delivery: Delivery, _at: float) -> Sent:
        loop = asyncio.get_running_loop()
        done: asyncio.Future[str] = loop.create_future()
        threading.Thread(
            target=self._run, args=(delivery, loop, done), name=f"hook-{self._hook.id}", daemon=True
        ).start()
        try:
            problem = await asyncio.wait_for(done, self._hook.timeout_s * _MARGIN)
        except asyncio.TimeoutError:
            problem = f"it hangs: no end after {self._hook.timeout_s * _MARGIN:g} s; its thread is left behind"
        if not problem:
            self._failures = 0
            return Sent(is_done=True, detail="called")
        self._failures += 1
        if self._failures >= MOST_FAILURES:
            self._failures = 0
            return Sent(False, f"{problem} (the {MOST_FAILURES}rd in a row: it is not called any more)", is_gone=True)
        return Sent(is_done=False, detail=problem)

    def _run(self, delivery: Delivery, loop: asyncio.AbstractEventLoop, done: asyncio.Future[str]) -> None:
        """In a thread."""
        problem = ""
        try:
            if self._call is None:
                self._call = _loaded(self._hook)
            result = self._call({"id": delivery.delivery_id, **delivery.event.body})
            if inspect.iscoroutine(result):
                asyncio.run(result)
        except BaseException as error:  # noqa: BLE001  whatever it is, it must not reach the daemon
            problem = one_line(f"{type(error).__name__}: {error}".rstrip(": "), _LONGEST_DETAIL)
        try:
            loop.call_soon_threadsafe(_settle, done, problem)
        except RuntimeError:  # the daemon has ended meanwhile
            return


def _settle(done: asyncio.Future[str], problem: str) -> None:
    if not done.done():
        done.set_result(problem)


def _loaded(hook: Hook) -> Callable[[Mapping[str, Any]], object]:
    name = hook.params["plugin"]
    found = list(entry_points(group=GROUP, name=name))
    if not found:
        known = ", ".join(sorted(each.name for each in entry_points(group=GROUP))) or "none"
        raise LookupError(
            f"no plug-in is called {name!r} in the group {GROUP} of what is installed; there are: {known}"
        )
    loaded = found[0].load()
    if inspect.isclass(loaded):
        loaded = loaded(**hook.params.get("options", {}))
    if not callable(loaded):
        raise TypeError(f"the plug-in {name!r} cannot be called")
    return loaded  # type: ignore[no-any-return]
