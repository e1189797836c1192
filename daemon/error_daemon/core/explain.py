"""Why a strategy was chosen (E5), from the decision's record alone.

`recompute` makes the decision again: the posteriors and the state of the generator give the same draws, these the same scores, and these
the same strategy; what was learned of its times gives the same timeout. `what_would_change` says what else would have been chosen, and
when. `sentences` tells people the whole of it.

What a decision needs of its record: each candidate's posterior and figures, the generator before the first draw and how sharply was drawn,
the basis and the bounds of the timeout. Versions that did not record the generator leave decisions that explored and cannot be made again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from error_daemon.core.brakes import approval
from error_daemon.core.experience import ELSEWHERE, SIBLINGS, known_of
from error_daemon.core.rng import Generator
from error_daemon.core.score import WEIGHT_SUCCESS
from error_daemon.core.select import select
from error_daemon.core.timeouts import timeout_from
from error_daemon.intervals import beta_cumulative, beta_interval
from error_daemon.model import (
    ISOLATION,
    AttemptRecord,
    Candidate,
    Decision,
    Evidence,
    Mode,
    OutcomeKind,
    Severity,
    Strategy,
)

_WITHHELD_TOLD_RATIO = 0.01  # of the execution time: less is not worth a word
_CREDIT = {ELSEWHERE: "other types", SIBLINGS: "the others of its level"}


def recompute(decision: Decision) -> Decision | None:
    """The decision, made again: equal to what was recorded. None: its draws were made before the generator was recorded."""
    if not decision.rng_state and _was_drawn(decision):
        return None
    again = replace(decision, timeout_s=_timeout_s(decision))
    if not decision.candidates:  # an isolation is not chosen among others
        return again
    facts = {candidate.strategy_id: known_of(candidate) for candidate in decision.candidates}
    strategies = [Strategy(candidate.strategy_id, "") for candidate in decision.candidates]
    rng = Generator(int(decision.rng_state or "0", 16))
    choice = select(strategies, facts.__getitem__, decision.may_explore, rng, decision.sharpness)
    return replace(
        again,
        strategy_id=choice.strategy.id,
        candidates=choice.candidates,
        explored=choice.explored,
        rng_state=choice.rng_state,
        sharpness=choice.sharpness,
    )


def intervals(decision: Decision) -> Mapping[str, tuple[float, float]]:
    """Of each candidate's success rate the 90 % credible interval."""
    return {one.strategy_id: beta_interval(one.alpha, one.beta) for one in decision.candidates}


def what_would_change(decision: Decision) -> list[str]:
    """What else would have been done, and when: in sentences, the other candidates first."""
    return [*_other_candidates(decision), *_other_facts(decision)]


def sentences(decision: Decision, attempt: AttemptRecord | None = None, source: str = "", does: str = "") -> list[str]:
    """The decision in words: what was done and why, what is known of each candidate, what came of it, what would have changed it. `source`:
    of the fault that it was about, `does`: what its strategy does (deeds.py); empty where that is not known."""
    said = [_headline(decision)]
    if does:
        said.append(f"As it is defined now, it {does}.")
    if who := approval.given(decision):
        said.append(f"A person was asked first: {'approved ' if who.startswith('by ') else ''}{who}.")
    if decision.why_now:
        said.append(f"What led to it: {decision.why_now}.")
    if source:
        said.append(f"Its fault was reported by {source}.")
    said += [f"{one.strategy_id}: {told(one)}." for one in decision.candidates]
    if decision.timeout_basis:
        said.append(_timeout_told(decision, decision.timeout_basis))
    if attempt:
        said.append(_what_came_of_it(attempt))
    return said + what_would_change(decision)


# --- what is recomputed


def _timeout_s(decision: Decision) -> float:
    if decision.timeout_basis and decision.timeout_bounds_s:
        return timeout_from(decision.timeout_basis, decision.timeout_bounds_s)
    return decision.timeout_s  # nothing was learned: the operator's own


def _was_drawn(decision: Decision) -> bool:
    return any(candidate.draw != known_of(candidate).mean for candidate in decision.candidates)


# --- what would have changed it


def _other_candidates(decision: Decision) -> Iterator[str]:
    chosen = next((one for one in decision.candidates if one.strategy_id == decision.strategy_id), None)
    if chosen is None:
        return
    for other in decision.candidates:
        if other is not chosen:
            yield _needed(decision, chosen, other)


def _needed(decision: Decision, chosen: Candidate, other: Candidate) -> str:
    """The success rate that would have brought the other one level, all else being as it was."""
    needed = other.draw + (chosen.score - other.score) / WEIGHT_SUCCESS
    if needed > 1.0:
        most = other.score + (1.0 - other.draw) * WEIGHT_SUCCESS
        return (
            f"{other.strategy_id} could not have been chosen: even if it always helped, its score would be {most:.3f}, "
            f"and {chosen.strategy_id} had {chosen.score:.3f}."
        )
    if not _was_drawn(decision):
        return (
            f"{other.strategy_id} would have been chosen if it were expected to help in more than {_percent(needed)} "
            f"of cases, instead of {_percent(other.draw)}."
        )
    sharpness = decision.sharpness
    chance = 1.0 - beta_cumulative(sharpness * other.alpha, sharpness * other.beta, needed)
    return (
        f"{other.strategy_id} would have been chosen with a success draw above {needed:.2f}; it drew {other.draw:.2f}. "
        f"The chance of that was {_percent(chance)}."
    )


