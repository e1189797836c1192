"""The ring's file: read back, torn, copied, cut off, opened twice, of another geometry, on a full disk, killed and killed again."""

from __future__ import annotations

import os
import random
import struct
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from error_daemon.errors import ConfigError
from error_daemon.model import Priority, Progress, SlotRef, SlotState
from error_daemon.ports import KeptFault
from error_daemon.ring.mapped import Geometry, MappedRing
from error_daemon.ring.opening import open_ring

SLOTS = {Priority.CRITICAL: 2, Priority.HIGH: 1, Priority.NORMAL: 3, Priority.LOW: 2}
SMALL = Geometry(128, SLOTS)
HEADER_BYTES, SLOT_HEADER_BYTES = 4096, 64


def _put(ring: MappedRing, payload: bytes, priority: Priority = Priority.NORMAL) -> SlotRef:
    return ring.put(priority, payload.ljust(16, b".")[:16], payload, 1, 1_700_000_000.5)


def _reopened(path: Path, geometry: Geometry = SMALL) -> tuple[list[KeptFault], int]:
    """What is kept, and how many slots were torn."""
    ring = open_ring(path, geometry)
    try:
        return ring.kept(), ring.torn
    finally:
        ring.close()


def _refused(path: Path, geometry: Geometry = SMALL) -> str:
    with pytest.raises(ConfigError) as refused:
        open_ring(path, geometry)
    [problem] = refused.value.problems
    assert problem.mend
    return str(problem)


def test_opening_again_gives_kept_faults_in_their_order_with_count_and_progress(tmp_path: Path) -> None:
    ring = open_ring(tmp_path / "faults.ring", SMALL)
    low, gone, high = (
        _put(ring, b"first", Priority.LOW),
        _put(ring, b"gone"),
        _put(ring, b"third", Priority.HIGH),
    )
    last = _put(ring, b"fourth")
    ring.add(low, 41)
    ring.mark(high, Progress(SlotState.RUNNING, 3, 9, 2))
    ring.release(gone)
    ring.close()
    kept, torn = _reopened(tmp_path / "faults.ring")
    assert torn == 0
    assert [(k.slot, k.payload, k.count, k.progress, k.received_at) for k in kept] == [
        (low, b"first", 42, Progress(), 1_700_000_000.5),
        (high, b"third", 1, Progress(SlotState.RUNNING, 3, 9, 2), 1_700_000_000.5),
        (last, b"fourth", 1, Progress(), 1_700_000_000.5),
    ]


def test_a_sequence_is_never_given_again_even_when_all_was_released(tmp_path: Path) -> None:
    path = tmp_path / "faults.ring"
    ring = open_ring(path, SMALL)
    first = _put(ring, b"one")
    ring.release(first)
    ring.close()
    ring = open_ring(path, SMALL)
    assert _put(ring, b"two").sequence > first.sequence
    ring.close()


def test_what_is_kept_is_given_once(tmp_path: Path) -> None:
    ring = open_ring(tmp_path / "faults.ring", SMALL)
    _put(ring, b"one")
    ring.close()
    ring = open_ring(tmp_path / "faults.ring", SMALL)
    assert len(ring.kept()) == 1
    assert ring.kept() == []
    ring.close()


def test_counts_beyond_what_the_record_can_hold_stay_there(tmp_path: Path) -> None:
    ring = open_ring(tmp_path / "faults.ring", SMALL)
    slot = _put(ring, b"one")
    most = (1 << 63) - 1
    assert ring.add(slot, most - 1) == most
    assert ring.add(slot, 5) == most
    ring.close()


def test_numbers_of_progress_beyond_a_byte_do_not_touch_each_other(tmp_path: Path) -> None:
    ring = open_ring(tmp_path / "faults.ring", SMALL)
    ring.mark(_put(ring, b"one"), Progress(SlotState.RUNNING, 5, 300, 1000))
    ring.close()
    [kept], _ = _reopened(tmp_path / "faults.ring")
    assert kept.progress == Progress(SlotState.RUNNING, 5, 255, 255)


@settings(max_examples=80, deadline=None)
@given(data=st.data(), payload=st.binary(max_size=64))
def test_a_slot_with_one_byte_flipped_is_counted_and_skipped_never_trusted(data: st.DataObject, payload: bytes) -> None:
    sealed = [*range(0, 48), *range(SLOT_HEADER_BYTES, SLOT_HEADER_BYTES + len(payload))]
    at, flip = data.draw(st.sampled_from(sealed)), data.draw(st.integers(1, 255))
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "faults.ring"
        ring = open_ring(path, SMALL)
        slots = [_put(ring, b"before"), _put(ring, payload), _put(ring, b"after")]
        ring.close()
        normal = HEADER_BYTES + 128 * (SLOTS[Priority.CRITICAL] + SLOTS[Priority.HIGH])
        with path.open("r+b") as file:
            file.seek(normal + 128 * slots[1].index + at)
            byte = file.read(1)[0]
            file.seek(-1, os.SEEK_CUR)
            file.write(bytes([byte ^ flip]))
        ring = open_ring(path, SMALL)
        kept = ring.kept()
        is_free_now = at < 8 and (slots[1].sequence ^ (flip << 8 * at)) == 0  # the flip has made it an unused slot
        assert [k.payload for k in kept] == [b"before", b"after"]
        assert ring.torn == (0 if is_free_now else 1)
        assert ring.use()[Priority.NORMAL] == (2, 3)
        assert ring.read(_put(ring, b"again")) == b"again"
        ring.close()
        assert _reopened(path)[1] == 0


