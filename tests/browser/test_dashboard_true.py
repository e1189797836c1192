"""What is shown is said to be as old as it is, of what was asked for, and holds up nobody else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Request

from tests.browser.chromium import SETTLED_MS, Window, window
from tests.browser.world import World
from tests.e2e.daemon_process import running

_IMPATIENT = """
AbortSignal.timeout = (ms) => {
  const soon = new AbortController();
  setTimeout(() => soon.abort(new DOMException("late", "TimeoutError")), ms / 20);
  return soon.signal;
};
"""
_NOTHING_IS_KEPT = """
for (const name of ["localStorage", "sessionStorage"]) {
  Object.defineProperty(window, name, { get() { throw new DOMException("blocked", "SecurityError"); } });
}
"""
_IS_HIDDEN = """isHidden => {
  Object.defineProperty(document, "hidden", { configurable: true, get: () => isHidden });
  document.dispatchEvent(new Event("visibilitychange"));
}"""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = World(Path(tmp_path_factory.mktemp("true")))
    with running(made.daemon):
        failed = made.break_it("stubborn", "it is stuck")
        made.daemon.wait_for_state(failed, "failed")
        made.break_it("queue", "no job done for 600 s")
        yield made


@pytest.fixture
def ours(browser: Browser, world: World) -> Iterator[Window]:
    with window(browser, world.address) as one:
        yield one


def is_old(one: Window) -> None:
    one.page.locator("main.is-stale").wait_for(timeout=SETTLED_MS)


def is_of_now(one: Window) -> None:
    one.page.locator("main:not(.is-stale)").wait_for(timeout=SETTLED_MS)


def test_a_tab_that_nobody_looks_at_holds_no_stream(ours: Window) -> None:
    ours.open()
    ours.shows("live", ".live")

    def is_stream(request: Request) -> bool:
        return "/api/events" in request.url

    with ours.page.expect_event("requestfailed", is_stream, timeout=SETTLED_MS):
        ours.page.evaluate(_IS_HIDDEN, True)
    with ours.page.expect_request("**/api/events**", timeout=SETTLED_MS):
        ours.page.evaluate(_IS_HIDDEN, False)
    ours.shows("live", ".live")


def test_an_answer_that_is_late_is_not_a_daemon_that_is_away(ours: Window) -> None:
    ours.page.add_init_script(_IMPATIENT)
    ours.open()
    ours.page.route("**/api/now", lambda route: None)  # is never answered
    ours.shows("The daemon did not answer within 15 s.")
    is_old(ours)
    assert ours.page.get_by_text("No contact with the daemon").count() == 0
    ours.page.unroute("**/api/now")
    is_of_now(ours)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_what_was_known_before_a_refusal_is_shown_as_old(ours: Window, status: int) -> None:
    ours.may_fail = True
    ours.open()
    ours.shows("it is stuck")
    ours.page.route("**/api/now", lambda route: route.fulfill(status=status))
    is_old(ours)
    ours.shows("What you see is as of", ".banner")
    ours.shows("it is stuck")
    ours.page.unroute("**/api/now")
    is_of_now(ours)


def test_rows_of_another_filter_are_not_shown_as_those_of_this_one(ours: Window) -> None:
    ours.open("errors")
    ours.shows("no job done")
    ours.page.route("**/api/errors?**", lambda route: None)  # is never answered
    ours.page.get_by_label("State").select_option("failed")
    is_old(ours)
    ours.page.unroute("**/api/errors?**")


def test_a_filter_is_dropped_and_the_others_stay(ours: Window) -> None:
    ours.open("errors?status=failed&component=stubborn&held_by=nothing")
    ours.shows("No error like that is known.")
    ours.page.get_by_role("link", name="held by: nothing").click(timeout=SETTLED_MS)
    ours.shows("it is stuck")
    assert ours.page.url.endswith("#/errors?status=failed&component=stubborn")


def test_a_browser_that_keeps_nothing_shows_everything(ours: Window) -> None:
    ours.page.add_init_script(_NOTHING_IS_KEPT)
    ours.open()
    ours.shows("it is stuck")
    ours.press("?")
    ours.page.get_by_label("Keys of one letter are on").uncheck()
    ours.press("Escape", "p")
    assert ours.page.locator("dialog[open]").count() == 0
    ours.click("colours", ".top")


def test_what_waits_for_people_is_counted_on_every_page(ours: Window) -> None:
    ours.open("targets")
    ours.shows("2", "nav .asked")


def test_a_targets_name_is_not_broken_within_a_word(ours: Window) -> None:
    ours.open("targets")
    lines = "[...document.querySelectorAll('td.name a')].map(one => one.getClientRects().length)"
    ours.shows("All targets")
    assert set(ours.page.evaluate(lines)) == {1}
