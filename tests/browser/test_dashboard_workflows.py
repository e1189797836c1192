"""A recovery that waits for people: they see it first, are led through it, see what the daemon saw, and what others did meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser.chromium import NEEDS_AXE, PHONE, SETTLED_MS, Window, window
from tests.e2e.daemon_process import a_fault, running
from tests.e2e.secured import free_port
from tests.e2e.test_guided_workflows import Guided, definitions


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Guided]:
    made = Guided(tmp_path, definitions(tmp_path), http=f"127.0.0.1:{free_port()}")
    with running(made):
        yield made


@pytest.fixture
def ours(browser: Browser, daemon: Guided) -> Iterator[Window]:
    with window(browser, daemon.http) as one:
        yield one


def test_a_person_is_led_to_the_end_of_a_recovery_that_waits_for_them(daemon: Guided, ours: Window) -> None:
    error_id = daemon.report(a_fault()).error_id
    daemon.open_run(error_id)
    ours.open()
    ours.shows("Somebody is led through this")
    ours.shows("the recovery that waits for it goes on up its ladder")
    ours.keep("workflow-asked")
    ours.page.get_by_role("link", name="To the step").click(timeout=SETTLED_MS)
    ours.shows("Push it in.")
    ours.shows("A recovery waits for it.")
    ours.click("Done")
    ours.page.locator(".said.waits").get_by_text("it hangs loose").wait_for(timeout=SETTLED_MS)
    ours.shows("It clicks.")
    ours.keep("workflow-not-done")
    (daemon.directory / "plugged").touch()
    ours.click("Done")
    ours.shows("Look at the lamp.")
    ours.click("Go on anyway")
    ours.page.get_by_label("Why").fill("the lamp is green")
    ours.click("Go on", "dialog")
    ours.shows("Tell the others.")
    ours.click("Back")
    ours.shows("Look at the lamp.")
    ours.click("Go on anyway")
    ours.page.get_by_label("Why").fill("it still is")
    ours.click("Go on", "dialog")
    ours.shows("Tell the others.")
    (daemon.directory / "well").touch()
    ours.click("Done")
    ours.shows("3 of 3 done")
    ours.keep("workflow-completed")
    daemon.wait_for_state(error_id, "watching")


def test_one_that_is_given_up_fails_the_recovery(daemon: Guided, ours: Window) -> None:
    error_id = daemon.report(a_fault()).error_id
    run = daemon.open_run(error_id)
    ours.open(f"workflow-runs/{run.run_id}")
    ours.click("Give up")
    ours.page.get_by_label("Why").fill("no cable here")
    ours.click("Give up", "dialog")
    ours.shows("given up")
    ours.shows("no cable here")
    daemon.wait_for_state(error_id, "failed")


def test_what_another_did_meanwhile_is_told_and_shown(daemon: Guided, ours: Window) -> None:
    (daemon.directory / "plugged").touch()
    run = daemon.open_run(daemon.report(a_fault()).error_id)
    ours.open(f"workflow-runs/{run.run_id}")
    ours.shows("Push it in.")
    ours.page.route("**/complete", lambda route: (daemon.done(run, 1), route.continue_()))
    ours.may_fail = True  # the browser tells of the 409
    ours.click("Done")
    ours.page.locator(".said.bad").get_by_text("did step 1").wait_for(timeout=SETTLED_MS)
    ours.shows("Look at the lamp.")


@NEEDS_AXE
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_use_what_asks_for_them(browser: Browser, daemon: Guided, scheme: str) -> None:
    run = daemon.open_run(daemon.report(a_fault()).error_id)
    daemon.done(run, 1)
    with window(browser, daemon.http, color_scheme=scheme, viewport=PHONE) as ours:
        for place in ("", f"workflow-runs/{run.run_id}"):
            ours.open(place)
            assert ours.violations() == []
            assert ours.scrolls_sideways_by() <= 0
            ours.keep(f"workflow-{len(place)}-{scheme}-phone")
