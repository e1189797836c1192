from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import astuple, replace
from functools import partial
from math import exp, log
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from error_daemon.core import drift, explain
from error_daemon.core.experience import ALIKE, FIGURES, Experience, Known
from error_daemon.core.learning import Case, Learning, Lesson
from error_daemon.core.rng import Generator
from error_daemon.core.select import select
from error_daemon.model import Candidate, ErrorType, Evidence, Score, Strategy
from tests.core.test_explain import _decided

HALF_LIFE_S = 7 * 86400.0
NET, DATA = ErrorType.NETWORK, ErrorType.DATA
ANY, WEB, DB = Case(NET), Case(NET, "web"), Case(NET, "db")
WEB_1, WEB_2, LOOSE = Case(NET, "web", "disk-1"), Case(NET, "web", "disk-2"), Case(NET, "", "disk-1")
LESSON = Lesson(time_s=30.0, impact=0.2, task_rate=0.5)
GOOD = (True,) * 60
BAD = (False,) * 5


def _teach(learning: Learning, case: Case, successes: Iterable[bool], strategy_id: str = "fix") -> list[Score]:
    """One after the other, all at once. Returns the scores that the last changed."""
    scores: tuple[Score, ...] = ()
    for success in successes:
        scores = learning.attempt(case, strategy_id, success, LESSON, 0.0)
    return list(scores)


def _told(learning: Learning, case: Case, strategy_id: str = "fix") -> dict[str, Evidence]:
    return {share.scope: share for share in learning.known(case, strategy_id, 0.0).evidence}


# --- the test


@given(st.floats(0.001, 0.999))
def test_of_what_the_record_expects_the_likelihood_ratio_is_one_on_average(rate: float) -> None:
    ratio = rate * exp(drift.surprise(rate, True)) + (1.0 - rate) * exp(drift.surprise(rate, False))
    assert ratio == pytest.approx(1.0), "so that by Lorden false alarms are fewer than one in exp(CERTAINTY) attempts"
    after = exp(drift.surprise(rate, True)) * rate
    assert after / (1.0 - after) == pytest.approx(drift.LESS_ODDS * rate / (1.0 - rate))


@given(st.floats(0.001, 0.999))
def test_a_failure_raises_the_doubt_and_a_success_lowers_it(rate: float) -> None:
    assert drift.surprise(rate, True) < 0.0 < drift.surprise(rate, False) < -log(drift.LESS_ODDS)


@given(st.lists(st.booleans(), max_size=100), st.integers(0, 4))
def test_four_failures_condemn_nobody(before: list[bool], failures: int) -> None:
    learning = Learning(HALF_LIFE_S)
    _teach(learning, ANY, [*before, True, True, True, True])
    trusting = Experience(weight=len(before) + 4.0, successes=sum(before) + 4.0)
    for _ in range(failures):
        assert drift.doubt([trusting], drift.surprise(drift.expected([trusting], ALIKE), False), False) is None


@pytest.mark.parametrize("rate", [0.2, 0.5, 0.7, 0.9, 0.98])
def test_what_does_not_change_is_hardly_ever_thought_to(rate: float) -> None:
    learning, world, alarms = Learning(HALF_LIFE_S), Generator(3), 0
    learning.attempt(ANY, "other", True, LESSON, 0.0)
    for number in range(10_000):
        if len(learning.attempt(ANY, "fix", world.uniform() <= rate, LESSON, number * 600.0)) > 1:
            alarms += 1
            learning.attempt(ANY, "other", True, LESSON, number * 600.0)
    assert alarms <= 3


# --- what is cut


def test_a_record_that_no_longer_fits_is_cut_to_the_attempts_since_it_does_not() -> None:
    learning = Learning(HALF_LIFE_S)
    _teach(learning, ANY, GOOD)
    _teach(learning, ANY, BAD[:-1])
    assert learning.known(ANY, "fix", 0.0).mean > 0.9
    _teach(learning, ANY, BAD[:1])
    known = learning.known(ANY, "fix", 0.0)
    [share] = known.evidence
    assert (share.attempts, share.helped, share.recent) == (65, 60, 5)
    assert (share.weight, share.successes) == pytest.approx((7.0, 2.0))
    assert known.mean == pytest.approx(3 / 9)
    assert (known.time_score, known.mean_impact, known.task_rate) == pytest.approx((0.5, 0.2, 0.5)), "as they were"
    _teach(learning, ANY, [False, True])
    assert _told(learning, ANY)["type"].recent == 7


