"""
Every way in for messages of others that are not faults yet, joined to the places where they are served.

    what comes                         where                              part
    ---------------------------------  ---------------------------------  ------------------------
"""

from __future__ import annotations

from collections.abc import Sequence

from error_daemon.exchange import Route
from error_daemon.ingest.acceptance import Acceptance
from error_daemon.ports import Service


class Receivers:
    """Made once. `routes` are served over HTTP, `services` over gRPC."""

    def __init__(self, acceptance: Acceptance) -> None:
        self._acceptance = acceptance

    def routes(self) -> Sequence[Route]:
        return ()

    def services(self) -> Sequence[Service]:
        return ()
