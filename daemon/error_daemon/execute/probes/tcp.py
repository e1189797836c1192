"""tcp: somebody takes connections at host:port."""

from __future__ import annotations

from error_daemon.execute.params import required
from error_daemon.execute.probes.contract import Look, Sight, not_ok, ok, unknown
from error_daemon.execute.reach import Deadline, Unreached, connect


class TcpProbe:
    async def look(self, look: Look) -> Sight:
        host, port = str(required(look.params, "host")), int(required(look.params, "port"))
        connected = await connect(host, port, Deadline(look.timeout_s))
        if isinstance(connected, Unreached):
            return (not_ok if connected.is_seen else unknown)(connected.detail)
        connected.close()
        return ok(f"connected to {host}:{port}")
