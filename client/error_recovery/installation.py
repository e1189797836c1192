"""`install`: one call, and what nobody in the application handles becomes a fault.

    import error_recovery
    error_recovery.install(component="shop", environment="production")

It configures the shared reporter, stands at the places of hooks.py, puts a handler on the root logger (log_handler.py), and offers
the application's recovery handlers (recoveries.py). Called again it changes what is different now, and nothing is looked at
twice. `uninstall` leaves everything as it was.

Children: a forked one has inherited all of it, but for the offer of handlers, which is its parent's. One that `multiprocessing`
spawns is given the settings, pickled, and installs itself with them before it begins; where they can't be pickled (a hook that
is a lambda) it is not installed: reporting without the hook could tell what the hook withholds.
"""

from __future__ import annotations

import contextlib
import logging
import os
import pickle
import sys
import threading
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias, TypedDict

from error_recovery.attachment import Attachment
from error_recovery.disclosure import Disclosure, Hook
from error_recovery.handler_runs import Handler
from error_recovery.hooks import WAYS as HOOKED
from error_recovery.hooks import Hooks
from error_recovery.log_handler import FaultHandler
from error_recovery.recoveries import Recoveries, Recovery, Registered, recoveries
from error_recovery.shared import ReporterSettings, configure, shared_reporter

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from error_recovery.reporter import Reporter

WAYS = (*HOOKED, "logging")
Handlers: TypeAlias = (
    "Mapping[Any, Handler | Recovery]"  # keys: types of exceptions and names; Mapping is invariant in them
)

_log = logging.getLogger("error_recovery")


class _Settings(TypedDict):
    """Of one installation."""

    address: str | None
    component: str
    environment: str
    application: str
    ways: Collection[str]
    reporter: ReporterSettings


class Installation:
    """What is installed in this process. Safe for any thread."""

    def __init__(self, offered: Recoveries) -> None:
        self._lock = threading.RLock()
        self._recoveries = offered
        self._settings: _Settings | None = None
        self._hooks = Hooks(self._for_child)
        self._log_handler = FaultHandler()
        self._attachment: Attachment | None = None
        self._pid = os.getpid()

    @property
    def reports_logging(self) -> bool:
        """Whether the root logger has our handler."""
        return self._log_handler in logging.getLogger().handlers

    def install(self, settings: _Settings) -> None:
        with self._lock:
            before = self._settings
            if before is None or _of_reporter(before) != _of_reporter(settings):
                configure(settings["address"], settings["component"], settings["environment"], **settings["reporter"])
            self._settings = settings  # only now: where that raised, nothing has changed
            if before is not None and _of_offer(before) != _of_offer(settings):
                self._withdraw()
            self._hooks.put(settings["ways"])
            self.put_log_handler()
            self._recoveries.on_change = self._offer
            self._offer()

    def uninstall(self) -> None:
        with self._lock:
            self._settings = None
            self._hooks.take_back()
            logging.getLogger().removeHandler(self._log_handler)
            self._recoveries.on_change = lambda: None
            self._withdraw()

    def wait_offered(self, timeout_s: float) -> bool:
        attachment = self._attachment
        return attachment is not None and attachment.wait_attached(timeout_s)

    def put_log_handler(self) -> None:
        """On the root logger, where `logging` is one of the ways; also after others have cleared it."""
        root = logging.getLogger()
        if self._settings is not None and "logging" in self._settings["ways"]:
            if self._log_handler not in root.handlers:
                root.addHandler(self._log_handler)
        else:
            root.removeHandler(self._log_handler)

    def _offer(self) -> None:
        """Offers what is registered, as it is now."""
        if not self._is_of_this_process():
            return
        with self._lock:
            settings, handlers = self._settings, self._recoveries.handlers
            if settings is None or not handlers:
                self._withdraw()
                return
            if self._attachment is not None:
                self._attachment.offer(handlers)
                return
            try:
                security = settings["reporter"].get("security")
                self._attachment = Attachment(handlers, settings["application"], settings["address"], security)
            except RuntimeError as problem:
                _log.warning("recovery handlers are not offered: %s", problem)

    def _withdraw(self) -> None:
        attachment, self._attachment = self._attachment, None
        if attachment is not None:
            attachment.close()

    def _is_of_this_process(self) -> bool:
        """False in the child of a fork: the handlers are its parent's."""
        return os.getpid() == self._pid

    def _for_child(self) -> object | None:
        settings = self._settings
        if settings is None:
            return None
        try:
            return InstallInChild(pickle.dumps(settings))
        except Exception as problem:  # noqa: BLE001  the application's own objects may raise anything
            _log.info("children that are spawned do not report: %s", problem)
            return None


