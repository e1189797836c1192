"""One booted host for all tests of the shipped set, with error_daemon installed on it as an operator does it, in its unit's sandbox and
without root, and every shipped definition in force.

`mode: auto` is the only thing that is changed in them. That all of them are in force together shows that none gets in another's way.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.box.host import ROOT, booted
from tests.box.installed_host import WHEELS
from tests.shipped.recovery_host import IN_FORCE, RecoveryHost, lay_out


@pytest.fixture(scope="session")
def host(tmp_path_factory: pytest.TempPathFactory, wheels: Path) -> Iterator[RecoveryHost]:
    in_force = tmp_path_factory.mktemp("definitions")
    lay_out(ROOT / "etc" / "recovery" / "definitions", in_force)
    with booted([(wheels, WHEELS), (in_force, IN_FORCE), (ROOT / "examples" / "services", "/srv/services")]) as box:
        yield RecoveryHost(box).install()
