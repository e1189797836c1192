from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from math import inf
from random import Random

import pytest

from error_daemon.core import explain
from error_daemon.core.experience import Known
from error_daemon.core.policy import Policy
from error_daemon.core.rng import Generator
from error_daemon.core.select import select
from error_daemon.intervals import beta_interval
from error_daemon.model import (
    ISOLATION,
    AttemptOrder,
    AttemptRecord,
    Candidate,
    Decision,
    ErrorType,
    Evidence,
    Mode,
    OutcomeKind,
    ResponseClass,
    Severity,
    Strategy,
    Usage,
    Verdict,
)
from error_daemon.runtime import records
from tests.core.world import Plan, World, fault, house, rule
from tests.fakes.named_rows import named_row

SEEDS = 6
EVENTS = 120

# --- the decision made again


@cache
def _walk(seed: int) -> tuple[Decision, ...]:
    """The decisions of a random walk, as they come back from the record."""
    random = Random(seed)
    ladder = {1: ("a", "b", "c"), 3: ("fix3", "b"), 5: ("fix5",)}
    rules = (
        rule("web", ladder=ladder, stability_window_s=20.0, isolate="fix4"),
        rule("db", ladder=ladder, stability_window_s=20.0, response_class=ResponseClass.TRANSIENT),
        rule("seen", ladder=ladder, mode=Mode.OBSERVE),
    )
    strategies = tuple(Strategy(name, "exec", timeout_s=9.0, max_attempts=3) for name in "abc")
    world = World(house(*rules, strategies=strategies), Policy(seed=seed))
    rates = {"a": 0.3, "b": 0.6, "c": 0.8}

    def plan(order: AttemptOrder) -> Plan:
        kind = random.choice((OutcomeKind.COMPLETED, OutcomeKind.COMPLETED, OutcomeKind.TIMED_OUT))
        return Plan(kind, random.uniform(0.01, 3.0), random.random() < rates.get(order.strategy.id, 0.5))

    world.plan = plan
    for number in range(EVENTS):
        world.report(
            fault(
                random.choice(("web", "db", "seen")),
                f"no {'abcdefgh'[number % 8]}",
                random.choice((ErrorType.NETWORK, ErrorType.DATA)),
                random.choice((Severity.LOW, Severity.HIGH, Severity.CRITICAL)),
                hardware_id=random.choice(("", "disk-1", "disk-2")),
            )
        )
        world.run(random.choice((0.5, 5.0, 30.0, 400.0)))
    rows = (named_row("decisions", records.decision_row(one)) for one in world.decisions)
    return tuple(records.decision_of(json.loads(json.dumps(row))) for row in rows)


@pytest.mark.parametrize("seed", range(SEEDS))
def test_every_decision_is_recomputed_from_its_record_alone(seed: int) -> None:
    decisions = _walk(seed)
    assert decisions
    for decision in decisions:
        assert explain.recompute(decision) == decision


def test_the_walks_have_decisions_of_every_kind() -> None:
    decisions = [decision for seed in range(SEEDS) for decision in _walk(seed)]
    assert any(decision.explored for decision in decisions)
    assert any(decision.rng_state and not decision.explored for decision in decisions)
    assert any(len(decision.candidates) > 1 and not decision.may_explore for decision in decisions)
    assert any(decision.timeout_basis for decision in decisions)
    assert any(decision.level == ISOLATION and not decision.candidates for decision in decisions)
    assert any(not decision.attempt_id for decision in decisions)
    scopes = {share.scope for decision in decisions for one in decision.candidates for share in one.evidence}
    assert scopes == {"elsewhere", "siblings", "type", "context", "hardware"}


@pytest.mark.parametrize("seed", range(SEEDS))
def test_the_mean_of_every_candidate_follows_from_its_evidence(seed: int) -> None:
    """Worked out once more (experience.py): each scope's prior is what the wider ones say, worth at most so many attempts."""
    for candidate in (one for decision in _walk(seed) for one in decision.candidates):
        shares = {share.scope: share for share in candidate.evidence}
        mean, weight = 0.5, 2.0
        local = candidate.local_strength
        for scope, strength in (("elsewhere", inf), ("type", 2.0), ("context", local), ("hardware", local)):
            weight = min(weight, strength)
            if scope == "type" and "siblings" in shares:
                lent = (shares["siblings"].successes + 1.0) / (shares["siblings"].weight + 2.0)
                mean, weight = (mean + 2.0 * lent) / 3.0, 3.0
            if scope in shares:
                mean = (weight * mean + shares[scope].successes) / (weight + shares[scope].weight)
                weight += shares[scope].weight
        assert candidate.alpha / (candidate.alpha + candidate.beta) == pytest.approx(mean)


