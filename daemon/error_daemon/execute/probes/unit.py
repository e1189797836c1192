"""unit: a unit of systemd is in one of the states that are wanted.

`active_state`, `sub_state` and `result` are lists of the words that systemd has for them; an empty one takes any. A unit that does not
exist is not in any. Where systemd can't be asked, nothing is known.
"""

from __future__ import annotations

from error_daemon.execute.params import required
from error_daemon.execute.probes.contract import Look, Sight, not_ok, ok
from error_daemon.units.bus import system_bus
from error_daemon.units.state import state_of


class UnitProbe:
    async def look(self, look: Look) -> Sight:
        unit = str(look.params.get("unit") or required(look.target, "unit"))
        state = await state_of(await system_bus(), unit)
        detail = f"{unit} is {state.describe()}"
        seen = {"active_state": state.active, "sub_state": state.sub, "result": state.result}
        for name, value in seen.items():
            wanted = look.params.get(name) or []
            if wanted and value not in wanted:
                return not_ok(f"{detail}: {name} is {value or 'not known'}, wanted {' or '.join(wanted)}")
        return ok(detail) if state.load in ("loaded", "masked") else not_ok(detail)
