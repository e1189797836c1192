"""When a record no longer fits the attempts, and what is then kept of it.

A record of two hundred attempts that helped outvotes twenty that did not, and by age alone it fades far too slowly: when a strategy stops
working, that has to be noticed. So each attempt is asked whether it speaks for the record or for a change: that by now the odds of
success are only LESS_ODDS of what they were. The logarithm of the likelihood ratio of the two is added to the doubt in the record, which
is never below none (CUSUM: Page, "Continuous Inspection Schemes", Biometrika 41, 1954). Of all tests that raise false alarms as seldom,
it notices such a change soonest (Moustakides, "Optimal Stopping Times for Detecting Changes in Distributions", Annals of Statistics 14,
1986).

At CERTAINTY the attempts since the doubt began are a thousand times likelier after a change than as the record has it. Where all that the
record says is true, this happens less than once in a thousand attempts (Lorden, "Procedures for Reacting to a Change in Distribution",
Annals of Mathematical Statistics 42, 1971); measured, once in seven to fourteen thousand. No fewer than five attempts are enough, and where
failures are nothing new many more: one failure condemns nobody.

Then the record is cut to these attempts, and of what was before only KEPT attempts are left. The other strategies have not changed, as
far as anybody knows. But how good they are was not of much interest while there was a better one, and may be long past: of each
OTHERS_KEPT is left, so that all are explored again. This follows what is known of bandits whose arms change (Liu, Lee, Shroff, "A
Change-Detection Based Framework for Piecewise-Stationary Multi-Armed Bandit Problem", AAAI 2018), who begin anew with nothing.

Only a loss is looked for. A strategy that was poor and becomes the best one, while the best stays as it was, is found by exploring alone:
to find it within fifty attempts it would have to be tried all the time, at the cost of all the errors for which it is still poor.

**Which scope.** Doubt is kept in each nested scope (experience.py), and what surprises is measured against what the narrowest expects:
that a component is worse than the others is nothing new if it always was. The narrowest scope that doubts enough is cut, and a wider one
is blamed only for what remains without the narrower: one component in which a strategy stopped working does not take it from the others.
What is cut from a scope is cut from all that hold it, and what is cut from the wider is cut from all within, so that no attempt counts
twice, nor less than never.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import log

from error_daemon.core.experience import LOCAL_STRENGTH, Experience

LESS_ODDS = 0.2
CERTAINTY = log(1000.0)
KEPT = 2.0  # attempts: enough that an end of bad luck finds its way back, too few to stand against what follows
OTHERS_KEPT = 1.0

_LOST = 1.0 - LESS_ODDS
_LOG_LESS = log(LESS_ODDS)


def expected(scopes: Sequence[Experience]) -> float:
    """The success rate that the scopes (from wide to narrow, faded to one moment) expect of the next attempt. Each holds the narrower ones:
    for what is asked here that is near enough to what `combine` would say, at a tenth of the cost."""
    widest = scopes[0]
    rate = (widest.successes + 1.0) / (widest.weight + 2.0)
    for one in scopes[1:]:
        rate = (one.successes + LOCAL_STRENGTH * rate) / (one.weight + LOCAL_STRENGTH)
    return rate


def surprise(rate: float, success: bool) -> float:
    """How much an attempt speaks for a change, of which `rate` was expected: the logarithm of the likelihood ratio."""
    step = -log(1.0 - _LOST * rate)
    return step + _LOG_LESS if success else step


def doubt(scopes: Sequence[Experience], step: float, success: bool) -> int | None:
    """An attempt that was learned in all the scopes (from wide to narrow) surprised by `step`. Which of them no longer fits, if any."""
    blamed, narrower = None, 0.0
    for place in range(len(scopes) - 1, -1, -1):
        one = scopes[place]
        total = one.doubt + step
        if total <= 0.0:
            one.trust()
            narrower = 0.0
            continue
        if not one.doubt:
            one.trusted = one.samples - 1.0
        one.doubt = total
        one.doubted += 1.0
        one.doubted_successes += success
        if blamed is None and total - narrower > CERTAINTY:
            blamed = place
        narrower = total
    return blamed


def cut(one: Experience, kept: float) -> float:
    """Cut a record to the attempts since its doubt began, and `kept` of those before. Returns the share that is left of these; 1 where they
    are too few to cut. The means beside success stay as they are, of so many attempts."""
    before = one.weight - one.doubted
    if before <= kept:
        return 1.0
    share = kept / before
    successes = one.doubted_successes + share * (one.successes - one.doubted_successes)
    one.cut = one.trusted if one.doubt else one.samples
    one.scale((one.doubted + kept) / one.weight)
    one.successes = successes
    return share


def cut_nested(around: Sequence[Experience], one: Experience, within: Sequence[Experience], is_blamed: bool) -> bool:
    """Cut a scope, and with it those that hold it (all faded to one moment) and those that it holds: the one that no longer fits, or that
    of another strategy, in which nothing is more to be doubted than the rest. False: there is nothing to cut, nor was another doubted."""
    was_doubted = not is_blamed and any(scope.doubt for scope in (*around, one, *within))
    if not is_blamed:
        one.trust()
    before = replace(one)
    share = cut(one, KEPT if is_blamed else OTHERS_KEPT)
    if share < 1.0:
        for inner in within:
            inner.scale(share)
        for outer in around:
            outer.lose(before, one)
    for scope in (*around, one, *within):
        scope.trust()
    return share < 1.0 or was_doubted