@pytest.mark.parametrize("seed", range(SEEDS))
def test_every_decision_is_told_in_whole_sentences(seed: int) -> None:
    for decision in _walk(seed):
        for sentence in explain.sentences(decision):
            assert sentence.endswith("."), sentence
            assert not {"nan", "inf", "None", ".."} & set(sentence.split()), sentence
            assert "  " not in sentence, sentence
            assert not sentence.endswith(".."), sentence


def test_what_a_changed_record_would_have_chosen_is_seen() -> None:
    decision = next(one for one in _walk(0) if one.rng_state)
    first, *others = decision.candidates
    assert (
        explain.recompute(replace(decision, candidates=(replace(first, alpha=first.alpha + 1.0), *others))) != decision
    )
    assert explain.recompute(replace(decision, rng_state="0123456789abcdef")) != decision
    assert explain.recompute(replace(decision, timeout_basis=(1.0, 1.0))) != decision


# --- by hand

GOOD = Known(20.0, 18.0, 4.0, 0.9, 0.1, 0.9, 1.0, (Evidence("type", 24, 20, 20.0, 17.0),))
POOR = Known(3.0, 2.0, 3.0, 0.9, 0.1, 0.9, 1.0, (Evidence("type", 3, 1, 3.0, 1.0),))
NEW = Known(0.0, 1.0, 1.0, 0.9, 0.1, 0.9, 1.0)
SLOW = Known(20.0, 18.0, 4.0, 0.0, 0.9, 0.0, 0.0, (Evidence("type", 20, 17, 20.0, 17.0),))


def _decided(may_explore: bool = False, seed: int = 1, **known: Known) -> Decision:
    choice = select([Strategy(name, "exec") for name in known], known.__getitem__, may_explore, Generator(seed))
    return Decision(
        decision_id="d-1",
        error_id="e-1",
        at=1.0,
        level=2,
        strategy_id=choice.strategy.id,
        target="web",
        mode="auto",
        reason=choice.reason,
        explored=choice.explored,
        timeout_s=30.0,
        candidates=choice.candidates,
        brakes=("pause: off", "flap suppression: not flapping"),
        attempt_id="a-1",
        may_explore=may_explore,
        rng_state=choice.rng_state,
        sharpness=choice.sharpness,
    )


def _attempt(**more: object) -> AttemptRecord:
    given: dict[str, object] = {
        "attempt_id": "a-1", "error_id": "e-1", "decision_id": "d-1", "strategy_id": "good", "strategy_name": "good",
        "target": "web", "level": 2, "error_type": ErrorType.NETWORK, "hardware_id": "", "component": "web",
        "started_at": 1.0, "execution_time_s": 0.5, "outcome": OutcomeKind.COMPLETED, "detail": "",
        "verdict": Verdict.RECOVERED, "success": True, "impact_score": 0.0, "stability_score": -1.0, "lag_s": 0.0,
        "affected_tasks": 0, "recovered_tasks": 0, "before": Usage(), "after": Usage(), "ended_at": 2.0,
    }  # fmt: skip
    return AttemptRecord(**(given | more))  # type: ignore[arg-type]


def test_a_decision_of_a_version_that_did_not_record_the_generator_is_not_made_up() -> None:
    drawn = replace(_decided(True, good=GOOD, poor=POOR), rng_state="", may_explore=False)
    assert explain.recompute(drawn) is None
    greedy = _decided(good=GOOD, poor=POOR)
    assert explain.recompute(greedy) == greedy, "where nothing was drawn nothing is missing"


def test_a_learned_timeout_is_recomputed_within_its_bounds_and_said() -> None:
    decision = replace(_decided(good=GOOD), timeout_basis=(2.0, 0.25), timeout_bounds_s=(0.1, 240.0), timeout_s=3.0)
    assert explain.recompute(decision) == decision
    assert "The time to finish is learned: 2 s on average, and four times its deviation of 0.25 s." in (
        explain.sentences(decision)
    )
    held = replace(decision, timeout_bounds_s=(5.0, 240.0), timeout_s=5.0)
    assert explain.recompute(held) == held
    assert any(said.endswith("held to the bounds of the strategy.") for said in explain.sentences(held))
    old = replace(decision, timeout_bounds_s=None)
    assert explain.recompute(old) == old, "without bounds the timeout is what was recorded"


