"""The page of error-cli top: as many lines and columns as there are, the worst first."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from error_cli.lines import text_width
from error_cli.top import screen as keys
from error_cli.top.columns import Line
from error_cli.top.page import CHOSEN, page, whole_page
from error_cli.top.screen import Screen, answered, pressed, went_away
from error_recovery.v1 import recovery_pb2, view_pb2
from tests.cli.canned import LONG_AGO
from tests.cli.canned_views import now

SCREEN = answered(Screen("here:1", clock=LONG_AGO), now(), LONG_AGO)


def texts(lines: list[Line]) -> list[str]:
    return ["".join(part.text for part in line).rstrip() for line in lines]


def shown(screen: Screen, columns: int = 100, rows: int = 40) -> str:
    return "\n".join(texts(page(screen, columns, rows)))


def pressing(*presses: str) -> Screen:
    screen = SCREEN
    for key in presses:
        screen, _ = pressed(screen, key, 0.0)
    return screen


def test_a_storm_is_understood_from_the_first_lines() -> None:
    seen = shown(SCREEN, columns=150)
    assert "error-recovery 0.1.0 on node7, serving, up 3 d" in seen
    assert "10,000 open  3,334 critical  6,666 high  2 failed  |  1 running" in seen
    assert "ROOT CAUSES  10,000 errors in 2 groups" in seen
    assert "restart-db at level 3 on db for 12 s of 30 s; if that does not help: restart-host at level 4" in seen
    assert "with it: shop, api, 4 more" in seen
    assert "held by pause: paused; restart-mail at level 3, when pause lets go until 22:23:20 (in 10 min)" in seen


def test_the_worst_comes_first_and_what_recovered_last() -> None:
    seen = shown(SCREEN)
    places = [seen.index(text) for text in ("ROOT CAUSES", "critical db", "WAITS FOR YOU", "BEING TRIED", "RECOVERED")]
    assert places == sorted(places)


def test_what_holds_recoveries_back_stands_above_everything() -> None:
    seen = shown(SCREEN)
    for said in (
        "PAUSE mail: paused until 22:23:20 (in 10 min), 2 tickets waiting (maintenance)",
        "ring of high faults: 95 % full",
        "STALE record: the disk is full",
        "host clock: not synchronised",
    ):
        assert seen.index(said) < seen.index("ROOT CAUSES")


def test_many_brakes_leave_room_for_what_is_broken() -> None:
    answer = now()
    for number in range(50):
        answer.brakes.add(brake="target breaker", subject=f"t{number}", state="open", reason="5 failures")
    seen = shown(answered(SCREEN, answer, LONG_AGO), rows=24)
    assert "and 47 more that hold something: error-cli brakes" in seen
    assert "ROOT CAUSES" in seen


def test_what_waits_for_a_person_says_what_would_be_done() -> None:
    seen = shown(SCREEN)
    assert "restart-web at level 3 on web?  a yes, d no  runs /usr/bin/systemctl restart web" in seen
    assert "3 errors: it hangs; until 22:43:20 (in 30 min): else nothing is done" in seen
    assert "queue has failed  2 errors: worker died" in seen
    assert "the ladder is exhausted; if you do nothing: it stays as it is" in seen


def test_a_workflow_says_its_step() -> None:
    answer = now()
    answer.needs.add(
        kind="workflow", message="Mend the disk", run_id="w1", action="step 2 of 3: pull it", until=LONG_AGO
    )
    seen = shown(answered(SCREEN, answer, LONG_AGO))
    assert "workflow Mend the disk  run w1" in seen
    assert "step 2 of 3: pull it" in seen


def test_rates_are_drawn_and_said() -> None:
    assert "faults ▁▁▁▁▁▁▁▁█▅ 500/s  recovered ▁█ 12/min  lag p99 3.4 ms" in shown(SCREEN)
    assert "lag p50 1.2 ms, p99 3.4 ms in the last minute" in shown(SCREEN, columns=120)


def test_a_lag_of_nothing_is_no_lag() -> None:
    answer = now()
    answer.lag_last_minute.Clear()
    assert "no attempt yet" in shown(answered(SCREEN, answer, LONG_AGO))
    answer.lag.CopyFrom(recovery_pb2.LagFigures(samples=1, p99_us=5000))
    assert "p99 5 ms since the start" in shown(answered(SCREEN, answer, LONG_AGO), columns=120)


def test_what_came_with_a_fault_does_nothing_to_the_terminal() -> None:
    assert "no space\\x1b[2J left" in shown(SCREEN, columns=160)


def test_the_chosen_line_stands_out_to_the_last_column() -> None:
    lines = page(SCREEN, 100, 40)
    marked = [line for line in lines if line and all(part.style == CHOSEN for part in line)]
    assert len(marked) == 3
    assert {sum(text_width(part.text) for part in line) for line in marked} == {100}


def test_the_chosen_is_on_the_screen_however_small_it_is() -> None:
    lines = page(pressing(keys.END), 80, 14)
    assert any(part.style == CHOSEN for line in lines for part in line)


@given(
    columns=st.integers(1, 200), rows=st.integers(3, 60), presses=st.lists(st.sampled_from("jkGp?/ax\r"), max_size=8)
)
def test_no_page_is_larger_than_its_screen(columns: int, rows: int, presses: list[str]) -> None:
    screen = pressing(*(keys.ENTER if key == "\r" else key for key in presses))
    for one in (screen, went_away(screen, "gone " * 50, 1.0), replace(screen, detail=["x" * 300] * 90)):
        lines = page(one, columns, rows)
        assert len(lines) == rows
        assert max(sum(text_width(part.text) for part in line) for line in lines) <= columns


def test_where_nothing_is_open_it_says_so() -> None:
    calm = view_pb2.GetNowResponse(at=LONG_AGO, version="0.1.0", state="serving")
    assert "nothing is open" in shown(answered(Screen("here:1"), calm, LONG_AGO))


def test_a_filter_that_finds_nothing_is_said() -> None:
    assert "nothing has 'moon' in it" in shown(pressing("/", *"moon", keys.ENTER))


def test_before_the_first_answer_it_says_whom_it_asks() -> None:
    assert shown(Screen("here:1")).startswith("error-recovery at here:1: asking")
    assert "AWAY for 0 µs, asking again: no daemon" in shown(went_away(Screen("here:1"), "no daemon", 0.0))


def test_what_is_old_says_how_old_it_is() -> None:
    assert "AS IT WAS" not in shown(replace(SCREEN, clock=LONG_AGO + 2))
    assert "AS IT WAS 10 s AGO" in shown(replace(SCREEN, clock=LONG_AGO + 10))
    assert "AS IT WAS 1 s AGO" in shown(went_away(replace(SCREEN, clock=LONG_AGO + 1), "gone", LONG_AGO))


@pytest.mark.parametrize(
    ("screen", "last"),
    [
        (SCREEN, "enter error  a approve  d deny  p pause  r resolve  / filter  ? help  q quit"),
        (pressing("p"), "pause all recoveries until they are resumed? y/n"),
        (pressing("/", "x"), "/x_  enter keeps it, escape shows all"),
        (pressing("?"), "any key leads back"),
        (pressing(keys.ENTER), "left back  a approve  d deny  r resolve  up/down scroll  ? help"),
        (replace(SCREEN, message="done"), "done"),
    ],
)
def test_the_last_line_says_what_can_be_done(screen: Screen, last: str) -> None:
    assert texts(page(screen, 100, 30))[-1] == last


def test_the_whole_page_cuts_nothing() -> None:
    seen = "\n".join(texts(whole_page(SCREEN)))
    assert "…" not in seen
    assert "RECOVERED LATELY" in seen
