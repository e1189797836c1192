"""One Chromium for all tests of this directory: playwright's loop must be gone before a test elsewhere runs one of its own. And for each
test that makes no other, a daemon with a window on it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser.chromium import CHROMIUM, Window, launched, window
from tests.browser.world import World
from tests.e2e.daemon_process import running


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("make services installs chromium, as root, where apt is")
    with launched() as one:
        yield one


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    with running(made.daemon):
        yield made


@pytest.fixture
def ours(browser: Browser, world: World) -> Iterator[Window]:
    with window(browser, world.address) as one:
        yield one.open()
