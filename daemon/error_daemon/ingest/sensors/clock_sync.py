"""Whether the host's clock is disciplined (NTP, chrony, PTP), how far it is off, and whether somebody has set it.

`adjtimex` says what the kernel knows, whoever keeps the time: synchronised or not, the offset that is being worked off, the largest error
that it can have. A host that was never synchronised is shown in the diagnostics; one that was, and is not any more, is a fault, as is an
offset above the threshold. A clock that is set is seen without any right: wall time and monotonic time drift apart by the step.

In the unit's sandbox `adjtimex` is not allowed (it is the call that sets the clock, too): then only steps are seen. See adjtimex(2).
"""

from __future__ import annotations

import time
from collections.abc import Callable

from error_daemon.ingest.sensors import libc
from error_daemon.ingest.sensors.bands import Band, Change, Hysteresis
from error_daemon.ingest.sensors.contract import HOST, Desk, Sighting
from error_daemon.model import Severity
from error_daemon.model.diagnostic import Diagnostic, Standing

_LOOK_S = 1.0
_LOST_FOR_S = 60.0
_CALM_S = 60.0
_STA_UNSYNC, _STA_NANO = 0x40, 0x2000
_TIME_ERROR = 5


class ClockSync:
    """`most_offset_s`: above it the clock is off; `step_s`: a jump that counts as set."""

    name = "clock"
    needs = "adjtimex; without it only steps are seen"

    def __init__(
        self,
        most_offset_s: float,
        step_s: float = 0.5,
        *,
        ask: Callable[[], tuple[int, libc.Timex]] = libc.adjtimex,
        ahead_s: Callable[[], float] | None = None,
    ) -> None:
        self._most_offset_s = most_offset_s
        self._step_s = step_s
        self._ask = ask
        self._ahead_s = ahead_s or _ahead_s
        self._ahead_before_s = 0.0
        self._blind = ""
        self._was_synchronised = False
        self._is_synchronised = False
        self._lost = Hysteresis(Band(1.0, 0.0, _LOST_FOR_S, 0.0))
        self._off = Hysteresis(Band.above(most_offset_s, calm_s=_CALM_S))
        self._offset_s = self._most_error_s = 0.0
        self._steps = 0

    def start(self, desk: Desk) -> None:
        self._desk = desk
        self._ahead_before_s = self._ahead_s()
        self._look()
        desk.every(_LOOK_S, self._look)

    def stop(self) -> None:
        pass

    def _look(self) -> None:
        self._look_for_step()
        if self._blind:
            return
        try:
            state, timex = self._ask()
        except OSError as error:
            self._blind = f"adjtimex is not allowed here ({error.strerror})"
            return
        self._offset_s = timex.offset / (1e9 if timex.status & _STA_NANO else 1e6)
        self._most_error_s = timex.maxerror / 1e6
        self._is_synchronised = state != _TIME_ERROR and not timex.status & _STA_UNSYNC
        self._was_synchronised = self._was_synchronised or self._is_synchronised
        now_s = self._desk.now_s()
        self._tell_lost(self._lost.look(float(self._was_synchronised and not self._is_synchronised), now_s))
        self._tell_off(self._off.look(abs(self._offset_s), now_s))

    def _look_for_step(self) -> None:
        ahead_s, before_s = self._ahead_s(), self._ahead_before_s
        self._ahead_before_s = ahead_s
        if abs(ahead_s - before_s) >= self._step_s:
            self._steps += 1
            message = f"the clock was set by {ahead_s - before_s:+.3f} s"
            figures: dict[str, str | float] = {"step_s": ahead_s - before_s}
            self._desk.happened(Sighting("clock-step", HOST, message, Severity.MEDIUM, figures=figures))

    def _tell_lost(self, change: Change | None) -> None:
        if change is Change.ENTERED:
            message = f"the clock is not synchronised any more; it may be off by up to {self._most_error_s:.3f} s"
            self._desk.entered(Sighting("clock-unsynchronised", HOST, message, figures=self._figures()))
        elif change is Change.LEFT:
            self._desk.left("clock-unsynchronised", HOST, "the clock is synchronised again")

    def _tell_off(self, change: Change | None) -> None:
        if change is Change.ENTERED:
            message = f"the clock is off by {self._offset_s:+.4f} s (threshold {self._most_offset_s:g} s)"
            self._desk.entered(Sighting("clock-off", HOST, message, Severity.HIGH, figures=self._figures()))
        elif change is Change.LEFT:
            self._desk.left("clock-off", HOST, f"the clock is off by {self._offset_s:+.4f} s only")

    def _figures(self) -> dict[str, str | float]:
        return {"offset_s": self._offset_s, "most_error_s": self._most_error_s}

    def diagnostic(self) -> Diagnostic:
        steps = f"; set {self._steps} times since the start" if self._steps else ""
        if self._blind:
            mend = "timedatectl says whether it is synchronised"
            return Diagnostic(
                "clock", self.name, Standing.UNAVAILABLE, f"{self._blind}: only steps are seen{steps}", mend
            )
        figures = {"offset_s": self._offset_s, "most_error_s": self._most_error_s, "steps": float(self._steps)}
        if not self._is_synchronised:
            says = f"the clock is not synchronised{steps}"
            return Diagnostic(
                "clock", self.name, Standing.NOTICE, says, "run chrony, systemd-timesyncd or ptp4l", figures
            )
        says = f"synchronised, off by {self._offset_s:+.6f} s, by at most {self._most_error_s:.3f} s{steps}"
        standing = Standing.BAD if self._off.is_in else Standing.GOOD
        return Diagnostic(
            "clock", self.name, standing, says, "look at its time sources" if self._off.is_in else "", figures
        )


def _ahead_s() -> float:
    """By how much wall time is ahead of the time since boot; a host that slept is no step."""
    return time.clock_gettime(time.CLOCK_REALTIME) - time.clock_gettime(time.CLOCK_BOOTTIME)