def _other_facts(decision: Decision) -> Iterator[str]:
    if len(decision.candidates) > 1:
        yield from _exploring(decision)
    others = [str(level) for level in decision.levels if level != decision.level]
    if others:
        yield f"Level {decision.level} was its level; this rule also has something to try at {_listed('level', others)}."
    if decision.mode == Mode.OBSERVE.value:
        yield f"With mode auto {_rule(decision)} would have had it run."
    elif decision.brakes:
        yield f"It passed {len(decision.brakes)} brakes, and any of them could have held it."


def _exploring(decision: Decision) -> Iterator[str]:
    if decision.explored:
        best = max(decision.candidates, key=lambda one: known_of(one).score(known_of(one).mean))
        yield f"Without exploring, {best.strategy_id} would have been chosen, which has the best record."
    elif decision.severity is Severity.CRITICAL:
        yield "Were it not critical, the success rates would have been drawn, and each might have been tried."


# --- in words


def _headline(decision: Decision) -> str:
    what = f"{decision.strategy_id} on {decision.target} at level {decision.level}"
    if decision.level == ISOLATION:
        what = f"{decision.strategy_id} on {decision.target}, to isolate it"
    told = f"{what}, with {decision.timeout_s:.3g} s to finish: {decision.reason}."
    if not decision.attempt_id:
        return f"Would run {told} Nothing was done: the rule's mode is {decision.mode}."
    if decision.mode == Mode.APPROVE.value and not approval.given(decision):
        return f"Proposed {told} Nothing is done before a person says yes."
    return f"Ran {told}"


def told(candidate: Candidate) -> str:
    """What is known of a candidate."""
    low, high = beta_interval(candidate.alpha, candidate.beta)
    mean = known_of(candidate).mean
    drawn = f", drew {candidate.draw:.2f}" if candidate.draw != mean else ""
    return (
        f"{_history(candidate)}; expected to help in {_percent(mean)} of cases "
        f"({_percent(low)} to {_percent(high)}){drawn}; score {candidate.score:.3f}"
    )


def _history(candidate: Candidate) -> str:
    here = [one for one in candidate.evidence if one.scope not in _CREDIT and one.attempts]
    if here:
        return _tried(here)
    if candidate.samples:  # recorded before attempts were counted by scope
        return f"tried before, which counts as {_attempts(candidate.samples)} by now"
    lent = [f"{_CREDIT[one.scope]} ({_counted(one.attempts, one.helped)})" for one in candidate.evidence]
    return f"never tried for this type of error; its credit is from {' and '.join(lent)}" if lent else "never tried"


def _tried(here: Sequence[Evidence]) -> str:
    attempts, helped = sum(one.attempts for one in here), sum(one.helped for one in here)
    weight = sum(one.weight for one in here)
    told = _counted(attempts, helped)
    narrowest = here[-1]
    if len(here) > 1:
        where = "on this hardware" if narrowest.scope == "hardware" else "in this component"
        told += f" ({where} {narrowest.helped} of {narrowest.attempts})"
    if weight < attempts / 2:
        told += f", {_why_little(here)}: counts as {_attempts(weight)} by now"
    return told


def _why_little(here: Sequence[Evidence]) -> str:
    recent = [one.recent for one in here if one.recent is not None]
    if not recent:
        return "long ago"
    last = {0: "", 1: " to the last attempt"}.get(recent[-1], f" to the last {recent[-1]} attempts")
    return f"but its record was cut{last}, when what it said no longer held"


def _counted(attempts: int, helped: int) -> str:
    if attempts == 1:
        return f"tried once, which {'helped' if helped else 'did not help'}"
    much = {0: "none", attempts: "all"}.get(helped, f"{helped} of {attempts}")
    return f"tried {attempts} times, {much} helped"


def _timeout_told(decision: Decision, basis: tuple[float, float]) -> str:
    mean_s, deviation_s = basis
    free_s = timeout_from(basis, (0.0, float("inf")))
    told = (
        f"The time to finish is learned: {mean_s:.3g} s on average, and four times its deviation of {deviation_s:.3g} s"
    )
    is_held = abs(free_s - decision.timeout_s) > 1e-9 * free_s
    return f"{told}{', held to the bounds of the strategy' if is_held else ''}."


def _what_came_of_it(attempt: AttemptRecord) -> str:
    if attempt.outcome is OutcomeKind.REFUSED:
        return f"It was not run: {attempt.detail or 'nobody could'}."
    if attempt.outcome is OutcomeKind.LOST:
        return f"Its worker was lost, so what it did is not known; the probes said {attempt.verdict.value}."
    how = attempt.outcome.value.replace("_", " ")
    told = (
        f"It {how} after {attempt.execution_time_s:.3g} s{_withheld(attempt)}; the probes said {attempt.verdict.value}."
    )
    if attempt.success and attempt.stability_score >= 0.0:
        held = "through" if attempt.stability_score == 1.0 else f"for {_percent(attempt.stability_score)} of"
        told += f" It held {held} its stability window."
    return told


def _withheld(attempt: AttemptRecord) -> str:
    if attempt.withheld_s < _WITHHELD_TOLD_RATIO * attempt.execution_time_s or not attempt.withheld_s:
        return ""
    return f", in {attempt.withheld_s:.3g} s of which the host withheld the CPU"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _attempts(weight: float) -> str:
    return f"{weight:.1f} attempts"


def _listed(noun: str, items: Sequence[str]) -> str:
    if len(items) == 1:
        return f"{noun} {items[0]}"
    return f"{noun}s {', '.join(items[:-1])} and {items[-1]}"


def _rule(decision: Decision) -> str:
    return f"rule {decision.rule}" if decision.rule else "the rule"
