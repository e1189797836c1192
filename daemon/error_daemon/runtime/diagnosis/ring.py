"""The ring: how full it is, by priority. A full one refuses new faults of its priority; clients keep them and come back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from error_daemon.model import Diagnostic, Json
from error_daemon.runtime.diagnosis.area import Area, some

_AREA = Area("ring")
_HALF, _NEARLY_FULL = 0.5, 0.9


def ring(rings: Sequence[Mapping[str, Json]], torn: int) -> list[Diagnostic]:
    """`rings`: as GetStatus has them. `torn`: slots that were skipped at the start."""
    found = [_one(one["priority"], int(one["used"]), int(one["slots"])) for one in rings]
    if torn:
        says = f"{some(torn, 'slot')} were being written when the last daemon was killed: they were never acknowledged"
        found.append(
            _AREA.notice("torn slots", says, "nothing; clients have sent these faults again", torn=float(torn))
        )
    return found


def _one(priority: str, used: int, slots: int) -> Diagnostic:
    ratio = used / max(1, slots)
    says = f"{used:,} of {some(slots, 'slot')} used"
    mend = "error-cli brakes: what holds recoveries back keeps their slots"
    if ratio >= 1.0:
        return _AREA.bad(priority, f"{says}: new errors of this priority are refused", mend, used_ratio=ratio)
    if ratio > _NEARLY_FULL:
        return _AREA.bad(priority, says, mend, used_ratio=ratio)
    if ratio > _HALF:
        return _AREA.notice(
            priority, says, f"{mend}; {priority}_slots in recovery.conf says how many there are", used_ratio=ratio
        )
    return _AREA.good(priority, says, used_ratio=ratio)
