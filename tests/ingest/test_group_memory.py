"""Memory of control groups: files of the test, and a group of version 1 that really runs out of it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from error_daemon.ingest.sensors.contract import Unavailable
from error_daemon.ingest.sensors.group_memory import GroupMemory, counts_of
from error_daemon.ingest.sensors.subjects import Subjects
from error_daemon.model import Severity, Target
from tests.fakes.hand_desk import HandDesk
from tests.ingest.test_sensor_desk import Rig, with_desk

VERSION_1 = Path("/sys/fs/cgroup/memory")
NGINX = {"web": Target("web", "service", {"unit": "nginx.service"})}


class Host:
    """Control groups of version 2 as files."""

    def __init__(self, root: Path, targets: dict[str, Target]) -> None:
        self.base = root / "sys/fs/cgroup"
        self.base.mkdir(parents=True)
        (self.base / "cgroup.controllers").write_text("cpu io memory pids\n")
        self.folder = self.base / "system.slice/nginx.service"
        self.begin()
        self.desk = HandDesk()
        self.subjects = Subjects(targets, root)
        self.sensor = GroupMemory(self.subjects, root)
        self.sensor.start(self.desk)

    def begin(self) -> None:
        self.folder.mkdir(parents=True)
        self.count()

    def count(self, **counts: int) -> None:
        names = ("low", "high", "max", "oom", "oom_kill", "oom_group_kill")
        text = "".join(f"{name} {counts.get(name, 0)}\n" for name in names)
        (self.folder / "memory.events").write_text(text)

    def begin_again(self, **counts: int) -> None:
        """Within a moment, as systemd does it after a crash."""
        before = self.folder.with_suffix(".before")
        self.folder.rename(before)  # so that the new one cannot have its number
        self.begin()
        self.count(**counts)
        (before / "memory.events").unlink()
        before.rmdir()

    def end(self) -> None:
        (self.folder / "memory.events").unlink()
        self.folder.rmdir()


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    host = Host(tmp_path, NGINX)
    yield host
    host.sensor.stop()


def test_a_kill_in_the_group_of_a_target_is_told_with_its_counts(host: Host) -> None:
    host.count(oom=1, oom_kill=2, max=9)
    host.desk.read()
    [sighting] = host.desk.sightings
    assert (sighting.key, sighting.target, sighting.severity) == (("oom-kill", "web"), "web", Severity.HIGH)
    assert sighting.message == "out of memory: the kernel killed 2 process(es) of web"
    assert sighting.figures["max"] == 9
    host.count(oom=1, oom_kill=2, max=10)
    host.desk.read()
    assert len(host.desk.sightings) == 1


def test_an_allocation_that_failed_without_a_kill_is_told(host: Host) -> None:
    host.count(oom=1)
    host.desk.read()
    assert host.desk.kinds() == [("out-of-memory", "web")]


def test_a_limit_that_is_hit_now_and_then_is_none_and_one_that_is_hit_all_the_time_is_a_state(host: Host) -> None:
    hits = 0
    for _ in range(10):
        hits += 1
        host.count(max=hits)
        host.desk.read()
        host.desk.pass_time(2.0)
    assert host.desk.sightings == []
    for _ in range(8):
        hits += 1
        host.count(max=hits)
        host.desk.read()
        host.desk.pass_time(1.0)
    assert host.desk.kinds() == [("memory-limit", "web")]
    host.desk.pass_time(32.0)
    assert host.desk.left_texts == ["web has room below its memory limit again"]


def test_a_unit_that_was_started_again_has_a_new_group_that_is_watched(host: Host) -> None:
    host.end()
    host.desk.pass_time(1.0)
    assert host.sensor.diagnostic().figures["groups"] == 0
    host.begin()
    host.desk.pass_time(1.0)
    host.count(oom_kill=1)
    host.desk.read()
    assert host.desk.kinds() == [("oom-kill", "web")]


def test_a_unit_that_was_started_again_between_two_looks_has_a_new_group_that_is_watched(host: Host) -> None:
    host.count(oom_kill=1)
    host.desk.read()
    host.begin_again()
    host.desk.pass_time(1.0)
    host.count(oom_kill=1)
    host.desk.read()
    assert host.desk.kinds() == [("oom-kill", "web")] * 2


def test_what_happened_to_a_new_group_before_it_was_looked_at_is_told_once(host: Host) -> None:
    host.begin_again(oom_kill=1)
    host.desk.pass_time(3.0)
    assert host.desk.messages() == ["out of memory: the kernel killed 1 process(es) of web"]


def test_targets_that_are_defined_later_are_found_and_those_that_are_gone_are_let_go(host: Host) -> None:
    host.subjects.redefine({})
    host.desk.pass_time(1.0)
    host.count(oom_kill=1)
    host.desk.read()
    assert host.desk.sightings == []
    host.subjects.redefine(NGINX)
    host.desk.pass_time(1.0)
    host.count(oom_kill=2)
    host.desk.read()
    assert host.desk.kinds() == [("oom-kill", "web")]


def test_counts_are_read_and_rubbish_is_not(tmp_path: Path) -> None:
    (tmp_path / "memory.events").write_text("oom 3\nrubbish\nmax x\noom_kill 1 2\n")
    assert counts_of(tmp_path / "memory.events") == {"oom": 3}
    assert counts_of(tmp_path / "none") == {}


def test_a_host_without_the_memory_controller_is_said(tmp_path: Path) -> None:
    (tmp_path / "sys/fs/cgroup").mkdir(parents=True)
    (tmp_path / "sys/fs/cgroup/cgroup.controllers").write_text("cpu\n")
    with pytest.raises(Unavailable, match="no memory controller"):
        GroupMemory(Subjects({}, tmp_path), tmp_path).start(HandDesk())


@pytest.fixture
def group() -> Iterator[Path]:
    folder = VERSION_1 / f"sensor-test-{os.getpid()}"
    try:
        folder.mkdir()
        (folder / "memory.limit_in_bytes").write_text(str(24 << 20))
    except OSError:
        pytest.skip("control groups of version 1 are made by root, where they are")
    yield folder
    with suppress(OSError):
        folder.rmdir()


def test_a_real_group_that_runs_out_of_memory_is_told(group: Path, tmp_path: Path) -> None:
    async def body(rig: Rig) -> None:
        program = "input(); x = bytearray(256 << 20)"
        child = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE)  # noqa: ASYNC220
        (group / "cgroup.procs").write_text(str(child.pid))
        (tmp_path / "hog.pid").write_text(f"{child.pid}\n")
        rig.subjects.redefine({"hog": Target("hog", "process", {"pid_file": str(tmp_path / "hog.pid")})})
        sensor = GroupMemory(rig.subjects)
        sensor.start(rig.desk)
        child.communicate(b"\n")
        await rig.intake.counts(1)
        assert (rig.intake.faults[0].operation, rig.intake.faults[0].component) == ("out-of-memory", "hog")
        rig.desk.close()
        sensor.stop()

    with_desk(body, targets={"hog": Target("hog", "host", {})})
