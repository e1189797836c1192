"""What people are asked in mode approve: how it is shown, answered, run out of time, and found again after a restart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from error_daemon.core import effects as fx
from error_daemon.core.asking import _MOST_ANSWERS, Asking, next_time
from error_daemon.errors import Refused
from error_daemon.model import (
    Answer,
    Approval,
    ApprovalState,
    AttemptOrder,
    Definitions,
    Mode,
    Notice,
    State,
    Strategy,
    Unanswered,
    Verification,
)
from tests.core.world import Plan, World, fault, house, needs, rule

QUICK = Verification(hold_s=0.0, within_s=0.5, patience_s=2.0)
ASKS: dict[str, Any] = {"mode": Mode.APPROVE, "verification": QUICK, "approval_expires_s": 60.0}
RESTART = Strategy("restart", "exec", params={"command": ["/bin/restart", "${fault.node}", "--password=hunter2"]})


def asking(*levels: int, **more: Any) -> World:
    world = World(house(rule("web", levels or (1,), **(ASKS | more))))
    world.engine.listen(on=True)
    return world


def never(_: AttemptOrder) -> Plan:
    return Plan(cures=False)


def only(world: World) -> Approval:
    [waiting], total = world.engine.approvals(10)
    assert total == 1
    return waiting


def told(world: World) -> list[Notice]:
    return [one.notice for one in world.log if isinstance(one, fx.Notify) and one.notice.kind == "approval"]


def events(world: World) -> list[str]:
    return [notice.event for notice in told(world)]


def states(world: World) -> list[str]:
    return [record.state.value for record in world.approvals.values()]


# --- shown


def test_a_person_is_shown_what_would_be_done_why_and_what_else_there_is() -> None:
    strategies = (RESTART, Strategy("other", "exec", params={"command": ["/bin/other"]}))
    ladder = {1: ("restart", "other"), 3: ("fix3",)}
    shop, db = needs("shop", "web"), needs("db")
    web = needs("web", "db")
    definitions = house(rule("web", ladder=ladder, **ASKS), strategies=strategies, targets=(shop, db))
    world = World(replace(definitions, targets={**definitions.targets, "web": web}))
    error_id = world.report(fault(node="n7", source="sensor/pidfd", severity=None))
    shown = only(world)
    assert (shown.error_id, shown.target, shown.rule, shown.level) == (error_id, "web", "web", 1)
    assert {shown.strategy_id, shown.alternatives[0].strategy_id} == {"restart", "other"}
    by_name = {shown.strategy_id: shown.does, **{one.strategy_id: one.does for one in shown.alternatives}}
    assert by_name["restart"] == "runs /bin/restart n7 --password=[redacted]"
    assert shown.alternatives[0].says.startswith("never tried")
    assert [(one.strategy_id, one.level) for one in shown.alternatives[1:]] == [("fix3", 3)]
    assert shown.alternatives[1].says == "its turn comes if this does not help"
    assert shown.why[0].startswith("Chosen: ")
    assert "What led to it: its first attempt." in shown.why
    assert "The fault was reported by sensor/pidfd." in shown.why
    assert (shown.group, shown.dependents, shown.tried) == ((), ("shop",), ())
    assert (shown.asked_at, shown.expires_at) == (1000.0, 1060.0)
    assert shown.on_expiry == "nothing is done: the error has failed, and a person is told"
    assert "this one attempt of" in shown.covers
    assert "at level 1, as it is defined now" in shown.covers
    assert world.engine.approval(error_id) == shown


def test_what_was_tried_before_is_shown_with_the_next_question() -> None:
    world = asking(1, 2)
    world.plan = never
    error_id = world.report(fault())
    world.approve(error_id)
    world.run(5.0)
    shown = only(world)
    assert [(one.strategy_id, one.level, one.verdict) for one in shown.tried] == [("fix1", 1, "persisting")]
    assert shown.times_asked == 2


def test_an_isolation_and_a_group_say_what_they_touch() -> None:
    group = Strategy("group", "group_restart", params={"include": "dependents"})
    isolate = Strategy("isolate", "http", params={"url": "http://lb/off", "method": "PUT", "body": "off"})
    definitions = house(
        rule("db", ladder={1: ("group",)}, isolate="isolate", **ASKS),
        strategies=(group, isolate),
        targets=(needs("shop", "db"), needs("till", "shop")),
    )
    world = World(definitions)
    world.plan = never
    error_id = world.report(fault("db"))
    first = only(world)
    assert (first.level, first.does) == (0, "sends PUT http://lb/off with a body of 3 bytes")
    assert "to isolate it" in first.covers
    assert (first.group, first.dependents) == ((), ("shop", "till"))
    world.approve(error_id)
    world.run(5.0)
    second = only(world)
    assert second.does == "stops till, shop, db, in this order, and starts them in the opposite one"
    assert (second.group, second.dependents) == (("shop", "till"), ())


def test_what_waits_is_listed_by_when_it_runs_out() -> None:
    world = World(
        house(
            rule("slow", (1,), **ASKS), rule("soon", (1,), **(ASKS | {"approval_expires_s": 5.0})), rule("auto", (1,))
        )
    )
    ids = {name: world.report(fault(name)) for name in ("slow", "soon", "auto")}
    found, total = world.engine.approvals(1)
    assert ([one.error_id for one in found], total) == ([ids["soon"]], 2)
    assert world.engine.approval(ids["auto"]) is None
    assert world.engine.approval("nobody") is None


def test_what_a_decision_does_is_said_by_what_is_defined_now() -> None:
    world = World(house(rule("web", ladder={1: ("restart",)}, mode=Mode.OBSERVE), strategies=(RESTART,)))
    world.report(fault(node="n7"))
    [decision] = world.decisions
    assert world.engine.does(decision) == "runs /bin/restart n7 --password=[redacted]"
    assert world.engine.does(replace(decision, error_id="gone")) == "runs /bin/restart '' --password=[redacted]"
    assert world.engine.does(replace(decision, strategy_id="gone")) == ""
    assert world.engine.does(replace(decision, target="gone")) == ""


def test_everything_that_happens_to_a_question_is_told() -> None:
    world = asking(1, 2)
    world.plan = never
    error_id = world.report(fault())
    world.approve(error_id, note="I looked")
    world.run(5.0)
    world.deny(error_id)
    assert events(world) == ["asked", "approved", "asked", "denied"]
    asked, approved, _, denied = told(world)
    assert asked.text == "asks a person, until 00:17:40 UTC: fix1 at level 1 on web runs"
    assert (approved.text, denied.text) == ("approved by ann: I looked", "denied by ann")
    assert approved.approval
    assert approved.approval.answer
    assert (approved.approval.state, approved.approval.answer.note) == (ApprovalState.APPROVED, "I looked")
    assert states(world) == ["begun", "denied"]


# --- answered


def test_a_yes_to_what_was_seen_is_no_yes_to_what_is_proposed_by_now() -> None:
    world = asking(1, 2)
    world.plan = never
    error_id = world.report(fault())
    seen = only(world).decision_id
    world.reset_ladder(error_id)
    world.run(1.5)
    now = only(world).decision_id
    with pytest.raises(Refused, match=f"{seen} is not what is proposed for {error_id} by now: .*{now}"):
        world.engine.approve(error_id, "ann", world.now, decision_id=seen)
    assert events(world) == ["asked", "withdrawn", "asked"]
    assert not world.approve(error_id, decision_id=now).is_repeated


def test_the_same_yes_twice_is_one_yes_and_a_no_after_it_is_refused() -> None:
    world = asking(1, 2)
    world.plan = never
    error_id = world.report(fault())
    world.pause()
    first = world.approve(error_id, note="go on")
    for decision_id in ("", first.answer.decision_id):
        again = world.engine.approve(error_id, "bob", world.now, decision_id=decision_id)
        assert (again.is_repeated, again.answer) == (True, first.answer)
        with pytest.raises(Refused, match=r"ann said yes to this at 00:16:40 UTC \(go on\), and that stands"):
            world.engine.deny(error_id, "bob", world.now, decision_id=decision_id)
    world.resume()
    world.run(0.01)
    assert world.state(error_id) is State.ATTEMPTING
    assert world.engine.approve(error_id, "bob", world.now).is_repeated, "it is being carried out"
    world.run(5.0)
    assert world.engine.approve(error_id, "bob", world.now, decision_id=first.answer.decision_id).is_repeated
    assert world.levels() == [1]
    assert only(world).level == 2, "the second level waits all the same"


def test_the_same_no_twice_is_one_no_and_a_yes_after_it_is_refused() -> None:
    world = asking(1)
    error_id = world.report(fault())
    world.deny(error_id, by="")
    assert world.engine.deny(error_id, "bob", world.now).is_repeated
    with pytest.raises(Refused, match="a person said no to this at 00:16:40 UTC, and that stands: error-cli reset"):
        world.engine.approve(error_id, "bob", world.now)
    assert [ticket.ended_as for ticket in world.tickets] == ["failed"]


def test_an_old_answer_is_no_answer_once_something_else_has_happened() -> None:
    world = asking(1)
    error_id = world.report(fault())
    world.approve(error_id)
    world.run(5.0)
    assert world.state(error_id) is State.WATCHING
    with pytest.raises(Refused, match="watching: nothing of it waits"):
        world.engine.approve(error_id, "ann", world.now)
    world.report(fault())  # it flaps
    with pytest.raises(Refused, match=r"\(flap suppression: .*it is asked for when that has let go"):
        world.engine.approve(error_id, "ann", world.now)


def test_only_so_many_answers_are_remembered() -> None:
    world = asking(1)
    remembers: Asking = world.engine._dispatch.asking
    for number in range(_MOST_ANSWERS + 3):
        remembers._remember(f"e{number}", Answer("d", True, "ann"))
    assert len(remembers._answers) == _MOST_ANSWERS
    assert "e0" not in remembers._answers


def test_what_is_run_is_filled_from_the_fault_that_was_shown() -> None:
    world = World(house(rule("web", ladder={1: ("restart",)}, **ASKS), strategies=(RESTART,)))
    error_id = world.report(fault(node="n7", explicit_fingerprint="mine"))
    world.report(fault(node="n8", explicit_fingerprint="mine"))
    world.approve(error_id)
    [order] = world.started
    assert (order.variables["fault.node"], order.environment["ER_NODE"]) == ("n7", "n7")


def test_one_that_waits_at_a_pause_can_be_answered_although_its_time_has_come() -> None:
    world = asking(1)
    denied, error_id = world.report(fault(message="other")), ""
    error_id = world.report(fault())
    world.run(1.0)
    world.pause("web")
    world.run(100.0)
    assert [world.view(each).held_by for each in (denied, error_id)] == ["pause", "pause"]
    world.deny(denied)
    assert world.state(denied) is State.FAILED
    world.approve(error_id)
    world.resume("web")
    world.run(5.0)
    assert world.levels() == [1]


# --- not answered


def test_where_the_rule_says_so_it_is_run_when_nobody_has_said_no() -> None:
    world = asking(1, approval_then=Unanswered.RUN)
    error_id = world.report(fault())
    assert only(world).on_expiry == "it is done: nobody has said no to it"
    world.run(59.0)
    assert world.started == []
    world.run(5.0)
    assert world.levels() == [1]
    assert world.state(error_id) is State.WATCHING
    says = "nobody answered within 60 s whether to act, and rule web has it run then"
    assert world.decisions[-1].brakes[-1] == f"approval: {says}"
    assert events(world) == ["asked", "expired"]
    assert told(world)[-1].text == says
    assert world.engine.approve(error_id, "ann", world.now, decision_id=world.decisions[-1].decision_id).is_repeated
    with pytest.raises(Refused, match=r"nobody answered within 60 s .* said yes"):
        world.engine.deny(error_id, "ann", world.now, decision_id=world.decisions[-1].decision_id)


def test_where_nobody_answers_a_target_that_has_healed_is_left_alone() -> None:
    world = asking(1, approval_then=Unanswered.RUN)
    error_id = world.report(fault())
    world.run(10.0)
    world.failing.clear()
    world.run(60.0)
    assert world.started == []
    assert world.state(error_id) is State.WATCHING
    assert states(world) == ["withdrawn"]


def test_where_the_rule_says_so_a_person_is_told_once_and_asked_again() -> None:
    world = asking(1, approval_then=Unanswered.ASK_AGAIN)
    error_id = world.report(fault())
    first = only(world)
    world.run(190.0)
    again = only(world)
    assert again.decision_id != first.decision_id
    assert again.times_asked == 4
    assert world.causes().count("unanswered") == 1
    assert events(world) == ["asked", "expired"] * 3 + ["asked"]
    world.approve(error_id, decision_id=again.decision_id)
    world.run(5.0)
    assert world.levels() == [1]


def test_while_its_target_is_paused_nothing_runs_out() -> None:
    for then in Unanswered:
        world = asking(1, approval_then=then)
        error_id = world.report(fault())
        world.pause("web")
        world.run(500.0)
        assert (world.started, world.view(error_id).held_by) == ([], "pause")


def test_people_are_reminded_until_they_answer() -> None:
    world = asking(1, 2, approval_remind_s=20.0)
    world.plan = never
    error_id = world.report(fault())
    world.run(50.0)
    assert events(world) == ["asked", "reminded", "reminded"]
    assert told(world)[-1].text.startswith("still asks a person, since 00:16:40 UTC: fix1 at level 1 on web ")
    world.approve(error_id)
    world.run(5.0)
    assert events(world)[3:] == ["approved", "asked"]
    world.reset_ladder(error_id)
    world.run(25.0)
    assert events(world)[5:] == ["withdrawn", "asked", "reminded"], "of what was withdrawn nobody is reminded"
    world.resolve(error_id)
    world.run(100.0)
    assert events(world)[8:] == ["withdrawn"]


def test_what_was_approved_and_is_looked_at_is_asked_anew_when_it_is_defined_otherwise() -> None:
    def definitions(command: str) -> Definitions:
        strategy = Strategy("restart", "exec", params={"command": [command]})
        return house(rule("web", ladder={1: ("restart",)}, **ASKS), strategies=(strategy,))

    world = World(definitions("/bin/a"))
    error_id = world.report(fault())
    world.run(10.0)
    world.approve(error_id)
    assert world.state(error_id) is State.PROBING
    world.redefine(definitions("/bin/b"))
    world.run(10.0)
    assert world.started == []
    assert states(world) == ["withdrawn", "waits"]


def test_a_question_that_cannot_be_put_into_words_leaves_its_ticket_a_way_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def bug(*_: object, **__: object) -> None:
        raise KeyError("of the words")

    world = asking(1)
    with monkeypatch.context() as patch:
        patch.setattr(Asking, "ask", bug)
        with pytest.raises(KeyError):
            world.report(fault())
    [error] = world.engine._board.errors.values()
    assert (error.state, error.timer > 0) == (State.PARKED, True)


# --- over a restart


def restarted(world: World, after_s: float = 1.0) -> World:
    world.crash(after_s)
    world.engine.listen(on=True)
    world.run(0.5)
    return world


def test_what_was_asked_stays_asked_with_its_id_and_its_time() -> None:
    world = asking(1)
    error_id = world.report(fault())
    before = only(world)
    world.run(10.0)
    after = only(restarted(world))
    assert (after.decision_id, after.asked_at, after.expires_at) == (before.decision_id, 1000.0, 1060.0)
    assert (after.times_asked, after.why[0]) == (1, before.why[0])
    world.approve(error_id, decision_id=before.decision_id)
    world.run(5.0)
    assert world.levels() == [1]


def test_what_was_approved_and_not_begun_is_done_after_a_restart() -> None:
    named = Strategy("named", "exec", params={"command": ["/bin/mend", "${attempt_id}", "${error_id}"]})
    world = World(house(rule("web", ladder={1: ("named",)}, **ASKS), strategies=(named,)))
    error_id = world.report(fault())
    world.pause()
    world.approve(error_id, note="go on")
    restarted(world).run(5.0)
    assert world.levels() == [1]
    assert world.decisions[-1].brakes[-1] == "approval: by ann"
    assert world.state(error_id) is State.WATCHING


def test_a_yes_whose_attempt_had_begun_is_no_yes_to_another() -> None:
    world = asking(1, 2)
    world.plan = lambda order: Plan(takes_s=50.0)
    error_id = world.report(fault())
    world.approve(error_id)
    restarted(world).run(10.0)
    assert world.levels() == [1]
    assert only(world).decision_id != world.decisions[0].decision_id
    assert not only(world).why[0].startswith("Asked again")
    assert world.view(error_id).held_by == "approval"


def test_a_yes_that_was_carried_out_is_no_yes_to_the_next_ticket_of_the_same_slot() -> None:
    world = asking(1)
    world.plan, world.commit_s = never, None
    error_id = world.report(fault())
    world.approve(error_id)
    world.run(5.0)
    assert (world.state(error_id), states(world)) == (State.FAILED, ["begun"])
    world.report(fault())  # before its slot is released: it is kept until the error is tried again
    world.commit_s = 0.1
    world.commit()
    world.pause()
    world.run(1000.0)
    assert world.state(error_id) is State.QUEUED
    restarted(world).run(5.0)
    assert world.levels() == [1]
    assert only(world).decision_id != world.decisions[0].decision_id


def test_a_yes_to_what_is_defined_otherwise_now_is_asked_again() -> None:
    def definitions(command: str, ladder: tuple[str, ...] = ("restart",), **more: Any) -> Definitions:
        strategy = Strategy("restart", "exec", params={"command": [command]})
        return house(rule("web", ladder={1: ladder}, **(ASKS | more)), strategies=(strategy,))

    for other in (definitions("/bin/b"), definitions("/bin/a", ("fix1",))):
        world = World(definitions("/bin/a"))
        error_id = world.report(fault())
        world.pause()
        world.approve(error_id)
        world.definitions = other
        world.crash()
        world.run(2.0)
        assert world.started == []
        assert (
            only(world).why[0] == "Asked again: what ann said yes to before the daemon was started again has changed."
        )
    world = World(definitions("/bin/a"))
    world.report(fault())
    world.definitions = definitions("/bin/b")
    world.crash()
    world.run(2.0)
    assert only(world).why[0] == "Asked again: what was proposed before the daemon was started again has changed."
    world.definitions = definitions("/bin/b", mode=Mode.AUTO)
    world.crash()
    world.run(2.0)
    assert world.levels() == [1], "nobody need be asked any more"


def test_what_ran_out_while_the_daemon_was_away_is_asked_again_whatever_its_rule_says() -> None:
    for then in Unanswered:
        world = asking(1, approval_then=then)
        world.report(fault())
        restarted(world, after_s=300.0)
        assert world.started == []
        assert only(world).why[0] == "Asked again: its time ran out while the daemon was away."
        assert only(world).expires_at > world.now + 50.0


def test_what_was_asked_of_another_ticket_is_not_asked_of_this_one() -> None:
    world = asking(1)
    error_id = world.report(fault())
    world.pause()
    world.approve(error_id)
    [record] = world.approvals.values()
    world.approvals[record.decision.decision_id] = replace(record, slot_sequence=record.slot_sequence + 1)
    world._yes_before.clear()
    restarted(world).run(2.0)
    assert world.started == []
    assert only(world).decision_id != record.decision.decision_id


def test_a_question_found_again_is_told_as_a_reminder() -> None:
    world = asking(1)
    world.report(fault())
    world.run(5.0)
    world.crash()
    world.engine.listen(on=True)
    world.log.clear()
    world.run(0.5)
    assert events(world) == ["reminded"]


@given(st.floats(0.0, 2e9), st.one_of(st.just(7.0), st.floats(0.001, 1e6)), st.integers(0, 10_000), st.floats(0.0, 1.0))
def test_the_next_reminder_is_always_yet_to_come(since: float, every_s: float, times: int, and_s: float) -> None:
    for now in (since + times * every_s, since + (times + and_s) * every_s):
        at = next_time(since, every_s, now)
        assert now < at <= now + every_s * 1.01 + 1e-6


# --- of all of it


@given(
    st.lists(
        st.sampled_from(("report", "yes", "no", "late", "wait", "long", "pause", "resume", "reset", "restart", "heal")),
        max_size=25,
    ),
    st.sampled_from(Unanswered),
    st.sampled_from((0.0, 7.0)),
)
def test_nothing_is_ever_run_without_an_answer_to_that_very_decision(
    acts: list[str], then: Unanswered, remind_s: float
) -> None:
    """The world checks it with every attempt; here, that each question has one end, and what is shown can be answered."""
    world = asking(1, 2, approval_then=then, approval_remind_s=remind_s)
    world.plan = never
    error_id = world.report(fault())
    seen = ""
    for act in acts:
        shown = world.engine.approval(error_id)
        _act(world, act, error_id, seen)
        seen = shown.decision_id if shown else seen
    waiting, _ = world.engine.approvals(10)
    for one in waiting:
        assert one.state is ApprovalState.WAITS
        assert world.approvals[one.decision_id].state is ApprovalState.WAITS
        world.deny(one.error_id, decision_id=one.decision_id)


def _act(world: World, act: str, error_id: str, seen: str) -> None:
    try:
        if act in ("yes", "no"):
            (world.approve if act == "yes" else world.deny)(error_id)
        elif act == "late":
            world.approve(error_id, decision_id=seen)
    except Refused:
        return
    others: dict[str, Callable[[], object]] = {
        "report": lambda: world.report(fault()),
        "wait": lambda: world.run(3.0),
        "long": lambda: world.run(61.0),
        "pause": lambda: world.pause("web"),
        "resume": lambda: world.resume("web"),
        "reset": lambda: world.reset_ladder(error_id),
        "restart": world.crash,
        "heal": world.failing.clear,
    }
    others.get(act, lambda: None)()
