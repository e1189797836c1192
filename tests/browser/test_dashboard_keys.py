"""The keyboard does nothing by itself: a key that is held or slips answers nothing, and what it would do is told before it is done."""

from __future__ import annotations

from playwright.sync_api import Route

from error_recovery.v1 import recovery_pb2
from tests.browser.chromium import SETTLED_MS, Window
from tests.browser.world import World
from tests.waiting import eventually


def hold(one: Window, key: str) -> None:
    """What the browser makes of a key that is held: pressed once, then repeated."""
    for _ in range(5):
        one.page.keyboard.down(key)
    one.page.keyboard.up(key)


def is_paused(world: World) -> bool:
    return any(brake.brake == "pause" for brake in world.daemon.status().brakes)


def test_a_key_that_is_held_asks_once_and_answers_nothing(world: World, ours: Window) -> None:
    error_id = world.break_it("queue", "no job done for 600 s")
    ours.shows("May this be done?")
    ours.press("a")
    assert "May this be done?" in ours.focused()
    hold(ours, "a")
    ours.shows("Approve heal on queue?", "dialog")
    assert ours.page.locator("dialog input").input_value() == ""
    hold(ours, "d")
    assert world.daemon.error(error_id).held_by == "approval"
    ours.page.locator("dialog input").fill("the pager said so")
    ours.press("Enter")
    ours.shows("Approved", ".said")
    world.daemon.wait_for_state(error_id, "watching", "resolved")


def test_enter_that_is_held_on_a_button_does_not_say_yes_to_its_question(world: World, ours: Window) -> None:
    error_id = world.break_it("queue", "no job done for 600 s")
    ours.shows("May this be done?")
    ours.page.get_by_role("button", name="Approve").focus()
    hold(ours, "Enter")
    ours.shows("Approve heal on queue?", "dialog")
    assert world.daemon.error(error_id).held_by == "approval"


def test_a_no_that_is_thought_better_of_leaves_the_question(world: World, ours: Window) -> None:
    error_id = world.break_it("queue", "no job done for 600 s")
    ours.shows("May this be done?")
    ours.press("d", "d", "Escape")
    ours.page.locator("dialog").wait_for(state="detached", timeout=SETTLED_MS)
    assert world.daemon.error(error_id).held_by == "approval"


def test_p_asks_before_everything_goes_on_and_knows_of_a_pause_on_every_page(world: World, ours: Window) -> None:
    world.daemon.recovery.Pause(recovery_pb2.PauseRequest(reason="moving the rack"))
    ours.open("errors")
    ours.press("p")
    ours.shows("Resume all recoveries?", "dialog")
    ours.shows("moving the rack", "dialog")
    ours.press("Escape")
    ours.page.locator("dialog").wait_for(state="detached", timeout=SETTLED_MS)
    assert is_paused(world)
    ours.press("p")
    ours.click("Resume all", "dialog")
    eventually("it is resumed", lambda: not is_paused(world))
    ours.shows("Recoveries go on.", ".said")


def test_enter_opens_the_row_that_is_chosen(world: World, ours: Window) -> None:
    world.break_it("queue", "no job done for 600 s")
    ours.shows("May this be done?")
    ours.press("j", "Enter")
    ours.shows("What happened")


def test_an_error_that_the_pause_of_everything_holds_leads_to_that_pause(world: World, ours: Window) -> None:
    world.daemon.recovery.Pause(recovery_pb2.PauseRequest(reason="moving the rack"))
    error_id = world.break_it("shop", "refused")
    eventually("it waits", lambda: world.daemon.error(error_id).held_by == "pause")
    ours.open(f"errors/{error_id}")
    ours.shows("Everything is paused")
    assert ours.page.locator("main").get_by_role("button", name="Resume", exact=True).count() == 0
    ours.click("Resume all")
    ours.click("Resume all", "dialog")
    world.daemon.wait_for_state(error_id, "watching", "resolved")


def test_a_pause_that_has_ended_meanwhile_is_not_said_to_be_ended_now(world: World, ours: Window) -> None:
    def be_late(route: Route) -> None:
        world.daemon.recovery.Resume(recovery_pb2.ResumeRequest(target="db"))
        route.continue_()

    ours.page.route("**/api/resume", be_late)
    world.daemon.recovery.Pause(recovery_pb2.PauseRequest(target="db"))
    ours.open("targets")
    ours.click("Resume")
    ours.shows("There was no pause of db", ".said.waits")


def test_one_card_says_how_many_ask_for_the_same(world: World, ours: Window) -> None:
    world.break_it("queue", "no job done for 600 s", fingerprint="one")
    world.break_it("queue", "no job was taken", fingerprint="another")
    ours.shows("2 errors ask for the same.", ".card")
