"""What is sampled: files of the test and of the kernel; states and events of the figures; and the timer that drives them."""

from __future__ import annotations

from collections.abc import Iterator
from math import isnan
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from error_daemon.ingest.sensors.bands import Band
from error_daemon.ingest.sensors.conditions import Growth, Left, State
from error_daemon.ingest.sensors.contract import Sighting, Unavailable
from error_daemon.ingest.sensors.counters import CpuReader, EdacReader, Reader, SoftnetReader, ThermalReader
from error_daemon.ingest.sensors.sampler import LATE, Sampled, Sampler
from error_daemon.ingest.sensors.samples import Samples
from error_daemon.model import ErrorType, Severity
from error_daemon.model.diagnostic import Standing
from tests.execute.rig import WallClock
from tests.fakes.hand_desk import HandDesk
from tests.ingest.test_sensor_desk import Rig, with_desk
from tests.waiting import soon


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def read(reader: Reader, passed_s: float) -> dict[str, float]:
    return dict(zip(reader.figures, reader.read(passed_s), strict=True))


# --- readers


def _stat(user: int, idle: int, iowait: int, steal: int, switches: int) -> str:
    first = f"cpu  {user} 0 0 {idle} {iowait} 0 0 {steal} 0 0\n"
    return f"{first}cpu0 1 0 0 1 0 0 0 0 0 0\nintr 5 0\nctxt {switches}\nbtime 1\nprocs_running 3\nprocs_blocked 2\n"


def test_how_the_cpus_were_used(tmp_path: Path) -> None:
    write(tmp_path / "proc/stat", _stat(100, 1000, 50, 10, 5000))
    reader = CpuReader(tmp_path)
    first = read(reader, 0.0)
    assert isnan(first["steal_ratio"])
    assert isnan(first["context_switches_per_s"])
    write(tmp_path / "proc/stat", _stat(140, 1030, 70, 20, 5200))
    assert read(reader, 0.5) == {
        "cpu_busy_ratio": 0.5,
        "iowait_ratio": 0.2,
        "steal_ratio": 0.1,
        "context_switches_per_s": 400.0,
        "processes_running": 3.0,
        "processes_blocked": 2.0,
    }
    reader.close()


def test_drops_of_all_cpus_are_added(tmp_path: Path) -> None:
    row = "0053dcd2 {} {} 00000000 00000000\n"
    write(tmp_path / "proc/net/softnet_stat", row.format("0000000f", "00000001") + row.format("00000001", "00000000"))
    reader = SoftnetReader(tmp_path)
    read(reader, 0.0)
    write(tmp_path / "proc/net/softnet_stat", row.format("00000019", "00000003") + row.format("00000001", "00000000"))
    assert read(reader, 2.0) == {"softnet_drops_per_s": 5.0, "softnet_squeezes_per_s": 1.0}
    reader.close()


def _zone(root: Path, number: int, milli_celsius: int, critical: int | None) -> None:
    zone = root / f"sys/class/thermal/thermal_zone{number}"
    write(zone / "temp", f"{milli_celsius}\n")
    if critical:
        write(zone / "trip_point_1_type", "critical\n")
        write(zone / "trip_point_1_temp", f"{critical}\n")


def test_heat_is_that_of_the_hottest_zone_and_of_the_one_nearest_to_its_end(tmp_path: Path) -> None:
    _zone(tmp_path, 0, 95000, None)
    _zone(tmp_path, 1, 80000, 90000)
    write(tmp_path / "sys/class/hwmon/hwmon0/temp1_input", "42000\n")
    write(tmp_path / "sys/class/hwmon/hwmon0/temp1_crit", "100000\n")
    write(tmp_path / "sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count", "7\n")
    reader = ThermalReader(tmp_path)
    read(reader, 0.0)
    write(tmp_path / "sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count", "9\n")
    assert read(reader, 0.5) == {"hottest_celsius": 95.0, "to_critical_celsius": 10.0, "thermal_throttles_per_s": 4.0}
    reader.close()


def test_each_zone_has_its_own_critical_point_where_another_cannot_be_read(tmp_path: Path) -> None:
    _zone(tmp_path, 0, 0, 45000)
    temp = tmp_path / "sys/class/thermal/thermal_zone0/temp"
    temp.unlink()
    temp.symlink_to(temp)  # nothing opens it
    _zone(tmp_path, 1, 50000, 100000)
    reader = ThermalReader(tmp_path)
    assert read(reader, 0.0)["to_critical_celsius"] == 50.0
    reader.close()


