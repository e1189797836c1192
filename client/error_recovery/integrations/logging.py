"""Plain `logging`, without `install` or for loggers that do not propagate:

    logging.getLogger("shop").addHandler(FaultHandler())

See log_handler.py. `quiet("noisy.library")` leaves out what a logger says, and those below it.
"""

from __future__ import annotations

from error_recovery.log_handler import FaultHandler, quiet

__all__ = ["FaultHandler", "quiet"]