def test_the_other_strategies_are_explored_again() -> None:
    learning = Learning(HALF_LIFE_S)
    _teach(learning, ANY, [True, False] * 20, "other")
    _teach(learning, Case(DATA), GOOD, "other")
    _teach(learning, ANY, GOOD)
    scores = _teach(learning, ANY, BAD)
    assert [score.strategy_id for score in scores] == ["fix", "other"]
    other = _told(learning, ANY, "other")["type"]
    assert (other.weight, other.successes, other.recent) == pytest.approx((2.0, 1.0, 0))
    assert _told(learning, Case(DATA), "other")["type"].weight == 60.0, "another type of error is another matter"
    assert _told(learning, Case(DATA), "other")["elsewhere"].weight == pytest.approx(2.0)


def test_the_only_strategy_has_but_its_own_record_to_lose() -> None:
    learning = Learning(HALF_LIFE_S)
    _teach(learning, ANY, GOOD)
    assert len(_teach(learning, ANY, BAD)) == 1


def test_of_a_strategy_that_never_helped_there_is_nothing_to_cut() -> None:
    learning = Learning(HALF_LIFE_S)
    _teach(learning, ANY, GOOD, "other")
    for _ in range(40):
        assert len(_teach(learning, ANY, [False])) == 1
    assert _told(learning, ANY)["type"].recent is None
    assert _told(learning, ANY, "other")["type"].weight == 60.0


def test_where_too_little_is_known_nothing_is_cut_and_the_doubt_begins_anew() -> None:
    one = Experience(weight=5.0, successes=0.0, doubt=7.0, doubted=5.0, samples=5.0)
    assert not drift.cut_nested((), one, (), True)
    assert (one.weight, one.doubt, one.doubted, one.cut) == (5.0, 0.0, 0.0, 0.0)


# --- where


def test_a_component_in_which_a_strategy_stopped_working_does_not_take_it_from_the_others() -> None:
    learning = Learning(HALF_LIFE_S)
    for case in (WEB, DB):
        _teach(learning, case, GOOD)
        _teach(learning, case, GOOD, "other")
    _teach(learning, DB, GOOD, "elsewhere")
    assert len(_teach(learning, WEB, BAD)) == 2
    assert learning.known(DB, "fix", 0.0).mean > 0.9
    assert _told(learning, WEB)["context"].recent == 5
    assert _told(learning, DB)["context"].recent is None
    assert _told(learning, WEB)["type"].weight == pytest.approx(60.0), "those of the database"
    assert _told(learning, WEB, "other")["context"].weight == pytest.approx(2.0)
    assert _told(learning, DB, "other")["context"].weight == pytest.approx(60.0)


def test_a_strategy_that_stopped_working_everywhere_is_noticed_without_waiting_for_each_component() -> None:
    learning = Learning(HALF_LIFE_S)
    everywhere = [Case(NET, f"c{number}") for number in range(10)]
    for case in everywhere:
        _teach(learning, case, GOOD)
    for case in everywhere:
        _teach(learning, case, [False])
    told = _told(learning, everywhere[-1])
    assert told["type"].recent == 10, "each failed but once"
    assert told["context"].recent is None
    assert learning.known(everywhere[-1], "fix", 0.0).mean < 0.4


def test_a_new_component_that_is_worse_is_not_held_against_the_others() -> None:
    learning = Learning(HALF_LIFE_S)
    for case in (WEB, DB):
        _teach(learning, case, GOOD)
    _teach(learning, Case(NET, "new"), [False] * 30)
    assert learning.known(DB, "fix", 0.0).mean > 0.9
    assert learning.known(WEB, "fix", 0.0).mean > 0.9


