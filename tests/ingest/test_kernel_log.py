"""The kernel log: what real lines report, and how records are read, from a pipe and from the kernel itself."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from error_daemon.ingest.sensors.contract import Unavailable
from error_daemon.ingest.sensors.kernel_log import KernelLog
from error_daemon.ingest.sensors.kernel_patterns import PATTERNS, sighting_of
from error_daemon.model import ErrorType, Severity
from error_daemon.model.diagnostic import Standing
from tests.fakes.hand_desk import HandDesk
from tests.ingest.kernel_lines import HARMLESS, LINES

USER = 1  # the facility that the kernel gives to whoever writes to its log
DISK = "I/O error, dev sda, sector 42542864 op 0x0:(READ) flags 0x80700 phys_seg 8 prio class 2"


@pytest.mark.parametrize(("what", "about", "line"), LINES)
def test_a_line_of_a_real_kernel_is_understood(what: str, about: str, line: str) -> None:
    sighting = sighting_of(line)
    assert sighting is not None
    assert (sighting.what, sighting.about) == (what, about)
    assert sighting.type in (ErrorType.HARDWARE, ErrorType.SYSTEM)
    assert sighting.figures["kernel_line"] == line
    assert "{" not in sighting.message.replace("{1}[Hardware Error]", "")


@pytest.mark.parametrize("line", HARMLESS)
def test_what_is_no_trouble_reports_nothing(line: str) -> None:
    assert sighting_of(line) is None


def test_every_entry_of_the_table_has_a_line_that_it_was_made_for() -> None:
    decided = {id(next(entry for entry in PATTERNS if entry.pattern.search(line))) for _, _, line in LINES}
    assert [entry.pattern.pattern for entry in PATTERNS if id(entry) not in decided] == []


@given(st.text(max_size=300))
def test_whatever_a_line_says_reading_it_does_no_harm(line: str) -> None:
    sighting_of(line)


def test_an_oom_kill_names_the_process_and_its_control_group() -> None:
    sighting = sighting_of(LINES[1][2])
    assert sighting is not None
    assert (sighting.pid, sighting.group) == (812, "/system.slice/mysql.service")
    assert sighting.severity is Severity.HIGH
    assert sighting.message == (
        "out of memory: the kernel killed mysqld (pid 812) of control group /system.slice/mysql.service"
    )


class Log:
    """A pipe in the place of /dev/kmsg."""

    def __init__(self, root: Path) -> None:
        (root / "dev").mkdir()
        os.mkfifo(root / "dev/kmsg")
        self.desk = HandDesk()
        self.sensor = KernelLog(root)
        self.sensor.start(self.desk)
        self._fd = os.open(root / "dev/kmsg", os.O_WRONLY)

    def write(self, *records: str) -> None:
        os.write(self._fd, "".join(records).encode())
        self.desk.read()

    def close(self) -> None:
        os.close(self._fd)
        self.sensor.stop()


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    log = Log(tmp_path)
    yield log
    log.close()


def test_records_are_read_as_they_come(log: Log) -> None:
    log.write(f"3,1234,5678901,-;{DISK}\n SUBSYSTEM=block\n DEVICE=b8:0\n", "6,1235,5678902,-;usb 1-1: new device\n")
    assert log.desk.kinds() == [("io-error", "sda")]
    log.write("2,1236,5678999,-;EXT4-fs (sda1): Remounting filesystem read-only\n")
    assert log.desk.kinds()[1:] == [("read-only", "sda1")]
    assert log.sensor.diagnostic().says == "3 lines read, 2 reported"


def test_what_others_than_the_kernel_say_does_not_count(log: Log) -> None:
    log.write(f"{3 + (USER << 3)},1234,5678901,-;{DISK}\n")
    assert log.desk.kinds() == []


@pytest.mark.parametrize("rubbish", ["\n", ";\n", "x,y;z\n", f";{DISK}\n", "\ufffd\x00\n", " only=more\n"])
def test_rubbish_is_passed_over(log: Log, rubbish: str) -> None:
    log.write(rubbish)
    assert log.desk.kinds() == []


def test_a_log_that_is_not_there_or_not_for_us_is_said_with_its_mend(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=r"dev/kmsg cannot be opened: No such file"):
        KernelLog(tmp_path).start(HandDesk())


def test_a_descriptor_that_systemd_has_opened_is_used(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    desk, sensor = HandDesk(), KernelLog(tmp_path, given_fd=reading)
    sensor.start(desk)
    os.write(writing, f"3,1,1,-;{DISK}\n".encode())
    desk.read()
    sensor.stop()
    os.close(writing)
    os.close(reading)  # it is still ours
    assert desk.kinds() == [("io-error", "sda")]


@pytest.mark.skipif(not os.access("/dev/kmsg", os.R_OK | os.W_OK), reason="the kernel log is for root")
def test_the_real_kernel_log_is_read_from_now_on() -> None:
    desk, sensor = HandDesk(), KernelLog(facilities=frozenset({USER}))
    with open("/dev/kmsg", "wb", buffering=0) as kernel:
        kernel.write(b"<11>I/O error, dev before0, sector 1\n")
        sensor.start(desk)
        kernel.write(b"<11>I/O error, dev test0, sector 1\n")
        kernel.write(b"<11>I/O error, dev test1, sector 1\n")
    desk.read()
    assert desk.kinds() == [("io-error", "test0"), ("io-error", "test1")]
    assert sensor.diagnostic().standing is Standing.GOOD
    sensor.stop()
