"""Network links that go down: messages of the kernel, and links that the test makes."""

from __future__ import annotations

import os
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from error_daemon.ingest.sensors.links import Link, Links, parse_links
from error_daemon.model import ErrorType, Severity
from tests.fakes.hand_desk import HandDesk
from tests.ingest.test_sensor_desk import Rig, with_desk
from tests.waiting import eventually

UP, RUNNING = 0x1, 0x40
NEW, GONE = 16, 17


def message(name: str, flags: int, index: int = 5, kind: int = NEW) -> bytes:
    """As rtnetlink sends it: ifinfomsg, an attribute that is passed over, the name."""
    text = name.encode() + b"\0"
    attributes = struct.pack("=HHI", 8, 4, 1500) + struct.pack("=HH", 4 + len(text), 3) + text
    attributes += b"\0" * (-len(attributes) % 4)
    body = struct.pack("=BxHiII", 0, 1, index, flags, 0) + attributes
    return struct.pack("=IHHII", 16 + len(body), kind, 0, 0, 0) + body


def test_messages_are_read_one_after_the_other() -> None:
    raw = message("eth0", UP | RUNNING, 2) + message("a-name-of-15byt", 0, 3) + message("gone", UP, 4, GONE)
    assert list(parse_links(raw)) == [
        Link(2, "eth0", UP | RUNNING),
        Link(3, "a-name-of-15byt", 0),
        Link(4, "gone", UP, is_gone=True),
    ]


@given(raw=st.binary(max_size=200), cut=st.integers(0, 60))
def test_rubbish_does_no_harm(raw: bytes, cut: int) -> None:
    list(parse_links(raw))
    list(parse_links(message("eth0", UP)[:cut] + raw))


class Told:
    """A sensor that is told by the test."""

    def __init__(self) -> None:
        self.desk = HandDesk()
        self.sensor = Links(["veth*"])
        self.sensor.start(self.desk)

    def say(self, *links: Link) -> None:
        for link in links:
            self.sensor._take(link)

    def close(self) -> None:
        self.sensor.stop()


@pytest.fixture
def told() -> Iterator[Told]:
    told = Told()
    yield told
    told.close()


def up(index: int = 2, name: str = "lan0") -> Link:
    return Link(index, name, UP | RUNNING)


@pytest.mark.parametrize(
    ("flags", "severity", "why"),
    [(UP, Severity.HIGH, "it has no carrier"), (0, Severity.MEDIUM, "it was set down")],
)
def test_a_link_that_goes_down_is_the_hardwares(told: Told, flags: int, severity: Severity, why: str) -> None:
    told.say(up(), Link(2, "lan0", flags), Link(2, "lan0", flags))
    [sighting] = told.desk.sightings
    assert (sighting.key, sighting.type, sighting.severity) == (("link-down", "lan0"), ErrorType.HARDWARE, severity)
    assert sighting.message == f"the link lan0 went down: {why}"


def test_a_link_that_flaps_is_one_state_until_it_is_steady(told: Told) -> None:
    told.say(up())
    for _ in range(20):
        told.say(Link(2, "lan0", UP), up())
        told.desk.pass_time(2.0)
    assert len(told.desk.sightings) == 1
    told.desk.pass_time(6.0)
    assert told.desk.left_texts == ["the link lan0 is up again"]


def test_links_that_were_never_up_or_come_and_go_by_themselves_are_left_alone(told: Told) -> None:
    told.say(Link(2, "lan0", 0), Link(2, "lan0", UP), Link(3, "veth12", UP | RUNNING), Link(3, "veth12", 0))
    assert told.desk.sightings == []


def test_a_link_that_is_gone_is_told_and_not_waited_for(told: Told) -> None:
    told.say(
        up(), Link(2, "lan0", UP, is_gone=True), up(3, "lan1"), Link(3, "lan1", UP), Link(3, "lan1", UP, is_gone=True)
    )
    assert told.desk.kinds() == [("link-gone", "lan0"), ("link-down", "lan1")]
    assert told.desk.states == {}


@pytest.fixture
def pair() -> Iterator[str]:
    """A link that is up, whose carrier is the other end."""

    def ip(*words: str) -> int:
        return subprocess.run(["ip", *words], capture_output=True, check=False).returncode

    name = f"sns{os.getpid() % 100000}"
    if os.geteuid() != 0 or ip("link", "add", name, "type", "veth", "peer", "name", f"{name}p"):
        pytest.skip("links are made by root")
    ip("link", "set", name, "up")
    ip("link", "set", f"{name}p", "up")
    operstate = Path(f"/sys/class/net/{name}/operstate")  # up to a second later, where links of others change as well
    eventually("its carrier is there", lambda: operstate.read_text().strip() == "up")
    yield name
    ip("link", "del", name)


def test_a_real_link_that_loses_its_carrier_is_told(pair: str) -> None:
    async def body(rig: Rig) -> None:
        sensor = Links([f"{pair}p"])
        sensor.start(rig.desk)
        sensor._read()  # as they are
        assert "links are up" in sensor.diagnostic().says
        subprocess.run(["ip", "link", "set", f"{pair}p", "down"], check=True)  # noqa: ASYNC221
        while not (mine := [fault for fault in rig.intake.faults if fault.component == pair]):
            await rig.intake.counts(len(rig.intake.faults) + 1)  # others of this host may come and go meanwhile
        assert mine[0].message == f"the link {pair} went down: it has no carrier"
        rig.desk.close()
        sensor.stop()

    with_desk(body)
