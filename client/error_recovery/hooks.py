"""The places where Python says that nobody has handled an exception.

    way          place                                   what passes there
    ----------   -------------------------------------   ---------------------------------------------------------------
    main         sys.excepthook                          what ends the program; severity high
    threads      threading.excepthook                    what ends a thread
    unraisable   sys.unraisablehook                      what a finalizer or callback raised; severity low
    asyncio      BaseEventLoop.call_exception_handler    exceptions of tasks that nobody awaited, and of callbacks: of all loops,
                 (and that of uvloop's, where it is      also those made later and those with an exception handler of their own
                 imported already)
    processes    BaseProcess._bootstrap                  what ends a child of `multiprocessing`, before it prints it
                 BaseProcess.start                       a child that is spawned, not forked, is told to install itself too

Each calls what was there before, whatever becomes of the report: what asks objects of the application runs inside the
protection of sight.py. Loops of other makers log what they are not told to handle: the
log handler (log_handler.py) sees that.
"""

from __future__ import annotations

import asyncio
import multiprocessing.process
import sys
import threading
from collections.abc import Callable, Collection
from types import TracebackType
from typing import Any

from error_recovery.fault import FaultFields
from error_recovery.patch import Function, Patch, Switch
from error_recovery.sight import protected, sight
from error_recovery.text import printed

WAYS = ("main", "threads", "unraisable", "asyncio", "processes")


class Hooks:
    """All of these places. `child`: what a spawned child is given to install itself; None for nothing."""

    def __init__(self, child: Callable[[], object | None]) -> None:
        process = multiprocessing.process.BaseProcess
        self._patches = {
            "main": [Patch(sys, "excepthook", _excepthook)],
            "threads": [Patch(threading, "excepthook", _thread_hook)],
            "unraisable": [Patch(sys, "unraisablehook", _unraisable_hook)],
            "asyncio": [Patch(asyncio.BaseEventLoop, "call_exception_handler", _loop_handler)],
            "processes": [Patch(process, "_bootstrap", _bootstrap), Patch(process, "start", _start(child))],
        }

    def put(self, ways: Collection[str]) -> None:
        """Stands at these places, and at no others. At those where it stands already nothing changes."""
        if "asyncio" in ways and len(self._patches["asyncio"]) == 1 and "uvloop" in sys.modules:
            self._patches["asyncio"].append(Patch(sys.modules["uvloop"].Loop, "call_exception_handler", _loop_handler))
        for way, patches in self._patches.items():
            for patch in patches:
                if way in ways:
                    patch.put()
                else:
                    patch.take_back()

    def take_back(self) -> None:
        """All places are as they were, but for what others have put there since."""
        self.put(())


def _excepthook(before: Function, switch: Switch) -> Function:
    def excepthook(kind: type[BaseException], exc: BaseException, trace: TracebackType | None) -> None:
        if switch.is_on:
            sight(exc, "main", severity="high")
        before(kind, exc, trace)

    return excepthook


def _thread_hook(before: Function, switch: Switch) -> Function:
    def excepthook(args: threading.ExceptHookArgs, /) -> None:
        if switch.is_on:
            with protected():
                sight(args.exc_value, "threads", told=lambda: _of_thread(args.thread))
        before(args)

    return excepthook


def _unraisable_hook(before: Function, switch: Switch) -> Function:
    def unraisablehook(args: Any, /) -> None:
        if switch.is_on:
            with protected():
                message = printed(args.err_msg or "")
                sight(args.exc_value, "unraisable", message, lambda: _of_object(args.object), severity="low")
        before(args)

    return unraisablehook


def _loop_handler(before: Function, switch: Switch) -> Function:
    def call_exception_handler(loop: Any, context: dict[str, Any]) -> None:
        if switch.is_on:
            with protected():
                message = printed(context.get("message", ""))
                sight(context.get("exception"), "asyncio", message, lambda: _of_task(context))
        before(loop, context)

    return call_exception_handler


def _of_thread(thread: threading.Thread | None) -> FaultFields:
    return {"attributes": {"thread": thread.name if thread is not None else ""}}


def _of_object(watched: object) -> FaultFields:
    return {"attributes": {"unraisable.in": getattr(watched, "__qualname__", type(watched).__qualname__)}}


def _of_task(context: dict[str, Any]) -> FaultFields:
    task = context.get("task") or context.get("future")
    return {"attributes": {"task": task.get_name() if isinstance(task, asyncio.Task) else ""}}


def _bootstrap(before: Function, switch: Switch) -> Function:
    def bootstrap(process: Any, *args: Any, **more: Any) -> Any:
        if switch.is_on:
            with protected():
                process.run = _watched(process.run, process)
        return before(process, *args, **more)

    return bootstrap


def _watched(run: Function, process: Any) -> Function:
    def watched() -> None:
        try:
            run()
        except BaseException as exc:
            sight(exc, "processes", told=lambda: {"attributes": {"process": process.name}}, severity="high")
            raise

    return watched


def _start(child: Callable[[], object | None]) -> Callable[[Function, Switch], Function]:
    def build(before: Function, switch: Switch) -> Function:
        def start(process: Any) -> None:
            if switch.is_on:
                with protected():
                    process._error_recovery = child()  # is pickled with the process, where it is spawned
            before(process)

        return start

    return build
