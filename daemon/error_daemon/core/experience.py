"""What attempts taught, as sums that fade, and what nested sums say together.

An attempt is remembered in nested scopes, from wide to narrow:

    elsewhere   the strategy under other types of error
    type        the strategy for this type of error
    context     ... in this component
    hardware    ... on this hardware

A narrow scope is closer to the case at hand, and has fewer samples. So they are combined by hierarchical shrinkage: what the wider scopes
say is the Beta prior of the narrower one (Gelman et al., "Bayesian Data Analysis", 3rd ed. 2013, ch. 5), worth at most so many attempts:
against a well-known strategy a few local samples barely count, and many decide. A prior is never worth more than the evidence behind it,
so that where there is one component only, nothing is held back by a wider scope that knows no more.

**How much a wider scope is worth** to a context, and a context to its hardware, is for the data to say (empirical Bayes): APART attempts
where components differ, ALIKE where they do not. Before an attempt counts, both are asked how likely its end was, and the logarithm of the
ratio is added to what speaks for `apart` (Dawid, "The Prequential Approach", J. R. Statist. Soc. A 147, 1984). It is summed over all
strategies for a type of error; the strength lies between the two as likely as each of them is.

**Credit.** What a strategy did under other types of error is worth PRIOR_STRENGTH attempts for this one. Where it is chosen among others,
half of that, and how often these others helped is worth SIBLING_STRENGTH: whoever stands on the fourth level is more likely to be like
the others there than like anything at all, so that neither one failure nor one success says much more than they do.

No attempt counts twice: a scope speaks only for its attempts that are in none of the narrower ones, the difference of the two sums.

The figures beside success (time, impact, tasks, stability) are means that shrink in the same way, but begin with no prior at all.

A record that its last attempts no longer fit is cut to these (drift.py); what it knows of the doubt in itself stands beside its sums.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from math import exp, inf
from operator import attrgetter

from error_daemon.core.score import strategy_score, time_score
from error_daemon.model import Candidate, Evidence
from error_daemon.model.value import value

PRIOR_STRENGTH = 2.0  # attempts that the rate under other types of error is worth for this one
SIBLING_STRENGTH = 2.0  # and that of the strategies that it is chosen among, beside half of the former
APART = 4.0  # attempts that a wider scope is worth to a narrower where components differ,
ALIKE = 100.0  # and where they do not
_NEUTRAL = 0.5  # a figure of which nothing is known: it neither bars a strategy from being explored nor favours it
_SURELY = 500.0  # of a logarithm of a likelihood ratio: the exponential of more is no number
_TRACE = 1e-6  # a weight below this is the rounding of a difference, or has long faded


@dataclass(slots=True)
class Experience:
    """Sums over attempts, as they were at `at`. All fade but those that say they are of all attempts there ever were."""

    weight: float = 0.0  # attempts
    successes: float = 0.0
    time_s: float = 0.0
    impact: float = 0.0
    tasks: float = 0.0
    stability_weight: float = 0.0
    stability: float = 0.0
    samples: float = 0.0  # attempts, ever
    helped: float = 0.0  # successes, ever
    at: float = 0.0
    doubt: float = 0.0  # that the record still fits: 0 none (drift.py)
    doubted: float = 0.0  # attempts since the doubt began, of `weight`
    doubted_successes: float = 0.0
    trusted: float = 0.0  # attempts ever, before the doubt began
    cut: float = 0.0  # attempts ever, before those to which the record was last cut; 0: it never was
    apart: float = 0.0  # how much speaks for components that differ; 0 but in what holds for a whole type

    def fade(self, now: float, half_life_s: float) -> None:
        if now > self.at:
            self.scale(self.factor(now, half_life_s))
            self.at = now

    def factor(self, now: float, half_life_s: float) -> float:
        """What is left of the sums by now. A clock that is behind brings nothing back."""
        return float(0.5 ** ((now - self.at) / half_life_s)) if now > self.at else 1.0

    def scale(self, factor: float) -> None:
        """Leave so much of all that fades."""
        self.weight *= factor
        self.successes *= factor
        self.time_s *= factor
        self.impact *= factor
        self.tasks *= factor
        self.stability_weight *= factor
        self.stability *= factor
        self.apart *= factor
        if self.doubt:
            self.doubt *= factor
            self.doubted *= factor
            self.doubted_successes *= factor

    def trust(self) -> None:
        """There is no doubt."""
        self.doubt = self.doubted = self.doubted_successes = 0.0

    def add(self, other: Experience) -> None:
        """Pool the sums. Doubt is not pooled."""
        for name in _POOLED:
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def lose(self, before: Experience, after: Experience) -> None:
        """A part of this one is no longer as it was before. Never less than nothing is left, by rounding."""
        for name in _FADING:
            lost = getattr(before, name) - getattr(after, name)
            setattr(self, name, max(0.0, getattr(self, name) - lost))

    def figures(self) -> tuple[float, ...]:
        """In the order of FIGURES."""
        return _figures(self)


ELSEWHERE, SIBLINGS, TYPE = "elsewhere", "siblings", "type"
FIGURES = tuple(item.name for item in fields(Experience))  # as they are recorded: new ones come last
_FADING = FIGURES[: FIGURES.index("samples")]
_POOLED = (*FIGURES[: FIGURES.index("at")], "apart")
_figures: Callable[[Experience], tuple[float, ...]] = attrgetter(*FIGURES)
_NOTHING = Experience()  # never changed


def strength(apart: float) -> float:
    """How many attempts a wider scope is worth to a narrower one, where so much speaks for components that differ."""
    is_apart = 1.0 / (1.0 + exp(min(-apart, _SURELY)))
    return float(ALIKE * (APART / ALIKE) ** is_apart)


# One of the nested scopes: its name, and what was learned in it, if anything.
Scope = tuple[str, Experience | None]
_MOST = {ELSEWHERE: inf, TYPE: PRIOR_STRENGTH}  # attempts that its prior is worth; of the narrower the data say it


@value
class Known:
    """What is known of a strategy for one case, at one moment. Its success rate is Beta(alpha, beta)."""

    samples: float  # attempts for this type of error, faded
    alpha: float
    beta: float
    time_score: float
    mean_impact: float
    mean_stability: float
    task_rate: float
    evidence: tuple[Evidence, ...] = ()  # of each scope that is not empty, the widest first
    local_strength: float = 0.0  # how many attempts a wider scope is worth to a narrower

    @property
    def mean(self) -> float:
        return self.alpha / (self.alpha + self.beta)

    def score(self, success_rate: float) -> float:
        return strategy_score(success_rate, self.time_score, self.mean_impact, self.mean_stability, self.task_rate)


# What `combine` gives where nothing was learned.
UNKNOWN = Known(0.0, 1.0, 1.0, _NEUTRAL, _NEUTRAL, _NEUTRAL, _NEUTRAL, (), strength(0.0))


def combine(
    scopes: Sequence[Scope], siblings: Sequence[Experience], others: Experience | None, now: float, half_life_s: float
) -> Known:
    """What the scopes say together: `elsewhere` first, then from wide to narrow. `siblings`: what the strategies that it is chosen among
    did, whatever for. `others`: all strategies for this type of error; they lend the figures of which no scope knows anything."""
    local = strength(others.apart * others.factor(now, half_life_s) if others else 0.0)
    shares, narrower, left = [], _NOTHING, 0.0
    for name, experience in reversed(scopes):
        one = experience or narrower  # a scope in which nothing was learned has what the narrower one has
        factor = experience.factor(now, half_life_s) if experience else left
        shares.append((name, one, factor, narrower, left))
        narrower, left = one, factor
    posterior = _Posterior()
    for name, one, factor, narrower, left in reversed(shares):
        posterior.cap(_MOST.get(name, local))
        if siblings and name == TYPE:
            posterior.lend(siblings, now, half_life_s)
        if one is not narrower:
            posterior.learn(name, one, factor, narrower, left)
    _, one, factor, _, _ = shares[-2]
    return posterior.known(one.weight * factor, others or _NOTHING, local)


@dataclass(slots=True)
class _Posterior:
    """What the scopes up to one say together."""

    alpha: float = 1.0  # before anything is known every success rate is as likely as any other
    beta: float = 1.0
    weight: float = 0.0  # of the attempts behind time, impact and tasks
    time_s: float = 0.0
    impact: float = 0.0
    tasks: float = 0.0
    stability_weight: float = 0.0
    stability: float = 0.0
    evidence: tuple[Evidence, ...] = ()

    def cap(self, strength: float) -> None:
        """As the prior of the next scope it is worth at most `strength` attempts."""
        if self.alpha + self.beta > strength:
            kept = strength / (self.alpha + self.beta)
            self.alpha *= kept
            self.beta *= kept
        if self.weight > strength:
            kept = strength / self.weight
            self.weight = strength
            self.time_s *= kept
            self.impact *= kept
            self.tasks *= kept
        if self.stability_weight > strength:
            self.stability *= strength / self.stability_weight
            self.stability_weight = strength

    def lend(self, siblings: Sequence[Experience], now: float, half_life_s: float) -> None:
        """The credit of the siblings, in place of half of that from elsewhere."""
        weight = successes = attempts = helped = 0.0
        for one in siblings:
            factor = one.factor(now, half_life_s)
            weight += one.weight * factor
            successes += one.successes * factor
            attempts += one.samples
            helped += one.helped
        if not attempts:
            return
        rate = (successes + 1.0) / (weight + 2.0)
        self.alpha = self.alpha / 2.0 + SIBLING_STRENGTH * rate
        self.beta = self.beta / 2.0 + SIBLING_STRENGTH * (1.0 - rate)
        self.evidence += (Evidence(SIBLINGS, int(attempts), int(helped), weight, successes),)

    def learn(self, scope: str, one: Experience, factor: float, narrower: Experience, left: float) -> None:
        """From what a scope has, faded by `factor`, less what the narrower one has, faded by `left`."""
        weight = one.weight * factor - narrower.weight * left
        if weight > _TRACE:
            successes = one.successes * factor - narrower.successes * left
            successes = 0.0 if successes < 0.0 else weight if successes > weight else successes  # by rounding
            self.alpha += successes
            self.beta += weight - successes
            self.weight += weight
            self.time_s += one.time_s * factor - narrower.time_s * left
            self.impact += one.impact * factor - narrower.impact * left
            self.tasks += one.tasks * factor - narrower.tasks * left
        else:
            weight = successes = 0.0
        held = one.stability_weight * factor - narrower.stability_weight * left
        if held > _TRACE:
            self.stability_weight += held
            self.stability += one.stability * factor - narrower.stability * left
        attempts = int(one.samples - narrower.samples)
        if attempts or weight:
            recent = int(one.samples - one.cut) if one.cut else None
            self.evidence += (Evidence(scope, attempts, int(one.helped - narrower.helped), weight, successes, recent),)

    def known(self, samples: float, others: Experience, local_strength: float) -> Known:
        one = self if self.weight else others
        held = self if self.stability_weight else others
        is_known = one.weight > 0.0
        return Known(
            samples=samples,
            alpha=self.alpha,
            beta=self.beta,
            time_score=time_score(one.time_s / one.weight) if is_known else _NEUTRAL,
            mean_impact=one.impact / one.weight if is_known else _NEUTRAL,
            mean_stability=held.stability / held.stability_weight if held.stability_weight > 0.0 else _NEUTRAL,
            task_rate=one.tasks / one.weight if is_known else _NEUTRAL,
            evidence=self.evidence,
            local_strength=local_strength,
        )


def known_of(candidate: Candidate) -> Known:
    """What was known of a candidate when it was weighed, from the record of the decision."""
    return Known(
        candidate.samples,
        candidate.alpha,
        candidate.beta,
        candidate.time_score,
        candidate.mean_impact,
        candidate.mean_stability,
        candidate.task_rate,
        candidate.evidence,
        candidate.local_strength,
    )
