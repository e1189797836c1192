"""What every ring keeps: the mapped file and the fake pass one suite, by hand and by random walks with closing and opening."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, rule

from error_daemon.errors import InputError, InvariantError, RingFull
from error_daemon.model import Priority, Progress, SlotRef, SlotState
from error_daemon.ports import Ring
from error_daemon.ring.mapped import Geometry
from error_daemon.ring.opening import open_ring
from tests.fakes.memory_ring import MemoryRing

SLOT_BYTES, PAYLOAD_BYTES = 128, 64
SLOTS = {Priority.CRITICAL: 2, Priority.HIGH: 1, Priority.NORMAL: 3, Priority.LOW: 2}
PRINT = bytes(range(16))


@pytest.fixture(params=["mapped", "memory"])
def ring(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ring]:
    if request.param == "memory":
        yield MemoryRing(PAYLOAD_BYTES, SLOTS)
        return
    mapped = open_ring(tmp_path / "faults.ring", Geometry(SLOT_BYTES, SLOTS))
    yield mapped
    mapped.close()


def _put(ring: Ring, payload: bytes = b"fault", priority: Priority = Priority.NORMAL, count: int = 1) -> SlotRef:
    return ring.put(priority, PRINT, payload, count, 1_700_000_000.25)


def test_what_was_put_is_read_as_it_was(ring: Ring) -> None:
    payloads = [b"", b"\x00\xff" * 32, b"short"]
    slots = [_put(ring, payload) for payload in payloads]
    assert [ring.read(slot) for slot in slots] == payloads


def test_each_use_of_a_slot_has_a_higher_sequence(ring: Ring) -> None:
    first = _put(ring)
    ring.release(first)
    second = _put(ring)
    assert second.sequence > first.sequence


def test_adding_gives_the_new_count(ring: Ring) -> None:
    slot = _put(ring, count=3)
    assert ring.add(slot, 4) == 7
    assert ring.add(slot, 1) == 8


def test_a_full_priority_refuses_and_the_others_go_on(ring: Ring) -> None:
    kept = [_put(ring, bytes([n])) for n in range(3)]
    with pytest.raises(RingFull, match="normal") as refused:
        _put(ring)
    assert refused.value.retry_after_s > 0
    assert [ring.read(slot) for slot in kept] == [b"\x00", b"\x01", b"\x02"]
    for priority in (Priority.CRITICAL, Priority.HIGH, Priority.LOW):
        assert _put(ring, priority=priority).priority is priority


def test_a_released_slot_makes_room_for_one(ring: Ring) -> None:
    slots = [_put(ring) for _ in range(3)]
    ring.release(slots[1])
    _put(ring)
    with pytest.raises(RingFull):
        _put(ring)


def test_a_payload_larger_than_a_slot_is_refused_and_takes_no_slot(ring: Ring) -> None:
    with pytest.raises(InputError, match="65 bytes"):
        _put(ring, b"x" * (PAYLOAD_BYTES + 1))
    assert ring.use()[Priority.NORMAL] == (0, 3)
    assert ring.read(_put(ring, b"x" * PAYLOAD_BYTES)) == b"x" * PAYLOAD_BYTES


def test_use_counts_slots_by_priority(ring: Ring) -> None:
    _put(ring, priority=Priority.LOW)
    slot = _put(ring)
    _put(ring)
    ring.release(slot)
    assert ring.use() == {
        Priority.CRITICAL: (0, 2),
        Priority.HIGH: (0, 1),
        Priority.NORMAL: (1, 3),
        Priority.LOW: (1, 2),
    }


@pytest.mark.parametrize(
    "act",
    [
        lambda ring, slot: ring.add(slot, 1),
        lambda ring, slot: ring.mark(slot, Progress()),
        lambda ring, slot: ring.release(slot),
        lambda ring, slot: ring.read(slot),
    ],
    ids=["add", "mark", "release", "read"],
)
def test_a_slot_that_was_released_is_known_no_more(ring: Ring, act: Callable[[Ring, SlotRef], object]) -> None:
    stale = _put(ring, b"old")
    ring.release(stale)
    with pytest.raises(InvariantError):
        act(ring, stale)
    fresh = _put(ring, b"new")  # the same place, used again
    with pytest.raises(InvariantError):
        act(ring, stale)
    assert ring.read(fresh) == b"new"


class RingWalk(RuleBasedStateMachine):
    """The mapped ring does what the fake does, whenever it is closed and opened again."""

    slots = Bundle("slots")

    def __init__(self) -> None:
        super().__init__()
        self._directory = tempfile.TemporaryDirectory()
        self._path = Path(self._directory.name) / "faults.ring"
        self._real = open_ring(self._path, Geometry(SLOT_BYTES, SLOTS))
        self._fake = MemoryRing(PAYLOAD_BYTES, SLOTS)
        self._real_of: dict[SlotRef, SlotRef] = {}  # places may differ, and do not matter

    @rule(
        target=slots,
        priority=st.sampled_from(Priority),
        payload=st.binary(max_size=PAYLOAD_BYTES + 1),
        fingerprint=st.binary(min_size=16, max_size=16),
        count=st.integers(0, 10**9),
    )
    def put(self, priority: Priority, payload: bytes, fingerprint: bytes, count: int) -> object:
        try:
            slot = self._fake.put(priority, fingerprint, payload, count, 1e9)
        except (RingFull, InputError) as expected:
            with pytest.raises(type(expected)):
                self._real.put(priority, fingerprint, payload, count, 1e9)
            return multiple()
        self._real_of[slot] = self._real.put(priority, fingerprint, payload, count, 1e9)
        return slot

    @rule(slot=slots, count=st.integers(1, 10**9))
    def add(self, slot: SlotRef, count: int) -> None:
        assert self._real.add(self._real_of[slot], count) == self._fake.add(slot, count)

    @rule(
        slot=slots,
        progress=st.builds(
            Progress, st.sampled_from(SlotState), st.integers(0, 5), st.integers(0, 255), st.integers(0, 255)
        ),
    )
    def mark(self, slot: SlotRef, progress: Progress) -> None:
        self._real.mark(self._real_of[slot], progress)
        self._fake.mark(slot, progress)

    @rule(slot=consumes(slots))
    def release(self, slot: SlotRef) -> None:
        self._real.release(self._real_of.pop(slot))
        self._fake.release(slot)

    @rule()
    def close_and_open(self) -> None:
        self._real.close()
        self._real = open_ring(self._path, Geometry(SLOT_BYTES, SLOTS))
        found, expected = self._real.kept(), self._fake.kept()
        for real, fake in zip(found, expected, strict=True):
            assert real.slot == self._real_of[fake.slot]
            assert (real.fingerprint, real.count, real.progress) == (fake.fingerprint, fake.count, fake.progress)
            assert (real.payload, real.received_at) == (fake.payload, fake.received_at)

    @invariant()
    def the_same_is_in_use(self) -> None:
        assert self._real.use() == self._fake.use()
        assert self._real.torn == 0

    def teardown(self) -> None:
        self._real.close()
        self._directory.cleanup()


RingWalk.TestCase.settings = settings(max_examples=25, stateful_step_count=30, deadline=None)
TestRingWalk = RingWalk.TestCase
