"""A host for all tests of a module, with what an installation needs from the network already on it: a box has no network."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.box.host import Host, booted
from tests.box.installed_host import WHEELS


@pytest.fixture(scope="module")
def bare_host(wheels: Path) -> Iterator[Host]:
    with booted([(wheels, WHEELS)]) as host:
        yield host