@pytest.mark.parametrize("case", [WEB_1, LOOSE])
def test_hardware_that_fails_is_blamed_alone(case: Case) -> None:
    learning = Learning(HALF_LIFE_S)
    _teach(learning, replace(case, hardware_id="disk-2"), GOOD)
    _teach(learning, case, GOOD)
    _teach(learning, case, BAD)
    assert _told(learning, case)["hardware"].recent == 5
    assert all(share.recent is None for scope, share in _told(learning, case).items() if scope != "hardware")
    assert learning.known(replace(case, hardware_id="disk-2"), "fix", 0.0).mean > 0.9
    assert sum(share.weight for share in _told(learning, case).values()) == pytest.approx(67.0)


def test_a_scope_that_is_no_longer_kept_cannot_be_cut() -> None:
    learning = Learning(HALF_LIFE_S, most_scopes=1)
    for successes in (GOOD, BAD):
        _teach(learning, WEB_1, successes)
    assert _told(learning, WEB_1)["type"].weight + _told(learning, WEB_1)["context"].weight == pytest.approx(65.0)


# --- a change of everything

LADDER = ("retry", "reload", "restart", "reboot")


def _shaken(each: int, of: int = 4) -> tuple[Learning, list[Score]]:
    """Strategies that all helped, and of which so many then fail so often. Returns the most scores that a failure changed, too."""
    learning, scores = Learning(HALF_LIFE_S), list[Score]()
    for name in LADDER:
        _teach(learning, WEB, GOOD, name)
        _teach(learning, Case(DATA), GOOD, name)
    for _ in range(each):
        for name in LADDER[:of]:
            scores = max(scores, _teach(learning, WEB, [False], name), key=len)
    return learning, scores


def test_where_everything_changes_a_few_failures_of_each_are_enough() -> None:
    learning, scores = _shaken(2)
    assert {share.recent for name in LADDER for share in _told(learning, WEB, name).values()} == {None}
    assert len(scores) == 1
    learning, scores = _shaken(3)
    assert sorted(score.strategy_id for score in scores) == sorted(LADDER)
    for name in LADDER:
        known = learning.known(WEB, name, 0.0)
        assert known.samples == pytest.approx(5.0, abs=1.0), "two of those before, and those since"
        assert known.mean < 0.6, "credit from the data is left"
        assert learning.known(Case(DATA), name, 0.0).mean > 0.9, "another type of error is another matter"


def test_those_that_nobody_doubted_are_cut_beside_them() -> None:
    learning, _ = _shaken(4, of=3)
    assert learning.known(WEB, "retry", 0.0).samples < 7.0
    assert learning.known(WEB, "reboot", 0.0).samples == pytest.approx(drift.KEPT)


def test_one_strategy_alone_never_says_that_everything_has_changed() -> None:
    assert not drift.is_everything([drift.CERTAINTY, drift.SLACK, drift.SLACK])
    assert drift.is_everything([drift.CERTAINTY, drift.CERTAINTY])


def test_a_strategy_of_which_too_little_is_known_to_be_cut_is_recorded_without_its_doubt() -> None:
    learning, _ = _shaken(2)
    _teach(learning, WEB, [False, False], "new")
    _teach(learning, WEB, [True], "fresh")
    scores = _teach(learning, WEB, [False], "reboot")
    assert "new" in {score.strategy_id for score in scores}
    assert "fresh" not in {score.strategy_id for score in scores}, "there is nothing to cut"
    assert {score.metrics["doubt"] for score in scores} == {0.0}


# --- in words


def test_why_a_record_counts_for_little_is_said() -> None:
    learning = Learning(HALF_LIFE_S)
    for name in ("other", "fix"):
        _teach(learning, WEB, GOOD, name)
    _teach(learning, WEB, BAD)
    assert _history(learning.known(WEB, "fix", 0.0)) == (
        "tried 65 times, 60 of 65 helped, but its record was cut to the last 5 attempts, when what it said no longer held: "
        "counts as 7.0 attempts by now"
    )
    assert _history(learning.known(WEB, "other", 0.0)) == (
        "tried 60 times, all helped, but its record was cut, when what it said no longer held: "
        "counts as 2.0 attempts by now"
    )


