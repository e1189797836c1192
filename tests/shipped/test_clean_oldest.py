"""clean-oldest deletes what it may, oldest first, no further than needed, and nothing else."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.box.host import ROOT

PROGRAM = ROOT / "etc" / "recovery" / "scripts" / "clean-oldest"
DAY_S = 86_400.0


def loaded() -> ModuleType:
    loader = importlib.machinery.SourceFileLoader("clean_oldest", str(PROGRAM))
    spec = importlib.util.spec_from_loader("clean_oldest", loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["clean_oldest"] = module  # where the NamedTuple looks its annotations up
    sys.dont_write_bytecode, before = True, sys.dont_write_bytecode
    loader.exec_module(module)
    sys.dont_write_bytecode = before
    return module


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, str(PROGRAM), *arguments], capture_output=True, text=True, check=False)


def old(path: Path, days: float) -> Path:
    """A file that was changed so many days ago."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * 8192)
    now = path.stat().st_mtime
    os.utime(path, (now, now - days * DAY_S))
    return path


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    top = tmp_path / "top"
    old(top / "a" / "oldest.gz", 9)
    old(top / "old.gz", 5)
    old(top / "young.gz", 0.5)
    old(top / "old.txt", 9)
    old(tmp_path / "outside" / "precious.gz", 9)
    (top / "link-to-a-directory").symlink_to(tmp_path / "outside")
    (top / "link-to-a-file.gz").symlink_to(tmp_path / "outside" / "precious.gz")
    old(top / "twice.gz", 9)
    os.link(top / "twice.gz", tmp_path / "outside" / "twice")
    os.mkfifo(top / "fifo.gz")
    return top


def names(directory: Path) -> set[str]:
    return {path.name for path in directory.rglob("*") if not path.is_dir() or path.is_symlink()}


STAYS = {"young.gz", "old.txt", "link-to-a-directory", "link-to-a-file.gz", "twice.gz", "fifo.gz"}


def test_it_deletes_old_matching_files_only_and_says_when_that_was_not_enough(tree: Path) -> None:
    ended = run("--free=0.999999", "--older-than=1", "--match=*.gz", str(tree))
    assert ended.returncode == 1, ended.stdout + ended.stderr
    assert "deleted 2 files" in ended.stdout
    assert names(tree) == STAYS
    assert (tree / "a").is_dir()
    assert names(tree.parent / "outside") == {"precious.gz", "twice"}


def test_it_deletes_nothing_while_there_is_room(tree: Path) -> None:
    before = names(tree)
    ended = run("--free=0.000001", "--older-than=0", str(tree))
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert names(tree) == before


def test_a_dry_run_names_the_files_oldest_first_and_deletes_none(tree: Path) -> None:
    before = names(tree)
    ended = run("--free=0.999999", "--older-than=1", "--match=*.gz", "--dry-run", str(tree))
    assert [line for line in ended.stdout.splitlines() if line.startswith("would")] == [
        f"would delete {tree}/a/oldest.gz",
        f"would delete {tree}/old.gz",
    ]
    assert names(tree) == before


def test_a_directory_that_became_a_link_meanwhile_is_not_followed(tree: Path) -> None:
    program = loaded()
    [found] = program.find(str(tree), ["oldest.gz"], float("inf"))
    (tree / "a").rename(tree.parent / "moved")
    (tree / "a").symlink_to(tree.parent / "moved")
    assert not program.delete(found)
    assert (tree.parent / "moved" / "oldest.gz").exists()


def test_a_file_that_was_written_meanwhile_is_left_alone(tree: Path) -> None:
    program = loaded()
    [found] = program.find(str(tree), ["oldest.gz"], float("inf"))
    os.utime(tree / "a" / "oldest.gz")
    assert not program.delete(found)
    assert (tree / "a" / "oldest.gz").exists()


@pytest.mark.parametrize("directory", ["/", "//", "relative", "/nowhere/at/all"])
def test_it_refuses_the_root_and_what_is_not_a_directory(directory: str) -> None:
    assert run("--free=0.5", "--older-than=1", directory).returncode == 2


def test_it_refuses_a_directory_that_is_a_link(tree: Path) -> None:
    ended = run("--free=0.5", "--older-than=1", str(tree / "link-to-a-directory"))
    assert ended.returncode == 2
    assert f"write {tree.parent}/outside" in ended.stderr


@pytest.mark.parametrize(
    "options", [("--free=0", "--older-than=1"), ("--free=0.5", "--older-than=-1"), ("--free=0.5",)]
)
def test_it_refuses_bounds_that_are_none(tree: Path, options: tuple[str, ...]) -> None:
    before = names(tree)
    assert run(*options, str(tree)).returncode == 2
    assert names(tree) == before
