"""60-disk-full.yaml.example, used: a small file system that is full."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.shipped.recovery_host import RecoveryHost

DISK = "/var/log/shop"


@pytest.fixture
def small_disk(host: RecoveryHost) -> Iterator[RecoveryHost]:
    """/var/log/shop is a file system of 20 MiB, and the one in question."""
    host.run("mkdir", "-p", DISK)
    host.run("mount", "-t", "tmpfs", "-o", "size=20m", "tmpfs", DISK)
    definitions, unit = "/etc/recovery/definitions/60-disk-full.yaml", "/etc/systemd/system/delete-rotated-logs.service"
    host.run("sed", "-i", f"s|path: /var/log |path: {DISK} |", definitions)
    host.run("sed", "-i", f"s|/var/log$|{DISK}|", unit)
    host.run("systemctl", "daemon-reload")
    host.run("error-cli", "reload")
    yield host
    host.run("umount", DISK)


def fill(host: RecoveryHost, path: str, mebibytes: int, changed: str) -> None:
    host.run("mkdir", "-p", path.rpartition("/")[0])
    host.run("dd", "if=/dev/zero", f"of={path}", "bs=1M", f"count={mebibytes}", is_checked=False)
    host.run("touch", "-d", changed, path)


def test_a_full_disk_gets_room_from_the_oldest_rotated_logs_and_from_no_others(small_disk: RecoveryHost) -> None:
    host = small_disk
    fill(host, "/srv/precious/a.gz", 1, "30 days ago")
    host.run("ln", "-s", "/srv/precious", "/var/log/shop/link")
    host.run("ln", "-s", "/srv/precious/a.gz", "/var/log/shop/a.gz")
    fill(host, "/var/log/shop/shop.log.4.gz", 2, "9 days ago")
    fill(host, "/var/log/shop/shop.log.3.gz", 2, "8 days ago")
    fill(host, "/var/log/shop/shop.log.2.gz", 2, "7 days ago")
    fill(host, "/var/log/shop/shop.log.1", 2, "1 hour ago")
    fill(host, "/var/log/shop/shop.log", 100, "now")  # until nothing is left

    recovery = host.report(
        "OSError: [Errno 28] No space left on device: '/var/log/shop/shop.log'", "--type", "resource"
    )

    assert recovery.exit_code == 0, recovery.said
    assert recovery.strategies == ["log-disk-drop-package-cache", "log-disk-delete-rotated-logs"]
    assert recovery.seen == {"log-disk-has-room": "ok"}
    left = host.run("ls", DISK).stdout.split()
    assert left == ["a.gz", "link", "shop.log", "shop.log.1", "shop.log.2.gz"], "oldest first, and no more than needed"
    assert host.exists("/srv/precious/a.gz"), "links are not followed"
