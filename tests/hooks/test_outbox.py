"""What waits for a hook: bounded, counted, in order, and never lost on the way, whatever happens. Pure: no clock, no receiver."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from error_daemon.errors import NotFound
from error_daemon.hooks.events import CLEARED
from error_daemon.hooks.outbox import MOST_DEAD, MOST_WAITING, Outbox
from error_daemon.hooks.payload import Origin
from error_daemon.hooks.sending import Sent
from error_daemon.model.hook import DIGEST, Delivery, Hook, HookEvent, Retries
from tests.hooks.events import an_event

ORIGIN = Origin("web-1", "https://recovery.example")
DONE = Sent(is_done=True, detail="200")
FAILED = Sent(is_done=False, detail="500")
HOOK = Hook("ops", "webhook", burst=3, every_s=10.0)


def outbox(hook: Hook = HOOK, numbers: Iterator[int] | None = None, most_waiting: int = MOST_WAITING) -> Outbox:
    """`numbers`: of its deliveries; those of a daemon that died are not given again."""
    numbers = count(1) if numbers is None else numbers
    return Outbox(hook, ORIGIN, lambda: f"msg_{next(numbers):06}", lambda: 0.5, most_waiting=most_waiting)


def sent_at(box: Outbox, now: float, sent: Sent = DONE) -> list[Delivery]:
    """All that may go now, with the same answer for each."""
    return list(_sending(box, now, sent))


def _sending(box: Outbox, now: float, sent: Sent) -> Iterator[Delivery]:
    while (delivery := box.take(now)) is not None:
        box.ended(delivery.delivery_id, sent, now)
        yield delivery


def test_events_go_one_by_one_in_their_order() -> None:
    box = outbox()
    for number in range(3):
        box.put(an_event(f"e{number}", at=float(number)), 10.0)
    assert [one.event.error_id for one in sent_at(box, 10.0)] == ["e0", "e1", "e2"]
    assert box.wake_at() is None


def test_beyond_the_burst_what_waits_goes_as_one_digest_with_the_next_token() -> None:
    box = outbox()
    for number in range(10_000):
        box.put(an_event(f"e{number}", root="r1", at=10.0), 10.0)
    first = sent_at(box, 10.0)
    assert [one.event.type for one in first][-1] == DIGEST or len(first) == 3
    rest = sent_at(box, 20.0)
    assert [one.event.type for one in rest] == [DIGEST]
    assert sum(one.events for one in (*first, *rest)) == 10_000
    assert box.view(20.0).waiting == 0
    [group] = rest[0].event.body["data"]["groups"]
    assert group["root"] == "r1"


def test_never_more_wait_than_may() -> None:
    box = outbox()
    for number in range(5 * MOST_WAITING):
        box.put(an_event(f"e{number}"), 10.0)
        assert box.view(10.0).waiting <= MOST_WAITING


def test_where_nothing_can_be_folded_the_oldest_is_given_up_and_kept() -> None:
    box = outbox(Hook("pager", "pagerduty", burst=3, every_s=10.0))
    for number in range(MOST_WAITING + 1):
        box.put(an_event(f"e{number}", CLEARED), 10.0)
    [dead] = [one for one in box.deliveries() if one.state == "dead"]
    assert dead.event.error_id == "e0"
    assert "1,000 others waited" in dead.detail


def test_what_failed_waits_longer_each_time_and_is_given_up_at_last() -> None:
    box = outbox()
    box.put(an_event(), 0.0)
    now, waits = 0.0, []
    while box.wake_at() is not None:
        assert len(sent_at(box, now, FAILED)) == 1
        due = box.wake_at()
        waits.append(None if due is None else round(due - now))
        now = due or now
    assert waits == [5, 30, 180, 1080, 6480, 38880, 43200, None]
    assert [(one.state, one.attempts) for one in box.deliveries()] == [("dead", 8)]


def test_a_receiver_that_says_when_to_come_back_is_not_asked_before_by_anything() -> None:
    box = outbox()
    box.put(an_event("e1"), 0.0)
    sent_at(box, 0.0, Sent(is_done=False, detail="429", retry_after_s=600.0))
    box.put(an_event("e2"), 1.0)
    assert box.take(599.0) is None
    assert box.view(599.0).state == "held"
    assert [one.event.error_id for one in sent_at(box, 600.0)] == ["e1", "e2"]


def test_a_receiver_that_is_gone_is_left_alone_until_a_person_says_so() -> None:
    box = outbox()
    for name in ("e1", "e2"):
        box.put(an_event(name), 0.0)
    assert len(sent_at(box, 0.0, Sent(is_done=False, detail="410", is_gone=True))) == 1
    assert box.view(0.0).state == "disabled"
    assert box.take(1e9) is None
    assert box.redeliver("", 1.0) == 2
    assert [one.event.error_id for one in sent_at(box, 100.0)] == ["e2", "e1"]


def test_when_one_gets_through_all_that_failed_are_due() -> None:
    box = outbox()
    for name in ("e1", "e2"):
        box.put(an_event(name), 0.0)
    sent_at(box, 0.0, FAILED)
    box.put(an_event("e3"), 1.0)
    assert [one.event.error_id for one in sent_at(box, 1.0)][:1] == ["e3"]
    assert {one.event.error_id for one in sent_at(box, 100.0)} == {"e1", "e2"}


def test_what_is_final_is_not_sent_again() -> None:
    box = outbox()
    box.put(an_event(), 0.0)
    sent_at(box, 0.0, Sent(is_done=False, detail="400", is_final=True))
    assert [one.state for one in box.deliveries()] == ["dead"]


def test_what_was_tried_keeps_its_id_and_is_in_no_digest() -> None:
    box = outbox()
    box.put(an_event("e1"), 0.0)
    [tried] = sent_at(box, 0.0, FAILED)
    for number in range(20):
        box.put(an_event(f"n{number}"), 1.0)
    later = [*sent_at(box, 1.0), *sent_at(box, 40.0), *sent_at(box, 80.0)]
    assert tried.delivery_id in {one.delivery_id for one in later}
    assert sum(one.events for one in later) == 21


def test_a_waiting_change_of_state_gives_way_to_a_newer_one_of_its_error() -> None:
    box = outbox()
    for at in (1.0, 2.0, 3.0):
        box.put(an_event("e1", "error.state", at=at), at)
    box.put(an_event("e2", "error.state", at=4.0), 4.0)
    assert [(one.event.error_id, one.event.at) for one in sent_at(box, 5.0)] == [("e1", 3.0), ("e2", 4.0)]


def test_a_hook_remembers_of_which_errors_it_has_heard_until_they_are_over() -> None:
    box = outbox()
    box.put(an_event("e1", "error.escalated"), 0.0)
    assert box.was_told("e1")
    box.put(an_event("e1", CLEARED), 1.0)
    assert not box.was_told("e1")
    assert box.drain().told == {"e1": False}


def test_what_was_written_down_is_all_there_again() -> None:
    box, kept = outbox(), dict[str, Delivery]()
    for number in range(4):
        box.put(an_event(f"e{number}"), 0.0)
    begun = box.take(0.0)
    assert begun is not None
    _write(kept, box)
    again = outbox()
    again.restore(kept.values(), ["e0"])
    assert next(one.delivery_id for one in sent_at(again, 0.0)) == begun.delivery_id
    assert again.was_told("e0")


def test_only_so_many_dead_are_kept() -> None:
    box = outbox(Hook("ops", "webhook", burst=10_000, every_s=1.0, retries=Retries(attempts=1)))
    for number in range(MOST_DEAD + 5):
        box.put(an_event(f"e{number}"), 0.0)
        sent_at(box, 0.0, FAILED)
    assert box.view(0.0).dead == MOST_DEAD


def test_a_delivery_that_is_not_there_cannot_be_sent_again() -> None:
    with pytest.raises(NotFound, match="no delivery msg_7 of the hook ops"):
        outbox().redeliver("msg_7", 0.0)


def test_a_test_that_arrives_lets_a_hook_go_on() -> None:
    box = outbox()
    box.put(an_event("e1"), 0.0)
    box.put(an_event("e2"), 0.0)
    sent_at(box, 0.0, Sent(is_done=False, detail="410", is_gone=True))
    box.proven(DONE, 1.0)
    assert box.view(1.0).state == "ready"
    assert [one.event.error_id for one in sent_at(box, 1.0)] == ["e2"]


def _write(kept: dict[str, Delivery], box: Outbox) -> None:
    changes = box.drain()
    for gone in changes.gone:
        kept.pop(gone, None)
    kept.update(changes.kept)


steps = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.sampled_from(["error.escalated", "error.state", CLEARED]), st.integers(0, 6)),
        st.tuples(st.just("wait"), st.floats(0.0, 50_000.0), st.just(0)),
        st.tuples(st.just("send"), st.sampled_from(["done", "failed", "final", "gone", "held"]), st.just(0)),
        st.tuples(st.just("begin"), st.just(""), st.just(0)),
        st.tuples(st.just("die"), st.just(""), st.just(0)),
        st.tuples(st.just("redeliver"), st.just(""), st.just(0)),
    ),
    max_size=80,
)
ANSWERS = {
    "done": DONE,
    "failed": FAILED,
    "final": Sent(is_done=False, detail="400", is_final=True),
    "gone": Sent(is_done=False, detail="410", is_gone=True),
    "held": Sent(is_done=False, detail="429", retry_after_s=100.0),
}


@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["error.state", CLEARED])), max_size=12))
def test_a_change_of_state_that_was_given_up_is_replaced_by_none(events: list[tuple[int, str]]) -> None:
    """What ends an error is never folded for PagerDuty, so the oldest is given up where three wait."""
    box, put = outbox(Hook("pager", "pagerduty"), most_waiting=3), dict[str, HookEvent]()
    for at, (number, kind) in enumerate(events):
        event = an_event(f"e{number}", kind, at=float(at))
        box.put(event, 0.0)
        if kind == "error.state":
            put[event.error_id] = event
    known = [one.event for one in box.deliveries()]
    assert all(event in known for event in put.values()) or any(event.type == DIGEST for event in known)


@given(steps, st.sampled_from(["webhook", "pagerduty"]), st.sampled_from([3, MOST_WAITING]))
def test_every_event_is_waiting_sent_or_dead_and_the_copy_is_what_is_there(
    steps: list[tuple[str, str | float, int]], kind: str, most_waiting: int
) -> None:
    hook = Hook("ops", kind, burst=2, every_s=10.0, retries=Retries(attempts=3, base_s=1.0))  # type: ignore[arg-type]
    numbers = count(1)
    box, kept, now, put = outbox(hook, numbers, most_waiting), dict[str, Delivery](), 0.0, 0
    for step, what, number in steps:
        if step == "put":
            replaced = sum(one.events for one in box.deliveries())
            box.put(an_event(f"e{number}", str(what), at=now), now)
            put += sum(one.events for one in box.deliveries()) - replaced
        elif step == "wait":
            now += float(what)
        elif step == "send" and (delivery := box.take(now)) is not None:
            _write(kept, box)
            box.ended(delivery.delivery_id, ANSWERS[str(what)], now)
        elif step == "begin":
            box.take(now)  # its answer never comes
        elif step == "redeliver":
            box.redeliver("", now)
        elif step == "die":
            _write(kept, box)
            box = outbox(hook, numbers, most_waiting)
            box.restore(sorted(kept.values(), key=lambda one: (one.event.at, one.delivery_id)), [])
        _write(kept, box)
        there = {one.delivery_id: one for one in box.deliveries()}
        assert there == kept
        assert sum(one.events for one in there.values()) == put
