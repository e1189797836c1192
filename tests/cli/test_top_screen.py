"""What keys do on the screen of error-cli top, without a terminal."""

from __future__ import annotations

from dataclasses import replace

import pytest

from error_cli.top import screen as keys
from error_cli.top.screen import DETAIL, HELP, LIST, TYPING, Act, Screen, answered, drawn, pressed, went_away
from error_recovery.v1 import view_pb2
from tests.cli.canned import LONG_AGO
from tests.cli.canned_views import ERROR_ID, now


@pytest.fixture
def screen() -> Screen:
    return answered(Screen("here:1"), now(), LONG_AGO)


def after(screen: Screen, *pressed_keys: str) -> tuple[Screen, Act | None]:
    """The screen after these keys, and what the last one did."""
    act = None
    at = 1000.0
    for key in pressed_keys:
        screen, act = pressed(drawn(screen, at), key, at + 0.5)
        at += 1.0
    return screen, act


def chosen(screen: Screen) -> tuple[str, str]:
    item = screen.item()
    return (item.kind, item.error_id) if item else ("", "")


def test_the_worst_is_chosen_first_and_arrows_lead_on(screen: Screen) -> None:
    assert chosen(screen) == ("group", ERROR_ID)
    assert chosen(after(screen, keys.DOWN)[0]) == ("group", "beef")
    assert chosen(after(screen, "j", "j")[0]) == ("need", "cafe")
    assert chosen(after(screen, "j", "k", keys.UP)[0]) == ("group", ERROR_ID)
    assert chosen(after(screen, keys.END)[0]) == ("recovered", "aa")
    assert chosen(after(screen, "G", "g")[0]) == ("group", ERROR_ID)


def test_what_is_chosen_stays_chosen_when_the_list_moves(screen: Screen) -> None:
    below, _ = after(screen, "j", "j")
    fewer = now()
    del fewer.groups[0]
    assert chosen(answered(below, fewer, LONG_AGO + 1)) == ("need", "cafe")


def test_when_what_is_chosen_is_gone_its_neighbour_is(screen: Screen) -> None:
    below, _ = after(screen, "j", "j")
    fewer = now()
    del fewer.needs[0]
    assert chosen(answered(below, fewer, LONG_AGO + 1)) == ("need", "dead")
    assert answered(below, view_pb2.GetNowResponse(), LONG_AGO + 1).item() is None
    assert after(answered(screen, view_pb2.GetNowResponse(), 0.0), "j", keys.ENTER, "a", "r", "P")[1] is None


def test_enter_shows_one_error_and_the_way_back_is_left(screen: Screen) -> None:
    detail, act = after(screen, keys.ENTER)
    assert (detail.mode, detail.detail_id, act) == (DETAIL, ERROR_ID, Act("show", ERROR_ID))
    for key in (keys.LEFT, keys.BACKSPACE, keys.ESCAPE, "q", "h"):
        back, act = after(detail, key)
        assert (back.mode, back.detail_id, act) == (LIST, "", None)


def test_one_error_is_scrolled_no_further_than_its_lines(screen: Screen) -> None:
    detail = replace(after(screen, keys.ENTER)[0], detail=["line"] * 5)
    assert after(detail, "j", "j")[0].scroll == 2
    assert after(detail, " ")[0].scroll == 4
    assert after(detail, "k")[0].scroll == 0