def _history(known: Known) -> str:
    figures = (known.time_score, known.mean_impact, known.mean_stability, known.task_rate)
    one = Candidate("fix", known.samples, known.alpha, known.beta, known.mean, *figures, 0.5, known.evidence)
    decision = replace(_decided(good=known), strategy_id="fix", candidates=(one,))
    return explain.sentences(decision)[1].removeprefix("fix: ").partition("; expected")[0]


# --- whatever happens

Stretch = tuple[Case, str, bool, int, float]  # so many attempts in a row with this result, so many seconds apart
stretches = st.lists(
    st.tuples(
        st.builds(Case, st.sampled_from((NET, DATA)), st.sampled_from(("", "web", "db")), st.sampled_from(("", "d"))),
        st.sampled_from(("fix", "other")),
        st.booleans(),
        st.integers(1, 12),
        st.sampled_from((0.0, 60.0, 86400.0)),
    ),
    max_size=12,
)
Recorded = dict[tuple[ErrorType, str], Score]


def _attempts(life: list[Stretch]) -> Iterator[tuple[Case, str, bool, float]]:
    now = 0.0
    for case, strategy_id, success, count, apart_s in life:
        for _ in range(count):
            now += apart_s
            yield case, strategy_id, success, now


def _live(learning: Learning, life: list[Stretch], start: float = 0.0) -> tuple[Recorded, float]:
    recorded, now = Recorded(), start
    for case, strategy_id, success, later in _attempts(life):
        now = start + later
        scores = learning.attempt(case, strategy_id, success, LESSON, now)
        if success:
            scores += (learning.stability(case, strategy_id, 1.0, now),)
        for score in scores:
            recorded[score.error_type, score.strategy_id] = score
    return recorded, now


def _scopes(score: Score, now: float) -> tuple[Experience, dict[tuple[str, str], Experience]]:
    """What is recorded, faded to now."""
    metrics = json.loads(json.dumps(score.metrics))
    whole = Experience(**{name: metrics[name] for name in FIGURES})
    narrow = {(context, disk): Experience(*figures) for context, disk, *figures in metrics["scopes"]}
    for one in (whole, *narrow.values()):
        one.fade(now, HALF_LIFE_S)
    return whole, narrow


@given(stretches)
def test_no_scope_holds_less_than_what_is_in_it(life: list[Stretch]) -> None:
    recorded, now = _live(Learning(HALF_LIFE_S), life)
    for score in recorded.values():
        whole, narrow = _scopes(score, now)
        inner = {at: one for at, one in narrow.items() if not all(at)}
        _holds(whole, inner.values())
        for (context, disk), one in inner.items():
            if not disk:
                _holds(one, [hardware for at, hardware in narrow.items() if at[0] == context and all(at)])


def _holds(outer: Experience, inner: Iterable[Experience]) -> None:
    parts = list(inner)
    for name in ("weight", "successes", "time_s", "impact", "tasks", "stability_weight", "stability", "samples"):
        assert getattr(outer, name) >= sum(getattr(one, name) for one in parts) - 1e-9 * (1.0 + getattr(outer, name))
    failures = outer.weight - outer.successes
    assert failures >= sum(one.weight - one.successes for one in parts) - 1e-6
    for one in (outer, *parts):
        assert one.samples >= one.helped >= 0.0
        assert one.samples >= one.cut >= 0.0


@given(stretches)
def test_the_pool_of_a_strategy_is_the_sum_of_its_records(life: list[Stretch]) -> None:
    learning = Learning(HALF_LIFE_S)
    recorded, now = _live(learning, life)
    records = [_scopes(score, now)[0] for (_, strategy_id), score in recorded.items() if strategy_id == "fix"]
    known = learning.known(Case(ErrorType.SYSTEM), "fix", now)
    for name in ("weight", "successes"):
        found = sum(getattr(share, name) for share in known.evidence)
        assert found == pytest.approx(sum(getattr(one, name) for one in records), abs=1e-5)


