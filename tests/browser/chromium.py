"""A real Chromium without a screen, and what a test looks at on its pages.

What a page writes to its console as an error, and what it throws, fails the test that it is open in. A daemon that is away and a refusal
are told by the browser itself: a test that wants one of them says so (`may_fail`).
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

CHROMIUM = shutil.which("chromium")
AXE = Path(sys.prefix) / "axe" / "node_modules" / "axe-core" / "axe.min.js"
NEEDS_AXE = pytest.mark.skipif(not AXE.exists(), reason="make services installs axe-core where node and npm are")
SETTLED_MS = 20_000  # for what takes a part of a second; only a page that is broken comes near it
DESK, PHONE = {"width": 1280, "height": 860}, {"width": 360, "height": 740}
_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
)


@contextmanager
def launched() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=_FLAGS)
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Window:
    """One person's window. `address`: where HTTP is served."""

    context: BrowserContext
    page: Page
    address: str
    complaints: list[str] = field(default_factory=list)
    may_fail: bool = False

    def open(self, place: str = "") -> Window:
        """A page of the dashboard, when it has something to show. `place`: what stands behind the #."""
        self.page.goto(f"http://{self.address}/#/{place}")
        self.page.wait_for_selector("main h1", timeout=SETTLED_MS)
        return self

    def shows(self, text: str, within: str = "main") -> None:
        """Waits until it does."""
        self.page.locator(within).get_by_text(text).first.wait_for(timeout=SETTLED_MS)

    def shows_no_more(self, text: str, within: str = "main") -> None:
        self.page.locator(within).get_by_text(text).first.wait_for(state="detached", timeout=SETTLED_MS)

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def click(self, name: str, within: str = "main") -> None:
        self.page.locator(within).get_by_role("button", name=name).first.click(timeout=SETTLED_MS)

    def focused(self) -> str:
        """What the element in focus says."""
        return str(self.page.evaluate("document.activeElement?.innerText || document.activeElement?.ariaLabel || ''"))

    def scrolls_sideways_by(self) -> int:
        return int(self.page.evaluate("document.documentElement.scrollWidth - innerWidth"))

    def violations(self) -> list[str]:
        """What axe finds against WCAG 2.2 AA and its best practices: the rule, and where."""
        self.page.evaluate(AXE.read_text())
        found: list[dict[str, Any]] = self.page.evaluate("axe.run().then(told => told.violations)")
        return [f"{one['id']}: {one['help']}: {node['html'][:200]}" for one in found for node in one["nodes"]]

    def note(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not (self.may_fail and "Failed to load resource" in message.text):
            self.complaints.append(message.text)

    def keep(self, name: str) -> None:
        """A picture, where somebody wants to look: BROWSER_PICTURES names a directory."""
        if directory := os.environ.get("BROWSER_PICTURES"):
            self.page.screenshot(path=f"{directory}/{name}.png", full_page=True)


@contextmanager
def window(browser: Browser, address: str, **options: Any) -> Iterator[Window]:
    """`options`: as of Browser.new_context. Fails where the page has complained."""
    options.setdefault("viewport", DESK)
    context = browser.new_context(**options)
    page = context.new_page()
    made = Window(context, page, address)
    page.on("console", made.note)
    page.on("pageerror", lambda error: made.complaints.append(str(error)))
    try:
        yield made
        assert made.complaints == []
    finally:
        context.close()
