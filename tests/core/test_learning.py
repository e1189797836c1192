from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import astuple, dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from error_daemon.core.experience import ALIKE, APART, UNKNOWN, Known, combine, strength
from error_daemon.core.learning import RECORDED_SCOPES, Case, Learning, Lesson
from error_daemon.core.rng import Generator
from error_daemon.model import ErrorType, Evidence, Score

NET, DATA = (Case(ErrorType.NETWORK), "fix"), (Case(ErrorType.DATA), "fix")
LESSON = Lesson(time_s=30.0, impact=0.2, task_rate=0.5)
HALF_LIFE_S = 100.0


def test_nothing_is_known_at_first() -> None:
    known = Learning(HALF_LIFE_S).known(*NET, 0.0)
    assert (known.samples, known.alpha, known.beta, known.mean) == (0.0, 1.0, 1.0, 0.5)
    assert (known.time_score, known.mean_impact, known.mean_stability, known.task_rate) == (0.5, 0.5, 0.5, 0.5)


def test_where_nothing_was_learned_all_scopes_together_say_nothing() -> None:
    scopes = [("elsewhere", None), ("type", None), ("context", None)]
    assert combine(scopes, [], None, now=5.0, half_life_s=7.0) == UNKNOWN


def test_attempts_move_the_posterior_and_the_means() -> None:
    learning = Learning(HALF_LIFE_S)
    learning.attempt(*NET, True, LESSON, 0.0)
    [score] = learning.attempt(*NET, False, Lesson(90.0, 0.4, 1.0), 0.0)
    known = learning.known(*NET, 0.0)
    assert (known.samples, known.alpha, known.beta) == pytest.approx((2.0, 2.0, 2.0))
    assert known.time_score == pytest.approx(1 / 3)  # a mean of 60 s
    assert (known.mean_impact, known.task_rate, known.mean_stability) == pytest.approx((0.3, 0.75, 0.5))
    assert score.score == pytest.approx(0.4 * 0.5 + 0.15 * (1 / 3 + 0.7 + 0.5 + 0.75))
    assert (score.samples, score.last_at) == (2, 0.0)


def test_a_past_attempt_counts_half_after_the_half_life() -> None:
    learning = Learning(HALF_LIFE_S)
    for _ in range(8):
        learning.attempt(*NET, True, LESSON, 0.0)
    assert learning.known(*NET, 100.0).samples == pytest.approx(4.0)
    assert learning.known(*NET, 300.0).samples == pytest.approx(1.0)
    assert learning.known(*NET, -200.0).samples == 8.0, "a clock that is behind brings nothing back"
    assert learning.score(ErrorType.NETWORK, "fix", 300.0).samples == 8, "how many there ever were does not fade"


def test_the_prior_is_pooled_from_the_same_strategy_elsewhere() -> None:
    learning = Learning(HALF_LIFE_S)
    for _ in range(8):
        learning.attempt(*NET, True, LESSON, 0.0)
    known = learning.known(*DATA, 0.0)
    assert known.samples == 0.0
    assert known.mean == pytest.approx(0.9)  # (8 + 1) / (8 + 2)
    assert known.time_score == pytest.approx(0.5)
    assert known.mean_impact == pytest.approx(0.2)
    other = learning.known(Case(ErrorType.DATA), "other", 0.0)
    assert (other.mean, other.mean_impact) == (0.5, 0.5)


def test_what_is_unknown_of_a_strategy_is_taken_from_the_others_for_this_error_type() -> None:
    learning = Learning(HALF_LIFE_S)
    learning.attempt(*NET, True, LESSON, 0.0)
    learning.stability(*NET, 0.9, 0.0)
    untried = learning.known(Case(ErrorType.NETWORK), "untried", 0.0)
    assert (untried.samples, untried.mean) == (0.0, 0.5)
    assert (untried.time_score, untried.mean_impact, untried.mean_stability, untried.task_rate) == (0.5, 0.2, 0.9, 0.5)


def test_one_failure_condemns_nobody() -> None:
    learning = Learning(HALF_LIFE_S)
    learning.attempt(*NET, False, LESSON, 0.0)
    assert learning.known(*NET, 0.0).mean == pytest.approx(1 / 3)


