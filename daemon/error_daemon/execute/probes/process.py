"""process: the very process that the pid file names (pid and start ticks) is alive, and not a zombie."""

from __future__ import annotations

from error_daemon.errors import PermanentError
from error_daemon.execute.params import required
from error_daemon.execute.probes.contract import Look, Sight, not_ok, ok
from error_daemon.processes.identity import read_pid_file


class ProcessProbe:
    async def look(self, look: Look) -> Sight:
        pid_file = str(look.params.get("pid_file") or required(look.target, "pid_file"))
        try:
            identity = read_pid_file(pid_file)
        except OSError as error:
            raise PermanentError(f"{pid_file}: {error.strerror}") from error
        if identity is None:
            return not_ok(f"there is no pid file {pid_file}")
        if not identity.lives():
            return not_ok(f"pid {identity.pid} is not alive")
        return ok(f"pid {identity.pid} is alive")