class InstallInChild:
    """Pickled with a process that is spawned; unpickled there, it installs. Never raises: the child has work to do."""

    def __init__(self, settings: bytes) -> None:
        self._settings = settings

    def __reduce__(self) -> tuple[Any, tuple[bytes]]:
        return _install_in_child, (self._settings,)


def _install_in_child(pickled: bytes) -> None:
    if installation._settings is None:  # else the child's own main module has installed it
        with contextlib.suppress(Exception):
            installation._recoveries.clear()  # they are offered by the parent
            installation.install(pickle.loads(pickled))


def _of_reporter(settings: _Settings) -> object:
    return settings["address"], settings["component"], settings["environment"], settings["reporter"]


def _of_offer(settings: _Settings) -> object:
    return settings["address"], settings["application"], settings["reporter"].get("security")


installation = Installation(recoveries)


def install(
    component: str = "",
    environment: str = "",
    handlers: Handlers | None = None,
    *,
    address: str | None = None,
    application: str = "",
    ways: Collection[str] = WAYS,
    scrub: Hook | None = None,
    **reporter: Unpack[ReporterSettings],
) -> Reporter:
    """Reports what nobody handles, from now on; the shared reporter.

    component, environment   what faults carry that do not say it themselves; default component: the program's name
    handlers       recovery handlers by type of exception or by name, as if registered by `recovers`; a `Recovery` says more of one
    address        of the daemon; default ERROR_RECOVERY_ADDRESS, else 127.0.0.1:50051
    application    the name under which the handlers are offered; default: the component
    ways           what is looked at: "main", "threads", "unraisable", "asyncio", "processes", "logging"; default: all of them
    scrub          the application's own hook: gets each fault, returns it changed or not, or None to withhold it
    reporter       security, spool_dir, spool_bytes, queue_faults, disclosure: see `Reporter` and `Disclosure`

    Never blocks for want of a daemon. Raises ValueError or TypeError for what is wrong in the call itself.
    """
    unknown = sorted(set(ways) - set(WAYS))
    if unknown:
        raise ValueError(f"{unknown[0]!r} is not a way that is looked at: use some of {', '.join(WAYS)}")
    name = component or _program()
    if scrub is not None:
        reporter["disclosure"] = replace(reporter.get("disclosure") or Disclosure(), hook=scrub)
    recoveries.give([_given(key, handler) for key, handler in (handlers or {}).items()])
    installation.install(
        {
            "address": address,
            "component": name,
            "environment": environment,
            "application": application or name,
            "ways": tuple(ways),
            "reporter": reporter,
        }
    )
    return shared_reporter()


def uninstall() -> None:
    """Everything is as it was before `install`, but for the shared reporter, which explicit reports go on to use. What others have
    put on top of our hooks since stays, and calls what was there before us."""
    installation.uninstall()
    recoveries.give([])


def wait_offered(timeout_s: float) -> bool:
    """Waits until the daemon has taken the handlers that are on offer; False if it has not within `timeout_s`, or there are none. For
    an application that would rather not begin without: a fault that comes before is refused by their strategies."""
    return installation.wait_offered(timeout_s)


def _given(key: Any, handler: Handler | Recovery) -> Registered:
    recovery = handler if isinstance(handler, Recovery) else Recovery(handler)
    return (replace(recovery, name=key), ()) if isinstance(key, str) else (recovery, (key,))


def _program() -> str:
    """What this program is called."""
    path = sys.argv[0] if sys.argv else ""
    name = os.path.basename(path)
    if name == "__main__.py":  # python -m package
        name = os.path.basename(os.path.dirname(path))
    return name.removesuffix(".py") if name not in ("", "-c", "-m") else "python"
