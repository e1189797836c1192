"""The journal followed by a real child: nothing lost, nothing twice, whatever ends when."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from error_daemon.ingest.acceptance import Acceptance
from error_daemon.ingest.journal.follower import JournalFollower
from error_daemon.ingest.journal.place import Place
from error_daemon.ingest.journal.reader import MOST_LINE_BYTES
from error_daemon.model import Diagnostic, Standing
from error_daemon.runtime.clock import SteadyClock
from error_recovery.v1 import fault_pb2
from tests.fakes.listed_intake import ListedIntake
from tests.fakes.open_gate import OpenGate
from tests.fakes.told_journal import ToldJournal
from tests.ingest.journal.entries import dumped, failed, out_of_memory
from tests.rpc.serving import run
from tests.waiting import soon


@dataclass
class Units:
    """handing_in.Watched: every unit `shop.service` is that of the target `shop`."""

    watched: bool | None = True
    hushed: set[str] = field(default_factory=set)

    def targets_of(self, unit: str) -> Sequence[str]:
        return ["shop"] if unit == "shop.service" else []

    def is_watched(self, _target: str) -> bool | None:
        return self.watched

    def is_hushed(self, target: str) -> bool:
        return target in self.hushed


@dataclass
class Followed:
    told: ToldJournal
    intake: ListedIntake
    gate: OpenGate
    units: Units
    follower: JournalFollower
    problems: list[str]
    desk: Acceptance

    def faults(self) -> list[fault_pb2.Fault]:
        return [fault_pb2.Fault.FromString(payload) for payload in self.intake.taken]

    def components(self) -> list[str]:
        return [fault.context.component for fault in self.faults()]

    async def until(self, *components: str) -> None:
        await soon(f"{components} came", lambda: len(self.intake.taken) >= len(components))
        assert self.components() == list(components)

    def diagnostic(self) -> Diagnostic:
        return self.follower.diagnostic()


@asynccontextmanager
async def followed(
    directory: Path, told: ToldJournal, *, watched: bool | None = True, most_faults: int = 100
) -> AsyncIterator[Followed]:
    """One life of a daemon's follower; its place is in `directory`."""
    intake, gate, units, problems = ListedIntake(), OpenGate(most_faults=most_faults), Units(watched), list[str]()
    desk = Acceptance(intake, gate, is_durable=False)
    follower = JournalFollower(
        desk, units, SteadyClock(), directory / "place", problems.append, host=told.host, again_s=0.01
    )
    follower.start()
    try:
        yield Followed(told, intake, gate, units, follower, problems, desk)
    finally:
        await follower.stop()
        await asyncio.sleep(0)
        await soon("no child is left", lambda: not children())


def children() -> list[psutil.Process]:
    return [child for child in psutil.Process().children() if child.status() != psutil.STATUS_ZOMBIE]


@pytest.fixture
def told(tmp_path: Path) -> ToldJournal:
    return ToldJournal(tmp_path / "journal", os.getpid())


def test_what_comes_is_a_fault_and_what_came_before_the_first_start_is_not(tmp_path: Path, told: ToldJournal) -> None:
    async def test() -> None:
        async with followed(tmp_path, told) as one:
            told.say(**failed("a.service"))
            told.say(**dumped("b.service"))
            await one.until("a.service", "b.service")
            assert one.intake.trusted == [True, False]
            assert one.diagnostic().standing is Standing.GOOD
            assert not one.problems
            assert "--since=@" in told.asked()[0]

    run(test())


def test_a_second_life_goes_on_where_the_first_has_ended(tmp_path: Path, told: ToldJournal) -> None:
    async def test() -> None:
        async with followed(tmp_path, told) as one:
            cursor = told.say(**failed("a.service"))
            await one.until("a.service")
        told.say(**failed("meanwhile.service"))
        async with followed(tmp_path, told) as one:
            told.say(**failed("b.service"))
            await one.until("meanwhile.service", "b.service")
            assert f"--after-cursor={cursor}" in told.asked()[-1]

    run(test())


