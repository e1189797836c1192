from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from error_recovery.lane import HEADROOM_RECORDS, Lane
from error_recovery.segment import Segment
from error_recovery.spool import Spool
from error_recovery.spool_home import SpoolHome

_LANE = frozenset(("normal",))
_MANY = 1_000_000


def _records(count: int, first: int = 0) -> list[bytes]:
    return [b"record-%06d" % number for number in range(first, first + count)]


@contextlib.contextmanager
def _fresh_folder() -> Iterator[Path]:
    """A folder for one example of a property."""
    with tempfile.TemporaryDirectory(prefix="spool-example-") as folder:
        yield Path(folder)


def _drained(spool: Spool) -> list[bytes]:
    found: list[bytes] = []
    while batch := spool.first(100, _MANY):
        found += batch
        spool.sent(batch, [])
    return found


def test_a_segment_gives_back_what_was_appended_and_remembers_what_was_delivered(tmp_path: Path) -> None:
    segment = Segment.create(tmp_path / "s")
    segment.append(_records(3))
    assert segment.first(2, _MANY) == _records(2)
    segment.advance(_records(2))
    segment.close()
    again = Segment.open(tmp_path / "s")
    assert again.records == 1
    assert again.first(9, _MANY) == _records(1, first=2)
    assert not again.torn
    again.remove()


def test_a_batch_is_bounded_in_bytes_but_never_empty(tmp_path: Path) -> None:
    segment = Segment.create(tmp_path / "s")
    segment.append([b"x" * 1000] * 5)
    assert len(segment.first(9, 2100)) == 2
    assert len(segment.first(9, 10)) == 1
    segment.remove()


@settings(deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=40), min_size=1, max_size=8), st.data())
def test_a_torn_tail_costs_only_what_was_torn(payloads: list[bytes], data: st.DataObject) -> None:
    with _fresh_folder() as folder:
        path = folder / "s"
        segment = Segment.create(path)
        ends = []
        for payload in payloads:
            segment.append([payload])
            ends.append(segment.size_bytes)
        segment.close()
        cut = data.draw(st.integers(0, ends[-1]))
        os.truncate(path, cut)
        whole = sum(end <= cut for end in ends)
        torn = Segment.open(path)
        assert torn.records == whole
        assert torn.first(99, _MANY) == payloads[:whole]
        assert torn.torn == (cut > 8 and cut not in ends)
        torn.append([b"new"])
        assert torn.first(99, _MANY) == [*payloads[:whole], b"new"]
        torn.remove()


@settings(deadline=None)
@given(st.integers(0, 200), st.integers(1, 255))
def test_a_flipped_byte_never_gives_a_false_record(position: int, mask: int) -> None:
    with _fresh_folder() as folder:
        path = folder / "s"
        segment = Segment.create(path)
        segment.append(_records(9))
        segment.close()
        content = bytearray(path.read_bytes())
        content[position % len(content)] ^= mask
        path.write_bytes(content)
        damaged = Segment.open(path)
        found = damaged.first(99, _MANY)
        assert all(record in _records(9) for record in found)
        assert len(found) == damaged.records
        damaged.remove()


def test_a_spool_is_first_in_first_out_across_segments(tmp_path: Path) -> None:
    spool = Spool("normal", SpoolHome(tmp_path), 4096)
    for record in _records(100):
        spool.append([record])
    assert len(spool) == 100
    assert _drained(spool) == _records(100)
    assert list(tmp_path.glob("*/*.seg")) == []


def test_a_full_spool_drops_the_oldest_and_counts_them(tmp_path: Path) -> None:
    spool = Spool("normal", SpoolHome(tmp_path), 4096)
    for record in _records(1000):
        spool.append([record])
    kept = len(spool)
    assert 0 < kept < 1000
    assert kept + spool.dropped == 1000
    assert sum(path.stat().st_size for path in tmp_path.glob("*/*.seg")) <= 4096
    assert _drained(spool) == _records(kept, first=1000 - kept)


def test_what_is_on_its_way_is_spared_by_the_bound(tmp_path: Path) -> None:
    spool = Spool("normal", SpoolHome(tmp_path), 4096)
    spool.append(_records(20))
    batch = spool.first(10, _MANY)
    for record in _records(1000, first=20):
        spool.append([record])
    spool.sent(batch, [])
    assert spool.first(10, _MANY) == _records(10, first=10)
    spool.close()


def test_records_wanted_again_stay_before_all_others(tmp_path: Path) -> None:
    spool = Spool("normal", SpoolHome(tmp_path), 4096)
    spool.append(_records(6))
    batch = spool.first(4, _MANY)
    spool.sent(batch, [batch[1], batch[3]])
    assert _drained(spool) == [b"record-%06d" % number for number in (1, 3, 4, 5)]


