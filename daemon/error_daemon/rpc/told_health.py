"""grpc.health.v1 as somebody else judges it (runtime/health.py)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from grpc_health.v1 import health, health_pb2

SERVICE_NAME: str = health.SERVICE_NAME
_WORDS = {True: health_pb2.HealthCheckResponse.SERVING, False: health_pb2.HealthCheckResponse.NOT_SERVING}


class ToldHealth:
    """`servicer` is grpc's own. Whoever watches a service hears of each change."""

    def __init__(self) -> None:
        self.servicer: Any = health.aio.HealthServicer()  # type: ignore[attr-defined]

    async def begin(self, services: Sequence[str]) -> None:
        """They are served; the empty name stands for all."""
        await self.tell(dict.fromkeys(("", *services), True))

    async def tell(self, serving: Mapping[str, bool]) -> None:
        for name, is_serving in serving.items():
            await self.servicer.set(name, _WORDS[is_serving])

    async def leave(self) -> None:
        """Nothing is served any more, whatever is told later."""
        await self.servicer.enter_graceful_shutdown()
