"""The host's clock: synchronised, off, lost, set; from what the kernel would say, and from the kernel."""

from __future__ import annotations

import pytest

from error_daemon.ingest.sensors import libc
from error_daemon.ingest.sensors.clock_sync import ClockSync
from error_daemon.model import Severity
from error_daemon.model.diagnostic import Standing
from tests.fakes.hand_desk import HandDesk

OK, ERROR = 0, 5
UNSYNC, NANO = 0x40, 0x2000


class Host:
    def __init__(self) -> None:
        self.state = OK
        self.offset_s = 0.0
        self.is_nano = True
        self.is_allowed = True
        self.ahead_s = 1_790_000_000.0
        self.desk = HandDesk()
        self.sensor = ClockSync(0.1, ask=self.ask, ahead_s=lambda: self.ahead_s)

    def ask(self) -> tuple[int, libc.Timex]:
        if not self.is_allowed:
            raise PermissionError(1, "Operation not permitted")
        status = (UNSYNC if self.state == ERROR else 0) | (NANO if self.is_nano else 0)
        unit = 1e9 if self.is_nano else 1e6
        return self.state, libc.Timex(offset=round(self.offset_s * unit), maxerror=12_000, status=status)


@pytest.fixture
def host() -> Host:
    return Host()


def test_a_clock_that_is_kept_is_good_and_says_how_far_it_is_off(host: Host) -> None:
    host.offset_s = -0.000123
    host.sensor.start(host.desk)
    diagnostic = host.sensor.diagnostic()
    assert diagnostic.standing is Standing.GOOD
    assert diagnostic.says == "synchronised, off by -0.000123 s, by at most 0.012 s"
    assert host.desk.sightings == []


def test_a_host_that_was_never_synchronised_is_no_fault(host: Host) -> None:
    host.state = ERROR
    host.sensor.start(host.desk)
    host.desk.pass_time(1000.0)
    assert host.desk.sightings == []
    assert host.sensor.diagnostic().standing is Standing.NOTICE


def test_one_that_was_and_is_not_for_a_minute_is_one(host: Host) -> None:
    host.sensor.start(host.desk)
    host.state = ERROR
    host.desk.pass_time(50.0)
    assert host.desk.sightings == []
    host.desk.pass_time(20.0)
    assert host.desk.messages() == ["the clock is not synchronised any more; it may be off by up to 0.012 s"]
    host.state = OK
    host.desk.pass_time(1.0)
    assert host.desk.left_texts == ["the clock is synchronised again"]


@pytest.mark.parametrize("is_nano", [True, False])
def test_a_clock_that_is_off_is_told_in_either_unit(host: Host, is_nano: bool) -> None:
    host.is_nano, host.offset_s = is_nano, -0.25
    host.sensor.start(host.desk)
    [sighting] = host.desk.sightings
    assert (sighting.message, sighting.severity) == ("the clock is off by -0.2500 s (threshold 0.1 s)", Severity.HIGH)
    assert host.sensor.diagnostic().standing is Standing.BAD
    host.offset_s = 0.01
    host.desk.pass_time(70.0)
    assert host.desk.states == {}


def test_a_clock_that_is_set_is_seen_even_where_the_kernel_may_not_be_asked(host: Host) -> None:
    host.is_allowed = False
    host.sensor.start(host.desk)
    host.desk.pass_time(10.0)
    host.ahead_s += 0.2  # slewed, or nearly nothing
    host.desk.pass_time(10.0)
    assert host.desk.sightings == []
    host.ahead_s -= 3600.0
    host.desk.pass_time(10.0)
    assert host.desk.messages() == ["the clock was set by -3600.000 s"]
    diagnostic = host.sensor.diagnostic()
    assert diagnostic.standing is Standing.UNAVAILABLE
    assert diagnostic.says == (
        "adjtimex is not allowed here (Operation not permitted): only steps are seen; set 1 times since the start"
    )


def test_the_kernel_answers() -> None:
    state, timex = libc.adjtimex()
    assert 0 <= state <= 5
    assert timex.tick == pytest.approx(10_000, rel=0.1)
    assert timex.maxerror >= 0
    sensor, desk = ClockSync(1000.0), HandDesk()
    sensor.start(desk)
    desk.pass_time(3.0)
    assert desk.sightings == []
