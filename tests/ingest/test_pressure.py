"""Pressure stall information: from files of the test, and from the kernel."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from error_daemon.ingest.sensors.contract import Unavailable
from error_daemon.ingest.sensors.pressure import Pressure, total_us_of
from error_daemon.model import Severity
from error_daemon.model.diagnostic import Standing
from tests.fakes.hand_desk import HandDesk

TEXT = b"some avg10=8.72 avg60=8.23 avg300=6.30 total=12369199210\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"


class Host:
    """/proc/pressure as files. They tell no news, as a kernel that allows no triggers."""

    def __init__(self, root: Path, **enter: float) -> None:
        self.folder = root / "proc/pressure"
        self.folder.mkdir(parents=True)
        self.totals = dict.fromkeys(enter, 0)
        for name in enter:
            self.stall(name, 0.0)
        self.desk = HandDesk()
        self.sensor = Pressure(enter, root)
        self.sensor.start(self.desk)

    def stall(self, name: str, stalled_s: float) -> None:
        self.totals[name] += int(stalled_s * 1e6)
        text = f"some avg10=0.00 avg60=0.00 avg300=0.00 total={self.totals[name]}\nfull avg10=0.00 total=0\n"
        path = self.folder / name
        fd = os.open(path, os.O_WRONLY | os.O_CREAT)
        os.pwrite(fd, text.encode(), 0)
        os.close(fd)

    def run(self, name: str, share: float, span_s: float) -> None:
        for _ in range(round(span_s / 0.5)):
            self.stall(name, share * 0.5)
            self.desk.pass_time(0.5)


def test_the_total_is_that_of_the_line_some() -> None:
    assert total_us_of(TEXT) == 12369199210
    assert [total_us_of(text) for text in (b"", b"some\n", b"some total=x\n", b"full total=5\n")] == [0, 0, 0, 5]


def test_memory_pressure_is_one_state_however_long_it_lasts(tmp_path: Path) -> None:
    host = Host(tmp_path, memory=0.2)
    host.run("memory", 0.0, 5)
    assert host.desk.sightings == []
    host.run("memory", 0.5, 20)
    host.run("memory", 0.15, 20)  # between the thresholds
    [sighting] = host.desk.sightings
    assert (sighting.key, sighting.severity) == (("memory-pressure", "host"), Severity.HIGH)
    assert sighting.message == "memory pressure: something waited for it in 25% of the last 2 s"
    assert host.sensor.diagnostic().standing is Standing.NOTICE
    host.sensor.stop()


def test_a_state_is_left_after_ten_calm_seconds(tmp_path: Path) -> None:
    host = Host(tmp_path, memory=0.2)
    host.run("memory", 0.5, 3)
    host.run("memory", 0.0, 9)
    assert host.desk.is_in("memory-pressure", "host")
    host.run("memory", 0.0, 4)
    assert host.desk.left_texts == ["memory pressure is down to 0%"]
    host.sensor.stop()


def test_a_burst_of_work_is_no_pressure_of_the_cpu(tmp_path: Path) -> None:
    host = Host(tmp_path, cpu=0.9, io=0.0)
    for _ in range(5):
        host.run("cpu", 1.0, 8)
        host.run("cpu", 0.0, 3)
    assert host.desk.sightings == []
    host.run("cpu", 1.0, 13)
    assert host.desk.kinds() == [("cpu-pressure", "host")]
    assert set(host.sensor.diagnostic().figures) == {"cpu_some_ratio"}  # the other is not looked at
    host.sensor.stop()


@given(shares=st.lists(st.floats(0, 1), max_size=60))
def test_a_share_is_never_more_than_all(tmp_path_factory: pytest.TempPathFactory, shares: list[float]) -> None:
    host = Host(tmp_path_factory.mktemp("pressure"), memory=1.0)
    for share in shares:
        host.run("memory", share, 0.5)
        assert 0.0 <= host.sensor.diagnostic().figures["memory_some_ratio"] <= 1.0
    host.sensor.stop()


def test_a_kernel_without_it_is_said(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="proc/pressure is not there") as raised:
        Pressure({"memory": 0.2}, tmp_path).start(HandDesk())
    assert raised.value.mend.startswith("psi=1")


@pytest.mark.skipif(not Path("/proc/pressure/memory").exists(), reason="this kernel has no PSI")
def test_the_kernels_own_figures_are_read() -> None:
    desk, sensor = HandDesk(), Pressure({"cpu": 1.0, "memory": 1.0, "io": 1.0})
    sensor.start(desk)
    desk.pass_time(1.0)
    assert set(sensor.diagnostic().figures) == {"cpu_some_ratio", "memory_some_ratio", "io_some_ratio"}
    sensor.stop()
    assert desk.readers == {}
