"""alert: what the daemon was told by others (runtime/told_probes.py). A worker, which only looks at the members of a group restart with
it, can't know."""

from __future__ import annotations

from error_daemon.execute.probes.contract import Look, Sight, unknown


class ToldProbe:
    async def look(self, look: Look) -> Sight:
        return unknown("what the daemon is told of a target is not waited for here")