def test_what_came_between_a_first_life_that_read_nothing_and_the_second_is_read(
    tmp_path: Path, told: ToldJournal
) -> None:
    async def test() -> None:
        async with followed(tmp_path, told):
            await soon("it is followed", told.asked)
        began = told.asked()[0]
        async with followed(tmp_path, told):
            await soon("it is followed again", lambda: len(told.asked()) > 1)
        assert [asked.partition("--since")[2] for asked in told.asked()] == [began.partition("--since")[2]] * 2

    run(test())


def test_while_there_is_no_room_nothing_is_read_on_and_nothing_is_lost(tmp_path: Path, told: ToldJournal) -> None:
    async def test() -> None:
        async with followed(tmp_path, told, most_faults=0) as one:
            for number in range(2000):
                told.say(**failed(f"unit-{number}.service"))
            await soon("a fault waits", lambda: "wait until there is room" in one.diagnostic().says)
            assert one.diagnostic().standing is Standing.NOTICE
            assert kept_place(tmp_path).startswith("@")
            one.gate.most_faults = 100
            await soon("all came", lambda: len(one.intake.taken) == 2000)
            assert one.components() == [f"unit-{number}.service" for number in range(2000)]

    run(test())


def test_a_life_that_ends_while_a_fault_waits_leaves_it_to_the_next(tmp_path: Path, told: ToldJournal) -> None:
    async def test() -> None:
        async with followed(tmp_path, told, most_faults=0) as one:
            told.say(**failed("a.service"))
            await soon("it waits", lambda: "wait" in one.diagnostic().says)
        async with followed(tmp_path, told) as one:
            told.say(**failed("b.service"))
            await one.until("a.service", "b.service")

    run(test())


def kept_place(directory: Path) -> str:
    place = Place(directory / "place")
    place.open(0.0)
    place.close()
    return place.value


def test_a_journalctl_that_ends_is_begun_anew_where_it_was(tmp_path: Path, told: ToldJournal) -> None:
    async def test() -> None:
        async with followed(tmp_path, told) as one:
            told.say(**failed("a.service"))
            await one.until("a.service")
            told.end()
            await soon("that is said", lambda: one.problems)
            told.say(**failed("b.service"))
            told.go_on()
            told.say(**failed("c.service"))
            await one.until("a.service", "b.service", "c.service")
            assert one.problems[0] == "the journal is followed anew: journalctl has ended with 0"

    run(test())


def test_one_that_always_ends_is_said_once_and_shown(tmp_path: Path, told: ToldJournal) -> None:
    async def test() -> None:
        told.refuse("out of luck")
        async with followed(tmp_path, told) as one:
            await soon("it was tried thrice", lambda: len(told.asked()) >= 3)
            assert one.problems == ["the journal is followed anew: journalctl has ended with 1: out of luck"]
            assert "out of luck" in one.diagnostic().says
            told.go_on()
            told.say(**failed("a.service"))
            await one.until("a.service")
            await soon("all is well", lambda: one.diagnostic().standing is Standing.GOOD)

    run(test())


def test_a_place_that_journalctl_does_not_know_is_now_and_that_is_said(tmp_path: Path, told: ToldJournal) -> None:
    async def test() -> None:
        async with followed(tmp_path, told) as one:
            told.say(**failed("a.service"))
            await one.until("a.service")
        told.refuse("Failed to seek to cursor: Invalid argument")
        async with followed(tmp_path, told) as one:
            await soon("that is said", lambda: one.problems)
            assert "read from now on" in one.problems[0]
            told.go_on()
            await soon("it is followed from now", lambda: "--since=@" in told.asked()[-1])

    run(test())


