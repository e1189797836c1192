"""The reporter that the functions of `error_recovery` share: made at the first use, or by `configure`."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, TypedDict

from error_recovery.reporter import Reporter

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from error_recovery.disclosure import Disclosure
    from error_recovery.security import Security


class ReporterSettings(TypedDict, total=False):
    """What a `Reporter` may be told besides its address, component and environment."""

    security: Security | None
    spool_dir: str | os.PathLike[str] | None
    spool_bytes: int
    queue_faults: int
    disclosure: Disclosure | None


class _Shared:
    def __init__(self) -> None:
        self.making = threading.RLock()  # reentrant: a signal handler may report while the reporter is being made
        self.reporter: Reporter | None = None


_shared = _Shared()


def configure(
    address: str | None = None, component: str = "", environment: str = "", **settings: Unpack[ReporterSettings]
) -> Reporter:
    """Makes the shared reporter anew, with these settings (see `Reporter`), and closes the one before, without waiting for that: what
    is still given to it goes to the new one."""
    made = Reporter(address, component, environment, **settings)
    with _shared.making:
        before, _shared.reporter = _shared.reporter, made
    if before is not None:
        before.give_way(made)
    return made


def shared_reporter() -> Reporter:
    """The one that is configured, else one with what the environment says."""
    if _shared.reporter is not None:
        return _shared.reporter
    with _shared.making:
        return _shared.reporter or configure()