def test_stability_is_known_when_it_was_told() -> None:
    learning = Learning(HALF_LIFE_S)
    learning.attempt(*NET, True, LESSON, 0.0)
    learning.stability(*NET, 1.0, 0.0)
    learning.stability(*NET, 0.5, 0.0)
    assert learning.known(*NET, 0.0).mean_stability == pytest.approx(0.75)
    assert learning.known(*DATA, 0.0).mean_stability == pytest.approx(0.75), "pooled where there is no own"


@dataclass(frozen=True)
class Lived:
    """An attempt, and the seconds since the last."""

    case: Case
    strategy_id: str
    success: bool
    time_s: float
    later_s: float


cases = st.builds(
    Case,
    st.sampled_from((ErrorType.NETWORK, ErrorType.DATA)),
    st.sampled_from(("", "web", "db")),
    st.sampled_from(("", "disk-1", "disk-2")),
)
lives = st.lists(
    st.builds(
        Lived, cases, st.sampled_from(("fix", "other")), st.booleans(), st.floats(0.0, 100.0), st.floats(0.0, 500.0)
    ),
    max_size=12,
)
ALL_CASES = [
    Case(error_type, context, hardware_id)
    for error_type in (ErrorType.NETWORK, ErrorType.DATA)
    for context in ("", "web", "db")
    for hardware_id in ("", "disk-1", "disk-2")
]


def _live(learning: Learning, life: list[Lived], now: float, recorded: dict[tuple[ErrorType, str], Score]) -> float:
    for one in life:
        now += one.later_s
        key = one.case.error_type, one.strategy_id
        for score in learning.attempt(one.case, one.strategy_id, one.success, Lesson(one.time_s, 0.1, 1.0), now):
            recorded[score.error_type, score.strategy_id] = score
        if one.success:
            recorded[key] = learning.stability(one.case, one.strategy_id, 1.0, now)
    return now


def _recorded(scores: Iterable[Score]) -> list[Score]:
    """As they come back from the record."""
    return [replace(score, metrics=json.loads(json.dumps(score.metrics))) for score in scores]


def _figures(known: Known) -> list[float]:
    """Without the evidence: its traces of long faded attempts may or may not be there."""
    return [value for value in astuple(known) if isinstance(value, float)]


@given(lives, lives)
def test_going_on_from_the_record_equals_never_having_stopped(before: list[Lived], after: list[Lived]) -> None:
    through, now, recorded = Learning(HALF_LIFE_S), 0.0, dict[tuple[ErrorType, str], Score]()
    now = _live(through, before, now, recorded)
    resumed = Learning(HALF_LIFE_S)
    resumed.restore(_recorded(recorded.values()))
    _live(through, after, now, {})
    end = _live(resumed, after, now, {})
    assert resumed.scopes() == through.scopes()
    for case in ALL_CASES:
        for strategy_id in ("fix", "other"):
            wanted = _figures(through.known(case, strategy_id, end))
            assert _figures(resumed.known(case, strategy_id, end)) == pytest.approx(wanted, rel=1e-6, abs=1e-6)


# --- the scopes


@given(lives, cases)
def test_no_attempt_counts_twice(life: list[Lived], case: Case) -> None:
    learning = Learning(HALF_LIFE_S)
    now = _live(learning, life, 0.0, {})
    known = learning.known(case, "fix", now)
    fixes = [one for one in life if one.strategy_id == "fix"]
    assert sum(share.attempts for share in known.evidence) == len(fixes)
    assert sum(share.helped for share in known.evidence) == sum(one.success for one in fixes)
    here = sum(share.weight for share in known.evidence if share.scope != "elsewhere")
    assert known.samples == pytest.approx(here, abs=1e-5)
    assert known.alpha + known.beta <= sum(share.weight for share in known.evidence) + 2.0 + 1e-6, "nor more than once"


@given(lives, cases)
def test_asking_changes_nothing(life: list[Lived], case: Case) -> None:
    asked, left = Learning(HALF_LIFE_S), Learning(HALF_LIFE_S)
    now = 0.0
    for one in life:
        asked.known(case, "fix", now + one.later_s / 2)
        _live(left, [one], now, {})
        now = _live(asked, [one], now, {})
    assert asked.known(case, "fix", now) == left.known(case, "fix", now)


