"""The Debian package on a host with a real systemd: installed, upgraded over itself, removed, purged. In this order: one worker has
the whole file (`--dist loadfile`)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.box.host import booted
from tests.box.installed_host import UNIT, InstalledHost, built_once
from tests.waiting import eventually

PACKAGE = "/srv/package/*.deb"


@pytest.fixture(scope="module")
def host(shared: Path, wheels: Path) -> Iterator[InstalledHost]:
    if not Path("/usr/bin/dpkg-deb").exists():
        pytest.skip("a Debian package needs dpkg-deb")
    package = built_once(shared / "package", "deb", f"WHEELS={wheels}")
    with booted([(package, "/srv/package")]) as box:
        yield InstalledHost(box)


def test_it_installs_and_serves(host: InstalledHost) -> None:
    host.sh(f"dpkg -i {PACKAGE}")
    host.enable()
    host.wait_until_active()
    assert "is serving" in host.run("error-cli", "status").stdout
    assert "/etc/recovery.conf" in host.sh("dpkg-query --show --showformat='${Conffiles}' error-recovery")


def test_an_upgrade_keeps_faults_in_flight(host: InstalledHost) -> None:
    before = host.wait_until_active()
    error_id = host.report("slow")
    eventually("it is attempted", lambda: host.state(error_id) == "attempting")
    host.sh(f"dpkg -i {PACKAGE}")
    host.wait_until_active(other_than=before)
    host.run("touch", "/run/error-recovery/go")
    eventually("the fault is recovered", lambda: host.state(error_id) in {"watching", "resolved"})


def test_removed_it_leaves_configuration_and_state_and_purged_nothing(host: InstalledHost) -> None:
    host.sh("dpkg -r error-recovery")
    assert host.show(UNIT, "LoadState") == "not-found"
    assert not host.exists("/opt/error-recovery")
    assert host.exists("/etc/recovery.conf")
    assert host.exists("/var/lib/error-recovery/faults.ring")
    host.sh("dpkg -P error-recovery")
    assert not host.exists("/etc/recovery.conf")
    assert not host.exists("/var/lib/error-recovery")
    assert host.exists("/etc/recovery/definitions/90-test.yaml")  # it was the operator's
