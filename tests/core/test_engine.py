"""The engine's own calls: finding, showing, learning, forgetting, and its memory."""

from __future__ import annotations

import pytest

from error_daemon.core import effects as fx
from error_daemon.core.engine import Engine
from error_daemon.core.learning import Case, Learning, Lesson
from error_daemon.core.policy import Policy
from error_daemon.errors import NotFound, Refused
from error_daemon.model import ErrorType, LearnedTimeout, Mode, State
from error_daemon.model.variables import ATTRIBUTE, OF_ATTEMPTS, OF_FAULTS
from tests.core.world import Plan, World, fault, house, rule

RULES = house(rule("web"), rule("seen", mode=Mode.OBSERVE))


def test_an_error_is_found_by_its_id_or_by_a_beginning_that_names_one() -> None:
    world = World(RULES)
    ids = [world.report(fault("seen", message)) for message in "abcdefghijklmnopqrstuvwxyz"]
    assert world.view(ids[0]).error_id == ids[0]
    assert world.view(ids[0][:12]).error_id == ids[0]
    for nobody in ("", "xyz", "0" * 16):
        with pytest.raises(NotFound, match="is known"):
            world.view(nobody)
    common = next(error_id[0] for error_id in ids if sum(other[0] == error_id[0] for other in ids) > 1)
    with pytest.raises(Refused, match="write more of it"):
        world.view(common)


def test_what_is_known_is_counted() -> None:
    world = World(RULES)
    world.report(fault())
    world.report(fault("seen"))
    engine = world.engine
    assert (engine.errors_known(), engine.tickets_open(), engine.attempts_running(), engine.in_the_works()) == (
        2,
        1,
        1,
        1,
    )
    [trying, seen] = [
        next(v for v in engine.newest(9, lambda _error: True)[0] if v.component == c) for c in ("web", "seen")
    ]
    assert engine.ticket_id(trying.error_id).startswith(f"{trying.error_id}-")
    assert (engine.ticket_id(seen.error_id), engine.ticket_id("0" * 16)) == ("", "")
    assert {view.component for view in engine.newest(10_000, lambda _error: True)[0]} == {"web", "seen"}
    assert engine.errors_by_state() == {"attempting": 1, "observed": 1}


def test_a_fault_is_classified_only_where_it_may_open_a_ticket() -> None:
    world = World(RULES)
    engine = world.engine
    acted, seen, unknown = fault(), fault("seen"), fault("web", "another")
    for one in (acted, seen):
        world.report(one)
    known = {name: engine.fingerprint(one) for name, one in (("acted", acted), ("seen", seen), ("unknown", unknown))}
    assert {name: engine.has_ticket(one) for name, one in known.items()} == {
        "acted": True,
        "seen": False,
        "unknown": False,
    }
    needed = {name: engine.must_be_classified(one, world.now) for name, one in known.items()}
    assert needed == {"acted": False, "seen": False, "unknown": True}
    assert engine.must_be_classified(known["seen"], world.now + 600.0), "it may be decided anew by then"


def test_the_newest_of_those_that_are_wanted_come_first_and_all_are_counted() -> None:
    world = World(RULES)
    ids = []
    for word in "abcd":
        ids.append(world.report(fault("seen", f"kind {word}")))
        world.run(1.0)
    world.report(fault())
    views, wanted = world.engine.newest(2, lambda error: error.fault.component == "seen")
    assert ([view.error_id for view in views], wanted) == (ids[:1:-1], 4)


def test_a_list_goes_on_after_an_error_and_what_has_moved_to_the_front_meanwhile_is_not_in_the_rest() -> None:
    world = World(RULES)
    ids = []
    for word in "abcd":
        ids.append(world.report(fault("seen", f"kind {word}")))
        world.run(1.0 if word != "b" else 0.0)  # b and c come at the same time
    [first], _ = world.engine.newest(1, lambda _error: True)
    assert first.error_id == ids[3]
    world.report(fault("seen", "kind a"))
    views, wanted = world.engine.newest(9, lambda _error: True, after=(first.last_at, first.error_id))
    assert ([view.error_id for view in views], wanted) == (sorted(ids[1:3], reverse=True), 4)
    rest, _ = world.engine.newest(9, lambda _error: True, after=(views[0].last_at, views[0].error_id))
    assert [view.error_id for view in rest] == [views[1].error_id]


def test_what_is_being_attempted_is_counted_by_target_and_in_all() -> None:
    world = World(RULES)
    world.report(fault())
    [target] = [view.target for view in world.engine.newest(1, lambda _error: True)[0]]
    assert [world.engine.attempting(name) for name in ("", target, "nobody")] == [1, 1, 0]


def test_those_with_a_ticket_can_be_asked_for_alone() -> None:
    world = World(RULES)
    world.report(fault("seen"))
    open_id = world.report(fault())
    views, wanted = world.engine.newest(9, lambda _error: True, with_ticket=True)
    assert ([view.error_id for view in views], wanted) == ([open_id], 1)


def test_the_oldest_that_are_done_with_and_recorded_are_dropped() -> None:
    world = World(RULES, Policy(known_errors=10))
    held = world.report(fault())
    world.commit_s = None
    for number in range(50):
        world.report(fault("seen", f"kind{chr(97 + number // 26)}{chr(97 + number % 26)}"))
    assert world.engine.errors_known() == 51, "what is not recorded is not dropped"
    world.commit()
    last = world.report(fault("seen", "last"))
    assert world.engine.errors_known() == 10
    assert {held, last} <= {view.error_id for view in world.engine.newest(10_000, lambda _error: True)[0]}
    world.quiet()