@pytest.mark.parametrize("progress", [0, 4, 255, 1 | 6 << 8, 2 | 200 << 8])
def test_a_slot_whose_progress_makes_no_sense_is_torn(tmp_path: Path, progress: int) -> None:
    path = tmp_path / "faults.ring"
    ring = open_ring(path, SMALL)
    _put(ring, b"one", Priority.CRITICAL)
    ring.close()
    with path.open("r+b") as file:
        file.seek(HEADER_BYTES + 6 * 8)
        file.write(struct.pack("<Q", progress))
    assert _reopened(path) == ([], 1)


def test_a_second_daemon_is_told_who_has_the_ring(tmp_path: Path) -> None:
    ring = open_ring(tmp_path / "faults.ring", SMALL)
    assert "another error_daemon has this ring open" in _refused(tmp_path / "faults.ring")
    ring.close()
    assert _reopened(tmp_path / "faults.ring") == ([], 0)


def test_a_second_daemon_is_told_so_in_the_middle_of_a_change_of_geometry_too(tmp_path: Path) -> None:
    path = tmp_path / "faults.ring"
    open_ring(path, SMALL).close()
    ring = open_ring(path, Geometry(256, SLOTS))
    assert "another error_daemon" in _refused(path, Geometry(256, SLOTS))
    assert "another error_daemon" in _refused(path)
    ring.close()


def test_another_geometry_takes_everything_over(tmp_path: Path) -> None:
    path = tmp_path / "faults.ring"
    ring = open_ring(path, SMALL)
    slots = [_put(ring, b"low", Priority.LOW), _put(ring, b"normal"), _put(ring, b"critical", Priority.CRITICAL)]
    gone = _put(ring, b"gone")
    ring.release(gone)
    ring.add(slots[0], 6)
    ring.mark(slots[1], Progress(SlotState.ENDED, 2, 1, 1))
    ring.close()
    wide = Geometry(512, {Priority.CRITICAL: 1, Priority.HIGH: 1, Priority.NORMAL: 1, Priority.LOW: 1})
    ring = open_ring(path, wide)
    kept = ring.kept()
    assert [(k.payload, k.count, k.progress.state) for k in kept] == [
        (b"low", 7, SlotState.OPEN),
        (b"normal", 1, SlotState.ENDED),
        (b"critical", 1, SlotState.OPEN),
    ]
    assert [k.slot.sequence for k in kept] == [slot.sequence for slot in slots]  # by which the record knows them
    ring.release(kept[1].slot)
    assert _put(ring, b"next").sequence > gone.sequence
    ring.close()
    assert [k.payload for k in _reopened(path, wide)[0]] == [b"low", b"critical", b"next"]
    assert [file.name for file in tmp_path.iterdir()] == ["faults.ring"]


@pytest.mark.parametrize(
    ("geometry", "why"),
    [
        (Geometry(128, {**SLOTS, Priority.NORMAL: 1}), "the ring for normal faults is full"),
        (Geometry(72, SLOTS), "a slot of the ring holds 8"),
    ],
)
def test_a_geometry_that_is_too_small_is_refused_and_nothing_is_changed(
    tmp_path: Path, geometry: Geometry, why: str
) -> None:
    path = tmp_path / "faults.ring"
    ring = open_ring(path, SMALL)
    for number in range(2):
        _put(ring, b"a longer fault %d" % number)
    ring.close()
    before = path.read_bytes()
    assert why in _refused(path, geometry)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["faults.ring"]
    assert len(_reopened(path)[0]) == 2


def test_what_a_change_of_geometry_left_half_done_is_swept_away(tmp_path: Path) -> None:
    path = tmp_path / "faults.ring"
    ring = open_ring(path, SMALL)
    _put(ring, b"one")
    ring.close()
    (tmp_path / "faults.new").write_bytes(b"half")
    assert [k.payload for k in _reopened(path, Geometry(256, SLOTS))[0]] == [b"one"]


@pytest.mark.parametrize("content", [b"x", b"something else entirely" * 400, SMALL.packed()[:20]])
def test_a_file_that_is_no_ring_is_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "faults.ring"
    path.write_bytes(content)
    assert "is not a ring of this program" in _refused(path)
    assert path.read_bytes() == content


