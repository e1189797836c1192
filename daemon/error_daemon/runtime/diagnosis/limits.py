"""Open files and processes: what the daemon got, beside what it asks for (A3), and how much of it is used."""

from __future__ import annotations

import os
from collections.abc import Sequence

from error_daemon.model import Diagnostic
from error_daemon.runtime.diagnosis.area import Area
from error_daemon.runtime.limits import WANTED, Limit, limits_now

_AREA = Area("limits")
_ENOUGH = 4_096  # below it a storm of clients alone may run into it
_NEARLY_USED = 0.8


def limits() -> list[Diagnostic]:
    return judge_limits(limits_now(), len(os.listdir("/proc/self/fd")))


def judge_limits(found: Sequence[Limit], files_open: int) -> list[Diagnostic]:
    return [_limit(limit) for limit in found] + [
        _use(limit, files_open) for limit in found if limit.setting == "LimitNOFILE"
    ]


def _limit(limit: Limit) -> Diagnostic:
    figures = {"allowed": float(limit.allowed), "wanted": float(WANTED)}
    if limit.is_enough:
        allowed = "without a limit" if limit.is_infinite else f"{limit.allowed:,}"
        return _AREA.good(limit.name, f"{allowed}; {WANTED:,} are meant", **figures)
    says = f"{limit.allowed:,} of the {WANTED:,} that are meant"
    mend = f"sudo error-cli tune limits --apply, then restart; a container gets no more than its host gives it ({limit.setting})"
    return (_AREA.notice if limit.allowed >= _ENOUGH else _AREA.bad)(limit.name, says, mend, **figures)


def _use(limit: Limit, files_open: int) -> Diagnostic:
    ratio = 0.0 if limit.is_infinite else files_open / max(1, limit.allowed)
    says = f"{files_open:,} open, {100 * ratio:.0f} % of what is allowed"
    if ratio > _NEARLY_USED:
        mend = "see who holds them: ls -l /proc/$(systemctl show -P MainPID error-recovery)/fd; then restart"
        return _AREA.bad("files in use", says, mend, open_ratio=ratio)
    return _AREA.good("files in use", says, open_ratio=ratio)
