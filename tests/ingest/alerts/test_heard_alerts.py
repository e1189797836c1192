"""What was heard of alerts, and what it says of a target now: row by row of the table in heard.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from error_daemon.ingest.alerts import heard as heard_alerts
from error_daemon.ingest.alerts.alert import Alert
from error_daemon.ingest.alerts.heard import CLOCKS_DIFFER_S, Heard, Wanted, wanted_of
from error_daemon.model import ReadingValue, Since
from error_daemon.model.access import Caller, Role
from tests.fakes.open_gate import OPERATOR

SETTLE_S, STALE_S = 360.0, 18_000.0
OPENED_AT, ACTED_AT = 1_000_000.0, 1_000_010.0
OPENED, ACTED = Since(OPENED_AT, 0.0), Since(OPENED_AT, ACTED_AT)
LABELS = {"alertname": "ShopDown", "instance": "web-1"}


def fires(
    *, holds_until: float = 0.0, fingerprint: str = "1", labels: Mapping[str, str] = LABELS, starts_at: float = 0.0
) -> Alert:
    return Alert(labels, {}, True, fingerprint, starts_ns=int(starts_at * 1e9), holds_until=holds_until)


def resolved(ends_at: float, fingerprint: str = "1") -> Alert:
    return Alert(LABELS, {}, False, fingerprint, ends_at=ends_at)


def wanted(name: str = "ShopDown", target: str = "shop", **labels: str) -> Wanted:
    return Wanted(target, name, labels, SETTLE_S, STALE_S)


def seen(*words: tuple[Alert, float], since: Since, now: float) -> str:
    heard = Heard()
    for alert, at in words:
        heard.hear(alert, at, OPERATOR)
    return heard.read(wanted(), since, now)[0].value


def test_what_fires_before_anything_was_done_is_failing() -> None:
    assert seen((fires(), OPENED_AT - 0.1), since=OPENED, now=OPENED_AT) == "not_ok"
    assert seen((fires(), OPENED_AT - 7000), since=OPENED, now=OPENED_AT) == "not_ok"


def test_what_is_resolved_after_the_attempt_began_is_well() -> None:
    assert seen((resolved(ACTED_AT + 2), ACTED_AT + 300), since=ACTED, now=ACTED_AT + 301) == "ok"


def test_a_stale_resolved_confirms_nothing() -> None:
    before_the_attempt = (resolved(ACTED_AT - 60), ACTED_AT + 1)  # delivered late
    assert seen(before_the_attempt, since=ACTED, now=ACTED_AT + 2) == "unknown"
    before_the_fault = (resolved(OPENED_AT - 60), OPENED_AT - 50)
    assert seen(before_the_fault, since=OPENED, now=OPENED_AT) == "unknown"


def test_a_sender_whose_clock_is_behind_by_a_little_still_confirms() -> None:
    assert seen((resolved(ACTED_AT - CLOCKS_DIFFER_S + 1), ACTED_AT + 2), since=ACTED, now=ACTED_AT + 2) == "ok"


@pytest.mark.parametrize("heard_at", [OPENED_AT, ACTED_AT + 30])
def test_a_firing_word_fails_no_recovery_before_it_could_have_been_taken_back(heard_at: float) -> None:
    assert seen((fires(), heard_at), since=ACTED, now=ACTED_AT + SETTLE_S - 1) == "unknown"


def test_what_has_fired_since_before_its_target_was_last_acted_on_is_given_the_same_time_and_what_began_later_is_not() -> (
    None
):
    touched_at = OPENED_AT - 60
    since = Since(OPENED_AT, 0.0, touched_at)
    assert seen((fires(starts_at=touched_at - 30), OPENED_AT), since=since, now=OPENED_AT) == "unknown"
    assert seen((fires(starts_at=touched_at - 30), OPENED_AT), since=since, now=touched_at + SETTLE_S) == "not_ok"
    assert seen((fires(starts_at=touched_at + 30), OPENED_AT), since=since, now=OPENED_AT) == "not_ok"


def test_what_fires_on_after_that_is_failing_though_nothing_more_was_heard() -> None:
    assert seen((fires(), OPENED_AT), since=ACTED, now=ACTED_AT + SETTLE_S) == "not_ok"


def test_a_sender_that_has_gone_silent_says_nothing() -> None:
    assert seen((fires(), OPENED_AT - STALE_S - 1), since=OPENED, now=OPENED_AT) == "unknown"
    assert seen((fires(holds_until=OPENED_AT - 10), OPENED_AT - 250), since=OPENED, now=OPENED_AT) == "unknown"
    assert seen((resolved(ACTED_AT), ACTED_AT), since=ACTED, now=ACTED_AT + STALE_S + 1) == "unknown"


def test_nothing_heard_is_nothing_known() -> None:
    heard = Heard()
    assert heard.read(wanted(), OPENED, OPENED_AT) == (
        ReadingValue.UNKNOWN,
        "nothing was heard of such an alert since",
    )


def test_only_the_newest_word_on_an_alert_counts() -> None:
    again = ((resolved(ACTED_AT + 1), ACTED_AT + 1), (fires(), ACTED_AT + 400))
    assert seen(*again, since=ACTED, now=ACTED_AT + 401) == "not_ok"


def test_of_several_alerts_the_worst_decides_and_the_reading_says_which() -> None:
    late = ACTED_AT + SETTLE_S
    well, failing, old = (
        (resolved(late, "1"), late),
        (fires(fingerprint="2"), late),
        (resolved(OPENED_AT - 99, "3"), late),
    )
    silent = (fires(fingerprint="4", holds_until=late - 60), late - 300)
    assert seen(well, old, since=ACTED, now=late) == "ok"
    assert seen(well, old, silent, since=ACTED, now=late) == "unknown"
    assert seen(well, old, silent, failing, since=ACTED, now=late) == "not_ok"


def test_the_words_say_what_was_heard_and_when() -> None:
    heard = Heard()
    heard.hear(fires(), OPENED_AT, OPERATOR)
    heard.hear(fires(fingerprint="2"), OPENED_AT, OPERATOR)
    assert heard.read(wanted(), OPENED, OPENED_AT + 5)[1] == "ShopDown fires, as heard 5 s ago, and 1 more"
    heard.hear(resolved(ACTED_AT + 3), ACTED_AT + 4, OPERATOR)
    heard.hear(resolved(ACTED_AT + 3, "2"), ACTED_AT + 4, OPERATOR)
    assert heard.read(wanted(), ACTED, ACTED_AT + 8)[1] == "ShopDown is resolved, 5 s ago, and 1 more"


@pytest.mark.parametrize(
    ("probe", "matches"),
    [
        (wanted(), True),
        (wanted("Other"), False),
        (wanted("", instance="web-1"), True),
        (wanted("ShopDown", instance="web-2"), False),
        (wanted("", absent="", instance="web-1"), True),
        (wanted(""), True),
        (wanted("", target="db"), False),
    ],
)
def test_a_probe_is_about_the_alerts_that_it_names_or_that_name_its_target(probe: Wanted, matches: bool) -> None:
    heard = Heard()
    heard.hear(fires(labels={**LABELS, "error_recovery_target": "shop"}), OPENED_AT, OPERATOR)
    assert (heard.read(probe, OPENED, OPENED_AT)[0] is ReadingValue.NOT_OK) is matches


def test_a_probes_params_say_which() -> None:
    params = {"alertname": "A", "labels": {"x": "y"}, "settle_s": 1.0, "stale_after_s": 2.0}
    assert wanted_of(params, "shop") == Wanted("shop", "A", {"x": "y"}, 1.0, 2.0)


def test_what_was_heard_longest_ago_makes_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heard_alerts, "MOST_ALERTS", 2)
    heard = Heard()
    for name in ("1", "2", "1", "3"):
        heard.hear(fires(fingerprint=name, labels={"alertname": name}), OPENED_AT, OPERATOR)
    assert len(heard) == 2
    assert heard.read(wanted("2"), OPENED, OPENED_AT)[0] is ReadingValue.UNKNOWN
    assert heard.read(wanted("1"), OPENED, OPENED_AT)[0] is ReadingValue.NOT_OK


REPORTER = Caller("", "other", frozenset({Role.REPORTER}))


def test_words_of_who_is_not_trusted_answer_no_probe_and_the_reading_says_so() -> None:
    heard = Heard()
    heard.hear(fires(), OPENED_AT, REPORTER)
    value, why = heard.read(wanted(), OPENED, OPENED_AT)
    assert value is ReadingValue.UNKNOWN
    assert "not believed" in why


def test_nobody_takes_back_what_a_trusted_caller_said() -> None:
    heard = Heard()
    heard.hear(fires(), ACTED_AT + SETTLE_S, OPERATOR)
    heard.hear(resolved(ACTED_AT + SETTLE_S + 1), ACTED_AT + SETTLE_S + 1, REPORTER)
    assert heard.read(wanted(), ACTED, ACTED_AT + SETTLE_S + 2)[0] is ReadingValue.NOT_OK


def test_of_a_pair_of_trusted_senders_the_newest_word_on_an_alert_counts() -> None:
    heard = Heard()
    heard.hear(fires(), OPENED_AT, OPERATOR)
    heard.hear(resolved(ACTED_AT + 3), ACTED_AT + 4, replace(OPERATOR, key="the other of the pair"))
    assert heard.read(wanted(), ACTED, ACTED_AT + 5)[0] is ReadingValue.OK


def test_one_callers_many_words_push_nobody_elses_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heard_alerts, "MOST_ALERTS", 5)
    monkeypatch.setattr(heard_alerts, "MOST_CHARACTERS", 300)
    for flooding in (REPORTER, replace(OPERATOR, key="flood")):
        heard = Heard()
        heard.hear(fires(), OPENED_AT, OPERATOR)
        for name in range(100):
            heard.hear(fires(fingerprint=f"{name}", labels={"x": "x" * 90}), OPENED_AT, flooding)
        assert heard.read(wanted(), OPENED, OPENED_AT)[0] is ReadingValue.NOT_OK


def test_long_labels_have_a_bound_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heard_alerts, "MOST_CHARACTERS", 100)
    heard = Heard()
    for name in range(10):
        heard.hear(fires(fingerprint=f"{name}", labels={"alertname": "x" * 40}), OPENED_AT, OPERATOR)
    assert len(heard) == 2


@given(
    words=st.lists(
        st.tuples(
            st.booleans(),
            st.sampled_from(("1", "2")),
            st.floats(-STALE_S * 2, 600),
            st.floats(-600, 600),
            st.sampled_from((0.0, 120.0)),
        ),
        max_size=6,
    ),
    opened_s=st.floats(-600, 600),
    acted_s=st.none() | st.floats(0, 600),
    after_s=st.floats(0, STALE_S * 2),
)
def test_no_look_within_the_time_to_settle_fails_and_no_older_word_confirms(
    words: list[tuple[bool, str, float, float, float]], opened_s: float, acted_s: float | None, after_s: float
) -> None:
    opened_at = OPENED_AT + opened_s
    since = Since(opened_at, 0.0 if acted_s is None else opened_at + acted_s, opened_at - 600)
    newest = max(since.opened_at, since.acted_at)
    heard = Heard()
    for is_firing, name, heard_s, ended_s, holds_s in words:
        at = newest + heard_s
        alert = fires(fingerprint=name, holds_until=at + holds_s if holds_s else 0.0)
        heard.hear(alert if is_firing else resolved(newest + ended_s, name), at, OPERATOR)
    value = heard.read(wanted(), since, newest + after_s)[0]
    if since.acted_at and after_s < SETTLE_S:
        assert value is not ReadingValue.NOT_OK
    if all(is_firing or ended_s < -CLOCKS_DIFFER_S - 0.01 for is_firing, _, _, ended_s, _ in words):
        assert value is not ReadingValue.OK