def _taught(*taught: tuple[Case, int, int]) -> Learning:
    """For each case so many successes and failures of `fix`, evenly mixed, all at once."""
    learning = Learning(HALF_LIFE_S)
    for case, successes, failures in taught:
        attempts = successes + failures
        for number in range(attempts):
            helped = (number + 1) * successes // attempts > number * successes // attempts
            learning.attempt(case, "fix", helped, LESSON, 0.0)
    return learning


WEB, DB = Case(ErrorType.NETWORK, "web"), Case(ErrorType.NETWORK, "db")
WEB_1, WEB_2 = Case(ErrorType.NETWORK, "web", "disk-1"), Case(ErrorType.NETWORK, "web", "disk-2")


def test_where_there_is_one_component_its_name_changes_nothing() -> None:
    for case in (NET[0], WEB, WEB_1, Case(ErrorType.NETWORK, "", "disk-1")):
        known = _taught((DATA[0], 3, 1), (case, 3, 2)).known(case, "fix", 0.0)
        prior = (3 + 1) / (4 + 2)
        assert (known.alpha, known.beta) == pytest.approx((2 * prior + 3, 2 * (1 - prior) + 2)), case


def test_against_a_well_known_strategy_few_local_samples_barely_count() -> None:
    learning = _taught((DB, 180, 20), (WEB, 0, 1))
    elsewhere, local = (2 * 0.5 + 180) / (2 + 200), _local(learning)
    assert learning.known(WEB, "fix", 0.0).mean == pytest.approx(local * elsewhere / (local + 1))
    assert learning.known(WEB, "fix", 0.0).mean > 0.8


def _local(learning: Learning) -> float:
    """How many attempts a wider scope is worth to a narrower one."""
    return strength(float(learning.score(ErrorType.NETWORK, "fix", 0.0).metrics["apart"]))


@given(st.floats(-1e6, 1e6))
def test_a_wider_scope_is_never_worth_less_than_apart_nor_more_than_alike(apart: float) -> None:
    assert APART <= strength(apart) <= ALIKE
    assert strength(apart) <= strength(apart - 1.0)


@pytest.mark.parametrize(("in_web", "in_db", "is_apart"), [(0.9, 0.1, True), (0.5, 0.5, False)])
def test_how_much_components_differ_is_learned(in_web: float, in_db: float, is_apart: bool) -> None:
    learning, world = Learning(HALF_LIFE_S), Generator(5)
    for _ in range(100):
        for case, rate in ((WEB, in_web), (DB, in_db)):
            learning.attempt(case, "fix", world.uniform() <= rate, LESSON, 0.0)
    assert _local(learning) == pytest.approx(APART if is_apart else ALIKE, rel=0.5)
    assert learning.known(DB, "another", 0.0).local_strength == _local(learning), "it holds for all strategies"


def test_how_much_components_differ_is_known_after_a_restart() -> None:
    learning = _taught((WEB, 20, 0), (DB, 0, 20))
    resumed = Learning(HALF_LIFE_S)
    resumed.restore([learning.score(ErrorType.NETWORK, "fix", 0.0)])
    assert _local(resumed) == _local(learning)
    assert resumed.known(WEB, "fix", 0.0) == learning.known(WEB, "fix", 0.0)


def test_a_strategy_begins_with_credit_from_those_that_it_is_chosen_among() -> None:
    learning = Learning(HALF_LIFE_S)
    for _ in range(8):
        learning.attempt(NET[0], "fix", True, LESSON, 0.0)
    learning.attempt(DATA[0], "mend", False, LESSON, 0.0)
    known = learning.known(NET[0], "new", 0.0, ("fix", "mend", "new", "never tried"))
    rate = (8 + 1) / (9 + 2)
    assert (known.alpha, known.beta) == pytest.approx((0.5 + 2 * rate, 0.5 + 2 * (1 - rate)))
    assert known.evidence == (Evidence("siblings", 9, 8, 9.0, 8.0),)
    assert learning.known(NET[0], "new", HALF_LIFE_S, ("fix",)).evidence[0].weight == pytest.approx(4.0)
    assert learning.known(NET[0], "mend", 0.0, ("fix", "mend")).evidence == (
        Evidence("elsewhere", 1, 0, 1.0, 0.0),
        Evidence("siblings", 8, 8, 8.0, 8.0),
    )


def test_siblings_that_are_all_new_lend_nothing_to_be_told() -> None:
    learning = Learning(HALF_LIFE_S)
    learning.restore([Score(ErrorType.NETWORK, "fix", 0.5, 0, 0.0, {})])
    assert learning.known(NET[0], "new", 0.0, ("fix",)).evidence == ()


