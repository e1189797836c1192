"""What a person does on the dashboard is done, and what happens comes to it by itself."""

from __future__ import annotations

from playwright.sync_api import Dialog, Route

from error_recovery.v1 import fault_pb2, recovery_pb2
from tests.browser.chromium import SETTLED_MS, Window
from tests.browser.world import World
from tests.waiting import eventually

HOSTILE = '<img src=x onerror=alert(1)></script><script>alert(2)</script> & "quoted" \' \u202e tail'


def test_a_first_day_is_quiet_and_says_what_to_try(ours: Window) -> None:
    ours.shows("All is well")
    ours.shows("Nothing was reported yet.")


def test_what_breaks_and_is_recovered_comes_and_goes_by_itself(world: World, ours: Window) -> None:
    ours.shows("live", ".live")
    world.break_it("db", "connection refused")
    ours.shows("1 thing is broken")
    ours.shows("being recovered")
    ours.shows("connection refused")
    world.let_go()
    ours.shows("All is well")
    ours.shows("db", ".two")


def test_a_yes_is_one_question_and_what_was_asked_for_is_done(world: World, ours: Window) -> None:
    error_id = world.break_it("queue", "no job done for 600 s")
    ours.shows("May this be done?")
    ours.shows("1 waits for you")
    ours.shows("heal", ".card")
    ours.shows("If nobody answers", ".card")
    assert not (world.directory / "well" / "queue").exists()
    ours.click("Approve", ".card")
    ours.click("Approve", "dialog")
    ours.shows("Approved", ".said")
    world.daemon.wait_for_state(error_id, "watching", "resolved")
    ours.shows("All is well")


def test_a_no_ends_it_and_what_a_person_mended_is_resolved(world: World, ours: Window) -> None:
    error_id = world.break_it("queue", "no job done for 600 s")
    ours.click("Deny", ".card")
    ours.click("Deny", "dialog")
    ours.shows("Denied", ".said")
    assert world.daemon.wait_for_state(error_id, "failed")
    ours.shows("Nothing helped")
    ours.click("I mended it", ".card")
    ours.page.get_by_label("What was done").fill("restarted the workers by hand")
    ours.click("Mark as mended", "dialog")
    world.daemon.wait_for_state(error_id, "resolved")
    ours.shows("All is well")


def test_everything_is_paused_and_goes_on(world: World, ours: Window) -> None:
    ours.click("Pause all")
    ours.page.get_by_label("10 minutes").check()
    ours.page.get_by_label("Why (others will read it)").fill("moving the rack")
    ours.click("Pause", "dialog")
    ours.shows("All recoveries are paused")
    ours.shows("moving the rack")
    error_id = world.break_it("shop", "refused")
    eventually("it waits", lambda: world.daemon.error(error_id).held_by == "pause")
    ours.shows("held back")
    ours.click("Resume")
    world.daemon.wait_for_state(error_id, "watching", "resolved")
    ours.shows_no_more("All recoveries are paused")


def test_a_pause_that_is_thought_better_of_changes_nothing(world: World, ours: Window) -> None:
    ours.click("Pause all")
    ours.press("Escape")
    ours.page.locator("dialog").wait_for(state="detached", timeout=SETTLED_MS)
    assert "pause" not in {brake.brake for brake in world.daemon.status().brakes}
    assert "Pause all" in ours.focused()


def test_one_error_tells_from_its_fault_to_its_verdict_and_why(world: World, ours: Window) -> None:
    trace = fault_pb2.Exception(type="ConnectionError", message="refused", stack_trace="Traceback:\n  in connect")
    error_id = world.break_it("shop", "refused", exception=trace)
    world.daemon.wait_for_state(error_id, "watching", "resolved")
    world.daemon.wait_until_recorded()
    ours.open(f"errors/{error_id}")
    for text in (
        "The first fault came",
        "Chosen: ",
        "It helped",
        "shop-answers",
        "recovered, still watched",
        "Traceback:",
    ):
        ours.shows(text)
    assert ours.page.locator(".whisker").count() >= 2
    assert ours.page.locator(".sentences li").count() >= 3
    assert "between" in str(ours.page.locator(".whisker").first.get_attribute("aria-label"))