def test_the_intervals_are_those_of_the_posteriors() -> None:
    assert explain.intervals(_decided(good=GOOD, poor=POOR)) == {
        "good": beta_interval(18.0, 4.0),
        "poor": beta_interval(2.0, 3.0),
    }


def test_the_whole_explanation_of_a_choice() -> None:
    decision = replace(
        _decided(good=GOOD, poor=POOR),
        why_now="fix1 did not help",
        severity=Severity.CRITICAL,
        levels=(1, 2, 4),
    )
    assert explain.sentences(decision, _attempt()) == [
        "Ran good on web at level 2, with 30 s to finish: best score 0.88 by record; a critical error is no time to "
        "explore.",
        "What led to it: fix1 did not help.",
        "good: tried 24 times, 20 of 24 helped; expected to help in 82 % of cases (67 % to 93 %); score 0.882.",
        "poor: tried 3 times, 1 of 3 helped; expected to help in 40 % of cases (10 % to 75 %); score 0.715.",
        "It completed after 0.5 s; the probes said recovered.",
        "poor would have been chosen if it were expected to help in more than 82 % of cases, instead of 40 %.",
        "Were it not critical, the success rates would have been drawn, and each might have been tried.",
        "Level 2 was its level; this rule also has something to try at levels 1 and 4.",
        "It passed 2 brakes, and any of them could have held it.",
    ]


def test_the_draw_that_another_would_have_needed_is_the_one_that_changes_the_choice() -> None:
    decision = _decided(True, good=GOOD, poor=POOR)
    chosen, other = sorted(decision.candidates, key=lambda one: -one.score)
    needed = other.draw + (chosen.score - other.score) / 0.4
    [said, *_] = explain.what_would_change(decision)
    assert said.startswith(f"{other.strategy_id} would have been chosen with a success draw above {needed:.2f}; ")
    sharp = decision.sharpness * other.alpha, decision.sharpness * other.beta
    chances = sum(Generator(seed).beta(*sharp) > needed for seed in range(4000)) / 4000
    told = float(said.removesuffix(" %.").rpartition(" ")[2]) / 100
    assert told == pytest.approx(chances, abs=0.02)


def test_what_no_draw_could_have_changed_is_said_so() -> None:
    [said, *_] = explain.what_would_change(_decided(True, good=GOOD, slow=SLOW))
    assert said.startswith("slow could not have been chosen: even if it always helped, its score would be 0.415, and")


def test_exploring_is_owned_up_to() -> None:
    decision = next(one for seed in range(100) if (one := _decided(True, seed, good=GOOD, new=NEW)).explored)
    assert "Without exploring, good would have been chosen, which has the best record." in explain.sentences(decision)
    assert any(", drew 0." in said for said in explain.sentences(decision))


def test_what_was_only_observed_says_that_nothing_was_done() -> None:
    decision = replace(_decided(good=GOOD), attempt_id="", mode="observe", rule="web-down", levels=(2, 3))
    first, *_, last = explain.sentences(decision)
    assert first == (
        "Would run good on web at level 2, with 30 s to finish: the only strategy of this level. "
        "Nothing was done: the rule's mode is observe."
    )
    assert last == "With mode auto rule web-down would have had it run."
    assert "Level 2 was its level; this rule also has something to try at level 3." in explain.sentences(decision)
    assert explain.sentences(replace(decision, rule=""))[-1] == "With mode auto the rule would have had it run."


def test_what_waits_for_a_person_is_told_from_what_they_let_run() -> None:
    decision = replace(_decided(good=GOOD), mode="approve")
    assert explain.sentences(decision)[0].endswith("Nothing is done before a person says yes.")
    approved = replace(decision, brakes=(*decision.brakes, "approval: by anna"))
    told = explain.sentences(approved, does="runs /bin/good")
    assert told[0].startswith("Ran good on web")
    assert told[1:3] == ["As it is defined now, it runs /bin/good.", "A person was asked first: approved by anna."]
    silence = replace(decision, brakes=(*decision.brakes, "approval: nobody answered"))
    assert "A person was asked first: nobody answered." in explain.sentences(silence)