def test_many_local_samples_decide() -> None:
    learning = _taught((DB, 180, 20), (WEB, 0, 100))
    assert learning.known(WEB, "fix", 0.0).mean < 0.1
    assert learning.known(DB, "fix", 0.0).mean > 0.85, "what happened in the web is not held against it here"
    assert learning.known(WEB_1, "fix", 0.0).mean < 0.1, "the hardware is new, but stands in the web"


def test_hardware_that_wears_out_is_told_from_the_same_elsewhere() -> None:
    learning = _taught((WEB_1, 40, 0), (WEB_2, 0, 40))
    assert learning.known(WEB_1, "fix", 0.0).mean > 0.8
    assert learning.known(WEB_2, "fix", 0.0).mean < 0.2
    assert [share.scope for share in learning.known(WEB_2, "fix", 0.0).evidence] == ["context", "hardware"]


def test_each_scope_says_what_it_contributed() -> None:
    learning = _taught((DATA[0], 1, 0), (DB, 0, 2), (WEB, 3, 0), (WEB_1, 1, 1))
    known = learning.known(WEB_1, "fix", 0.0)
    assert known.evidence == (
        Evidence("elsewhere", 1, 1, 1.0, 1.0),
        Evidence("type", 2, 0, 2.0, 0.0),
        Evidence("context", 3, 3, 3.0, 3.0),
        Evidence("hardware", 2, 1, 2.0, 1.0),
    )
    assert known.samples == 7.0
    prior = 2 / 3  # elsewhere: Beta(2, 1)
    of_type = (2 * prior) / (2 + 2)
    in_web = (4 * of_type + 3) / (4 + 3)  # the wider scope rests on 4: it is worth no more
    assert (known.alpha, known.beta) == pytest.approx((7 * in_web + 1, 7 * (1 - in_web) + 1))


def test_the_other_figures_shrink_in_the_same_way() -> None:
    learning = Learning(HALF_LIFE_S)
    for _ in range(100):
        learning.attempt(DB, "fix", True, Lesson(10.0, 0.0, 1.0), 0.0)
        learning.stability(DB, "fix", 1.0, 0.0)
    learning.attempt(WEB, "fix", True, Lesson(120.0, 1.0, 0.0), 0.0)
    learning.stability(WEB, "fix", 0.0, 0.0)
    known = learning.known(WEB, "fix", 0.0)
    local = _local(learning)
    assert known.mean_impact == pytest.approx(1 / (local + 1))
    assert known.task_rate == known.mean_stability == pytest.approx(local / (local + 1))
    assert known.time_score == pytest.approx(1 / (1 + (10 * local + 120) / (local + 1) / 30))


def test_the_scope_that_learned_least_recently_goes_first_and_the_wider_ones_keep_what_it_knew() -> None:
    learning = Learning(HALF_LIFE_S, most_scopes=3)
    learning.attempt(WEB_1, "fix", True, LESSON, 0.0)  # two scopes: the web, and the disk in it
    learning.attempt(DB, "fix", True, LESSON, 0.0)
    learning.attempt(WEB, "fix", True, LESSON, 0.0)
    learning.attempt(Case(ErrorType.NETWORK, "app"), "fix", False, LESSON, 0.0)
    assert learning.scopes() == 3
    known = learning.known(WEB_1, "fix", 0.0)
    assert [(share.scope, share.attempts) for share in known.evidence] == [("type", 2), ("context", 2)]
    assert known.samples == 4.0


@given(lives, st.integers(0, 4))
def test_no_more_scopes_are_kept_than_there_may_be_and_no_attempt_is_lost(life: list[Lived], most: int) -> None:
    learning = Learning(HALF_LIFE_S, most)
    now = _live(learning, life, 0.0, {})
    assert learning.scopes() <= most
    for case in ALL_CASES:
        known = learning.known(case, "fix", now)
        assert sum(share.attempts for share in known.evidence) == sum(one.strategy_id == "fix" for one in life)
        assert all(share.attempts >= share.helped >= 0 for share in known.evidence)
        assert min(known.alpha, known.beta) > 0.0
    learning.forget(None)
    assert learning.scopes() == 0


