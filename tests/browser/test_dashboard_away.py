"""A daemon that dies is missed at once, what was known of it stays and is marked as old, and when it is back so is the page."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Browser

from tests.browser.chromium import SETTLED_MS, window
from tests.browser.world import World
from tests.e2e.daemon_process import running


def test_a_daemon_that_is_killed_and_comes_back(browser: Browser, tmp_path: Path) -> None:
    world = World(tmp_path)
    with running(world.daemon), window(browser, world.address) as one:
        one.may_fail = True
        world.break_it("stubborn", "it broke")
        one.open()
        one.shows("it broke")
        one.shows("live", ".live")
        world.daemon.kill()
        one.shows("No contact with the daemon since", ".banner")
        one.shows("no contact", ".live")
        assert one.page.locator("main.is-stale").count() == 1
        one.shows("it broke")  # what was known is still there
        one.keep("away")
        world.daemon.start()
        one.page.locator(".banner.bad").wait_for(state="detached", timeout=SETTLED_MS)
        one.shows("live", ".live")
        assert one.page.locator("main.is-stale").count() == 0
        world.break_it("db", "another thing")  # and the stream is heard again
        one.shows("another thing")


def test_a_page_that_is_opened_while_there_is_no_stream_asks_every_few_seconds(
    browser: Browser, tmp_path: Path
) -> None:
    world = World(tmp_path)
    with running(world.daemon), window(browser, world.address) as one:
        one.may_fail = True
        one.page.route("**/api/events**", lambda route: route.fulfill(status=429))
        one.open()
        one.shows("every few seconds", ".live")
        world.break_it("stubborn", "it broke")
        one.shows("it broke")