def test_what_others_wrote_is_shown_as_they_wrote_it_and_never_run(world: World, ours: Window) -> None:
    dialogs: list[str] = []

    def note(dialog: Dialog) -> None:
        dialogs.append(dialog.message)
        dialog.dismiss()

    ours.page.on("dialog", note)
    exception = fault_pb2.Exception(type=HOSTILE, message=HOSTILE, stack_trace=HOSTILE)
    error_id = world.break_it("stubborn", HOSTILE, exception=exception)
    world.daemon.wait_for_state(error_id, "failed")
    ours.shows("onerror=alert(1)")
    ours.open(f"errors/{error_id}")
    ours.shows("onerror=alert(1)", "pre")
    ours.open("errors")
    ours.shows("onerror=alert(1)")
    assert ours.page.locator("main img, main script").count() == 0
    assert dialogs == []


def test_a_refusal_is_told_in_the_daemons_words(world: World, ours: Window) -> None:
    error_id = world.break_it("queue", "no job done for 600 s")
    ours.shows("May this be done?")
    ours.may_fail = True  # the browser tells of the 409
    meanwhile = recovery_pb2.ResolveErrorRequest(error_id=error_id, note="meanwhile")

    def be_late(route: Route) -> None:
        world.daemon.recovery.ResolveError(meanwhile)
        route.continue_()

    ours.page.route("**/approve", be_late)
    ours.click("Approve", ".card")
    ours.click("Approve", "dialog")
    ours.page.locator(".said.bad").wait_for(timeout=SETTLED_MS)


def test_back_and_forward_lead_where_one_was_and_links_can_be_passed_on(world: World, ours: Window) -> None:
    error_id = world.break_it("stubborn", "it broke")
    world.daemon.wait_for_state(error_id, "failed")
    ours.page.get_by_role("link", name="stubborn").first.click(timeout=SETTLED_MS)
    ours.shows("What happened")
    assert ours.page.url.endswith(f"#/errors/{error_id}")
    ours.page.go_back()
    ours.shows("Broken, by cause")
    ours.page.go_forward()
    ours.shows("What happened")
    ours.page.reload()
    ours.shows("What happened")
    ours.page.goto(f"http://{world.address}/#/nowhere")
    ours.shows("There is no such page.")


def test_a_workflow_leads_through_its_steps_and_the_daemon_looks_whether_they_are_done(
    world: World, ours: Window
) -> None:
    error_id = world.break_it("stubborn", "it is stuck")
    world.daemon.wait_for_state(error_id, "failed")
    ours.open(f"errors/{error_id}")
    ours.shows("What could lead you through it")
    ours.click("Start", "main")
    ours.click("Start", "dialog")
    ours.shows("Started.", ".said")
    ours.shows("Look at its log.")
    ours.click("Done")
    ours.shows("Mend it.")
    ours.click("Done")  # it is not, as the probe sees
    ours.shows("Not done yet, as the daemon sees it", ".said")
    (world.directory / "well" / "stubborn").touch()
    ours.click("Done")
    ours.shows("2 of 2 done")
    ours.open("workflows")
    ours.shows("Something is stuck")


def test_a_hook_that_nobody_listens_to_says_so_when_it_is_tried(ours: Window) -> None:
    ours.open("hooks")
    ours.shows("ops")
    ours.click("Test")
    ours.shows("It did not arrive at ops", ".said")


def test_what_a_person_did_stands_in_the_audit_and_its_chain_is_whole(world: World, ours: Window) -> None:
    error_id = world.break_it("queue", "no job done for 600 s")
    ours.click("Deny", ".card")
    ours.click("Deny", "dialog")
    world.daemon.wait_for_state(error_id, "failed")
    ours.open("audit")
    ours.shows("deny")
    ours.shows(error_id)
    ours.click("Verify")
    ours.shows("are as they were written", ".said")