def test_an_isolation_is_chosen_among_nothing() -> None:
    decision = replace(_decided(good=GOOD), level=ISOLATION, candidates=(), reason="it may spread", brakes=())
    assert explain.recompute(decision) == decision
    assert explain.sentences(decision) == ["Ran good on web, to isolate it, with 30 s to finish: it may spread."]


def _candidate(*evidence: Evidence, samples: float = 0.0, alpha: float = 1.0) -> Candidate:
    return Candidate("fix", samples, alpha, 1.0, alpha / (alpha + 1.0), 0.5, 0.5, 0.5, 0.5, 0.5, evidence)


@pytest.mark.parametrize(
    ("candidate", "history"),
    [
        (_candidate(), "never tried"),
        (
            _candidate(Evidence("elsewhere", 8, 6, 7.0, 5.0)),
            "never tried for this type of error; its credit is from other types (tried 8 times, 6 of 8 helped)",
        ),
        (
            _candidate(Evidence("type", 0, 0, 0.2, 0.0), samples=2.0),
            "tried before, which counts as 2.0 attempts by now",
        ),
        (_candidate(Evidence("context", 1, 1, 1.0, 1.0)), "tried once, which helped"),
        (_candidate(Evidence("context", 1, 0, 1.0, 0.0)), "tried once, which did not help"),
        (_candidate(Evidence("hardware", 2, 0, 2.0, 0.0)), "tried 2 times, none helped"),
        (_candidate(Evidence("type", 3, 3, 3.0, 3.0)), "tried 3 times, all helped"),
        (
            _candidate(Evidence("type", 3, 1, 3.0, 1.0), Evidence("context", 2, 2, 2.0, 2.0)),
            "tried 5 times, 3 of 5 helped (in this component 2 of 2)",
        ),
        (
            _candidate(Evidence("context", 3, 1, 3.0, 1.0), Evidence("hardware", 1, 0, 1.0, 0.0)),
            "tried 4 times, 1 of 4 helped (on this hardware 0 of 1)",
        ),
        (
            _candidate(Evidence("type", 30, 12, 4.2, 2.0)),
            "tried 30 times, 12 of 30 helped, long ago: counts as 4.2 attempts by now",
        ),
    ],
)
def test_the_history_of_a_candidate_is_told_in_plain_numbers(candidate: Candidate, history: str) -> None:
    decision = replace(_decided(good=GOOD), strategy_id="fix", candidates=(candidate,))
    assert explain.sentences(decision)[1].startswith(f"fix: {history}; expected to help in 50 % of cases")


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"outcome": OutcomeKind.TIMED_OUT, "verdict": Verdict.PERSISTING, "success": False},
         "It timed out after 0.5 s; the probes said persisting."),
        ({"outcome": OutcomeKind.REFUSED, "detail": "no such handler", "success": False},
         "It was not run: no such handler."),
        ({"outcome": OutcomeKind.REFUSED, "success": False}, "It was not run: nobody could."),
        ({"outcome": OutcomeKind.LOST, "success": False},
         "Its worker was lost, so what it did is not known; the probes said recovered."),
        ({"withheld_s": 0.2},
         "It completed after 0.5 s, in 0.2 s of which the host withheld the CPU; the probes said recovered."),
        ({"withheld_s": 0.001}, "It completed after 0.5 s; the probes said recovered."),
        ({"stability_score": 1.0},
         "It completed after 0.5 s; the probes said recovered. It held through its stability window."),
        ({"stability_score": 0.25},
         "It completed after 0.5 s; the probes said recovered. It held for 25 % of its stability window."),
    ],
)  # fmt: skip
def test_what_came_of_it_is_told(more: dict[str, object], told: str) -> None:
    assert told in explain.sentences(_decided(good=GOOD), _attempt(**more))


def test_a_decision_whose_chosen_strategy_is_not_among_its_candidates_is_still_told() -> None:
    decision = replace(_decided(good=GOOD, poor=POOR), strategy_id="gone")
    assert not any("would have been chosen if" in said for said in explain.sentences(decision))


def test_who_reported_it_is_named_where_it_is_known() -> None:
    said = explain.sentences(_decided(good=GOOD), source="sentry/python")
    assert "Its fault was reported by sentry/python." in said
    assert not any("reported by" in sentence for sentence in explain.sentences(_decided(good=GOOD)))
