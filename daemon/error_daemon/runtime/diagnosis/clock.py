"""Whether the host's clock is synchronised, as systemd-timedated says it, whoever keeps the time.

The daemon's own sensor reads that from the kernel, by a call that the unit's sandbox does not allow (it is the one that sets the clock,
too); timedated makes the same call for anybody who asks on the bus. It is asked for a diagnosis only: it is started by being asked.
"""

from __future__ import annotations

import asyncio
from importlib import import_module

from error_daemon.errors import PermanentError
from error_daemon.model import Diagnostic
from error_daemon.runtime.diagnosis.area import Area

_AREA = Area("clock")
_TIMEDATED = "org.freedesktop.timedate1"
_PATIENCE_S = 5.0


async def clock() -> list[Diagnostic]:
    try:
        return [judge_clock(await asyncio.wait_for(_is_synchronised(), _PATIENCE_S))]
    except asyncio.TimeoutError:
        return [judge_clock(f"{_TIMEDATED} does not answer within {_PATIENCE_S:g} s")]
    except PermanentError as error:
        return [judge_clock(str(error))]


def judge_clock(told: bool | str) -> Diagnostic:
    """`told`: whether it is synchronised, or why that can't be known."""
    if isinstance(told, str):
        return _AREA.unavailable("synchronised", told, "timedatectl, or chronyc tracking, says it")
    if told:
        return _AREA.good("synchronised", "systemd says that the clock is synchronised")
    mend = "run chrony, systemd-timesyncd or ptp4l: times in records and certificates go by this clock"
    return _AREA.notice("synchronised", "systemd says that the clock is not synchronised", mend)


async def _is_synchronised() -> bool:
    """Raises PermanentError."""
    units_bus = await asyncio.to_thread(
        import_module, "error_daemon.units.bus"
    )  # takes a while, which the loop has not
    bus = await units_bus.connect()
    try:
        asked = "/org/freedesktop/timedate1", "org.freedesktop.DBus.Properties", "Get", "ss"
        [answer] = await bus.call(*asked, _TIMEDATED, "NTPSynchronized", service=_TIMEDATED)
    finally:
        bus.close()
    return bool(answer.value)
