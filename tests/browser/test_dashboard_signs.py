"""Who may see what: a daemon that asks who one is, a person who may only look, a person who may act."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser.chromium import NEEDS_AXE, SETTLED_MS, Window, window
from tests.browser.world import World
from tests.e2e.daemon_process import running


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = World(Path(tmp_path_factory.mktemp("signs")), asks_who=True)
    with running(made.daemon):
        made.break_it("queue", "no job done for 600 s")
        yield made


@pytest.fixture
def stranger(browser: Browser, world: World) -> Iterator[Window]:
    with window(browser, world.address) as one:
        one.may_fail = True  # the browser tells of each 401
        yield one.open()


def sign_in(one: Window, token: str) -> None:
    one.page.get_by_label("Your token").fill(token)
    one.click("Sign in")


def test_who_is_not_known_is_asked_for_a_token_and_sees_nothing(stranger: Window) -> None:
    stranger.shows("This daemon wants to know who you are.")
    assert stranger.page.get_by_role("navigation").count() == 0


def test_a_token_that_nobody_knows_is_refused_in_words(stranger: Window) -> None:
    sign_in(stranger, "not-a-token")
    stranger.shows("This token is not known here.")


def test_an_operator_signs_in_stays_so_while_the_window_is_open_and_signs_out(stranger: Window, world: World) -> None:
    sign_in(stranger, world.tokens["operator"])
    stranger.shows("ann-operator", ".person")
    stranger.page.reload()
    stranger.shows("ann-operator", ".person")
    stranger.shows("May this be done?")
    stranger.page.get_by_role("button", name="Approve").wait_for(timeout=SETTLED_MS)
    assert stranger.page.evaluate("Object.keys(localStorage)") == []
    stranger.click("Sign out", ".person")
    stranger.shows("This daemon wants to know who you are.")
    assert stranger.page.evaluate("sessionStorage.length") == 0


def test_an_auditor_sees_everything_has_no_buttons_and_is_told_why(stranger: Window, world: World) -> None:
    sign_in(stranger, world.tokens["auditor"])
    stranger.shows("May this be done?")
    stranger.shows("your role is not operator")
    for name in ("Approve", "Deny", "Pause all"):
        assert stranger.page.get_by_role("button", name=name).count() == 0
    stranger.press("p")
    assert stranger.page.locator("dialog").count() == 0


def test_an_auditor_may_have_the_chain_of_acts_verified(stranger: Window, world: World) -> None:
    sign_in(stranger, world.tokens["auditor"])
    stranger.shows("May this be done?")
    stranger.open("audit")
    stranger.click("Verify")
    stranger.shows("are as they were written", ".said")


def test_who_signs_in_while_the_daemon_is_away_sees_it_when_it_is_back(stranger: Window, world: World) -> None:
    stranger.shows("This daemon wants to know who you are.")
    stranger.page.route("**/api/caller", lambda route: route.abort(), times=1)
    sign_in(stranger, world.tokens["operator"])
    stranger.shows("It is tried again by itself.")
    stranger.shows("May this be done?")


def test_a_reporter_is_told_that_this_is_not_for_them(stranger: Window, world: World) -> None:
    sign_in(stranger, world.tokens["reporter"])
    stranger.shows("role", ".banner")
    stranger.page.get_by_role("button", name="Sign out").wait_for(timeout=SETTLED_MS)


@NEEDS_AXE
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_signing_in_is_for_everybody(stranger: Window, scheme: str) -> None:
    stranger.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    assert stranger.violations() == []
