"""File systems that become read-only or full: tables of the test, and file systems that are really mounted."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from error_daemon.ingest.sensors.kernel_patterns import sighting_of
from error_daemon.ingest.sensors.mount_table import parse_mounts
from error_daemon.ingest.sensors.mounts import Mounts
from error_daemon.model import Severity
from error_daemon.model.diagnostic import Standing
from tests.fakes.hand_desk import HandDesk
from tests.ingest.test_sensor_desk import Rig, with_desk

ROOT = "29 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 {options}\n"
DATA = "54 29 253:0 / /srv/a\\040b rw,noatime shared:9 - xfs /dev/mapper/data {options},attr2\n"
PSEUDO = "22 29 0:21 / /proc rw,relatime - proc proc rw\n"
BIND = "60 29 8:1 /srv /mnt rw,relatime - ext4 /dev/sda1 rw\n"


class Host:
    def __init__(self, root: Path, text: str) -> None:
        self.path = root / "proc/self/mountinfo"
        self.path.parent.mkdir(parents=True)
        self.path.write_text(text)
        self.desk = HandDesk()
        self.sensor = Mounts(0.95, 0.95, root)
        self.sensor.start(self.desk)

    def say(self, text: str) -> None:
        self.path.write_text(text)
        self.desk.pass_time(1.0)


def test_a_table_of_mounts_is_read_by_device() -> None:
    table = parse_mounts(ROOT.format(options="rw") + PSEUDO + DATA.format(options="rw") + BIND + "rubbish\n")
    assert {device: (mount.place, mount.kind, mount.is_local) for device, mount in table.items()} == {
        "8:1": ("/", "ext4", True),
        "0:21": ("/proc", "proc", False),
        "253:0": ("/srv/a b", "xfs", True),
    }


@pytest.mark.parametrize("options", ["ro", "rw,emergency_ro", "rw,shutdown"])
def test_a_file_system_that_becomes_read_only_is_told_once_and_until_it_can_be_written(
    tmp_path: Path, options: str
) -> None:
    host = Host(tmp_path, ROOT.format(options="rw") + PSEUDO)
    for _ in range(5):
        host.say(ROOT.format(options=options) + PSEUDO)
    [sighting] = host.desk.sightings
    assert (sighting.key, sighting.severity) == (("read-only", "sda1"), Severity.CRITICAL)
    assert sighting.message == f"/ has become read-only (ext4 on /dev/sda1: {options.rpartition(',')[2]})"
    assert host.sensor.diagnostic().standing is Standing.BAD
    host.say(ROOT.format(options="rw") + PSEUDO)
    assert host.desk.left_texts == ["/ can be written again"]
    host.sensor.stop()


def test_what_was_read_only_when_it_was_first_seen_is_meant_so(tmp_path: Path) -> None:
    host = Host(tmp_path, ROOT.format(options="ro"))
    host.say(ROOT.format(options="ro") + DATA.format(options="ro"))
    assert host.desk.sightings == []
    host.sensor.stop()


def test_a_mount_that_is_read_only_for_us_alone_is_none(tmp_path: Path) -> None:
    """As a hardened unit sees all of them."""
    host = Host(tmp_path, ROOT.format(options="rw"))
    host.say(ROOT.format(options="rw").replace("rw,relatime", "ro,relatime"))
    assert host.desk.sightings == []
    host.sensor.stop()


def test_what_was_wrong_with_a_file_system_is_over_when_it_is_unmounted(tmp_path: Path) -> None:
    host = Host(tmp_path, DATA.format(options="rw"))
    host.say(DATA.format(options="ro"))
    host.say(PSEUDO)
    assert host.desk.left_texts == ["/srv/a b was unmounted"]
    host.sensor.stop()


def test_the_table_of_mounts_and_the_kernels_log_tell_of_one_error(tmp_path: Path) -> None:
    """/dev/mapper/data is what people call dm-0."""
    disks = tmp_path / "sys/dev/block"
    disks.mkdir(parents=True)
    (disks / "253:0").symlink_to("../../devices/virtual/block/dm-0")
    host = Host(tmp_path, DATA.format(options="rw"))
    host.say(DATA.format(options="ro"))
    told = sighting_of("EXT4-fs (dm-0): Remounting filesystem read-only")
    assert told is not None
    assert host.desk.kinds() == [told.key]
    host.sensor.stop()


def test_of_file_systems_without_a_disk_each_is_one_of_its_own(tmp_path: Path) -> None:
    one = "70 29 0:50 / /var/one rw - overlay overlay {options}\n"
    other = "71 29 0:51 / /var/other rw - overlay overlay rw\n"
    host = Host(tmp_path, one.format(options="rw") + other)
    host.say(one.format(options="ro") + other)
    host.say(one.format(options="ro") + other + PSEUDO)
    host.say(one.format(options="ro") + PSEUDO)
    assert host.desk.kinds() == [("read-only", "/var/one")]
    assert host.desk.left_texts == []
    host.say(PSEUDO)
    assert host.desk.left_texts == ["/var/one was unmounted"]
    host.sensor.stop()


def test_a_file_system_that_does_not_answer_is_a_fault_and_holds_nothing_up(tmp_path: Path) -> None:
    class Hanging(HandDesk):
        def in_thread(self, work: object, done: object) -> None:
            assert sensor._asked is not None
            sensor._asked.asking = "/"  # and no answer

    root = tmp_path / "proc/self"
    root.mkdir(parents=True)
    (root / "mountinfo").write_text(ROOT.format(options="rw"))
    desk, sensor = Hanging(), Mounts(0.95, 0.95, tmp_path)
    sensor.start(desk)
    desk.pass_time(9.0)
    assert desk.sightings == []
    desk.pass_time(5.0)
    assert desk.messages() == ["the file system at / has not answered for 10 s"]
    sensor.stop()


def test_while_one_file_system_does_not_answer_the_others_are_asked(tmp_path: Path) -> None:
    class HangingOnce(HandDesk):
        goes_on: Callable[[], None] | None = None

        def in_thread(self, work: Callable[[], object], done: Callable[[object], None]) -> None:
            if self.goes_on is None:
                assert sensor._asked is not None
                sensor._asked.asking = "/"
                self.goes_on = lambda: done(None)
            else:
                super().in_thread(work, done)

    root = tmp_path / "proc/self"
    root.mkdir(parents=True)
    other = f"54 29 253:0 / {tmp_path} rw - xfs /dev/sdb1 rw\n"
    (root / "mountinfo").write_text(ROOT.format(options="rw") + other)
    desk, sensor = HangingOnce(), Mounts(1e-9, 0.0, tmp_path)
    sensor.start(desk)
    desk.pass_time(20.0)
    assert desk.kinds() == [("disk-hung", "/"), ("disk-full", str(tmp_path))]
    assert desk.goes_on is not None
    desk.goes_on()
    assert desk.left_texts == ["the file system at / answers again"]
    desk.pass_time(10.0)
    assert desk.kinds()[2:] == [("disk-full", "/")]
    sensor.stop()


# --- real ones


def _mount(*arguments: str) -> bool:
    return subprocess.run(["mount", *arguments], capture_output=True, check=False).returncode == 0


@pytest.fixture
def volume(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MiB and 100 inodes, in memory."""
    place = tmp_path / "volume"
    place.mkdir()
    if os.geteuid() != 0 or not _mount("-t", "tmpfs", "-o", "size=8m,nr_inodes=100", "sensor-test", str(place)):
        pytest.skip("file systems are mounted by root")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_real_file_system_that_is_remounted_read_only_is_told_by_the_kernel(volume: Path) -> None:
    async def body(rig: Rig) -> None:
        sensor = Mounts(0.0, 0.0)
        sensor.start(rig.desk)
        assert _mount("-o", "remount,ro", str(volume))
        await rig.intake.counts(1)
        [fault] = rig.intake.faults
        assert fault.message == f"{volume} has become read-only (tmpfs on sensor-test: ro)"
        rig.desk.close()
        sensor.stop()

    with_desk(body)


@pytest.mark.parametrize("what", ["disk-full", "inodes-used-up"])
def test_a_real_file_system_that_is_full_is_told_and_forgotten_when_there_is_room(volume: Path, what: str) -> None:
    desk, sensor = HandDesk(), Mounts(0.95, 0.95)
    sensor.start(desk)
    mine = (what, str(volume))
    assert mine not in desk.states
    files = [volume / "large"] if what == "disk-full" else [volume / str(number) for number in range(98)]
    for file in files:
        file.write_bytes(b"x" * (8 << 20 if what == "disk-full" else 0))
    desk.pass_time(6.0)
    assert mine in desk.states
    for file in files:
        file.unlink()
    desk.pass_time(20.0)
    assert mine not in desk.states
    sensor.stop()
