"""The limits of this process that a recovery may run into: open files and processes of its user.

A connection, a worker, a watched process are a file each; recoveries start programs. The unit asks for 65,535 of both. Whoever starts the
daemon otherwise gets what the session has, often 1,024 files: the daemon takes all that it may (soft up to hard), and says what it lacks.
"""

from __future__ import annotations

import resource
from dataclasses import dataclass

WANTED = 65_535
_LIMITS = {
    "open files": (resource.RLIMIT_NOFILE, "LimitNOFILE"),
    "processes": (resource.RLIMIT_NPROC, "LimitNPROC"),
}


@dataclass(frozen=True, slots=True)
class Limit:
    """`setting`: its name in a unit."""

    name: str
    setting: str
    allowed: int

    @property
    def is_infinite(self) -> bool:
        return self.allowed == resource.RLIM_INFINITY

    @property
    def is_enough(self) -> bool:
        return _is_enough(self.allowed)


def limits_now() -> list[Limit]:
    """What this process may have at this moment."""
    return [Limit(name, setting, resource.getrlimit(which)[0]) for name, (which, setting) in _LIMITS.items()]


def raise_limits() -> list[str]:
    """Raise what may be raised; a sentence for each limit that is still below WANTED, with its mend."""
    return [problem for name, limit in _LIMITS.items() if (problem := _raise(name, *limit))]


def _raise(name: str, which: int, setting: str) -> str:
    soft, hard = resource.getrlimit(which)
    if _is_enough(soft):
        return ""
    allowed = WANTED if _is_enough(hard) else hard
    try:
        resource.setrlimit(which, (allowed, hard))
    except (OSError, ValueError):
        allowed = soft
    if _is_enough(allowed):
        return ""
    mend = f"{setting}={WANTED} in the unit, or etc/limits.d, says more; a container may not be given more than its host gives it"
    return f"{name}: {allowed:,} of the {WANTED:,} that are meant ({mend})"


def _is_enough(limit: int) -> bool:
    return limit == resource.RLIM_INFINITY or limit >= WANTED