@given(stretches)
def test_posteriors_stay_proper(life: list[Stretch]) -> None:
    learning = Learning(HALF_LIFE_S)
    _, now = _live(learning, life)
    for case in (ANY, WEB, DB, Case(NET, "web", "d"), Case(NET, "", "d"), Case(DATA)):
        known = learning.known(case, "fix", now)
        assert min(known.alpha, known.beta) > 0.0
        assert all(0.0 <= share.successes <= share.weight for share in known.evidence)
        for figure in (known.time_score, known.mean_impact, known.mean_stability, known.task_rate):
            assert -1e-9 <= figure <= 1.0 + 1e-9


@given(stretches, stretches)
def test_doubt_and_cuts_survive_a_restart(before: list[Stretch], after: list[Stretch]) -> None:
    through, resumed = Learning(HALF_LIFE_S), Learning(HALF_LIFE_S)
    recorded, now = _live(through, before)
    resumed.restore([replace(one, metrics=json.loads(json.dumps(one.metrics))) for one in recorded.values()])
    wanted, _ = _live(through, after, now)
    found, _ = _live(resumed, after, now)
    assert found.keys() == wanted.keys()
    for key, score in found.items():
        assert _numbers(score) == pytest.approx(_numbers(wanted[key]), rel=1e-6, abs=1e-6)


def _numbers(score: Score) -> list[float]:
    scopes = [figure for _, _, *figures in score.metrics["scopes"] for figure in figures]
    return [score.score, *(score.metrics[name] for name in FIGURES), *scopes]


def _lesson(strategy_id: str, success: bool, number: int) -> tuple[Case, str, bool, float]:
    return {"fix": WEB_1, "other": Case(DATA, "web", "disk-1")}[strategy_id], strategy_id, success, number * 60.0


@given(st.lists(st.booleans(), max_size=60), st.lists(st.booleans(), max_size=60), st.randoms(use_true_random=False))
def test_in_which_order_independent_strategies_are_learned_does_not_matter(
    fixes: list[bool], others: list[bool], dice: Random
) -> None:
    lives = [[_lesson(name, success, number) for number, success in enumerate(list_)] for name, list_ in
             (("fix", fixes), ("other", others))]  # fmt: skip
    one_by_one, mixed = Learning(HALF_LIFE_S), Learning(HALF_LIFE_S)
    for life in lives:
        for case, strategy_id, success, now in life:
            one_by_one.attempt(case, strategy_id, success, LESSON, now)
    left = [list(life) for life in lives]
    while any(left):
        case, strategy_id, success, now = dice.choice([life for life in left if life]).pop(0)
        mixed.attempt(case, strategy_id, success, LESSON, now)
    for case, strategy_id in ((WEB_1, "fix"), (Case(DATA, "web", "disk-1"), "other")):
        known = mixed.known(case, strategy_id, 4000.0)
        assert astuple(known)[:7] == pytest.approx(astuple(one_by_one.known(case, strategy_id, 4000.0))[:7])


# --- what it is for

RATES = ({"a": 0.9, "b": 0.5, "c": 0.2}, {"a": 0.2, "b": 0.5, "c": 0.9})


def _known(learning: Learning, now: float, name: str) -> Known:
    return learning.known(ANY, name, now)


def _picks_until_adapted(seed: int) -> int:
    """Incidents from the change until the new best strategy is chosen in 16 of the next 20."""
    learning, rng, world = Learning(HALF_LIFE_S), Generator(seed), Generator(seed + 1000)
    strategies, picks = [Strategy(name, "") for name in "abc"], list[str]()
    for number in range(400):
        now = number * 600.0
        choice = select(strategies, partial(_known, learning, now), True, rng)
        name = choice.strategy.id
        success = world.uniform() <= RATES[number >= 200][name]
        learning.attempt(ANY, name, success, Lesson(1.0, 0.0, 1.0), now)
        picks.append(name)
    return next((at for at in range(180) if picks[200 + at : 220 + at].count("c") >= 16), 180)


def test_nine_in_ten_times_the_new_best_strategy_is_chosen_within_fifty_incidents() -> None:
    until = sorted(_picks_until_adapted(seed) for seed in range(30))
    assert until[26] <= 50
