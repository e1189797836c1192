"""error-cli top on a real terminal: what is seen, what keys do, how it leaves the terminal."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import grpc
import pytest

from error_recovery.v1 import recovery_pb2, view_pb2
from tests.cli.canned_views import ERROR_ID
from tests.cli.conftest import CannedDaemon, Cli
from tests.cli.live_screen import LiveScreen, live

KEYS = "q quit"
QUESTION = "y/n"


@pytest.fixture
def top(daemon: CannedDaemon) -> Iterator[LiveScreen]:
    with live("--address", daemon.address, "top", "--every", "200ms") as screen:
        screen.until("ROOT CAUSES", KEYS)
        yield screen


def asked(daemon: CannedDaemon, kind: type) -> list[object]:
    return [request for request in daemon.requests if isinstance(request, kind)]


def say_yes(top: LiveScreen) -> None:
    """Press y until it is taken: one that comes too soon after the question is none."""
    while QUESTION in top.until():
        top.press("y")
        for _ in range(10):
            if QUESTION in top.text:
                top.read(0.1)


def left_as_it_was(screen: LiveScreen) -> bool:
    """The cursor is seen, the other screen is left, and what is typed is shown as before."""
    return screen.settings() == screen.settings_before and b"\x1b[?1049l" in screen.raw[-400:]


def test_it_shows_what_is_going_on_and_ends_with_q(top: LiveScreen) -> None:
    assert "10,000 open" in top.text
    top.press("q")
    assert top.ended() == 0
    assert left_as_it_was(top)


def test_enter_shows_one_error_with_its_timeline_and_why(top: LiveScreen) -> None:
    top.press("\r")
    top.until(f"error {ERROR_ID}", "left back", "status")
    top.press("G")
    top.press("q")
    top.until("ROOT CAUSES")


def test_a_yes_is_for_what_was_seen(top: LiveScreen, daemon: CannedDaemon) -> None:
    top.press("jja")
    top.until("approve restart-web at level 3 on web")
    say_yes(top)
    top.until("error cafe is approved")
    [request] = asked(daemon, recovery_pb2.ApproveRequest)
    assert isinstance(request, recovery_pb2.ApproveRequest)
    assert (request.error_id, request.decision_id) == ("cafe", "cafe-d1")


@pytest.mark.parametrize(
    ("keys", "said", "kind"),
    [
        ("jjd", "error cafe is denied", recovery_pb2.DenyRequest),
        ("r", f"error {ERROR_ID} is resolved", recovery_pb2.ResolveErrorRequest),
        ("p", "all recoveries are paused", recovery_pb2.PauseRequest),
        ("jP", "recoveries of mail go on", recovery_pb2.ResumeRequest),
    ],
)
def test_each_act_asks_the_daemon_once(top: LiveScreen, daemon: CannedDaemon, keys: str, said: str, kind: type) -> None:
    top.press(keys)
    top.until(QUESTION)
    assert asked(daemon, kind) == []
    say_yes(top)
    top.until(said)
    assert len(asked(daemon, kind)) == 1


def test_what_the_daemon_refuses_is_said(top: LiveScreen, daemon: CannedDaemon) -> None:
    daemon.refuse("Pause", grpc.StatusCode.PERMISSION_DENIED, "you are an auditor")
    top.press("p")
    top.until(QUESTION)
    say_yes(top)
    top.until("not for you: you are an auditor")


def test_what_is_pasted_does_nothing(top: LiveScreen, daemon: CannedDaemon) -> None:
    top.press("pyyyy")
    top.until("pause all recoveries", QUESTION)
    top.press("n")
    top.until("nothing was done")
    assert asked(daemon, recovery_pb2.PauseRequest) == []


def test_a_no_does_nothing(top: LiveScreen, daemon: CannedDaemon) -> None:
    top.press("pn")
    top.until("nothing was done")
    assert asked(daemon, recovery_pb2.PauseRequest) == []


def test_a_filter_is_typed_and_taken_back(top: LiveScreen) -> None:
    top.press("/mail\r")
    top.until("/mail", gone="restart-db at level 3")
    top.press("\x1b")
    top.until("restart-db at level 3")


def test_arrows_and_help_work_on_a_real_terminal(top: LiveScreen) -> None:
    top.press("\x1bOB")  # down, as a terminal sends it to who has asked for its keypad
    top.press("?")
    top.until("any key leads back", "the furthest target")
    top.press("x")
    top.until(KEYS)


def test_it_follows_the_size_of_the_terminal(top: LiveScreen) -> None:
    top.resize(120, 40)
    top.until("in the last minute", "RECOVERED LATELY")
    top.resize(40, 10)
    top.until("error-recovery", gone="in the last minute")
    assert len(top.lines()) == 10


def test_it_follows_the_size_of_the_terminal_whatever_the_environment_says(daemon: CannedDaemon) -> None:
    with live("--address", daemon.address, "top", LINES="20", COLUMNS="70") as top:
        top.until("ROOT CAUSES", KEYS)
        top.resize(120, 40)
        top.until("in the last minute", "RECOVERED LATELY")


def test_it_says_that_the_daemon_is_away_and_comes_back_by_itself(daemon: CannedDaemon) -> None:
    with live("--address", daemon.address, "top", "--every", "200ms") as top:
        top.until("ROOT CAUSES")
        daemon.stop()
        seen = top.until("AWAY for", "asking again")
        assert "10,000 open" in seen
        again = CannedDaemon(daemon.address)
        try:
            top.until("the daemon is back", gone="AWAY")
        finally:
            again.stop()


def test_who_is_not_let_in_is_told_and_the_terminal_is_left_as_it_was(daemon: CannedDaemon) -> None:
    daemon.refuse("GetNow", grpc.StatusCode.PERMISSION_DENIED, "you may not look")
    with live("--address", daemon.address, "top") as top:
        assert top.ended() == 5
        assert "not for you: you may not look" in top.text
        assert left_as_it_was(top) or b"\x1b[?1049l" in top.raw


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_leaves_the_terminal_as_it_was(top: LiveScreen, number: signal.Signals, code: int) -> None:
    os.kill(top.process.pid, number)
    assert top.ended() == code
    assert left_as_it_was(top)


def test_only_what_changed_is_sent(top: LiveScreen, daemon: CannedDaemon) -> None:
    before, answers = top.sent, len(asked(daemon, view_pb2.GetNowRequest))
    while len(asked(daemon, view_pb2.GetNowRequest)) < answers + 20:
        top.read(0.05)
    assert top.sent - before < 2000  # twenty answers; a whole screen each time would be twenty times as much


def test_without_colours_there_are_none(daemon: CannedDaemon) -> None:
    with live("--address", daemon.address, "top", NO_COLOR="1") as top:
        top.until("ROOT CAUSES")
        assert b"\x1b[31m" not in top.raw


def test_a_terminal_without_utf8_gets_what_it_can_show(daemon: CannedDaemon) -> None:
    with live(
        "--address", daemon.address, "top", LANG="C", LC_ALL="POSIX", PYTHONCOERCECLOCALE="0", PYTHONUTF8="0"
    ) as top:
        top.until("ROOT CAUSES")


def test_an_unknown_terminal_is_said(daemon: CannedDaemon) -> None:
    with live("--address", daemon.address, "top", TERM="moon") as top:
        assert top.ended() == 2
        assert "the terminal 'moon' is not known here" in top.text


def test_where_there_is_no_terminal_it_is_one_page(cli: Cli) -> None:
    done = cli.run("top")
    assert done.returncode == 0
    assert "ROOT CAUSES  10,000 errors in 2 groups" in done.stdout
    assert "\x1b" not in done.stdout


def test_once_and_a_dumb_terminal_are_one_page_too(cli: Cli) -> None:
    assert "ROOT CAUSES" in cli.run_on_terminal("top", "--once")[1]
    code, seen = cli.run_on_terminal("top", TERM="dumb")
    assert (code, "ROOT CAUSES" in seen) == (0, True)
