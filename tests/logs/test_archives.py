"""Log files that were put aside: names, compression, and which are deleted."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from error_daemon.logs.archives import Keep, archive_name, archives_of, tidy, too_many, use_of
from error_daemon.logs.tidying import Tidying
from tests.waiting import eventually

NOW = 1_790_000_000.0
ALL = Keep(files=100, age_s=0.0)


def test_names_sort_by_age_also_within_a_second(tmp_path: Path) -> None:
    names: list[str] = []
    for at in (NOW, NOW, NOW, NOW + 1, NOW + 1):
        names.append(archive_name("recovery.log", at, names))
    assert names[:3] == [
        "recovery.log-20260921T141320Z",
        "recovery.log-20260921T141320Z-2",
        "recovery.log-20260921T141320Z-3",
    ]
    assert [archive.name for archive in archives_of("recovery.log", reversed(names))] == names


def test_other_files_are_no_archives() -> None:
    others = [
        "recovery.log",
        "recovery.log-old",
        "recovery.log-20269999T999999Z",
        "x-20260921T141320Z",
        "recovery.log-20260921T141320Z.gz.part",
    ]
    assert archives_of("recovery.log", others) == []


@given(st.lists(st.integers(0, 40), unique=True, max_size=30), st.integers(0, 12), st.integers(0, 40))
def test_the_newest_are_kept_and_none_that_is_too_old(ages: list[int], files: int, oldest: int) -> None:
    names = [archive_name("a.log", NOW - age, []) for age in ages]
    gone = {archive.name for archive in too_many(archives_of("a.log", names), NOW, Keep(files, float(oldest)))}
    kept = [age for age, name in zip(ages, names, strict=True) if name not in gone]
    young = sorted(age for age in ages if not oldest or age <= oldest)
    assert sorted(kept) == young[:files]


def test_archives_are_compressed_and_can_be_read(tmp_path: Path) -> None:
    text = b'{"event":"x"}\n' * 50_000
    (tmp_path / "a.log-20260921T141320Z").write_bytes(text)
    tidy(tmp_path / "a.log", NOW, ALL)
    [name] = os.listdir(tmp_path)
    assert name == "a.log-20260921T141320Z.gz"
    assert gzip.decompress((tmp_path / name).read_bytes()) == text
    assert use_of(tmp_path / "a.log") == (1, (tmp_path / name).stat().st_size)
    assert (tmp_path / name).stat().st_mode & 0o027 == 0


def test_what_a_killed_daemon_left_half_compressed_is_begun_anew(tmp_path: Path) -> None:
    (tmp_path / "a.log-20260921T141320Z").write_bytes(b"whole\n")
    (tmp_path / "a.log-20260921T141320Z.gz.part").write_bytes(b"half")
    (tmp_path / "somebody.gz.part").write_bytes(b"not ours")
    tidy(tmp_path / "a.log", NOW, ALL)
    assert sorted(os.listdir(tmp_path)) == ["a.log-20260921T141320Z.gz", "somebody.gz.part"]


def test_what_cannot_be_compressed_is_kept_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "a.log-20260921T141320Z").write_bytes(b"whole\n")
    (tmp_path / "a.log-20260921T141320Z.gz").mkdir()
    with pytest.raises(OSError, match="directory"):
        tidy(tmp_path / "a.log", NOW, ALL)
    assert (tmp_path / "a.log-20260921T141320Z").read_bytes() == b"whole\n"
    assert not (tmp_path / "a.log-20260921T141320Z.gz.part").exists()


def test_without_its_directory_nothing_is_used() -> None:
    assert use_of(Path("/nowhere/a.log")) == (0, 0)


def test_tidying_is_done_beside_and_again_after_each_rotation(tmp_path: Path) -> None:
    tidying = Tidying(tmp_path / "a.log", Keep(files=2, age_s=0.0), lambda: NOW)
    tidying.start()
    for number in range(4):
        (tmp_path / f"a.log-2026092{number}T141320Z").write_bytes(b"x\n")
        tidying.rotated()
    eventually("two are left, compressed", lambda: tidying.use[0] == 2 and len(list(tmp_path.glob("*.gz"))) == 2)
    tidying.end()
    assert {path.name[:14] for path in tmp_path.iterdir()} == {"a.log-20260922", "a.log-20260923"}


def test_tidying_that_fails_says_why_and_goes_on(tmp_path: Path) -> None:
    tidying = Tidying(tmp_path / "nowhere" / "a.log", ALL, lambda: NOW)
    tidying.once()
    assert "No such file or directory" in tidying.problem
    (tmp_path / "nowhere").mkdir()
    tidying.once()
    assert tidying.problem == ""