def test_the_home_of_a_living_owner_is_left_alone_and_that_of_a_dead_one_adopted_in_order(tmp_path: Path) -> None:
    owner = SpoolHome(tmp_path)
    spool = Spool("normal", owner, 4096)
    for record in _records(100):
        spool.append([record])
    heir = SpoolHome(tmp_path)
    assert list(heir.adopt(_LANE)) == []
    spool.close()
    owner.abandon()  # what the kernel does when a process dies
    adopted = Spool("normal", heir, 1 << 20)
    adopted.append(_records(1, first=100))
    for _, path in heir.adopt(_LANE):
        adopted.adopt(path)
    assert adopted.own == 1
    assert _drained(adopted) == _records(101)
    heir.close()
    assert list(tmp_path.iterdir()) == []


def test_segments_that_are_adopted_twice_keep_their_order(tmp_path: Path) -> None:
    first = SpoolHome(tmp_path)
    spool = Spool("normal", first, 4096)
    for record in _records(100):
        spool.append([record])
    spool.close()
    first.abandon()
    second = SpoolHome(tmp_path)
    assert len(list(second.adopt(_LANE))) > 1
    second.abandon()
    third = SpoolHome(tmp_path)
    adopted = Spool("normal", third, 1 << 20)
    for _, path in third.adopt(_LANE):
        adopted.adopt(path)
    assert _drained(adopted) == _records(100)
    third.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to another user")
def test_a_directory_of_another_user_is_refused(tmp_path: Path) -> None:
    os.chown(tmp_path, 12345, 12345)
    with pytest.raises(PermissionError, match="belongs to another user"):
        Spool("normal", SpoolHome(tmp_path), 4096).append([b"x"])


def test_the_spool_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    spool = Spool("normal", SpoolHome(tmp_path / "deep" / "spool"), 4096)
    spool.append([b"secret"])
    for path in (tmp_path / "deep" / "spool", *(tmp_path / "deep" / "spool").rglob("*")):
        assert path.stat().st_mode & 0o077 == 0
    spool.close()


def test_without_a_disk_faults_stay_in_memory_up_to_the_bound(tmp_path: Path) -> None:
    (tmp_path / "spool").write_text("a file where the directory should be")
    lane = Lane("normal", Spool("normal", SpoolHome(tmp_path / "spool"), 4096), queue_records=10)
    for record in _records(HEADROOM_RECORDS + 30):
        lane.put(record)
    lane.spill()
    stats = lane.stats()
    assert (stats.reported, stats.waiting, stats.spooled, stats.dropped) == (
        HEADROOM_RECORDS + 30,
        HEADROOM_RECORDS + 10,
        0,
        20,
    )
    assert lane.take(10) == _records(10)


_operation = st.one_of(
    st.tuples(st.just("put"), st.integers(1, 12)),
    st.tuples(st.just("send"), st.sets(st.integers(0, 255), max_size=5)),
    st.tuples(st.just("send while others are put"), st.integers(1, 12)),
    st.tuples(st.just("fail while others are put"), st.integers(0, 12)),
    st.tuples(st.just("spill"), st.just(0)),
)


class _LaneBesideAList:
    """Does the same to a lane and to a plain list, which says what must come out."""

    def __init__(self, folder: Path) -> None:
        self.lane = Lane("normal", Spool("normal", SpoolHome(folder), 1 << 20), queue_records=4)
        self.expected: list[bytes] = []
        self.put_count = 0
        self.delivered = 0

    def put(self, count: int) -> None:
        for record in _records(count, first=self.put_count):
            self.lane.put(record)
            self.expected.append(record)
        self.put_count += count

    def send(self, kept: set[int], more: int, *, fails: bool) -> None:
        batch = self.lane.take()
        assert batch == self.expected[: len(batch)]
        assert batch or not self.expected
        self.put(more)
        kept = {position for position in kept if position < len(batch)}
        if fails:
            self.lane.give_back()
        else:
            self.lane.settle(kept, refused=0)
            self.expected[: len(batch)] = [batch[position] for position in sorted(kept)]
            self.delivered += len(batch) - len(kept)

    def do(self, name: str, argument: object) -> None:
        if name == "put":
            assert isinstance(argument, int)
            self.put(argument)
        elif name == "spill":
            self.lane.spill()
        elif isinstance(argument, set):
            self.send(argument, 0, fails=False)
        else:
            assert isinstance(argument, int)
            self.send(set(), argument, fails=name.startswith("fail"))


@given(st.lists(_operation, max_size=25))
@settings(deadline=None)
def test_a_lane_keeps_the_order_and_loses_nothing_whatever_happens(operations: list[tuple[str, object]]) -> None:
    with _fresh_folder() as folder:
        both = _LaneBesideAList(folder)
        for name, argument in operations:
            both.do(name, argument)
            stats = both.lane.stats()
            assert stats.reported == both.put_count
            assert stats.delivered == both.delivered
            assert stats.waiting + stats.spooled == len(both.expected)
            assert stats.dropped == 0
        mark = both.lane.mark()
        assert both.lane.has_settled(mark) == (not both.expected)
        while both.expected:
            both.send(set(), 0, fails=False)
        assert both.lane.has_settled(mark)
        both.lane.hand_over()
