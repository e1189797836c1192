"""Report faults to the recovery daemon, and offer it recovery handlers of your own.

    import error_recovery

    error_recovery.configure(component="shop-web", environment="production")
    try:
        charge(order)
    except PaymentError:
        error_recovery.capture(operation="checkout", severity="high", attributes={"order": order.id})
    error_recovery.report("queue is stuck", type="worker", target="shop-worker")

    error_recovery.attach({"reconnect-database": lambda request: pool.reconnect()}, application="shop")

`report` and `capture` never block and never raise for want of a daemon: faults wait on disk until it is back. They may be
called from any thread, from asyncio code, from signal handlers and in forked workers. All of this is done by one `Reporter`,
made at the first use; make others for other daemons.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

from error_recovery.attachment import Attachment, attach
from error_recovery.fault import FaultFields
from error_recovery.handler_runs import HandlerAnswer, Request
from error_recovery.reporter import Reporter, Stats
from error_recovery.security import Security

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = [
    "Attachment",
    "FaultFields",
    "HandlerAnswer",
    "Reporter",
    "Request",
    "Security",
    "Stats",
    "attach",
    "capture",
    "configure",
    "flush",
    "report",
]

_making = threading.RLock()  # reentrant: a signal handler may report while the reporter is being made
_reporter: Reporter | None = None


def configure(
    address: str | None = None,
    component: str = "",
    environment: str = "",
    *,
    security: Security | None = None,
    spool_dir: str | os.PathLike[str] | None = None,
    spool_bytes: int = 16 << 20,
    queue_faults: int = 10_000,
) -> Reporter:
    """Makes the reporter of this module anew, with these settings (see `Reporter`), and closes the one before."""
    global _reporter
    made = Reporter(
        address,
        component,
        environment,
        security=security,
        spool_dir=spool_dir,
        spool_bytes=spool_bytes,
        queue_faults=queue_faults,
    )
    with _making:
        before, _reporter = _reporter, made
    if before is not None:
        before.close()
    return made


def report(message: str, **fields: Unpack[FaultFields]) -> str:
    """Reports a fault told in a sentence; its fault_id. See `Reporter.report`."""
    return _default().report(message, **fields)


def capture(exc: BaseException | None = None, message: str = "", **fields: Unpack[FaultFields]) -> str:
    """Reports an exception, by default the one being handled; its fault_id. See `Reporter.capture`."""
    return _default().capture(exc, message, **fields)


def flush(timeout_s: float = 2.0) -> bool:
    """Waits until everything reported before was delivered; False if that took too long. See `Reporter.flush`."""
    return _default().flush(timeout_s)


def _default() -> Reporter:
    if _reporter is not None:
        return _reporter
    with _making:
        return _reporter or configure()
