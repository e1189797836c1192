"""The start-up self-check: what runs is what was installed."""

from __future__ import annotations

import copy
import os
import platform
from pathlib import Path
from typing import Any

import pytest

from error_daemon import installed, launch

SITE = "lib/python3.11/site-packages"


@pytest.fixture
def prefix(tmp_path: Path) -> Path:
    """An environment with one package that has two native files."""
    package = tmp_path / SITE / "quick"
    package.mkdir(parents=True)
    (package / "_quick.cpython-311-x86_64-linux-gnu.so").write_bytes(b"machine code")
    (package / "libquick.so.3").write_bytes(b"more machine code")
    (package / "plain.py").write_text("x = 1\n")
    info = tmp_path / SITE / "quick-1.2.dist-info"
    info.mkdir()
    (info / "RECORD").write_text("quick/_quick.cpython-311-x86_64-linux-gnu.so,sha256=x,12\nquick/plain.py,,\n")
    installed.write_record(tmp_path)
    return tmp_path


def native(prefix: Path) -> Path:
    return prefix / SITE / "quick" / "_quick.cpython-311-x86_64-linux-gnu.so"


def found(prefix: Path, *, reads_all: bool = False, **other: Any) -> list[tuple[str, bool]]:
    """What differs from the record, in which `other` is written instead."""
    recorded = installed.read_record(prefix)
    assert recorded is not None
    recorded |= other
    return [(one.says, one.is_fatal) for one in installed.differences(prefix, recorded, reads_all=reads_all)]


def test_what_was_just_installed_is_as_it_was_installed(prefix: Path) -> None:
    assert found(prefix) == []
    assert found(prefix, reads_all=True) == []


def test_every_native_file_is_recorded_with_the_distribution_it_belongs_to(prefix: Path) -> None:
    recorded = installed.read_record(prefix)
    assert recorded is not None
    owners = {Path(name).name: entry["of"] for name, entry in recorded["files"].items()}
    assert owners == {"_quick.cpython-311-x86_64-linux-gnu.so": "quick 1.2", "libquick.so.3": "an unknown package"}


def test_a_native_file_of_another_build_is_refused(prefix: Path) -> None:
    native(prefix).write_bytes(b"other machine code")
    assert found(prefix) == [(f"{native(prefix)} of quick 1.2 is not the file that was installed", True)]


def test_a_missing_native_file_is_refused(prefix: Path) -> None:
    native(prefix).unlink()
    assert found(prefix) == [(f"{native(prefix)} of quick 1.2: No such file or directory", True)]


def test_a_file_that_was_copied_anew_with_the_same_bytes_is_the_same(prefix: Path) -> None:
    os.utime(native(prefix), (1, 1))
    assert found(prefix) == []


def test_bytes_that_changed_with_neither_size_nor_time_are_found_when_everything_is_read(prefix: Path) -> None:
    status = native(prefix).stat()
    native(prefix).write_bytes(b"MACHINE CODE")
    os.utime(native(prefix), ns=(status.st_atime_ns, status.st_mtime_ns))
    assert found(prefix) == []
    assert [fatal for _, fatal in found(prefix, reads_all=True)] == [True]


def test_another_processor_or_minor_version_of_python_is_refused(prefix: Path) -> None:
    assert found(prefix, machine="riscv128", python="2.7.18") == [
        (f"installed for riscv128, and this is {platform.machine()}", True),
        (f"installed with Python 2.7.18, and this is Python {platform.python_version()}", True),
    ]


def test_another_patch_release_of_python_is_only_said(prefix: Path) -> None:
    minor = ".".join(platform.python_version_tuple()[:2])
    [(says, is_fatal)] = found(prefix, python=f"{minor}.999")
    assert "was updated since" in says
    assert not is_fatal


@pytest.mark.parametrize(
    ("change", "fatal"),
    [({"version": "999.1"}, True), ({"name": "musl"}, True), ({"version": "1.0", "sha256": "0"}, False), ({"sha256": "0"}, False)],
)  # fmt: skip
def test_an_older_c_library_is_refused_and_a_newer_one_is_said(
    prefix: Path, change: dict[str, str], fatal: bool
) -> None:
    recorded = installed.read_record(prefix)
    assert recorded is not None
    library = copy.deepcopy(recorded["c_library"]) | change
    assert [is_fatal for _, is_fatal in found(prefix, c_library=library)] == [fatal]


def test_the_daemon_says_all_that_differs_and_how_to_mend_it_and_does_not_start(
    prefix: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    native(prefix).write_bytes(b"other machine code")
    assert not launch.is_as_installed(prefix)
    said = capsys.readouterr().err
    assert "of quick 1.2 is not the file that was installed" in said
    assert "installed --record" in said


def test_a_damaged_record_is_refused_in_words(prefix: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for damaged in ('{"machine": ', "[]", "{}"):
        (prefix / "installed.json").write_text(damaged)
        assert not launch.is_as_installed(prefix)
        assert "installed.json cannot be read" in capsys.readouterr().err


def test_where_nothing_was_recorded_nothing_is_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert launch.is_as_installed(tmp_path)
    assert capsys.readouterr().err == ""
