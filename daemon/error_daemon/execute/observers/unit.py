"""unit: the state of a systemd unit, as `systemctl show` has it."""

from __future__ import annotations

import asyncio

from error_daemon.errors import PermanentError
from error_daemon.execute.observers.contract import Look, Seen
from error_daemon.execute.params import required
from error_daemon.execute.program import build_environment

_COMPARED = ("LoadState", "ActiveState", "SubState", "Result", "UnitFileState")
_SHOWN = ("MainPID", "NRestarts", "ActiveEnterTimestamp")  # which a restart changes


class UnitObserver:
    async def observe(self, look: Look) -> Seen:
        unit = str(look.params.get("unit") or required(look.target, "unit"))
        command = ["systemctl", "show", "--no-pager", f"--property={','.join((*_COMPARED, *_SHOWN))}", "--", unit]
        program = look.programs.run(look.round_id, command, build_environment({}, {}))
        try:
            ended = await asyncio.wait_for(program, look.timeout_s)
        except asyncio.TimeoutError:
            raise PermanentError(f"systemctl did not answer within {look.timeout_s:g} s") from None
        if ended.code:
            raise PermanentError(f"systemctl show {unit}: {ended.describe()}")
        said = dict(line.split("=", 1) for line in ended.tail.splitlines() if "=" in line)
        if "ActiveState" not in said:
            raise PermanentError(f"systemctl show {unit} does not say its state: {ended.describe()}")
        shown = {name: said[name] for name in _SHOWN if name in said}
        if look.params.get("restarts") and "NRestarts" in shown:
            said["NRestarts"] = shown.pop("NRestarts")
        return Seen(
            {name: said[name] for name in (*_COMPARED, "NRestarts") if name in said and name not in shown}, shown
        )
