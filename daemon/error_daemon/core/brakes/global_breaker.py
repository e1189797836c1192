"""The global breaker (A10): when next to nothing that is tried helps, trying more only costs the host.

It opens when, of at least `samples` verdicts in the last `window_s`, fewer than `ratio` were recoveries. After `open_s` it is
half-open: one attempt at a time is let through, and its probes decide. Three recoveries in a row close it; the window then
begins empty. One that fails opens it again for twice as long, at most ten times `open_s`. Unknown verdicts and attempts that
were not run count for neither side.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from error_daemon.core.brakes.circuit import Circuit, CircuitState
from error_daemon.core.brakes.hold import Hold
from error_daemon.model import BrakeView

NAME = "global breaker"
SUCCESSES = 3
_GROWTH = 2.0
_LONGEST = 10.0  # times open_s


@dataclass(frozen=True, slots=True)
class GlobalLimits:
    window_s: float = 60.0
    ratio: float = 0.15
    samples: int = 20
    open_s: float = 30.0


class GlobalBreaker:
    def __init__(self, limits: GlobalLimits) -> None:
        self._limits = limits
        self._circuit = Circuit(limits.open_s, SUCCESSES, _GROWTH, _LONGEST * limits.open_s)
        self._verdicts: deque[tuple[float, bool]] = deque()
        self._recovered = 0
        self._trial = ""  # the attempt that was let through while half-open

    def hold(self, now: float) -> Hold | None:
        state = self._circuit.state(now)
        if state is CircuitState.OPEN:
            return Hold(NAME, f"open: {self._says(now)}", self._circuit.open_until)
        if state is CircuitState.HALF_OPEN and self._trial:
            return Hold(NAME, f"half-open: one attempt at a time, waits for the verdict on {self._trial}")
        return None

    def started(self, attempt_id: str, now: float) -> None:
        if self._circuit.state(now) is CircuitState.HALF_OPEN:
            self._trial = attempt_id

    def ended(self, attempt_id: str, success: bool | None, now: float) -> bool:
        """An attempt has its verdict; None: it says nothing. True: this closed the breaker."""
        was_trial = attempt_id == self._trial
        if was_trial:
            self._trial = ""
        if success is None:
            return False
        self._verdicts.append((now, success))
        self._recovered += success
        if was_trial and self._circuit.tried(success, now):
            self._verdicts.clear()
            self._recovered = 0
            return True
        if not self._circuit.is_tripped and self._is_hopeless(now):
            self._circuit.trip(now)
        return False

    def says(self, now: float) -> str:
        return f"{NAME}: {self._circuit.state(now).value}, {self._says(now)}"

    def view(self, now: float) -> BrakeView:
        self._forget(now)
        until = self._circuit.open_until if self._circuit.state(now) is CircuitState.OPEN else 0.0
        figures = {"verdicts": float(len(self._verdicts)), "recovered": float(self._recovered)}
        return BrakeView(NAME, "", self._circuit.state(now).value, self._says(now), until, figures=figures)

    def reset(self, now: float) -> bool:
        """A person closes it. Whether it was not closed."""
        was_closed = self._circuit.state(now) is CircuitState.CLOSED
        self._circuit.close()
        self._verdicts.clear()
        self._recovered, self._trial = 0, ""
        return not was_closed

    def _is_hopeless(self, now: float) -> bool:
        self._forget(now)
        seen = len(self._verdicts)
        return seen >= self._limits.samples and self._recovered < self._limits.ratio * seen

    def _forget(self, now: float) -> None:
        while self._verdicts and self._verdicts[0][0] <= now - self._limits.window_s:
            self._recovered -= self._verdicts.popleft()[1]

    def _says(self, now: float) -> str:
        self._forget(now)
        return f"{self._recovered} of {len(self._verdicts)} attempts helped in the last {self._limits.window_s:g} s"
