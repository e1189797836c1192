"""The fault path: what is taken is in the ring, what is refused leaves no trace, and "power" waits for the disk."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from error_daemon.core.effects import FaultRestored
from error_daemon.errors import InputError, RingFull, TransientError
from error_daemon.ingest.marks import MARKS, marks
from error_daemon.model import Priority
from error_daemon.ring.mapped import Geometry, MappedRing
from error_daemon.ring.opening import open_ring
from error_daemon.runtime.restore import restore_ring
from error_recovery.v1 import fault_pb2
from tests.runtime.joined import GEOMETRY, Joined, web_fault

PATIENCE_S = 20.0


def _joined(directory: Path, body: Callable[[Joined], None], most_rows_waiting: int = 10_000) -> None:
    async def go() -> None:
        joined = Joined(directory, most_rows_waiting=most_rows_waiting)
        try:
            body(joined)
        finally:
            joined.close()

    asyncio.run(go())


def _used(joined: Joined) -> int:
    return sum(used for used, _ in joined.ring.use().values())


def test_a_fault_is_in_the_ring_before_anything_is_started(tmp_path: Path) -> None:
    def body(joined: Joined) -> None:
        seen: list[int] = []
        joined.executor.on_attempt = lambda order: seen.append(_used(joined))
        error_id, opened = joined.intake.take(web_fault())
        assert opened
        assert len(error_id) == 16
        assert seen == [1]
        assert joined.counters.faults_received == 1

    _joined(tmp_path, body)


def test_equal_faults_are_counted_on_the_slot_of_their_error(tmp_path: Path) -> None:
    def body(joined: Joined) -> None:
        first, _ = joined.intake.take(web_fault())
        assert [joined.intake.take(web_fault(count=5)) for _ in range(10)] == [(first, False)] * 10
        assert _used(joined) == 1

    _joined(tmp_path, body)
    ring = open_ring(tmp_path / "faults.ring", GEOMETRY)
    [kept] = ring.kept()
    assert kept.count == 51
    ring.close()


def test_what_is_wrong_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    def body(joined: Joined) -> None:
        for payload, field in ((b"\xff", "fault"), (web_fault(target="wbe"), "fault.target")):
            with pytest.raises(InputError) as refused:
                joined.intake.take(payload)
            assert refused.value.field == field
        assert (_used(joined), joined.log) == (0, [])
        assert (joined.counters.faults_received, joined.counters.faults_refused) == (0, 2)

    _joined(tmp_path, body)


def test_who_may_only_report_cannot_say_that_a_sensor_has_seen_it(tmp_path: Path) -> None:
    def body(joined: Joined) -> None:
        with pytest.raises(InputError, match=r"sensor/\.\.\. is what the daemon itself has seen"):
            joined.intake.take(web_fault(source="sensor/pidfd"), is_trusted=False)
        assert _used(joined) == 0
        joined.intake.take(web_fault(source="sensors"), is_trusted=False)
        joined.intake.take(web_fault(source="sensor/pidfd"))
        assert joined.counters.faults_received == 2

    _joined(tmp_path, body)


def test_a_full_ring_refuses_new_errors_and_goes_on_counting_known_ones(tmp_path: Path) -> None:
    def body(joined: Joined) -> None:
        for number in range(8):
            joined.intake.take(web_fault(fingerprint=str(number)))
        with pytest.raises(RingFull):
            joined.intake.take(web_fault(fingerprint="one more"))
        assert not joined.intake.take(web_fault(fingerprint="3"))[1]
        joined.intake.take(web_fault(fingerprint="grave", severity=fault_pb2.SEVERITY_CRITICAL))
        assert joined.counters.faults_refused == 1

    _joined(tmp_path, body)


def test_while_the_record_is_behind_only_known_errors_are_taken(tmp_path: Path) -> None:
    def body(joined: Joined) -> None:
        joined.intake.take(web_fault())
        with pytest.raises(TransientError, match="behind"):
            joined.intake.take(web_fault(fingerprint="new"))
        assert not joined.intake.take(web_fault())[1]

    _joined(tmp_path, body, most_rows_waiting=1)


def test_a_long_fault_is_the_same_error_after_a_restart(tmp_path: Path) -> None:
    long = web_fault(
        message="failed with " + "plenty of words " * 100,
        exception=fault_pb2.Exception(type="E", message="also " * 300, stack_trace="at x\n" * 1000),
    )
    ids: list[str] = []

    def first(joined: Joined) -> None:
        ids.append(joined.intake.take(long)[0])

    def second(joined: Joined) -> None:
        [kept] = joined.ring.kept()
        assert len(kept.payload) <= joined.ring.payload_bytes
        assert kept.fingerprint.hex().startswith(ids[0])
        assert joined.intake.take(kept.payload)[0] == ids[0]

    _joined(tmp_path, first)
    _joined(tmp_path, second)


# --- tests of recoveries


def test_only_a_test_of_a_recovery_may_say_that_it_is_one(tmp_path: Path) -> None:
    def body(joined: Joined) -> None:
        for name in MARKS:
            context = fault_pb2.Context(component="web", attributes={name: "mine"})
            with pytest.raises(InputError, match="error-cli test") as refused:
                joined.intake.take(web_fault(context=context))
            assert refused.value.field == f"fault.context.attributes['{name}']"
        assert (_used(joined), joined.log) == (0, [])

    _joined(tmp_path, body)


def test_a_test_that_the_daemon_died_of_is_one_of_the_same_strategy_after_the_restart(tmp_path: Path) -> None:
    context = fault_pb2.Context(component="web", attributes=marks(3, "fix"))

    def first(joined: Joined) -> None:
        joined.intake.take(web_fault(context=context), is_test=True)

    def second(joined: Joined) -> None:
        fed: list[object] = []
        joined.loop.feed = fed.append  # type: ignore[assignment, method-assign]
        restore_ring(joined.ring.kept(), joined.loop, {}, {})
        [restored] = fed
        assert isinstance(restored, FaultRestored)
        assert (restored.is_test, restored.only) == (True, "fix")

    _joined(tmp_path, first)
    _joined(tmp_path, second)


# --- durability = "power"


class _GatedRing(MappedRing):
    """Counts writes to the disk as they begin and end; each waits at the gate where there is one."""

    gate: threading.Semaphore | None = None
    began = 0
    ended = 0
    fails = False

    def sync(self) -> None:
        assert self.began == self.ended, "two at a time"
        self.began += 1
        if self.gate:
            assert self.gate.acquire(timeout=PATIENCE_S)
        if self.fails:
            self.ended += 1
            raise OSError(5, "Input/output error")
        super().sync()
        self.ended += 1


def _gated(path: Path, geometry: Geometry) -> _GatedRing:
    open_ring(path, geometry).close()
    return _GatedRing(path, os.open(path, os.O_RDWR | os.O_CLOEXEC), geometry)


class _Wait:
    """One who waits: which write had begun when it asked, and which had ended when it was told."""

    def __init__(self, joined: Joined, ring: _GatedRing) -> None:
        self._ring = ring
        self.began_before = ring.began
        self.task = asyncio.ensure_future(self._go(joined))

    async def _go(self, joined: Joined) -> None:
        self.began_before = self._ring.began
        await joined.intake.settled()
        assert self._ring.ended > self.began_before, "told before a write that began after it had asked was done"


async def _until(is_true: Callable[[], bool]) -> None:
    async def wait() -> None:
        while not is_true():  # noqa: ASYNC110  a thread makes it true
            await asyncio.sleep(0.001)

    await asyncio.wait_for(wait(), PATIENCE_S)


def _with_gate(directory: Path, body: Callable[[Joined, _GatedRing], object]) -> None:
    async def go() -> None:
        joined = Joined(directory, open_file=_gated)
        assert isinstance(joined.ring, _GatedRing)
        try:
            await body(joined, joined.ring)  # type: ignore[misc]
        finally:
            joined.close()

    asyncio.run(go())


def test_three_overlapping_waves_each_wait_for_a_write_that_began_after_them(tmp_path: Path) -> None:
    async def body(joined: Joined, ring: _GatedRing) -> None:
        gate = ring.gate = threading.Semaphore(0)
        first = [_Wait(joined, ring) for _ in range(3)]
        await _until(lambda: ring.began == 1)
        second = [_Wait(joined, ring) for _ in range(3)]
        await asyncio.sleep(0)
        gate.release()
        await asyncio.wait_for(asyncio.gather(*(wait.task for wait in first)), PATIENCE_S)
        assert not any(wait.task.done() for wait in second)
        await _until(lambda: ring.began == 2)
        third = [_Wait(joined, ring) for _ in range(3)]
        await asyncio.sleep(0)
        gate.release()
        await asyncio.wait_for(asyncio.gather(*(wait.task for wait in second)), PATIENCE_S)
        assert not any(wait.task.done() for wait in third)
        gate.release()
        await asyncio.wait_for(asyncio.gather(*(wait.task for wait in third)), PATIENCE_S)
        assert (ring.began, ring.ended) == (3, 3)  # one write a wave, however many wait

    _with_gate(tmp_path, body)


@pytest.mark.parametrize("seed", range(5))
def test_however_they_come_nobody_is_told_too_early_and_writes_are_shared(tmp_path: Path, seed: int) -> None:
    draw = Random(seed)

    async def body(joined: Joined, ring: _GatedRing) -> None:
        waits = []
        for _ in range(300):
            waits += [_Wait(joined, ring) for _ in range(draw.choice((0, 1, 3)))]
            for _ in range(draw.choice((0, 1, 2, 5))):
                await asyncio.sleep(0)
        await asyncio.wait_for(asyncio.gather(*(wait.task for wait in waits)), PATIENCE_S)
        assert ring.began <= len(waits)

    _with_gate(tmp_path, body)


def test_one_who_gives_up_does_not_take_the_others_along(tmp_path: Path) -> None:
    async def body(joined: Joined, ring: _GatedRing) -> None:
        gate = ring.gate = threading.Semaphore(0)
        waits = [_Wait(joined, ring) for _ in range(3)]
        await _until(lambda: ring.began == 1)
        waits[0].task.cancel()
        gate.release()
        await asyncio.wait_for(asyncio.gather(*(wait.task for wait in waits[1:])), PATIENCE_S)

    _with_gate(tmp_path, body)


def test_a_disk_that_fails_is_told_to_those_who_wait_and_tried_again_for_the_next(tmp_path: Path) -> None:
    async def body(joined: Joined, ring: _GatedRing) -> None:
        ring.fails = True
        with pytest.raises(TransientError, match="Input/output error"):
            await joined.intake.settled()
        ring.fails = False
        await asyncio.wait_for(joined.intake.settled(), PATIENCE_S)

    _with_gate(tmp_path, body)


def test_critical_faults_have_a_ring_of_their_own(tmp_path: Path) -> None:
    def body(joined: Joined) -> None:
        joined.intake.take(web_fault(severity=fault_pb2.SEVERITY_CRITICAL))
        assert joined.ring.use()[Priority.CRITICAL] == (1, 8)

    _joined(tmp_path, body)
