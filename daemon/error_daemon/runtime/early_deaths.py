"""Notices of dying processes: opened first of all, while the daemon has the rights for it, which it then has no more.

First of all, because capabilities belong to threads: one that was started before would keep them, and a process would inherit them.
"""

from __future__ import annotations

from dataclasses import dataclass

from error_daemon.ingest.dying.notices import CAPABILITIES, DyingNotices
from error_daemon.runtime.capabilities import give_up
from error_daemon.runtime.problems import sensor_news, sensor_problem


@dataclass(frozen=True, slots=True)
class EarlyDeaths:
    """`problem`: what an operator should know, or empty."""

    notices: DyingNotices
    problem: str = ""

    def tell(self) -> None:
        """In the log, which is there only after this was made."""
        if self.problem:
            sensor_problem(self.problem)
        sensor_news(f"deaths of the processes of targets are told {self.notices.says()}")


def early_deaths(is_wanted: bool) -> EarlyDeaths:
    """Call it before any thread or process is started."""
    notices = DyingNotices()
    if is_wanted:
        notices.open()
    try:
        give_up(CAPABILITIES.values())
    except OSError as error:
        names = " and ".join(CAPABILITIES)
        return EarlyDeaths(
            notices, f"{names} can't be given up, and go on being the daemon's: {error.strerror} (capset)"
        )
    return EarlyDeaths(notices)
