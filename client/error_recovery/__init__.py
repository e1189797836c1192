"""Report faults to the recovery daemon, and offer it recovery handlers of your own.

    import error_recovery

    error_recovery.install(component="shop-web", environment="production")   # what nobody handles is reported from now on

    @error_recovery.recovers(ConnectionError, strategy="reconnect")          # what the daemon may ask this application to do
    def reconnect_database(request):
        return pool.reconnect()

    with error_recovery.guard(target="shop-db", operation="checkout"):       # what escapes is reported, and goes on
        charge(order)
    try:
        charge(order)
    except PaymentError:
        error_recovery.capture(operation="checkout", severity="high", attributes={"order": order.id})
    error_recovery.report("queue is stuck", type="worker", target="shop-worker")

Nothing here blocks, or raises for want of a daemon: faults wait on disk until it is back. All of it may be called from any
thread, from asyncio code, from signal handlers and in forked workers. Secrets are scrubbed (disclosure.py). All is done by one
`Reporter`, made at the first use; make others for other daemons. Frameworks: error_recovery.integrations.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from error_recovery.attachment import Attachment, attach
from error_recovery.disclosure import Disclosure
from error_recovery.fault import FaultFields
from error_recovery.guard import guard
from error_recovery.handler_runs import HandlerAnswer, Request
from error_recovery.installation import Handlers, install, uninstall, wait_offered
from error_recovery.recoveries import Recovery, recovers
from error_recovery.reporter import Reporter, Stats
from error_recovery.security import Security
from error_recovery.shared import configure, shared_reporter
from error_recovery.sight import captured
from error_recovery.trying import fallback, retry

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = [
    "Attachment",
    "Disclosure",
    "FaultFields",
    "HandlerAnswer",
    "Handlers",
    "Recovery",
    "Reporter",
    "Request",
    "Security",
    "Stats",
    "attach",
    "capture",
    "configure",
    "fallback",
    "flush",
    "guard",
    "install",
    "recovers",
    "report",
    "retry",
    "uninstall",
    "wait_offered",
]


def report(message: str, **fields: Unpack[FaultFields]) -> str:
    """Reports a fault told in a sentence; its fault_id. See `Reporter.report`."""
    return shared_reporter().report(message, **fields)


def capture(exc: BaseException | None = None, message: str = "", **fields: Unpack[FaultFields]) -> str:
    """Reports an exception, by default the one being handled; its fault_id. See `Reporter.capture`."""
    return captured(exc if exc is not None else sys.exc_info()[1], message, fields)


def flush(timeout_s: float = 2.0) -> bool:
    """Waits until everything reported before was delivered; False if that took too long: then it is on disk. See
    `Reporter.flush`."""
    return shared_reporter().flush(timeout_s)
