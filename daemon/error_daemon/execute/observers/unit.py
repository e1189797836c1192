"""unit: the state of a systemd unit, as `systemctl show` has it, asked over D-Bus (units/state.py)."""

from __future__ import annotations

import asyncio

from error_daemon.execute.observers.contract import Look, Seen
from error_daemon.execute.params import required
from error_daemon.units.bus import system_bus
from error_daemon.units.state import history_of, state_of


class UnitObserver:
    async def observe(self, look: Look) -> Seen:
        unit = str(look.params.get("unit") or required(look.target, "unit"))
        return await asyncio.wait_for(_seen(unit, bool(look.params.get("restarts"))), look.timeout_s)


async def _seen(unit: str, is_counted: bool) -> Seen:
    """`is_counted`: how often systemd has restarted it is compared, and not only shown."""
    bus = await system_bus()
    state = await state_of(bus, unit)
    history = await history_of(bus, state)
    facts = {
        "LoadState": state.load,
        "ActiveState": state.active,
        "SubState": state.sub,
        "Result": state.result,
        "UnitFileState": history.file_state,
    }
    others = {"MainPID": str(state.main_pid or ""), "ActiveEnterTimestamp": history.active_since}
    (facts if is_counted else others)["NRestarts"] = "" if history.restarts is None else str(history.restarts)
    return Seen(
        {name: value for name, value in facts.items() if value},
        {name: value for name, value in others.items() if value},
    )
