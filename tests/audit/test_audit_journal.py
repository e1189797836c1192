"""The file: what was given is there, whole, in its order, whatever the disk and others do to it."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from error_daemon.audit.chain import DELETED, REPAIRED
from error_daemon.audit.entry import NOTHING_YET, chained
from error_daemon.audit.files import archives
from error_daemon.audit.journal import Journal, Keep, Touched
from error_daemon.audit.verifying import verify_all, verify_some
from error_daemon.model.audit import Act, Head
from tests.audit.chains import act

KEEP = Keep(rotate_bytes=1 << 20, files=1000, for_s=0.0)


class Chain:
    """A journal, and where its chain has come to."""

    def __init__(self, path: Path, keep: Keep = KEEP) -> None:
        self.journal = Journal(path, keep)
        self.head, torn = self.journal.open()
        if torn is not None:
            self.write(Act(0.0, "error_daemon", REPAIRED, path.name, detail=torn))

    def write(self, *acts: Act) -> None:
        lines = b""
        for each in acts:
            entry, line = chained(each, self.head)
            self.head = entry.head
            lines += line
        self.journal.write(lines, self.head.sequence)


def whole(path: Path, *heads: Head) -> int:
    """How many entries there are; they are a chain."""
    checked, _ = verify_all(path, heads)
    assert checked.broken is None, checked.broken
    return checked.entries


def test_a_file_is_begun_for_its_owner_alone_and_gone_on_with(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    first = Chain(path)
    assert (first.head, path.stat().st_mode & 0o777) == (NOTHING_YET, 0o600)
    first.write(act(1), act(2))
    first.journal.close()
    second = Chain(path)
    assert second.head == first.head
    second.write(act(3))
    assert whole(path, first.head, second.head) == 3
    assert second.journal.first() == 1
    assert [entry.sequence for entry in second.journal.entries_from(2)] == [2, 3]


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_wherever_a_write_was_torn_the_chain_goes_on_and_accounts_for_it(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("torn") / "audit.log"
    chain = Chain(path)
    chain.write(act(1), act(2, why="x" * data.draw(st.integers(0, 400))))
    chain.journal.close()
    content = path.read_bytes()
    cut = data.draw(st.integers(0, len(content)))
    zeros = b"\0" * data.draw(st.sampled_from([0, 1, 70_000]))
    path.write_bytes(content[:cut] + zeros)
    for _ in range(data.draw(st.integers(1, 3))):  # and once more, before anything was written
        Journal(path, KEEP).open()
    after = Chain(path)
    after.write(act(3))
    after.journal.close()
    checked, _ = verify_all(path, [after.head])
    assert checked.broken is None, checked.broken
    assert path.read_bytes().startswith(content[:cut]), "nothing is ever taken out"


def test_files_are_put_aside_and_the_chain_goes_on_over_them(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    chain = Chain(path, Keep(2000, 1000, 0.0))
    for number in range(30):
        chain.write(act(number))
    names = [archive.name for archive in archives(path)]
    assert len(names) > 3
    assert whole(path, chain.head) == 30
    assert [entry.sequence for entry in chain.journal.entries_from(17)] == list(range(17, 31))
    chain.journal.close()
    path.unlink(missing_ok=True)
    again = Chain(path, KEEP)
    assert again.head.sequence == int(names[-1].rpartition(".")[2]), "that of the newest file there is"
    archives(path)[1].unlink()
    broken = verify_all(path, [])[0].broken
    assert broken is not None
    assert (broken.what, broken.file) == ("missing", names[2])


def test_what_is_old_is_told_of_and_deleted_when_the_chain_says_so(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    chain = Chain(path, Keep(1000, 2, 0.0))
    for number in range(20):
        chain.write(act(number))
    old = [chain.journal.facts(each) for each in chain.journal.old(0.0)]
    assert len(old) == len(archives(path)) - 2
    for archive in old:
        told = {"last_sequence": archive.last.sequence, "last_hash": archive.last.hash}
        chain.write(Act(0.0, "error_daemon", DELETED, archive.path.name, detail=told))
        chain.journal.delete(archive)
    checked, _ = verify_all(path, [chain.head])
    assert (checked.broken, checked.first) == (None, old[-1].last.sequence + 1)
    archives(path)[0].unlink()
    broken = verify_all(path, [])[0].broken
    assert broken is not None
    assert broken.what == "missing"


def test_a_file_may_be_kept_for_so_long(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    chain = Chain(path, Keep(500, 1000, 3600.0))
    chain.write(act(1), act(2))
    [archive] = archives(path)
    changed_at = archive.stat().st_mtime
    assert chain.journal.old(changed_at + 3599.0) == []
    assert chain.journal.old(changed_at + 3601.0) == [archive]


def test_a_full_disk_loses_nothing_and_tears_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some bytes fit, then none."""
    path = tmp_path / "audit.log"
    chain = Chain(path)
    chain.write(act(1))
    write = os.write
    room = [100]

    def full(descriptor: int, data: bytes) -> int:
        if not room[0]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written = write(descriptor, bytes(data)[: room[0]])
        room[0] -= written
        return written

    with monkeypatch.context() as narrow:
        narrow.setattr("os.write", full)
        for number in (2, 3):
            with pytest.raises(OSError, match="No space left"):
                chain.write(act(number))
    chain.write(act(4))
    assert whole(path, chain.head) == 4