def test_a_critical_point_that_nobody_has_set_is_none(tmp_path: Path) -> None:
    write(tmp_path / "sys/class/hwmon/hwmon0/temp1_input", "42000\n")
    write(tmp_path / "sys/class/hwmon/hwmon0/temp1_crit", "0\n")
    reader = ThermalReader(tmp_path)
    assert isnan(read(reader, 0.0)["to_critical_celsius"])
    reader.close()


def test_memory_errors_of_all_controllers_are_added(tmp_path: Path) -> None:
    for controller in ("mc0", "mc1"):
        write(tmp_path / f"sys/devices/system/edac/mc/{controller}/ce_count", "1\n")
        write(tmp_path / f"sys/devices/system/edac/mc/{controller}/ue_count", "0\n")
    reader = EdacReader(tmp_path)
    read(reader, 0.0)
    write(tmp_path / "sys/devices/system/edac/mc/mc1/ce_count", "4\n")
    write(tmp_path / "sys/devices/system/edac/mc/mc0/ue_count", "1\n")
    assert read(reader, 1.0) == {"memory_corrected_per_s": 3.0, "memory_uncorrected_per_s": 1.0}
    reader.close()


@pytest.mark.parametrize("reader", [CpuReader, SoftnetReader, ThermalReader, EdacReader])
def test_what_this_host_does_not_have_is_said(tmp_path: Path, reader: type[CpuReader]) -> None:
    with pytest.raises(Unavailable):
        reader(tmp_path)


@pytest.mark.parametrize("text", ["", "cpu\n", "cpu 1 2 x\n", "rubbish\n"])
def test_a_file_that_says_nothing_is_not_known(tmp_path: Path, text: str) -> None:
    write(tmp_path / "proc/stat", text)
    reader = CpuReader(tmp_path)
    if "x" in text:
        with pytest.raises(ValueError, match="invalid literal"):  # which ends the sensor, loudly
            reader.read(0.0)
    else:
        assert isnan(read(reader, 0.0)["steal_ratio"])
    reader.close()


def test_the_kernels_own_files_are_read() -> None:
    reader = CpuReader(Path("/"))
    read(reader, 0.0)
    seen = read(reader, 1.0)
    assert seen["context_switches_per_s"] >= 0
    assert seen["processes_running"] >= 1
    reader.close()


# --- samples


@given(values=st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=60), window=st.integers(1, 12))
def test_the_newest_samples_are_there_in_their_order(values: list[float], window: int) -> None:
    samples = Samples(interval_s=0.5, length=10)
    samples.add(["x"])
    for number, value in enumerate(values):
        samples.begin(1000.0 + number)
        samples.put("x", value)
    times, series = samples.series("x", window * 0.5)
    expected = values[-min(window, 10) :]
    assert list(series) == expected
    assert list(times) == [1000.0 + len(values) - len(expected) + at for at in range(len(expected))]
    assert samples.current() == {"x": values[-1]}
    seen = samples.window("x", window * 0.5)
    assert (seen is None) == (len(values) < min(window, 10))


def test_a_figure_that_is_not_read_keeps_its_value_and_one_that_is_not_known_says_so() -> None:
    samples = Samples(1.0, length=4)
    samples.add(["slow"])
    samples.begin(1.0)
    assert samples.current() == {}
    samples.put("slow", 7.0)
    samples.begin(2.0)
    samples.add(["late"])
    assert samples.current() == {"slow": 7.0}
    assert samples.window("late", 1.0) is None
    assert samples.series("none", 5.0) == ((), ())
    samples.drop(["slow"])
    assert samples.window("slow", 1.0) is None


# --- states and events of figures


def _fed(state: State | Growth, values: list[float]) -> list[Sighting | Left]:
    samples = Samples(0.1)
    samples.add(["x"])
    seen = []
    for number, value in enumerate(values):
        samples.begin(float(number))
        samples.put("x", value)
        found = state.look(samples, number * 0.1) if isinstance(state, State) else state.look(samples, 0.1)
        if found is not None:
            seen.append(found)
    return seen


