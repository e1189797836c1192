"""The breaker of each target (C12): what does not help a target is not repeated on it for ever.

A failure is a level of the ladder that did not help; the tries at one level are one, because backoff spaces them already.

    closed      `failures` within `window_s`, or a failure that was foretold   → open
    open        `open_s`                                                      → half-open
    half-open   `successes` recoveries in a row                               → closed
    half-open   a failure                                                     → open

**Adaptive threshold.** The same five failures say much of a target that nearly always recovers, and little of one that usually
takes several levels. Once `_ENOUGH` levels of a target have ended, it takes as many failures as would come about by chance in
one window of a hundred, if the target failed as often as it usually does: the smallest k in 3 ... 10 with P(Binomial(n, p) ≥ k)
≤ 1 %, where n is what ended in the rolling window and p the usual share of failures. What is in the rolling window has no part
in p, lest an incident makes itself look usual.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Container
from dataclasses import dataclass, field
from math import comb, inf

from error_daemon.core.brakes.circuit import Circuit, CircuitState
from error_daemon.core.brakes.hold import Hold
from error_daemon.core.effects import FailurePredicted
from error_daemon.model import BrakeView

NAME = "target breaker"
MOST_FORETOLD_S = 300.0
_ENOUGH = 20.0
_FEWEST, _MOST = 3, 10
_CHANCE = 0.01
_MEMORY = 0.98  # what the usual share keeps with each new outcome: the last fifty count


@dataclass(frozen=True, slots=True)
class TargetLimits:
    failures: int = 5
    window_s: float = 30.0
    rolling_window_s: float = 60.0
    open_s: float = 30.0
    successes: int = 3


@dataclass(slots=True)
class _Target:
    circuit: Circuit
    recent: deque[tuple[float, bool]] = field(default_factory=deque)  # of the rolling window
    usual: float = 0.0  # outcomes before it, fading
    usual_failures: float = 0.0
    why: str = ""

    def age(self, before: float) -> None:
        """What is older is no longer recent."""
        while self.recent and self.recent[0][0] <= before:
            self.usual = self.usual * _MEMORY + 1.0
            self.usual_failures = self.usual_failures * _MEMORY + (not self.recent.popleft()[1])

    def start_anew(self) -> None:
        self.age(inf)
        self.why = ""


class TargetBreakers:
    def __init__(self, limits: TargetLimits) -> None:
        self._limits = limits
        self._targets: dict[str, _Target] = {}

    def hold(self, target: str, now: float, gate: str) -> Hold | None:
        known = self._targets.get(target)
        if known is None or known.circuit.state(now) is not CircuitState.OPEN:
            return None
        return Hold(NAME, f"the breaker of {target} is open: {known.why}", known.circuit.open_until, gate)

    def ended(self, target: str, success: bool, now: float) -> bool:
        """A level has helped, or not. True: this opened the breaker."""
        known = self._known(target)
        was_open = known.circuit.state(now) is CircuitState.OPEN
        known.age(now - self._limits.rolling_window_s)  # of a target that always recovers nobody asks for the threshold
        known.recent.append((now, success))
        if known.circuit.tried(success, now):
            known.start_anew()
        if success or was_open:
            return False
        failures, needed = self._failures(known, now), self.threshold(target, now)
        if known.circuit.is_tripped:
            known.why = f"an attempt failed while it was half-open ({failures} failures in {self._limits.window_s:g} s)"
            return True
        if failures < needed:
            return False
        known.circuit.trip(now)
        known.why = f"{failures} levels failed within {self._limits.window_s:g} s (at {needed} it opens)"
        return True

    def foretold(self, event: FailurePredicted, now: float) -> None:
        """Opens as for a failure, and until the event's time if that is later, but no longer than `MOST_FORETOLD_S` from now: a
        forecast is no verdict. One whose time is over says nothing."""
        if event.until <= now:
            return
        known = self._known(event.target)
        known.why = f"{event.by} foresees a failure with a probability of {event.probability:.0%}"
        known.circuit.trip(now, min(event.until, now + MOST_FORETOLD_S))

    def keep(self, targets: Container[str]) -> None:
        """Forget any other target."""
        self._targets = {target: known for target, known in self._targets.items() if target in targets}

    def reset(self, target: str) -> bool:
        """A person closes it: what was known of the target is forgotten. Whether it was not closed."""
        known = self._targets.pop(target, None)
        return known is not None and known.circuit.is_tripped

    def threshold(self, target: str, now: float) -> int:
        """How many failures within the window open it."""
        known = self._known(target)
        known.age(now - self._limits.rolling_window_s)
        if known.usual < _ENOUGH:
            return self._limits.failures
        share = (known.usual_failures + 0.5) / (known.usual + 1.0)
        ended = len(known.recent)
        return next((k for k in range(_FEWEST, _MOST) if _at_least(k, ended, share) <= _CHANCE), _MOST)

    def says(self, target: str, now: float) -> str:
        known = self._targets.get(target)
        if known is None:
            return f"{NAME}: closed, nothing has failed on {target}"
        return f"{NAME}: {known.circuit.state(now).value}, {self._says(known, now)}"

    def _says(self, known: _Target, now: float) -> str:
        return f"{self._failures(known, now)} failures in the last {self._limits.window_s:g} s"

    def views(self, now: float, *, only_tripped: bool = False) -> list[BrakeView]:
        """Those that are not closed, and unless only these are wanted, those that know of a failure in the rolling window."""
        found = []
        for target, known in self._targets.items():
            state = known.circuit.state(now)
            if only_tripped and state is CircuitState.CLOSED:
                continue
            known.age(now - self._limits.rolling_window_s)
            if state is CircuitState.CLOSED and all(success for _, success in known.recent):
                continue
            until = known.circuit.open_until if state is CircuitState.OPEN else 0.0
            figures = {
                "failures": float(self._failures(known, now)),
                "threshold": float(self.threshold(target, now)),
                "ended": float(len(known.recent)),
                "successes": float(known.circuit.won),
            }
            reason = known.why if state is not CircuitState.CLOSED else self._says(known, now)
            found.append(BrakeView(NAME, target, state.value, reason, until, figures=figures))
        return found

    def _known(self, target: str) -> _Target:
        known = self._targets.get(target)
        if known is None:
            circuit = Circuit(self._limits.open_s, self._limits.successes)
            known = self._targets[target] = _Target(circuit)
        return known

    def _failures(self, known: _Target, now: float) -> int:
        return sum(not success for at, success in known.recent if at > now - self._limits.window_s)


def _at_least(k: int, n: int, p: float) -> float:
    """P(Binomial(n, p) ≥ k)."""
    return float(sum(comb(n, i) * p**i * (1.0 - p) ** (n - i) for i in range(k, n + 1)))
