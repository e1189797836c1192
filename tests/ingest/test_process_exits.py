"""Crashes of real processes, as the kernel's process connector tells of them."""

from __future__ import annotations

import asyncio
import os
import signal
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from error_daemon.ingest.sensors.contract import Unavailable
from error_daemon.ingest.sensors.process_exits import ProcessExits, listening
from error_daemon.ingest.sensors.subjects import Subjects
from error_daemon.model import Target
from tests.fakes.hand_desk import HandDesk
from tests.ingest.test_sensor_desk import PATIENCE_S, Rig, with_desk

EXIT, COREDUMP = 0x80000000, 0x40000000


def _is_heard() -> bool:
    try:
        listening().close()
    except Unavailable:
        return False
    return True


needs_connector = pytest.mark.skipif(not _is_heard(), reason="the process connector does not answer here")


def event(what: int, pid: int, code: int = 0, process: int | None = None) -> bytes:
    return b"\0" * 36 + struct.pack("=IIQ", what, 0, 0) + struct.pack("=iiII", pid, process or pid, code, 17)


def sensor(targets: dict[str, Target] | None = None, root: Path = Path("/")) -> tuple[ProcessExits, HandDesk]:
    made, desk = ProcessExits(Subjects(targets or {}, root)), HandDesk()
    made._desk = desk
    return made, desk


def _process(root: Path, pid: int, name: str, group: str) -> None:
    (root / f"proc/{pid}").mkdir(parents=True)
    (root / f"proc/{pid}/comm").write_text(f"{name}\n")
    (root / f"proc/{pid}/cgroup").write_text(f"0::{group}\n")


def test_a_crash_names_the_program_its_signal_and_its_unit(tmp_path: Path) -> None:
    _process(tmp_path, 70, "shopd", "/system.slice/shop.service")
    exits, desk = sensor(root=tmp_path)
    exits._take(event(COREDUMP, 70))
    (tmp_path / "proc/70/comm").unlink()  # by the time of its end it may be gone
    exits._take(event(EXIT, 70, signal.SIGSEGV | 0x80))
    [sighting] = desk.sightings
    assert sighting.message == "shopd (pid 70) was ended by SIGSEGV"
    assert (sighting.about, sighting.group) == ("shopd", "/system.slice/shop.service")
    assert sighting.figures["unit"] == "shop.service"


def test_a_process_that_its_parent_has_buried_already_is_a_child_of_that(tmp_path: Path) -> None:
    _process(tmp_path, 7, "supervisor", "/")
    exits, desk = sensor(root=tmp_path)
    exits._take(event(EXIT, 70, signal.SIGABRT) + struct.pack("=ii", 7, 7))
    exits._take(event(EXIT, 71, signal.SIGABRT))
    assert [sighting.about for sighting in desk.sightings] == ["a child of supervisor", "a child of nobody known"]


def test_ends_that_are_no_crash_and_threads_are_passed_over() -> None:
    exits, desk = sensor()
    for raw in (
        event(EXIT, 70, 1 << 8),
        event(EXIT, 70, signal.SIGTERM),
        event(EXIT, 70, signal.SIGKILL),
        event(EXIT, 71, signal.SIGSEGV, process=70),
        event(1, 70, signal.SIGSEGV),
        b"",
        b"\0" * 40,
    ):
        exits._take(raw)
    assert desk.sightings == []


def test_a_process_that_is_watched_by_its_pid_file_is_left_to_that_watch(tmp_path: Path) -> None:
    (tmp_path / "web.pid").write_text("70\n")
    exits, desk = sensor({"web": Target("web", "process", {"pid_file": str(tmp_path / "web.pid")})})
    exits._take(event(EXIT, 70, signal.SIGSEGV))
    assert desk.sightings == []


@given(st.binary(max_size=120))
def test_rubbish_does_no_harm(raw: bytes) -> None:
    exits, _ = sensor()
    exits._take(raw)


@needs_connector
def test_a_real_crash_is_told() -> None:
    async def body(rig: Rig) -> None:
        exits = ProcessExits(rig.subjects)
        exits.start(rig.desk)
        child = subprocess.Popen(  # noqa: ASYNC220
            [sys.executable, "-c", "import os, resource; resource.setrlimit(resource.RLIMIT_CORE, (0, 0)); os.abort()"],
            stderr=subprocess.DEVNULL,
        )

        async def wait() -> None:
            while not any(f"(pid {child.pid})" in fault.message for fault in rig.intake.faults):
                await rig.intake.counts(sum(fault.count for fault in rig.intake.faults) + 1)

        await asyncio.wait_for(wait(), PATIENCE_S)
        child.wait()
        [mine] = [fault for fault in rig.intake.faults if f"(pid {child.pid})" in fault.message]
        assert mine.message.endswith("was ended by SIGABRT")
        rig.desk.close()
        exits.stop()

    with_desk(body)


@pytest.mark.skipif(os.geteuid() != 0, reason="it takes root to be somebody else")
def test_who_may_not_listen_is_told_why_or_may() -> None:
    """Since Linux 6.6 everybody may."""
    program = (
        "from error_daemon.ingest.sensors.contract import Unavailable\n"
        "from error_daemon.ingest.sensors.process_exits import listening\n"
        "import os; os.setgid(65534); os.setuid(65534)\n"
        "try:\n    listening(); print('listens')\nexcept Unavailable as error:\n    print(error)\n"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert said.stdout.startswith(("listens", "the process connector", "there is no process connector")), said.stderr