def test_one_bad_sample_is_no_state_and_ten_bad_seconds_are_one() -> None:
    def state() -> State:
        return State("steal", "x", 10.0, Band.above(0.2, calm_s=5.0), "{value:.0%} in {window_s:g} s, worst {worst:g}")

    assert _fed(state(), [0.0] * 100 + [1.0] + [0.0] * 100) == []
    assert _fed(state(), [1.0] * 99) == []
    [entered, left] = _fed(state(), [0.0] * 100 + [0.5] * 100 + [0.0] * 200)
    assert isinstance(entered, Sighting)
    assert entered.message == "20% in 10 s, worst 0.5"
    assert entered.figures["threshold"] == 0.2
    assert left is Left.LEFT


def test_a_counter_that_grows_is_an_event_with_its_count() -> None:
    growth = Growth("memory-corrected", "x", "{count} errors", Severity.LOW)
    events = [event for event in _fed(growth, [float("nan"), 0.0, 30.0, 0.0, 10.0]) if isinstance(event, Sighting)]
    assert [(event.message, event.count, event.type) for event in events] == [
        ("3 errors", 3, ErrorType.HARDWARE),
        ("1 errors", 1, ErrorType.HARDWARE),
    ]


# --- the sampler


class Counting:
    figures: tuple[str, ...] = ("x",)

    def __init__(self) -> None:
        self.reads = 0
        self.is_closed = False
        self.is_broken = False

    def read(self, passed_s: float) -> list[float]:
        if self.is_broken:
            raise ValueError("of all things")
        self.reads += 1
        return [float(self.reads)]

    def close(self) -> None:
        self.is_closed = True


@pytest.fixture
def reader() -> Iterator[Counting]:
    reader = Counting()
    yield reader
    assert reader.is_closed


def test_the_loops_timer_drives_the_readers_and_measures_how_late_it_is(reader: Counting) -> None:
    async def body(rig: Rig) -> None:
        sampler = Sampler(WallClock(), 0.05)
        sensor = Sampled("test", "nothing", sampler, lambda: reader, [])
        sampler.start(rig.desk)
        sensor.start(rig.desk)

        await soon("it is read", lambda: reader.reads >= 5)
        times, late_s = sampler.samples.series(LATE, 10.0)
        assert len(times) == len(late_s) >= 5
        assert all(late >= 0 for late in late_s)
        assert sensor.diagnostic().says == f"x {reader.reads}"
        rig.desk.close()
        sensor.stop()
        sampler.stop()

    with_desk(body)


def test_a_loop_that_was_kept_busy_is_late_by_that_much() -> None:
    sampler, desk = Sampler(WallClock(), 0.1), HandDesk()
    states = [State("loop-late", LATE, 1.0, Band.above(0.1), "{value:.0%}", summary=max)]
    sensor = Sampled("loop", "a timer", sampler, None, states)
    sensor.start(desk)
    for turn in range(30):
        desk.at_s += 0.1
        sampler.sample(desk.at_s, 0.25 if turn == 20 else 0.0001)
    assert desk.kinds() == [("loop-late", "host")]
    assert sensor.diagnostic().standing is Standing.NOTICE


def test_a_reader_that_is_slow_is_read_less_often(reader: Counting) -> None:
    sampler, desk = Sampler(WallClock(), 0.1), HandDesk()
    sensor = Sampled("test", "nothing", sampler, lambda: reader, [])
    sensor.start(desk)
    sampler._parts[0].cost_s = 0.01  # so 0.2 % of the time is one read in 5 s
    for _ in range(40):
        desk.at_s += 0.1
        sampler.sample(desk.at_s, 0.0)
    assert reader.reads == 1
    sensor.stop()


def test_a_reader_that_breaks_ends_its_own_sensor_and_not_the_sampler(reader: Counting) -> None:
    async def body(rig: Rig) -> None:
        sampler, desk = Sampler(WallClock(), 0.1), HandDesk()
        sensor = Sampled("test", "nothing", sampler, lambda: reader, [])
        sensor.start(rig.desk)
        reader.is_broken = True
        sampler.sample(desk.at_s, 0.0)
        assert rig.bugs == ["ValueError: of all things"]
        sensor.stop()
        sampler.sample(desk.at_s, 0.0)

    with_desk(body)
