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

Then the record is cut to these attempts, and of what was before only KEPT are left. The other strategies have not changed, as far as
anybody knows. But how good they are was not of much interest while there was a better one, and may be long past: of each KEPT are left,
too, so that all are explored again. This follows what is known of bandits whose arms change (Liu, Lee, Shroff, "A Change-Detection
Based Framework for Piecewise-Stationary Multi-Armed Bandit Problem", AAAI 2018), who begin anew with nothing.

**A change of everything** shows in all strategies at once, and in each too seldom: what stands at the fourth level is tried in one of ten
incidents. So the doubts in all strategies for a type of error are summed, of each what is above the SLACK that bad luck brings. Where the
sum is more than TOGETHER, all of their records are cut to the attempts since each began to be doubted, and KEPT before (Mei, "Efficient
Scalable Schemes for Monitoring a Large Number of Data Streams", Biometrika 97, 2010; the slack: Liu, Zhang, Mei, "Scalable SUM-Shrinkage
Schemes for Distributed Monitoring Large-Scale Data Streams", Statistica Sinica 29, 2019). One strategy alone can never bring that about.
Of four strategies that help equally often and never change, one is cut in error once in four to twenty thousand attempts.

Only a loss is looked for. A strategy that was poor and becomes the best one, while the best stays as it was, is found by exploring alone:
to find it within fifty attempts it would have to be tried all the time, at the cost of all the errors for which it is still poor.

**Which scope.** Doubt is kept in each nested scope (experience.py), and what surprises is measured against what the narrowest expects:
that a component is worse than the others is nothing new if it always was. The narrowest scope that doubts enough is cut, and a wider one
is blamed only for what remains without the narrower: one component in which a strategy stopped working does not take it from the others.
What is cut from a scope is cut from all that hold it, and what is cut from the wider is cut from all within, so that no attempt counts
twice, nor less than never.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from math import log

from error_daemon.core.experience import Experience

LESS_ODDS = 0.2
CERTAINTY = log(1000.0)
KEPT = 2.0  # attempts: enough that an end of bad luck finds its way back, too few to stand against what follows
SLACK = 1.0
TOGETHER = 9.0

_LOST = 1.0 - LESS_ODDS
_LOG_LESS = log(LESS_ODDS)


def expected(scopes: Sequence[Experience], strength: float) -> float:
    """The success rate that the scopes (from wide to narrow, faded to one moment) expect of the next attempt, a wider one being worth
    `strength` attempts to a narrower. Each holds the narrower ones: for what is asked here that is near enough to what `combine` would
    say, at a tenth of the cost."""
    widest = scopes[0]
    rate = (widest.successes + 1.0) / (widest.weight + 2.0)
    for one in scopes[1:]:
        rate = (one.successes + strength * rate) / (one.weight + strength)
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


def is_everything(doubts: Iterable[float]) -> bool:
    """Whether so many doubts, one of each strategy for a type of error, say that all of them have changed."""
    return sum(one - SLACK for one in doubts if one > SLACK) > TOGETHER


def cut(one: Experience) -> float:
    """Cut a record to the attempts since its doubt began, and KEPT of those before. Returns the share that is left of these; 1 where they
    are too few to cut. The means beside success stay as they are, of so many attempts."""
    before = one.weight - one.doubted
    if before <= KEPT:
        return 1.0
    share = KEPT / before
    successes = one.doubted_successes + share * (one.successes - one.doubted_successes)
    one.cut = one.trusted if one.doubt else one.samples
    one.scale((one.doubted + KEPT) / one.weight)
    one.successes = successes
    return share


def cut_nested(around: Sequence[Experience], one: Experience, within: Sequence[Experience], is_doubted: bool) -> bool:
    """Cut a scope, and with it those that hold it (all faded to one moment) and those that it holds. In one that is not doubted no attempt
    is more to be trusted than the rest. False: there is nothing to cut, nor was another doubted."""
    was_doubted = not is_doubted and any(scope.doubt for scope in (*around, one, *within))
    if not is_doubted:
        one.trust()
    before = replace(one)
    share = cut(one)
    if share < 1.0:
        for inner in within:
            inner.scale(share)
        for outer in around:
            outer.lose(before, one)
    for scope in (*around, one, *within):
        scope.trust()
    return share < 1.0 or was_doubted
