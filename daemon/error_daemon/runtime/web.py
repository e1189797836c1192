"""
The HTTP side of a daemon's life. gRPC is what a daemon must serve to be of use; HTTP is for who does not speak it: where its address
cannot be had, recoveries go on without, the log and a diagnosis say so, and it is tried again until it can.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog

from error_daemon.errors import TransientError
from error_daemon.exchange import Route
from error_daemon.model import Diagnostic
from error_daemon.runtime.diagnosis.area import Area, some
from error_daemon.web.server import WebServer

_log = structlog.get_logger()
_AGAIN_S = 10.0
_AREA = Area("http")


class Web:
    """`listen`: where; empty: nowhere."""

    def __init__(self, server: WebServer, listen: str, again_s: float = _AGAIN_S) -> None:
        self._server = server
        self._listen = listen
        self._again_s = again_s
        self._trying: asyncio.Task[None] | None = None
        self._problem = ""
        self.address = ""
        """Where it is served; empty while it is not."""

    def add(self, routes: Sequence[Route]) -> None:
        """Before it is started."""
        self._server.add(routes)

    @property
    def requests(self) -> int:
        """That are being answered at this moment."""
        return self._server.room.requests

    async def start(self) -> None:
        """Returns after the first try."""
        if self._listen and not await self._try():
            self._trying = asyncio.ensure_future(self._try_again())

    async def _try(self) -> bool:
        try:
            self.address = await self._server.start(self._listen)
        except TransientError as error:
            if not self._problem:
                _log.error("http_not_served", problem=str(error), again_s=self._again_s)
            self._problem = str(error)
            return False
        self._problem = ""
        _log.info("serving_http", address=self.address)
        return True

    async def _try_again(self) -> None:
        while not self.address:
            await asyncio.sleep(self._again_s)
            await self._try()

    async def stop(self, grace_s: float) -> None:
        if self._trying is not None:
            self._trying.cancel()
            await asyncio.wait({self._trying})
        if self.address:
            await self._server.stop(grace_s)

    def diagnostics(self) -> Sequence[Diagnostic]:
        """See middle.Diagnosing."""
        if not self._listen:
            return [_AREA.unavailable("address", "HTTP is not served: http.listen is empty")]
        if not self.address:
            mend = "end what listens there, or write another address at http.listen; it is tried again by itself"
            return [_AREA.bad("address", self._problem or "it is not served yet", mend)]
        return [_AREA.good("address", f"{self.address}: {some(self.requests, 'request')} at the moment")]