def test_the_record_of_a_strategy_carries_the_scopes_that_learned_last() -> None:
    learning = Learning(HALF_LIFE_S)
    for number in range(RECORDED_SCOPES + 8):
        [score] = learning.attempt(Case(ErrorType.NETWORK, f"c{number}"), "fix", number % 2 == 0, LESSON, float(number))
    assert [scope[0] for scope in score.metrics["scopes"]] == [f"c{number}" for number in range(8, RECORDED_SCOPES + 8)]
    assert len(json.dumps(score.metrics)) < 8000
    resumed = Learning(HALF_LIFE_S)
    resumed.restore(_recorded([score]))
    assert resumed.scopes() == RECORDED_SCOPES
    for name in ("c7", "c8"):
        known = resumed.known(Case(ErrorType.NETWORK, name), "fix", 40.0)
        assert sum(share.attempts for share in known.evidence) == RECORDED_SCOPES + 8
        assert known.samples == pytest.approx(learning.known(NET[0], "fix", 40.0).samples)


def test_the_scopes_of_several_strategies_are_restored_in_the_order_in_which_they_learned() -> None:
    learning = Learning(HALF_LIFE_S)
    [early] = learning.attempt(WEB, "late", True, LESSON, 1.0)
    [other] = learning.attempt(DB, "fix", True, LESSON, 2.0)
    [late] = learning.attempt(Case(ErrorType.NETWORK, "app"), "late", True, LESSON, 3.0)
    assert early.metrics["scopes"] == late.metrics["scopes"][:1]
    resumed = Learning(HALF_LIFE_S, most_scopes=2)
    resumed.restore(_recorded([late, other]))
    kept = [case.context for case in (WEB, DB, Case(ErrorType.NETWORK, "app")) for name in ("fix", "late")
            if any(share.scope == "context" for share in resumed.known(case, name, 3.0).evidence)]  # fmt: skip
    assert kept == ["db", "app"]


def test_a_record_from_before_there_were_scopes_is_read() -> None:
    learning = Learning(HALF_LIFE_S)
    metrics = {"weight": 1.5, "successes": 1.0, "samples": 3.0, "at": 5.0}
    learning.restore([Score(ErrorType.NETWORK, "fix", 0.5, 3, 5.0, metrics)])
    assert learning.known(WEB_1, "fix", 5.0).evidence == (Evidence("type", 3, 2, 1.5, 1.0),)
    learning.attempt(WEB_1, "fix", False, LESSON, 5.0)
    assert [share.attempts for share in learning.known(WEB_1, "fix", 5.0).evidence] == [3, 1]


def test_what_has_long_faded_is_remembered_as_a_number_and_counts_no_more() -> None:
    learning = _taught((WEB, 3, 1))
    known = learning.known(WEB, "fix", 60 * HALF_LIFE_S)
    assert known.evidence == (Evidence("context", 4, 3, 0.0, 0.0),)
    assert (known.mean, known.time_score) == pytest.approx((0.5, 0.5))


def test_a_record_with_unknown_figures_is_read_all_the_same() -> None:
    learning = Learning(HALF_LIFE_S)
    learning.restore(
        [Score(ErrorType.NETWORK, "fix", 0.5, 2, 5.0, {"weight": 2.0, "successes": 1.0, "later": 1.0, "at": 5.0})]
    )
    assert learning.known(*NET, 5.0).samples == 2.0


def test_forgetting() -> None:
    learning, other = Learning(HALF_LIFE_S), (Case(ErrorType.DATA), "other")
    for key in (NET, DATA, other):
        learning.attempt(*key, True, LESSON, 0.0)
    assert learning.forget("fix") == 2
    assert learning.known(*NET, 0.0).mean == 0.5
    assert learning.known(*other, 0.0).samples == 1.0
    assert learning.forget(None) == 1
    assert learning.forget(None) == 0


@given(st.lists(st.booleans(), max_size=60), st.floats(0.0, 1e5))
def test_posteriors_stay_proper(results: list[bool], later_s: float) -> None:
    learning = Learning(HALF_LIFE_S)
    for number, success in enumerate(results):
        learning.attempt(*(NET, DATA)[number % 2], success, LESSON, number * later_s)
    for key in (NET, DATA):
        known = learning.known(*key, len(results) * later_s)
        assert known.alpha > 0.0
        assert known.beta > 0.0
