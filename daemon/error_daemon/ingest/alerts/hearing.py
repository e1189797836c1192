"""The probe of kind `alert`, answered from what was heard (ports.Hearing)."""

from __future__ import annotations

from collections.abc import Mapping

from error_daemon.ingest.alerts.heard import Heard, wanted_of
from error_daemon.model import Json, ReadingValue, Since, Target
from error_daemon.ports import Clock


class AlertHearing:
    def __init__(self, heard: Heard, clock: Clock) -> None:
        self._heard = heard
        self._clock = clock

    def read(self, params: Mapping[str, Json], target: Target, since: Since) -> tuple[ReadingValue, str]:
        """See ports.Hearing."""
        return self._heard.read(wanted_of(params, target.id), since, self._clock.now())
