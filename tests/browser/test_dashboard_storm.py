"""Ten thousand faults of three root causes: the first page has three things on it, and no more than a person can take in."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Browser

from tests.browser.chromium import PHONE, SETTLED_MS, window
from tests.browser.world import World
from tests.e2e.daemon_process import running


def test_a_storm_is_three_things_on_the_first_page(browser: Browser, tmp_path: Path) -> None:
    world = World(tmp_path)
    with running(world.daemon), window(browser, world.address) as one:
        one.open()
        world.storm({"db": 1500, "cache": 700, "disk": 800, "shop": 4000, "web": 2000, "queue": 1000})
        one.shows("3 things are broken")
        one.shows("10,000 faults")
        groups = one.page.locator(".group")
        assert groups.count() == 3
        assert {groups.nth(index).locator("h3").inner_text() for index in range(3)} == {"db", "cache", "disk"}
        assert one.page.locator("main *").count() < 600
        one.keep("storm")
        one.page.set_viewport_size({"width": PHONE["width"], "height": PHONE["height"]})
        assert one.scrolls_sideways_by() <= 0
        one.keep("storm-phone")
        one.page.get_by_role("link", name="db", exact=True).first.click(timeout=SETTLED_MS)
        one.shows("What happened")
        one.open("errors")
        one.shows("shown of 1,500 errors")
        one.open()
        world.let_go()
        one.shows("being recovered")
