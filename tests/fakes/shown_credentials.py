"""What a server shows to who connects over TLS, in the hands of a test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from error_daemon.calls import ServerCredentials
from tests.fakes.authority import Issued


class Shown:
    """calls.Credentials that a test exchanges."""

    def __init__(self, issued: Issued, client_ca: Path | None = None) -> None:
        self._subscribers: list[Callable[[], None]] = []
        self.show(issued, client_ca)

    def subscribe(self, changed: Callable[[], None]) -> None:
        self._subscribers.append(changed)

    def show(self, issued: Issued, client_ca: Path | None = None) -> None:
        ca = client_ca.read_bytes() if client_ca else None
        self._current = ServerCredentials(issued.certificate.read_bytes(), issued.key.read_bytes(), ca)
        for changed in self._subscribers:
            changed()

    def current(self) -> ServerCredentials:
        return self._current
