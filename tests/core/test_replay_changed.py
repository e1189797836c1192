"""What a replay says of changed definitions: what is known, what is estimated, and what nobody knows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from error_daemon.core.brakes.pause import ALL, Pause
from error_daemon.core.policy import Policy
from error_daemon.core.replay import Certainty, Compared, History, Replayed, replay
from error_daemon.model import (
    Definitions,
    ErrorType,
    Mode,
    OutcomeKind,
    Rule,
    Score,
    Severity,
    Strategy,
    Target,
    Unanswered,
    Verdict,
    Verification,
)
from tests.core.replayed_world import Written, score
from tests.core.world import house, rule

PERSISTS: dict[str, Any] = {"verdict": Verdict.PERSISTING, "outcome": OutcomeKind.FAILED}


def ladder(*names: str, **more: Any) -> Rule:
    return rule(ladder={level: (name,) for level, name in enumerate(names, 1)}, **more)


def replayed(history: History, *rules: Rule, learned: tuple[Score, ...] = (), **more: Any) -> Replayed:
    return replay(history, house(*rules, **more), Policy(), learned, ())


def only(result: Replayed) -> Compared:
    [one] = result.compared
    return one


def steps(one: Compared) -> list[tuple[str, Verdict | None, Certainty]]:
    assert one.now is not None
    return [(step.decision.strategy_id, step.verdict, step.certainty) for step in one.now.steps]


def climbed() -> Written:
    """fix1 did not help, fix2 did: 1.5 s."""
    written = Written()
    written.ticket(100.0, 101.504, attempts=2, entry_level=1, last_level=2)
    written.attempt("fix1", 100.0, 0.5, **PERSISTS)
    written.attempt("fix2", 100.502, 1.0, level=2)
    return written


# --- known


def test_what_was_tried_in_the_ticket_is_known_at_whatever_level_it_is_tried_now() -> None:
    one = only(replayed(climbed().history(), ladder("fix2", "fix1")))
    assert one.differences == ("levels: 1 2 3 → 1 2", "strategies: fix1 (1), fix2 (2) → fix2 (1)")
    assert steps(one) == [("fix2", Verdict.RECOVERED, Certainty.KNOWN)]
    assert one.certainty is Certainty.KNOWN
    assert one.recovers_s is not None
    assert one.recovers_s.low == one.recovers_s.high == pytest.approx(1.002)
    assert one.then is not None
    assert one.then.recovers_s == pytest.approx(1.504)


def test_the_totals_tell_the_downtime_and_the_attempts_of_both() -> None:
    totals = replayed(climbed().history(), ladder("fix2")).totals
    assert totals.then.downtime_s.expected == pytest.approx(1.504)
    assert totals.now.downtime_s.expected == pytest.approx(1.002)
    assert totals.now.downtime_by_target["web"] == totals.now.downtime_s
    assert {name: figure.expected for name, figure in totals.then.attempts_by_strategy.items()} == {
        "fix1": 1,
        "fix2": 1,
    }
    assert {name: figure.expected for name, figure in totals.now.attempts_by_strategy.items()} == {"fix2": 1}
    assert totals.now.attempts_by_target["web"].expected == 1
    assert (totals.same, totals.different, totals.only_then, totals.only_now) == (0, 1, 0, 0)
    assert totals.by_certainty == {Certainty.KNOWN: 1}


def test_a_verdict_that_must_hold_longer_now_comes_later() -> None:
    longer = Verification(hold_s=2.0)
    one = only(replayed(climbed().history(), ladder("fix2", verification=longer)))
    assert one.now is not None
    assert one.now.recovers_s == pytest.approx(1.0 + 2.0, abs=0.3)


def test_a_failure_that_is_waited_for_longer_now_comes_later() -> None:
    written = Written()
    written.ticket(100.0, 100.602, "failed")
    written.attempt("fix1", takes_s=0.5, ended_at=100.602, verdict=Verdict.PERSISTING)
    one = only(replayed(written.history(), ladder("fix1", verification=Verification(within_s=5.0))))
    assert one.now is not None
    assert (one.now.ended_as, one.recovers_s, one.recovered_ratio) == ("failed", None, 0.0)
    assert one.now.ended_at == pytest.approx(105.5)


def test_an_unknown_verdict_stays_unknown() -> None:
    written = Written()
    written.ticket(100.0, 130.6, "failed")
    written.attempt("fix1", takes_s=0.5, ended_at=130.6, verdict=Verdict.UNKNOWN)
    one = only(replayed(written.history(), ladder("fix1", "fix2")))
    assert steps(one) == [("fix1", Verdict.UNKNOWN, Certainty.KNOWN)]
    assert one.now is not None
    assert one.now.ended_at == pytest.approx(130.6)


def test_what_a_lost_worker_did_is_as_it_was_seen() -> None:
    for verdict, ended_as in ((Verdict.RECOVERED, "recovered"), (Verdict.PERSISTING, "failed")):
        written = Written()
        written.ticket(100.0, 110.0, ended_as)
        written.attempt("fix1", takes_s=0.0, ended_at=110.0, outcome=OutcomeKind.LOST, verdict=verdict)
        one = only(replayed(written.history(), ladder("fix1")))
        assert steps(one) == [("fix1", verdict, Certainty.KNOWN)]
        assert one.now is not None
        assert one.now.ended_at == pytest.approx(110.0, abs=0.1)


def test_an_attempt_that_was_refused_was_not_looked_at() -> None:
    written = Written()
    written.ticket(100.0, 100.1, "failed")
    written.attempt("fix1", takes_s=0.0, ended_at=100.1, outcome=OutcomeKind.REFUSED, verdict=Verdict.UNKNOWN)
    one = only(replayed(written.history(), ladder("fix1")))
    assert one.now is not None
    assert one.now.ended_as == "failed"
    assert one.now.ended_at == pytest.approx(100.1)


def test_an_attempt_counts_without_its_decision() -> None:
    written = climbed()
    written.decisions.clear()
    one = only(replayed(written.history(), ladder("fix2")))
    assert steps(one) == [("fix2", Verdict.RECOVERED, Certainty.KNOWN)]
    assert one.differences == ("strategies: none → fix2 (1)",)


# --- estimated


def test_an_action_that_was_never_tried_is_estimated_from_its_learned_rate() -> None:
    result = replayed(climbed().history(), ladder("fix3"), learned=(score("fix3", 8, 10),))
    one = only(result)
    assert one.certainty is Certainty.ESTIMATED
    assert steps(one) == [("fix3", Verdict.RECOVERED, Certainty.ESTIMATED)]
    assert one.recovers_s is not None
    assert one.recovers_s.expected == pytest.approx(0.502)
    assert 0.5 < one.recovered_ratio < 1.0
    rate = result.rates["fix3 for network"]
    assert 0.5 < rate.low < rate.mean < rate.high < 1.0
    assert rate.samples == pytest.approx(10.0, rel=0.1)
    assert result.drawn == 32
    assert result.totals.now.unrecovered.low == 0
    assert result.totals.now.unrecovered.high == 1


def test_what_rarely_helps_most_likely_does_not() -> None:
    one = only(replayed(climbed().history(), ladder("fix3"), learned=(score("fix3", 1, 10),)))
    assert steps(one) == [("fix3", Verdict.PERSISTING, Certainty.ESTIMATED)]
    assert one.recovered_ratio < 0.5


def test_of_what_is_not_known_at_all_anything_may_come() -> None:
    result = replayed(climbed().history(), ladder("fix3"))
    one = only(result)
    assert one.certainty is Certainty.UNKNOWN
    assert steps(one) == [("fix3", Verdict.PERSISTING, Certainty.UNKNOWN)]
    assert 0.2 < one.recovered_ratio < 0.8
    assert one.recovers_s is not None
    assert one.recovers_s.low < 5.0, "any part of its 30 s"
    assert one.recovers_s.high > 20.0
    assert result.rates["fix3 for network"].samples == 0.0
    assert result.totals.by_certainty == {Certainty.UNKNOWN: 1}


def test_a_strategy_is_timed_by_other_types_of_error_where_its_own_was_never_timed() -> None:
    elsewhere = replace(score("fix3", 9, 10, takes_s=0.25), error_type=ErrorType.DATA)
    one = only(replayed(climbed().history(), ladder("fix3"), learned=(elsewhere,)))
    assert one.recovers_s is not None
    assert one.recovers_s.expected == pytest.approx(0.252)
    assert one.certainty is Certainty.ESTIMATED


def test_a_repeated_attempt_is_estimated_beyond_what_was_recorded() -> None:
    written = Written()
    written.ticket(100.0, 100.502, "failed")
    written.attempt("fix1", **PERSISTS)
    one = only(replayed(written.history(), ladder("fix1", "fix1"), learned=(score("fix1", 9, 10),)))
    assert [certainty for _, _, certainty in steps(one)] == [Certainty.KNOWN, Certainty.ESTIMATED]


def test_another_timeout_makes_another_outcome_of_an_attempt() -> None:
    fast = Strategy("slow", "exec", timeout_s=0.2, timeout_max_s=0.2)
    slow = Strategy("slow", "exec", timeout_s=60.0)
    finished, cut_off = Written(), Written()
    for written, outcome in ((finished, OutcomeKind.COMPLETED), (cut_off, OutcomeKind.TIMED_OUT)):
        written.ticket(100.0, 100.502)
        written.attempt("slow", outcome=outcome)
    for written, strategy, certainty in (
        (finished, fast, Certainty.UNKNOWN),
        (finished, slow, Certainty.KNOWN),
        (cut_off, fast, Certainty.KNOWN),
        (cut_off, slow, Certainty.UNKNOWN),
    ):
        one = only(replayed(written.history(), ladder("slow"), strategies=(strategy,)))
        assert one.certainty is certainty


def test_an_isolation_that_was_never_run_is_estimated_and_not_meant_to_help() -> None:
    result = replayed(climbed().history(), ladder("fix2", isolate="fix4"), learned=(score("fix4", 1, 1),))
    one = only(result)
    assert steps(one)[0] == ("fix4", Verdict.PERSISTING, Certainty.ESTIMATED)
    assert steps(one)[1] == ("fix2", Verdict.RECOVERED, Certainty.KNOWN)
    assert not result.rates
    assert result.drawn


def test_few_draws_have_the_ends_of_the_interval_among_them() -> None:
    result = replay(climbed().history(), house(ladder("fix3")), Policy(), (), (), drawn_tickets=3)
    assert result.drawn == 3
    one = only(result)
    assert one.recovers_s is None or one.recovers_s.high >= one.recovers_s.low


def test_what_has_nothing_to_do_with_an_estimate_is_not_drawn() -> None:
    web, db = climbed(), Written("db")
    db.ticket()
    db.attempt("fix1", takes_s=0.998)
    history = History(
        [*web.faults, *db.faults], web.decisions + db.decisions, web.attempts + db.attempts, web.tickets + db.tickets
    )
    result = replayed(history, ladder("fix3"), rule("db", (1,)), learned=(score("fix3", 8, 10),))
    by_target = result.totals.now.downtime_by_target
    assert by_target["db"].low == by_target["db"].high == pytest.approx(1.0)
    assert by_target["web"].low < by_target["web"].high
    together = house(ladder("fix3"), rule("db", (1,)))
    db_target = replace(together.targets["db"], depends_on=("web",))
    joined = replace(together, targets={**together.targets, "db": db_target})
    both = replay(history, joined, Policy(), (score("fix3", 8, 10),), ())
    assert both.totals.now.downtime_by_target["db"].low < both.totals.now.downtime_by_target["db"].high


# --- tickets that are opened, and those that are not


def test_a_rule_that_may_not_act_any_more_only_observes() -> None:
    one = only(replayed(climbed().history(), ladder("fix1", mode=Mode.OBSERVE)))
    assert one.now is not None
    assert one.now.ended_as == "observed"
    assert "mode: auto → observe" in one.differences
    assert one.now.recovers_s is None


def test_a_rule_that_acts_now_is_compared_with_what_it_would_have_done() -> None:
    written = Written()
    written.decisions.append(written.decision("fix1", 100.0))
    result = replayed(written.history(), ladder("fix1"), learned=(score("fix1", 9, 10),))
    one = only(result)
    assert one.then is not None
    assert one.then.ended_as == "observed"
    assert one.differences == ("mode: observe → auto", "levels: 1 2 3 → 1")
    assert one.certainty is Certainty.ESTIMATED
    assert result.totals.then.tickets.expected == 0
    assert result.totals.now.tickets.expected == 1


def test_where_no_rule_is_left_there_is_no_ticket_and_the_reason() -> None:
    one = only(replayed(climbed().history(), rule("other")))
    assert one.now is None
    assert one.why == "observed: no rule matches it"
    assert (one.differences, one.recovers_s, one.recovered_ratio) == ((), None, 0.0)


def test_where_no_rule_was_there_is_a_ticket_now() -> None:
    written = Written()
    result = replayed(written.history(), ladder("fix1"))
    one = only(result)
    assert one.then is None
    assert one.certainty is Certainty.UNKNOWN
    assert one.differences == ()
    assert (result.totals.only_now, result.totals.only_then) == (1, 0)


def test_a_target_that_is_not_defined_any_more_is_observed() -> None:
    gone = rule(ladder={1: ("fix1",)}, target=None)
    one = only(replayed(climbed().history(), gone))
    assert one.now is None
    assert "neither it nor the fault names a target" in one.why


def test_faults_that_came_while_the_ticket_was_open_do_not_come_when_it_is_over_before() -> None:
    written = climbed()
    written.faults.append(replace(written.fault, received_at=101.3))
    result = replayed(written.history(), ladder("fix2"))
    assert result.totals.faults_not_come == 1
    assert only(result).now is not None


def test_a_ticket_that_becomes_two_is_compared_once() -> None:
    """It fails at once, and is tried again when it is reported after that."""
    written = Written()
    written.faults.append(replace(written.fault, received_at=1000.0))
    written.ticket(100.0, 1001.0)
    written.attempt("fix1", at=1000.0, takes_s=0.9)
    result = replayed(written.history(), ladder("fix3"), learned=(score("fix3", 1, 10),))
    assert [(one.then is not None, one.now is not None) for one in result.compared] == [(True, True), (False, True)]
    assert result.totals.only_now == 1


def test_tickets_that_become_one_leave_one_without_a_counterpart() -> None:
    written = Written()
    written.ticket(100.0, 100.102)
    written.attempt("fix1", takes_s=0.1)
    written.faults.append(replace(written.fault, received_at=110.0))
    written.ticket(110.0, 110.102)
    written.attempt("fix1", at=110.0, takes_s=0.1)
    slow = (Strategy("slow", "exec", timeout_s=60.0),)
    result = replayed(written.history(), ladder("slow"), strategies=slow, learned=(score("slow", 9, 10, takes_s=20.0),))
    first, second = result.compared
    assert first.now is not None
    assert second.now is None
    assert second.why.startswith("attempting")


# --- faults that have no row


def test_a_ticket_whose_fault_has_no_row_gets_one_like_the_last() -> None:
    written = Written()
    written.ticket(100.0, 100.102)
    written.attempt("fix1", takes_s=0.1)
    written.ticket(100.15, 100.252)
    written.attempt("fix2", at=100.15, takes_s=0.1, level=2)
    result = replayed(written.history(), ladder("fix1", "fix2"))
    assert result.totals.faults_missing == 1
    assert result.totals.faults == 2
    assert all(one.now for one in result.compared)


def test_a_ticket_without_any_fault_gets_one_from_what_it_says() -> None:
    written = climbed()
    written.faults.clear()
    one = only(replayed(written.history(), ladder("fix2")))
    assert one.now is not None
    assert one.error_id == written.error_id


def test_an_observed_decision_without_any_fault_gets_one_too() -> None:
    written = Written()
    written.faults.clear()
    written.decisions.append(written.decision("fix1", 100.0))
    result = replayed(written.history(), rule(ladder={1: ("fix1",)}, when=replace(ladder("fix1").when, component=None)))
    assert result.totals.faults_missing == 1
    one = only(result)
    assert one.then is not None


def test_an_observed_decision_whose_fault_has_no_row_gets_one_like_the_last() -> None:
    written = Written()
    written.faults[0] = replace(written.fault, received_at=99.0, retry_success=True)
    written.decisions.append(replace(written.decision("fix1", 700.0), decision_id="a"))
    written.decisions.append(replace(written.decision("fix1", 1400.0), decision_id="b"))
    result = replayed(written.history(), ladder("fix1", mode=Mode.OBSERVE))
    assert result.totals.faults_missing == 1


def test_nothing_at_all_is_nothing() -> None:
    result = replayed(History(()), ladder("fix1"))
    assert result.compared == ()
    assert result.totals.then == result.totals.now
    assert result.totals.now.downtime_s.expected == 0.0


def test_what_belongs_to_no_ticket_is_left_aside() -> None:
    """A ticket that was open when the record ends has no row."""
    written = climbed()
    written.tickets.clear()
    result = replayed(written.history(), ladder("fix1"))
    assert only(result).then is None


def test_attempts_of_a_ticket_from_before_a_restart_are_found_by_their_time() -> None:
    written = climbed()
    written.tickets[0] = replace(written.tickets[0], ticket_id="after-the-restart")
    one = only(replayed(written.history(), ladder("fix2")))
    assert steps(one) == [("fix2", Verdict.RECOVERED, Certainty.KNOWN)]


# --- looks


def test_what_healed_by_itself_heals_at_the_same_time_whatever_is_done() -> None:
    written = Written()
    written.ticket(100.0, 103.0, attempts=0)
    one = only(replayed(written.history(), ladder("fix3", verification=Verification(within_s=10.0))))
    assert one.now is not None
    assert one.now.ended_as == "recovered"
    assert one.now.ended_at >= 103.0


def test_a_look_after_the_courses_have_parted_sees_what_attempts_have_done() -> None:
    """The estimated attempt fails; the ticket is looked at again later, and is failing still."""
    written = Written()
    written.faults.append(replace(written.fault, received_at=101.0))
    written.ticket(100.0, 900.0, "failed")
    result = replayed(written.history(), ladder("fix3", "fix4"), learned=(score("fix3", 0, 10), score("fix4", 0, 10)))
    assert result.compared[0].now is not None
    assert result.compared[0].now.ended_as == "failed"


def test_a_late_fault_is_looked_at_and_the_replay_knows_that_its_target_is_well() -> None:
    written = climbed()
    written.faults.append(replace(written.fault, received_at=110.0, occurred_at=100.5))
    result = replayed(written.history(), ladder("fix2"))
    late = result.compared[-1]
    assert late.then is None
    assert late.now is not None
    assert late.now.steps == () or late.now.ended_as


def test_a_worse_verdict_after_a_look_is_a_worse_verdict_again() -> None:
    written = Written(occurred_at=50.0)
    written.ticket(40.0, 40.102)
    written.faults.insert(0, replace(written.fault, received_at=40.0, occurred_at=0.0))
    written.attempt("fix1", at=40.0, takes_s=0.1)
    written.faults[1] = replace(written.fault, received_at=100.0, occurred_at=40.05)
    written.ticket(100.0, 100.606, "failed", looked_first=True)
    written.attempt("fix1", at=100.002, takes_s=0.6, verdict=Verdict.WORSE)
    result = replayed(written.history(), ladder("fix1", stability_window_s=10.0))
    assert steps(result.compared[-1]) == [("fix1", Verdict.WORSE, Certainty.KNOWN)]


def test_a_look_that_ended_a_ticket_ends_it_again() -> None:
    for ended_as in ("recovered", "failed", "resolved"):
        written = Written()
        written.ticket(100.0, 100.102)
        written.attempt("fix1", takes_s=0.1)
        written.faults.append(replace(written.fault, received_at=110.0, occurred_at=100.05))
        written.ticket(110.0, 113.0, ended_as, attempts=0, looked_first=True)
        result = replayed(written.history(), ladder("fix1", verification=Verification(patience_s=2.0)))
        again = result.compared[-1].now
        assert again is not None
        assert (again.ended_as, again.ended_at, again.steps) == (ended_as, 113.0, ())
        assert again.certainty is Certainty.KNOWN


# --- people


def test_a_ticket_that_a_person_ended_is_ended_again() -> None:
    for ended_as in ("resolved", "flushed"):
        written = Written()
        written.ticket(100.0, 160.0, ended_as)
        pause = Pause("web", 99.0, 0.0, "", "")
        one = only(replayed(written.history(pauses=(pause,)), ladder("fix1")))
        assert one.now is not None
        assert (one.now.ended_as, one.now.ended_at) == (ended_as, 160.0)


def test_an_attempt_that_runs_when_a_person_resolved_it_finds_it_well() -> None:
    written = Written()
    written.ticket(100.0, 100.2, "resolved")
    result = replayed(written.history(), ladder("fix3"), learned=(score("fix3", 0, 10),))
    one = only(result)
    assert one.now is not None
    assert one.now.ended_as == "recovered"


def test_a_person_who_ended_what_is_not_there_or_over_ends_nothing() -> None:
    written = Written()
    written.ticket(100.0, 160.0, "resolved")
    assert only(replayed(written.history(), rule("other"))).now is None
    over = only(replayed(written.history(), ladder("fix3"), learned=(score("fix3", 10, 10),)))
    assert over.now is not None
    assert over.now.ended_at < 160.0


def test_a_pause_holds_as_it_did_and_one_of_a_target_that_is_gone_is_left_out() -> None:
    written = Written()
    written.ticket(100.0, 120.602, planned=True)
    written.attempt("fix1", at=120.1)
    pauses = (Pause(ALL, 99.0, 120.0, "", ""), Pause("gone", 99.0, 0.0, "", ""))
    one = only(replayed(written.history(pauses=pauses), ladder("fix1")))
    assert one.now is not None
    assert one.now.steps[0].decision.at >= 120.0
    assert not [difference for difference in one.differences if "strategies" in difference]


def test_a_ticket_that_is_held_to_the_end_is_open() -> None:
    written = Written()
    written.faults.append(replace(written.fault, received_at=101.0))
    result = replayed(written.history(pauses=(Pause(ALL, 99.0, 0.0, "", ""),)), ladder("fix1"))
    one = only(result)
    assert one.now is not None
    assert one.now.ended_as == "open"
    assert result.totals.now.unrecovered.expected == 1


def test_a_target_that_nobody_recovered_is_left_until_it_is_recovered_the_next_time() -> None:
    written = Written()
    written.ticket(100.0, 100.502, "failed")
    written.attempt("fix1", **PERSISTS)
    written.faults.append(replace(written.fault, received_at=800.0))
    written.ticket(800.0, 800.102)
    written.attempt("fix1", at=800.0, takes_s=0.1)
    totals = replayed(written.history(), ladder("fix1")).totals
    assert totals.then.left_s.expected == pytest.approx(700.0 - 0.502, abs=0.01)
    assert totals.then.unrecovered.expected == 1


# --- mode approve


def approving(ended_as: str = "recovered", **more: Any) -> Written:
    written = Written()
    written.ticket(100.0, 130.502, ended_as, mode="approve", **more)
    return written


def test_what_a_person_approved_is_approved_again() -> None:
    written = approving()
    written.attempt("fix1", at=130.0, decision={"mode": "approve", "at": 100.0})
    one = only(replayed(written.history(), ladder("fix1", mode=Mode.APPROVE)))
    assert steps(one) == [("fix1", Verdict.RECOVERED, Certainty.KNOWN)]
    assert one.now is not None
    assert one.now.ended_at == pytest.approx(130.502, abs=0.01)


def test_what_a_person_denied_is_denied_again() -> None:
    written = approving("failed", attempts=0)
    written.decisions.append(written.decision("fix1", 100.0, 1, f"{written.tickets[0].ticket_id}-1", mode="approve"))
    one = only(replayed(written.history(), ladder("fix1", mode=Mode.APPROVE)))
    assert one.now is not None
    assert (one.now.ended_as, one.now.ended_at) == ("failed", 130.502)
    assert one.now.reason.startswith("denied by")
    assert one.differences == ("levels: 1 2 3 → 1",)


def unanswered(**more: Any) -> Written:
    """Asked at 100, and not answered by 130."""
    written = approving("failed", attempts=0, reason="nobody answered within 30 s whether to act", **more)
    written.decisions.append(written.decision("fix1", 100.0, 1, f"{written.tickets[0].ticket_id}-1", mode="approve"))
    return written


def test_where_nobody_answered_nobody_answers_again_and_the_rule_of_now_says_what_then() -> None:
    asks: dict[str, Any] = {"mode": Mode.APPROVE, "approval_expires_s": 30.0}
    fails = only(replayed(unanswered().history(), ladder("fix1", **asks)))
    assert fails.now is not None
    assert (fails.now.ended_as, fails.now.reason) == ("failed", "nobody answered within 30 s whether to act")
    runs = only(replayed(unanswered().history(), ladder("fix1", approval_then=Unanswered.RUN, **asks)))
    assert runs.now is not None
    assert runs.now.reason.startswith("nothing can be seen of web"), (
        "it goes on, and looks; of that the record has nothing"
    )


def test_what_went_on_unanswered_is_no_yes_of_a_person() -> None:
    says = "approval: nobody answered within 30 s whether to act, and rule web has it run then"
    asks: dict[str, Any] = {"mode": Mode.APPROVE, "approval_expires_s": 30.0}
    written = approving()
    written.attempt("fix1", at=130.0, decision={"mode": "approve", "at": 100.0, "brakes": (says,)})
    same = only(replayed(written.history(), ladder("fix1", approval_then=Unanswered.RUN, **asks)))
    assert steps(same) == [("fix1", Verdict.RECOVERED, Certainty.KNOWN)]
    fails = only(replayed(written.history(), ladder("fix1", **asks)))
    assert fails.now is not None
    assert fails.now.ended_as == "failed"


def test_what_nobody_was_asked_about_nobody_knows_the_answer_to() -> None:
    one = only(replayed(climbed().history(), ladder("fix1", mode=Mode.APPROVE, approval_expires_s=60.0)))
    assert steps(one) == [("fix1", None, Certainty.UNKNOWN)]
    assert one.certainty is Certainty.UNKNOWN
    assert one.now is not None
    assert one.now.ended_as == "failed"


def test_what_was_approved_may_act_by_itself_now() -> None:
    written = approving()
    written.attempt("fix1", at=130.0, decision={"mode": "approve", "at": 100.0})
    one = only(replayed(written.history(), ladder("fix1")))
    assert one.recovers_s is not None
    assert one.recovers_s.expected == pytest.approx(0.502)


def test_an_answer_to_something_else_is_no_answer() -> None:
    written = approving("resolved")
    written.attempt("fix1", at=130.0, decision={"mode": "approve", "at": 100.0}, **PERSISTS)
    one = only(replayed(written.history(), ladder("fix2", mode=Mode.APPROVE)))
    assert one.now is not None
    assert one.now.ended_as == "resolved"
    assert steps(one) == [("fix2", None, Certainty.KNOWN)]


def test_a_severity_is_taken_from_the_ticket_where_there_is_no_fault() -> None:
    written = climbed()
    written.faults.clear()
    written.tickets[0] = replace(written.tickets[0], severity=Severity.CRITICAL)
    one = only(replayed(written.history(), ladder("fix2")))
    assert one.now is not None
    assert one.now.steps[0].decision.severity is Severity.CRITICAL


def test_probes_that_were_not_recorded_say_what_the_verdict_says() -> None:
    definitions: Definitions = house(ladder("fix2"), targets=(Target("web", "service", probes=("health", "port")),))
    written = climbed()
    written.attempts = [replace(one, readings=()) for one in written.attempts]
    one = only(replay(written.history(), definitions, Policy(), (), ()))
    assert steps(one) == [("fix2", Verdict.RECOVERED, Certainty.KNOWN)]
