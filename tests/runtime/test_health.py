"""One judgement for /healthz, /readyz and gRPC health: what keeps a daemon from being live or ready, and what only degrades it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import pytest

from error_daemon.calls import Service
from error_daemon.ingest.otlp.signals import signals
from error_daemon.model import Priority
from error_daemon.runtime.health import Health, Judgement, Vitals
from tests.fakes.memory_ring import MemoryRing
from tests.rpc.serving import run, until

FAULTS, RECOVERY = "error_recovery.v1.FaultService", "error_recovery.v1.RecoveryService"


@dataclass
class HandClock:
    at: float = 1000.0

    def now(self) -> float:
        return self.at

    def from_monotonic(self, monotonic_s: float) -> float:
        return monotonic_s


@dataclass
class ToldRecord:
    available: bool = True
    detail: str = ""
    rows: int = 0

    def rows_waiting(self) -> int:
        return self.rows


@dataclass
class HeardServer:
    """calls.Server, as far as health is told to it."""

    told: list[Mapping[str, bool]] = field(default_factory=list)

    def add(self, service: Service) -> None: ...

    async def start(self, address: str) -> str:
        return address

    async def tell_health(self, serving: Mapping[str, bool]) -> None:
        self.told.append(dict(serving))

    async def stop(self, grace_s: float) -> None: ...


def vitals(slots: int = 2) -> Vitals:
    ring = MemoryRing(1024, dict.fromkeys(Priority, slots))
    return Vitals(
        HandClock(), ring, ToldRecord(), most_rows_waiting=100, workers=lambda: 3, workers_wanted=3, stops=lambda: False
    )


def judged(given: Vitals) -> Judgement:
    return Health(given).judge()


def standing(judgement: Judgement) -> tuple[bool, bool, bool]:
    """live, ready, degraded"""
    return judgement.is_live, judgement.is_ready, judgement.is_degraded


def test_a_daemon_of_which_all_is_well_is_live_and_ready() -> None:
    assert standing(judged(vitals())) == (True, True, False)


@pytest.mark.parametrize(
    ("ready", "expected"), [(3, (True, True, False)), (1, (True, True, True)), (0, (True, False, True))]
)
def test_without_any_worker_it_is_not_ready(ready: int, expected: tuple[bool, bool, bool]) -> None:
    assert standing(judged(replace(vitals(), workers=lambda: ready))) == expected


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (ToldRecord(available=False, detail="the disk is full"), (True, True, True)),
        (ToldRecord(rows=99), (True, True, False)),
        (ToldRecord(rows=100), (True, False, True)),
    ],
)
def test_without_the_record_it_goes_on_until_it_is_too_far_behind(
    record: ToldRecord, expected: tuple[bool, bool, bool]
) -> None:
    assert standing(judged(replace(vitals(), store=record))) == expected


@pytest.mark.parametrize(
    ("full", "expected"), [(Priority.LOW, (True, True, True)), (Priority.CRITICAL, (True, False, True))]
)
def test_a_full_ring_degrades_it_and_keeps_it_from_being_ready_where_critical_ones_find_no_place(
    full: Priority, expected: tuple[bool, bool, bool]
) -> None:
    given = vitals(slots=1)
    given.ring.put(full, b"f" * 16, b"", 1, 0.0)
    assert standing(judged(given)) == expected
    assert [check.says for check in judged(given).checks if not check.is_good] == [
        f"no slot is free for new errors of priority {full.name.lower()}"
    ]


def test_while_it_stops_it_is_live_and_nothing_is_served() -> None:
    judgement = judged(replace(vitals(), stops=lambda: True))
    assert standing(judgement) == (True, False, True)
    assert judgement.serving([FAULTS, RECOVERY]) == {"": False, FAULTS: False, RECOVERY: False}


def test_all_but_reporting_is_served_while_no_fault_can_be_taken() -> None:
    judgement = judged(replace(vitals(), workers=lambda: 0))
    wanted = [f"error_recovery.v1.{name}Service" for name in ("View", "Workflow", "Hook", "Audit", "Caller", "Handler")]
    reporting = [FAULTS, *(signal.service for signal in signals(lambda *_: True))]
    assert judgement.serving([*reporting, RECOVERY, *wanted]) == {
        "": False,
        **dict.fromkeys(reporting, False),
        **dict.fromkeys((RECOVERY, *wanted), True),
    }


def test_a_loop_whose_turns_come_seconds_late_is_not_live() -> None:
    async def go() -> None:
        given = vitals()
        clock = given.clock
        assert isinstance(clock, HandClock)
        health = Health(given)
        health.start(HeardServer(), [])
        clock.at += 5.9  # the next look is due after one second
        assert health.judge().is_live
        clock.at += 0.2
        assert not health.judge().is_live
        health.stop()

    run(go())


def test_the_server_is_told_once_for_each_change() -> None:
    async def go() -> None:
        record, server = ToldRecord(), HeardServer()
        health = Health(replace(vitals(), store=record), every_s=0.001)
        health.start(server, [FAULTS, RECOVERY])
        await until(lambda: len(server.told) == 1)
        record.rows = 100
        await until(lambda: len(server.told) == 2)
        record.rows = 0
        await until(lambda: len(server.told) == 3)
        health.stop()
        behind = {"": False, FAULTS: False, RECOVERY: True}
        well = dict.fromkeys(behind, True)
        assert server.told == [well, behind, well]

    run(go())