@pytest.mark.parametrize("do", [Path.unlink, lambda path: path.write_bytes(path.read_bytes()[:-40])])
def test_what_others_do_to_the_file_is_noticed_with_the_next_act(tmp_path: Path, do: Callable[[Path], object]) -> None:
    path = tmp_path / "audit.log"
    chain = Chain(path)
    chain.write(act(1), act(2))
    do(path)
    with pytest.raises(Touched, match=r"audit\.log"):
        chain.write(act(3))
    chain.write(act(4))
    broken = verify_all(path, [chain.head])[0].broken
    assert broken is not None
    assert (broken.what, broken.sequence) in (("missing", 3), ("unreadable", 2))


def test_a_file_that_cannot_be_put_aside_grows_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "audit.log"
    chain = Chain(path, Keep(500, 1000, 0.0))

    def immutable(*_: object) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    with monkeypatch.context() as stuck:
        stuck.setattr("os.rename", immutable)
        chain.write(act(1), act(2))
        assert "cannot be put aside" in chain.journal.problem
    chain.write(act(3))
    assert (chain.journal.problem, len(archives(path)), whole(path, chain.head)) == ("", 1, 3)


def test_copies_are_verified_in_whatever_order_they_are_named(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    chain = Chain(path, Keep(700, 1000, 0.0))
    for number in range(9):
        chain.write(act(number))
    named = [path, *archives(path)]
    checked, files = verify_some([named[3], named[1], path], [])
    assert checked.broken is not None
    assert (checked.broken.what, checked.broken.file) == ("missing", str(named[3]))
    checked, files = verify_some([*named[2:], path], [chain.head])
    assert (checked.broken, len(files)) == (None, len(named) - 1)
    assert checked.first > 1
    assert verify_some([tmp_path], [chain.head])[0].entries == 9


def _no_room(*_: object) -> int:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_file_that_cannot_be_begun_when_one_was_put_aside_is_begun_when_it_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "audit.log"
    chain = Chain(path, Keep(500, 1000, 0.0))
    with monkeypatch.context() as full:
        full.setattr("os.open", _no_room)
        for number in (1, 2, 3):
            with pytest.raises(OSError, match="No space left"):
                chain.write(act(number), act(number))
    chain.write(act(4))
    assert len(archives(path)) > 0
    assert whole(path, chain.head) == 7


def test_a_start_that_fails_again_and_again_leaves_no_descriptor_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "audit.log"
    path.write_bytes(b'{"sequ')
    journal = Journal(path, KEEP)
    open_before = len(os.listdir("/proc/self/fd"))
    with monkeypatch.context() as full:
        full.setattr("os.write", _no_room)
        for _ in range(5):
            with pytest.raises(OSError, match="No space left"):
                journal.open()
    assert len(os.listdir("/proc/self/fd")) <= open_before + 1
    _, torn = journal.open()
    assert torn is not None
    journal.close()


def test_what_others_do_to_the_file_is_told_also_when_the_disk_is_full_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "audit.log"
    chain = Chain(path)
    chain.write(act(1), act(2))
    path.write_bytes(path.read_bytes()[:-40])
    with monkeypatch.context() as full:
        full.setattr("os.write", _no_room)
        with pytest.raises(OSError, match="No space left"):
            chain.write(act(3))
    with pytest.raises(Touched, match=r"audit\.log"):
        chain.write(act(4))
    chain.write(act(5))


def test_entries_are_read_without_a_gap_while_files_are_put_aside(tmp_path: Path) -> None:
    chain = Chain(tmp_path / "audit.log", Keep(1500, 1000, 0.0))
    chain.write(act(0))
    reading = chain.journal.entries_from(1)
    for number in range(1, 8):
        chain.write(act(number))
    found = [next(reading).sequence]
    for number in range(8, 20):
        chain.write(act(number))
    found += [entry.sequence for entry in reading]
    assert found == list(range(1, 21))