@pytest.mark.parametrize(
    ("presses", "question", "act"),
    [
        (("p",), "pause all recoveries until they are resumed?", Act("pause", "")),
        (("P",), "pause recoveries of db until they are resumed?", Act("pause", "db")),
        (("j", "P"), "resume recoveries of mail?", Act("resume", "mail")),
        (("r",), f"resolve error {ERROR_ID}: it is gone?", Act("resolve", ERROR_ID)),
        (
            ("j", "j", "a"),
            "approve restart-web at level 3 on web (runs /usr/bin/systemctl restart web)?",
            Act("approve", "cafe", "cafe-d1"),
        ),
        (
            ("j", "j", "d"),
            "deny restart-web at level 3 on web: nothing is done, and the error has failed?",
            Act("deny", "cafe", "cafe-d1"),
        ),
    ],
)
def test_everything_that_changes_something_asks_once(
    screen: Screen, presses: tuple[str, ...], question: str, act: Act
) -> None:
    asked, done = after(screen, *presses)
    assert done is None
    assert asked.question is not None
    assert asked.question.text == question
    assert after(asked, "y")[1] == act
    for other in ("n", keys.ENTER, keys.ESCAPE, "x"):
        left, done = after(asked, other)
        assert (done, left.question, left.message) == (None, None, "nothing was done")


def test_a_yes_that_comes_sooner_than_the_question_is_read_is_none(screen: Screen) -> None:
    asked, _ = pressed(screen, "p", 1000.0)
    assert pressed(asked, "y", 2000.0)[1] is None  # it was not drawn yet
    seen = drawn(asked, 1000.1)
    pasted, act = pressed(seen, "y", 1000.39)
    assert (act, pasted.question) == (None, seen.question)
    held, act = pressed(drawn(pasted, 1000.4), "y", 1000.68)
    assert act is None
    assert pressed(held, "y", 1000.99) == (replace(held, question=None), Act("pause", ""))


def test_a_no_needs_no_time(screen: Screen) -> None:
    said, act = pressed(pressed(screen, "p", 1000.0)[0], "n", 1000.0)
    assert (act, said.question, said.message) == (None, None, "nothing was done")


def test_the_next_question_is_read_anew(screen: Screen) -> None:
    asked, _ = pressed(after(screen, "p", "n")[0], "p", 2000.0)
    assert pressed(asked, "y", 2000.1)[1] is None


def test_another_size_of_the_terminal_answers_nothing_and_leaves_nothing(screen: Screen) -> None:
    for left_there in (after(screen, "p")[0], after(screen, "?")[0], after(screen, "/", "a")[0], screen):
        assert pressed(left_there, keys.RESIZED, 5000.0) == (left_there, None)


def test_what_nobody_asked_cannot_be_answered(screen: Screen) -> None:
    assert after(screen, "a")[0].question is None
    assert after(screen, "d")[0].question is None


def test_one_error_can_be_answered_where_it_is_read(screen: Screen) -> None:
    asked, _ = after(screen, "j", "j", keys.ENTER, "a")
    assert after(asked, "y")[1] == Act("approve", "cafe", "cafe-d1")


def test_a_filter_leaves_what_has_the_text_in_it(screen: Screen) -> None:
    typing, _ = after(screen, "/", *"MAIX", keys.BACKSPACE, "L", keys.HOME)
    assert (typing.mode, typing.filter) == (TYPING, "MAIL")
    kept, _ = after(typing, keys.ENTER)
    assert [(item.kind, item.target) for item in kept.items()] == [("group", "mail")]
    assert after(kept, keys.ESCAPE)[0].filter == ""
    assert after(typing, keys.ESCAPE)[0].filter == ""


def test_help_is_left_by_any_key_to_where_it_was_asked(screen: Screen) -> None:
    assert after(screen, "?")[0].mode == HELP
    assert after(screen, "?", "x")[0].mode == LIST
    assert after(screen, keys.ENTER, "?", "x")[0].mode == DETAIL


def test_q_ends_it(screen: Screen) -> None:
    assert after(screen, "q")[1] == Act("quit")


def test_a_daemon_that_is_away_is_said_and_that_it_is_back(screen: Screen) -> None:
    away = went_away(went_away(screen, "no daemon answers", 100.0), "no daemon answers", 105.0)
    assert (away.away, away.away_since) == ("no daemon answers", 100.0)
    back = answered(away, now(), 110.0)
    assert (back.away, back.message) == ("", "the daemon is back")
    other = now()
    other.started_at += 1
    assert answered(away, other, 110.0).message == "the daemon has restarted"