@settings(max_examples=40, deadline=None)
@given(at=st.integers(0, 47), flip=st.integers(1, 255))
def test_a_damaged_header_never_brings_the_start_down_in_another_way(at: int, flip: int) -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "faults.ring"
        open_ring(path, SMALL).close()
        content = bytearray(path.read_bytes())
        content[at] ^= flip
        path.write_bytes(content)
        with suppress(ConfigError):
            open_ring(path, SMALL).close()


def test_a_ring_that_was_cut_off_is_refused_not_mapped(tmp_path: Path) -> None:
    path = tmp_path / "faults.ring"
    open_ring(path, SMALL).close()
    os.truncate(path, SMALL.file_bytes - 1)
    assert "has been cut off" in _refused(path)


def test_a_start_that_was_killed_before_the_header_was_written_is_no_obstacle(tmp_path: Path) -> None:
    path = tmp_path / "faults.ring"
    path.write_bytes(b"\0" * 5000)
    assert _reopened(path) == ([], 0)


def test_a_copy_with_holes_is_filled_before_it_is_used(tmp_path: Path) -> None:
    path = tmp_path / "faults.ring"
    open_ring(path, Geometry(4096, SLOTS)).close()
    with path.open("r+b") as file:
        file.truncate(HEADER_BYTES)
        file.truncate(Geometry(4096, SLOTS).file_bytes)
    assert path.stat().st_blocks * 512 < Geometry(4096, SLOTS).file_bytes
    open_ring(path, Geometry(4096, SLOTS)).close()
    assert path.stat().st_blocks * 512 >= Geometry(4096, SLOTS).file_bytes


def test_only_its_owner_may_read_the_ring(tmp_path: Path) -> None:
    open_ring(tmp_path / "faults.ring", SMALL).close()
    assert (tmp_path / "faults.ring").stat().st_mode & 0o777 == 0o600


def test_a_directory_that_is_not_there_is_told_with_its_mend(tmp_path: Path) -> None:
    assert "cannot be opened" in _refused(tmp_path / "nowhere" / "faults.ring")


_OPEN_IN_LITTLE_ROOM = """
import resource, sys
from pathlib import Path
from error_daemon.errors import ConfigError
from error_daemon.model import Priority
from error_daemon.ring.mapped import Geometry
from error_daemon.ring.opening import open_ring
resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))
try:
    open_ring(Path(sys.argv[1]), Geometry(int(sys.argv[2]), dict.fromkeys(Priority, 8)))
except ConfigError as error:
    print(error)
    sys.exit(78)
"""


def _open_in_little_room(path: Path, slot_bytes: int) -> str:
    command = [sys.executable, "-c", _OPEN_IN_LITTLE_ROOM, str(path), str(slot_bytes)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 78, done.stderr
    return done.stdout


def test_no_room_for_the_ring_is_told_at_the_start_with_its_mend(tmp_path: Path) -> None:
    told = _open_in_little_room(tmp_path / "faults.ring", 2048)
    assert "needed for the ring" in told
    assert "free some space" in told
    assert (tmp_path / "faults.ring").stat().st_size == 0


def test_no_room_for_a_new_geometry_leaves_the_old_ring_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "faults.ring"
    slots = dict.fromkeys(Priority, 8)
    ring = open_ring(path, Geometry(128, slots))
    _put(ring, b"kept")
    ring.close()
    before = path.read_bytes()
    assert "needed for the ring" in _open_in_little_room(path, 2048)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["faults.ring"]


def test_twenty_kills_lose_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    path = tmp_path / "faults.ring"
    geometry = Geometry(512, {Priority.CRITICAL: 1, Priority.HIGH: 1, Priority.NORMAL: 64, Priority.LOW: 1})
    draw = random.Random(20)
    kept: dict[int, bytes] = {}
    for _ in range(20):
        said = _run_and_kill(path, after_lines=draw.randint(1, 400))
        counts: dict[int, int] = {}
        running, releasing = set(), set()
        for line in said:
            words = line.split()
            sequence = int(words[1])
            if words[0] == "put":
                kept[sequence] = bytes.fromhex(words[2])
            elif words[0] == "count":
                counts[sequence] = int(words[2])
            elif words[0] == "running":
                running.add(sequence)
            else:
                releasing.add(sequence)
        found = {k.slot.sequence: k for k in _reopened(path, geometry)[0]}
        for sequence in kept.keys() - releasing:
            assert found[sequence].payload == kept[sequence]
            assert found[sequence].count >= counts.get(sequence, 1)
            assert sequence not in running or found[sequence].progress == Progress(SlotState.RUNNING, 3, 7, 2)
        assert len(found.keys() - kept.keys()) <= 1  # one may have been put and not yet been told
        kept = {sequence: k.payload for sequence, k in found.items()}


def _run_and_kill(path: Path, after_lines: int) -> list[str]:
    """The lines that the child had written when it was killed, at some moment after so many of them."""
    command = [sys.executable, str(Path(__file__).with_name("putting.py")), str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        lines = [child.stdout.readline() for _ in range(after_lines)]
        child.kill()
        lines += child.stdout.readlines()
    return [line for line in lines if line.endswith("\n")]