@pytest.mark.parametrize("damage", [b"", b"x", b"0" * 512, b"\xff" * 600])
def test_a_place_that_is_damaged_is_now_and_that_is_said(tmp_path: Path, told: ToldJournal, damage: bytes) -> None:
    async def test() -> None:
        async with followed(tmp_path, told) as one:
            told.say(**failed("a.service"))
            await one.until("a.service")
        (tmp_path / "place").write_bytes(damage)
        async with followed(tmp_path, told) as one:
            await soon("it is followed", lambda: len(told.asked()) > 1)
            assert "--since=@" in told.asked()[-1]
            assert ["is damaged" in problem for problem in one.problems] == [True] * bool(damage)

    run(test())


def test_a_place_that_cannot_be_kept_is_said_once_and_costs_no_fault(tmp_path: Path, told: ToldJournal) -> None:
    async def test() -> None:
        (tmp_path / "place").mkdir()
        async with followed(tmp_path, told) as one:
            told.say(**failed("a.service"))
            await one.until("a.service")
            assert len(one.problems) == 1
            assert "can't be kept" in one.problems[0]

    run(test())


def test_what_is_no_entry_or_longer_than_a_line_may_be_is_passed_over(tmp_path: Path, told: ToldJournal) -> None:
    async def test() -> None:
        async with followed(tmp_path, told) as one:
            told.write(b"-- rubbish --")
            told.write(b"")
            told.write(b'{"MESSAGE": "' + b"x" * MOST_LINE_BYTES + b'"}')
            told.say(**failed("a.service", result="exit-code"))
            await one.until("a.service")
            assert one.desk.tally.passed_over == 1
            assert one.problems == ["an entry of the journal is longer than 1 MiB, and was passed over"]

    run(test())


def test_a_host_that_keeps_no_journal_or_has_no_journalctl_says_so(tmp_path: Path) -> None:
    async def test() -> None:
        none = ToldJournal(tmp_path / "none", os.getpid(), is_kept=False)
        async with followed(tmp_path, none) as one:
            await soon("it has looked", lambda: "no journal of systemd" in one.diagnostic().says)
            assert one.diagnostic().standing is Standing.UNAVAILABLE
            assert not none.asked()
            assert not one.problems
        (tmp_path / "none/journalctl").unlink()
        async with followed(tmp_path, none) as one:
            await soon("it has looked", lambda: "is not on this host" in one.diagnostic().says)

    run(test())


# --- what others tell of


def test_the_failure_of_a_targets_unit_is_left_to_the_watch_of_units(tmp_path: Path, told: ToldJournal) -> None:
    async def test() -> None:
        async with followed(tmp_path, told) as one:
            told.say(**failed("shop.service"))
            told.say(**out_of_memory("shop.service"))
            told.say(**dumped("shop.service"))
            await one.until("shop.service", "shop.service")
            assert [fault.context.operation for fault in one.faults()] == ["oom-kill", "core-dump"]
            assert [fault.target for fault in one.faults()] == ["shop", "shop"]
            assert one.desk.tally.passed_over == 1

    run(test())


def test_it_is_told_of_here_where_units_are_not_watched(tmp_path: Path, told: ToldJournal) -> None:
    async def test() -> None:
        async with followed(tmp_path, told, watched=False) as one:
            told.say(**failed("shop.service"))
            await one.until("shop.service")
            assert one.faults()[0].target == "shop"

    run(test())


def test_whether_units_are_watched_is_waited_for(tmp_path: Path, told: ToldJournal) -> None:
    async def test() -> None:
        async with followed(tmp_path, told, watched=None) as one:
            told.say(**failed("shop.service"))
            cursor = told.say(**failed("other.service"))
            await soon("it is followed", told.asked)
            one.units.watched = True
            await one.until("other.service")
            assert kept_place(tmp_path) == cursor

    run(test())


def test_what_a_person_breaks_for_a_test_is_passed_over(tmp_path: Path, told: ToldJournal) -> None:
    async def test() -> None:
        async with followed(tmp_path, told) as one:
            one.units.hushed.add("shop")
            told.say(**dumped("shop.service"))
            told.say(**failed("other.service"))
            await one.until("other.service")

    run(test())
