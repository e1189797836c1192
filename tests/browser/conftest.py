"""One Chromium for all tests of this directory: playwright's loop must be gone before a test elsewhere runs one of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser.chromium import CHROMIUM, launched


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("make services installs chromium, as root, where apt is")
    with launched() as one:
        yield one
