"""What people do to the daemon: each act has a row in the table `audit` and a line of the log at USER_ACTION.

It is told when the act is done, and so it never undoes one: where the record has no room for the row, or does not take it, that is
logged, and the line is all there is of it.
"""

from __future__ import annotations

from collections.abc import Mapping

from error_daemon.errors import ErrorRecoveryError
from error_daemon.logs.levels import logger
from error_daemon.model import Json
from error_daemon.ports import Clock, Store

_log = logger()
_UNNAMED = "grpc"


class Audit:
    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def acted(
        self,
        action: str,
        subject: str,
        detail: Mapping[str, Json],
        by: str,
        *,
        why: str = "",
        before: Json = None,
        after: Json = None,
    ) -> None:
        """`subject`: what it was done to. `by`: who, as they say. `why`: in their words. `before`, `after`: how that was, and is. Does
        not raise."""
        at, actor = self._clock.now(), by or _UNNAMED
        row = {"id": f"{action}-{subject}-{at:.6f}", "at": at, "actor": actor, "action": action, "subject": subject}
        told: dict[str, Json] = {"detail": dict(detail), "why": why, "before": before, "after": after}
        try:
            self._store.append("audit", {**row, **told})
        except ErrorRecoveryError as error:
            _log.error("audit_not_kept", action=action, by=actor, subject=subject, error=str(error))
        _log.user_action(action, by=actor, subject=subject, **detail)
