"""One booted host for all tests of the shipped set, with error_daemon as a service in it and every shipped definition in force.

`mode: auto` is the only thing that is changed in them. That all of them are in force together shows that none gets in another's way.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.box.host import ROOT, BoxError, booted, why_no_box
from tests.shipped.recovery_host import RecoveryHost, lay_out


@pytest.fixture(scope="session")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RecoveryHost]:
    if why_no_box():
        pytest.skip(why_no_box())
    recovery = tmp_path_factory.mktemp("etc") / "recovery"
    lay_out(ROOT / "etc" / "recovery", recovery)
    copies = [
        (recovery, "/etc/recovery"),
        (ROOT / "etc" / "recovery.conf", "/etc/recovery.conf"),
        (ROOT / "examples" / "services", "/srv/services"),
    ]
    try:
        with booted(copies) as box_host:
            yield RecoveryHost(box_host).start()
    except BoxError as error:
        pytest.skip(f"no box can boot here: {error}")
