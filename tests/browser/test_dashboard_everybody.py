"""For everybody: by keyboard alone, by a screen reader, on a phone, in the dark, and with every page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser.chromium import DESK, NEEDS_AXE, PHONE, SETTLED_MS, Window, window
from tests.browser.world import World
from tests.e2e.daemon_process import running

PAGES = {
    "now": "",
    "errors": "errors",
    "targets": "targets",
    "strategies": "strategies",
    "goals": "layers",
    "host": "host",
    "workflows": "workflows",
    "hooks": "hooks",
    "audit": "audit",
}
HEADINGS = {
    "targets": "Targets",
    "strategies": "Strategies",
    "goals": "Goals",
    "host": "Host",
    "errors": "Errors",
    "workflows": "Workflows",
    "hooks": "Hooks",
    "audit": "Audit",
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Something of everything: recovered, failed, asked, held, only recorded, being recovered."""
    made = World(Path(tmp_path_factory.mktemp("everybody")), has_sensors=True)
    with running(made.daemon):
        healed = made.break_it("shop", "connection refused")
        made.daemon.wait_for_state(healed, "watching", "resolved")
        failed = made.break_it("stubborn", "it is stuck")
        made.daemon.wait_for_state(failed, "failed")
        made.break_it("queue", "no job done for 600 s")
        made.break_it("db", "could not connect to server: connection refused by " + "a-very-long-name." * 9 + "example")
        made.break_it("nobody-knows-me", "of no rule")
        made.daemon.wait_until_recorded()
        yield made


@pytest.fixture
def ours(browser: Browser, world: World) -> Iterator[Window]:
    with window(browser, world.address) as one:
        yield one


@pytest.mark.parametrize("name", HEADINGS)
def test_each_page_opens_and_has_something_on_it(ours: Window, name: str) -> None:
    ours.open(PAGES[name])
    ours.page.get_by_role("heading", name=HEADINGS[name], level=1).wait_for(timeout=SETTLED_MS)
    assert len(ours.page.locator("main").inner_text()) > 80
    assert ours.page.locator("main .banner.bad").count() == 0
    ours.keep(name)


def test_what_depends_on_what_is_drawn_and_the_sick_lead_to_their_error(ours: Window) -> None:
    ours.open("targets")
    assert ours.page.locator(".graph .node").count() == 7
    assert ours.page.locator(".graph .edge").count() == 4
    ours.page.locator(".graph a", has_text="db").first.click(timeout=SETTLED_MS)
    ours.shows("could not connect to server")


@NEEDS_AXE
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", [*PAGES, "error"])
def test_axe_finds_nothing(ours: Window, world: World, name: str, scheme: str) -> None:
    """Contrast in both themes among it."""
    ours.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    ours.open(f"errors/{_some_error(world)}" if name == "error" else PAGES[name])
    assert ours.violations() == []


def _some_error(world: World) -> str:
    from error_recovery.v1 import recovery_pb2

    request = recovery_pb2.ListErrorsRequest(component="shop")
    return world.daemon.recovery.ListErrors(request).errors[0].error_id


@pytest.mark.parametrize("name", [*PAGES, "error"])
def test_a_phone_needs_no_scrolling_sideways(ours: Window, world: World, name: str) -> None:
    ours.page.set_viewport_size({"width": PHONE["width"], "height": PHONE["height"]})
    ours.open(f"errors/{_some_error(world)}" if name == "error" else PAGES[name])
    assert ours.scrolls_sideways_by() <= 0
    ours.keep(f"phone-{name}")


def test_the_keyboard_alone_is_enough(ours: Window) -> None:
    ours.open()
    ours.shows("Broken, by cause")
    ours.press("g", "t")
    ours.page.get_by_role("heading", name="Targets", level=1).wait_for(timeout=SETTLED_MS)
    ours.press("g", "n")
    ours.shows("Broken, by cause")
    ours.press("j")
    first = ours.focused()
    ours.press("j")
    assert ours.focused() != first
    ours.press("k")
    assert ours.focused() == first
    outline = ours.page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"  # where the focus is can be seen
    ours.press("?")
    ours.shows("Keys", "dialog")
    ours.press("Escape")
    ours.page.locator("dialog").wait_for(state="detached", timeout=SETTLED_MS)


def test_tab_reaches_everything_that_can_be_pressed(ours: Window) -> None:
    ours.open()
    ours.shows("Broken, by cause")
    pressable = "document.querySelectorAll('a[href], button, input, select, summary, [tabindex=\"0\"]').length"
    wanted = int(ours.page.evaluate(pressable))
    seen = set()
    for _ in range(wanted + 5):
        ours.press("Tab")
        seen.add(str(ours.page.evaluate("[...document.querySelectorAll('*')].indexOf(document.activeElement)")))
    assert len(seen - {"-1"}) >= wanted


def test_a_letter_answers_only_what_is_chosen(ours: Window, world: World) -> None:
    """`d` with nothing chosen leads to the question, and answers nothing."""
    ours.open()
    ours.shows("May this be done?")
    ours.press("d")
    assert "May this be done?" in ours.focused()
    assert ours.page.locator(".said").count() == 0
    ours.page.get_by_role("button", name="Pause all").wait_for(timeout=SETTLED_MS)


def test_letters_do_nothing_while_something_is_written_or_when_they_are_off(ours: Window) -> None:
    ours.open("errors")
    ours.press("/")
    ours.page.keyboard.type("gnp?")
    assert ours.page.get_by_label("Look for").input_value() == "gnp?"
    assert ours.page.locator("dialog").count() == 0
    ours.page.locator("main h1").click()
    ours.press("?")
    ours.page.get_by_label("Keys of one letter are on").uncheck()
    ours.press("Escape", "p")
    assert ours.page.locator("dialog[open]").count() == 0


def test_light_and_dark_follow_the_system_until_a_person_chooses(ours: Window) -> None:
    ours.page.emulate_media(color_scheme="dark")
    ours.open()
    ground = "getComputedStyle(document.documentElement).backgroundColor"
    dark = ours.page.evaluate(ground)
    ours.click("light colours", ".top")
    ours.page.wait_for_function(f"() => ({ground}) !== {dark!r}")
    ours.page.reload()
    ours.page.wait_for_selector("main h1", timeout=SETTLED_MS)
    assert ours.page.evaluate(ground) != dark


def test_who_wants_no_motion_gets_none(ours: Window) -> None:
    ours.page.emulate_media(reduced_motion="reduce")
    ours.open()
    moving = "document.getAnimations().length"
    assert ours.page.evaluate(moving) == 0


def test_errors_are_found_by_what_is_typed_and_by_their_state(ours: Window) -> None:
    ours.open("errors")
    ours.shows("could not connect")
    ours.page.get_by_label("Look for").fill("stuck")
    ours.shows_no_more("could not connect")
    ours.shows("it is stuck")
    ours.page.get_by_label("Look for").fill("")
    ours.page.get_by_label("State").select_option("failed")
    ours.shows_no_more("could not connect")
    assert "status=failed" in ours.page.url


def test_a_wide_screen_has_no_scrolling_sideways_either(ours: Window) -> None:
    for place in PAGES.values():
        ours.page.set_viewport_size({"width": DESK["width"], "height": DESK["height"]})
        ours.open(place)
        assert ours.scrolls_sideways_by() <= 0
