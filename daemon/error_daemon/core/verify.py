"""Success is what probes saw.

**One round** of readings gives one sight: `persisting` if any reading is not_ok, else `recovered` if at least one is ok, else
`unknown`. `worse` is a persisting round in which a probe fails that did not fail before.

**A verdict** takes as many rounds as needed, each a little later than the last:

    sight        since the first round         verdict
    recovered    in unbroken sight ≥ hold_s     recovered
    persisting   ≥ within_s, or `hopeless`      persisting (or worse)
    unknown      ≥ patience_s                   unknown
    else                                        look again

Times are those in which there was somebody to look: while the daemon stood still, a target had no time to recover, nor was it seen well.
`hopeless` means that the attempt itself failed: waiting longer cannot help. Nothing but unknown readings is never success, and never
dropped in silence: it ends with a person.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from error_daemon.model import Reading, ReadingValue, Verdict, Verification

_FIRST_DELAY_S = 0.005
_GROWTH = 1.6
_LONGEST_DELAY_S = 0.25
_LONGEST_BLIND_DELAY_S = 5.0


def sight(readings: Sequence[Reading], failing_before: frozenset[str] | None = None) -> Verdict:
    """What one round says. `failing_before`: the probes that failed before the attempt; None where nobody looked."""
    failing = {reading.probe for reading in readings if reading.value is ReadingValue.NOT_OK}
    if failing:
        worse = failing_before is not None and bool(failing - failing_before)
        return Verdict.WORSE if worse else Verdict.PERSISTING
    if any(reading.value is ReadingValue.OK for reading in readings):
        return Verdict.RECOVERED
    return Verdict.UNKNOWN


def failing(readings: Sequence[Reading]) -> frozenset[str]:
    return frozenset(reading.probe for reading in readings if reading.value is ReadingValue.NOT_OK)


@dataclass(slots=True)
class Looking:
    """The rounds of one verification. `judge` after each round gives the verdict, or None: look again in `delay_s`."""

    rule: Verification
    began_at: float
    hopeless: bool = False
    failing_before: frozenset[str] | None = None
    ok_since: float | None = None
    rounds: int = 0
    blind_since: float | None = None
    stood_before_s: float = 0.0

    def judge(self, readings: Sequence[Reading], now: float, stood_s: float = 0.0) -> Verdict | None:
        """`stood_s`, as `stood_before_s`: of all time so far, in which nothing could be seen (effects.StoodStill)."""
        self.rounds += 1
        now -= stood_s - self.stood_before_s
        seen = sight(readings, self.failing_before)
        if seen is not Verdict.RECOVERED:
            self.ok_since = None
        if seen is not Verdict.UNKNOWN:
            self.blind_since = None
        if seen is Verdict.RECOVERED:
            self.ok_since = now if self.ok_since is None else self.ok_since
            return seen if now - self.ok_since >= self.rule.hold_s else None
        if seen is Verdict.UNKNOWN:
            self.blind_since = now if self.blind_since is None else self.blind_since
            return seen if now - self.began_at >= self.rule.patience_s else None
        return seen if self.hopeless or now - self.began_at >= self.rule.within_s else None

    def delay_s(self) -> float:
        """Until the next round: a few milliseconds at first, since most recoveries are quick; never a busy loop."""
        longest = _LONGEST_BLIND_DELAY_S if self.blind_since is not None else _LONGEST_DELAY_S
        return min(_FIRST_DELAY_S * _GROWTH ** min(self.rounds - 1, 32), longest)