def test_an_error_that_has_a_slot_again_is_not_dropped() -> None:
    world = World(RULES, Policy(known_errors=1))
    world.report(fault("seen"))
    world.run(1.0)
    assert world.ring == {}
    again = world.report(fault("seen", count=2))
    world.report(fault("seen", "another"))
    world.run(1.0)
    assert world.committed[again].count == 3
    assert world.ring == {}, "a slot is given back"


def test_notices_are_given_only_to_those_who_listen() -> None:
    quiet, heard = World(RULES), World(RULES)
    heard.engine.listen(on=True)
    for world in (quiet, heard):
        world.report(fault())
        world.report(fault("seen"))
        world.run(1.0)
    assert not any(isinstance(effect, fx.Notify) for effect in quiet.log)
    assert quiet.log == [effect for effect in heard.log if not isinstance(effect, fx.Notify)]
    notices = [effect.notice for effect in heard.log if isinstance(effect, fx.Notify)]
    assert [notice.kind for notice in notices].count("decision") == 2
    assert [notice.text for notice in notices if notice.kind == "verdict"] == ["recovered after fix1"]
    assert [
        view.state
        for notice in notices
        if notice.kind == "state" and (view := notice.error) and view.component == "web"
    ] == [
        State.QUEUED,
        State.ATTEMPTING,
        State.VERIFYING,
        State.WATCHING,
    ]


def test_what_was_learned_is_gone_on_from_and_can_be_forgotten() -> None:
    learning = Learning(1e6)
    [score] = learning.attempt(Case(ErrorType.NETWORK), "fix1", True, Lesson(1.0, 0.0, 1.0), 900.0)
    world = World(RULES)
    world.engine.restore_learned([score], [LearnedTimeout(ErrorType.NETWORK, "fix1", 7.0, 900.0)])
    world.report(fault())
    assert world.started[0].timeout_s == pytest.approx(7.0)
    assert world.decisions[0].candidates[0].samples == pytest.approx(1.0, abs=0.01)
    assert world.engine.forget("fix1") == 1
    assert world.engine.forget(None) == 0
    world.report(fault(message="other"))
    world.plan = lambda order: Plan()
    world.run(1.0)
    world.flush()


def test_a_decision_says_what_the_brakes_said() -> None:
    world = World(RULES)
    world.report(fault())
    (decision,) = world.decisions
    assert [said.split(":")[0] for said in decision.brakes] == [
        "pause",
        "global breaker",
        "throttle",
        "bulkhead",
        "target breaker",
        "root",
        "one attempt per target",
        "flap suppression",
    ]
    assert decision.attempt_id == world.started[0].attempt_id
    assert decision.reason == "the only strategy of this level"


def test_an_order_carries_the_fault_as_data() -> None:
    world = World(RULES)
    error_id = world.report(
        fault(message="", exception_message="gone; rm -rf /", operation="load", node="host1", count=3)
    )
    environment = world.started[0].environment
    assert environment == {
        "ER_ERROR_ID": error_id,
        "ER_ATTEMPT_ID": world.started[0].attempt_id,
        "ER_TYPE": "network",
        "ER_SEVERITY": "medium",
        "ER_MESSAGE": "gone; rm -rf /",
        "ER_COMPONENT": "web",
        "ER_OPERATION": "load",
        "ER_NODE": "host1",
        "ER_ENVIRONMENT": "",
        "ER_EXCEPTION_TYPE": "",
        "ER_TARGET": "web",
        "ER_LEVEL": "1",
        "ER_COUNT": "3",
    }


def test_an_order_carries_what_the_params_of_its_strategy_may_name_of_the_fault() -> None:
    world = World(RULES)
    error_id = world.report(fault(message="gone", attributes={"tenant": "a"}, source="client/python"))
    order = world.started[0]
    assert order.variables == {
        "error_id": error_id,
        "attempt_id": order.attempt_id,
        "level": "1",
        "fault.type": "network",
        "fault.severity": "medium",
        "fault.component": "web",
        "fault.operation": "",
        "fault.node": "",
        "fault.environment": "",
        "fault.message": "gone",
        "fault.exception": "",
        "fault.source": "client/python",
        "fault.attributes.tenant": "a",
    }
    assert {name for name in order.variables if not name.startswith(ATTRIBUTE)} == {*OF_FAULTS, *OF_ATTEMPTS}


def test_flushing_an_empty_name_is_not_flushing_everything() -> None:
    world = World(RULES, Policy(capacity=0))
    world.report(fault())
    with pytest.raises(NotFound):
        world.flush("")
    assert world.engine.tickets_open() == 1


def test_a_record_of_an_error_that_is_not_known_changes_nothing() -> None:
    world = World(RULES)
    error_id = world.report(fault("seen"))
    other = Engine(RULES, Policy())
    other.feed(fx.ErrorsRecorded([world.view(error_id)]), 1.0)
    assert other.drain() == []


def test_what_is_still_down_is_what_has_a_ticket_or_stands_failed() -> None:
    world = World(house(rule("web", (1,)), rule("db", (1,)), rule("seen", mode=Mode.OBSERVE)))
    world.plan = lambda order: Plan(cures=False)
    for component in ("web", "seen", "nobody"):
        world.report(fault(component))
    world.run(10.0)
    world.pause("db")
    world.report(fault("db"))
    down = {(one.target, one.component, one.planned) for one in world.engine.still_down()}
    assert down == {("web", "web", False), ("db", "db", True)}
