"""What the breakers must do, written anew from their specification, so that two who read it differently are found out.

**Of a target** (C12). Levels that end on it are counted: a recovery, or a level that did not help (the tries at one level are one).
Closed, it opens when `failures` of them failed within `window_s`, or when a failure is foretold. Open, nothing is started on it for
`open_s`. Then it is half-open: a recovery is one of `successes` in a row that close it, with nothing remembered against it; a failure opens
it again. Where much is known of a target the number of failures follows from what is usual for it (3 to 10): this shadow then only
knows that the breaker must be open from 10, and below takes the engine's word (`adopt`).

**Global** (A10). Verdicts of all attempts of the last `window_s`; with at least `samples`, and a share of recoveries below `ratio`, it
opens for `open_s`. Then one attempt at a time is let through: three recoveries in a row close it, and nothing is remembered; a failure
opens it again for twice as long, at most ten times `open_s`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from error_daemon.core.brakes.global_breaker import GlobalLimits
from error_daemon.core.brakes.target_breaker import TargetLimits

FEWEST, MOST = 3, 10
MUCH_IS_KNOWN = 20  # levels that ended before the rolling window
TRIALS = 3
LONGEST = 10.0
MOST_FORETOLD_S = 300.0


@dataclass(slots=True)
class ShadowTarget:
    limits: TargetLimits
    opened: bool = False  # and not closed since: open until `until`, then half-open
    until: float = 0.0
    won: int = 0
    ended: list[tuple[float, bool]] = field(default_factory=list)  # since it was last closed
    known: int = 0  # levels that ended before that
    is_unsure: bool = False

    def is_open(self, now: float) -> bool:
        return self.opened and now < self.until

    def level_ended(self, helped: bool, now: float) -> None:
        was_open = self.is_open(now)
        self.ended.append((now, helped))
        if was_open:
            return
        if self.opened and helped:
            self.won += 1
            if self.won == self.limits.successes:
                self.opened, self.known, self.ended = False, self.known + len(self.ended), []
        elif self.opened:
            self._open(now)
        elif not helped:
            self._count(now)

    def foretold(self, until: float, now: float) -> None:
        due = self.until if self.is_open(now) else now + self.limits.open_s
        self._open(now)
        self.until = max(due, min(until, now + MOST_FORETOLD_S))

    def adopt(self, is_open: bool, until: float) -> None:
        """What the engine says, where this does not know it."""
        self.is_unsure = False
        if is_open and not self.opened:
            self.opened, self.until, self.won = True, until, 0

    def _open(self, now: float) -> None:
        self.opened, self.until, self.won = True, now + self.limits.open_s, 0

    def _count(self, now: float) -> None:
        failures = sum(at > now - self.limits.window_s and not helped for at, helped in self.ended)
        if self.known + len(self.ended) <= MUCH_IS_KNOWN:
            if failures >= self.limits.failures:
                self._open(now)
        elif failures >= MOST:
            self._open(now)
        else:
            self.is_unsure = failures >= min(FEWEST, self.limits.failures)


@dataclass(slots=True)
class ShadowGlobal:
    limits: GlobalLimits
    opened: bool = False
    until: float = 0.0
    for_s: float = 0.0
    won: int = 0
    trial: str = ""
    verdicts: list[tuple[float, bool]] = field(default_factory=list)
    is_unsure: bool = False  # it was not closed when the daemon started: how long it had been open is not known

    def adopt(self, state: str, until: float) -> None:
        """What the engine says, after a start, until it is closed. When what was recalled has closed it, its window began empty."""
        if state == "closed" and self.opened:
            self.verdicts = []
        self.opened = self.is_unsure = state != "closed"
        self.until = until if state == "open" else 0.0

    def is_open(self, now: float) -> bool:
        return self.opened and now < self.until

    def is_half_open(self, now: float) -> bool:
        return self.opened and now >= self.until

    def started(self, attempt_id: str, now: float) -> None:
        if self.is_half_open(now):
            self.trial = attempt_id

    def judged(self, attempt_id: str, helped: bool | None, now: float) -> bool:
        """True: this closed it."""
        was_trial, self.trial = attempt_id == self.trial, "" if attempt_id == self.trial else self.trial
        if helped is None:
            return False
        self.verdicts.append((now, helped))
        if was_trial and self.is_half_open(now):
            return self._tried(helped, now)
        if not self.opened and self._is_hopeless(now):
            self.opened, self.for_s, self.won = True, self.limits.open_s, 0
            self.until = now + self.for_s
        return False

    def reset(self) -> None:
        self.opened, self.is_unsure, self.trial, self.won, self.verdicts = False, False, "", 0, []

    def _tried(self, helped: bool, now: float) -> bool:
        if not helped:
            self.for_s, self.won = min(2 * self.for_s, LONGEST * self.limits.open_s), 0
            self.until = now + self.for_s
            return False
        self.won += 1
        if self.won == TRIALS:
            self.reset()
            return True
        return False

    def _is_hopeless(self, now: float) -> bool:
        recent = [helped for at, helped in self.verdicts if at > now - self.limits.window_s]
        return len(recent) >= self.limits.samples and sum(recent) < self.limits.ratio * len(recent)
