"""The log file: rotation, other people's hands, full disks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from error_daemon.logs.logfile import LogFile

NOW = 1_790_000_000.0


def say(level: str, event: str, **fields: Any) -> bytes:
    return json.dumps({"level": level, "event": event, **fields}).encode() + b"\n"


def a_file(path: Path | None, rotate_bytes: int = 1000, rotated: list[int] | None = None) -> LogFile:
    return LogFile(path, rotate_bytes, say, lambda: NOW, lambda: (rotated if rotated is not None else []).append(1))


def test_a_full_file_is_put_aside_before_the_next_write(tmp_path: Path) -> None:
    rotated: list[int] = []
    file = a_file(tmp_path / "r.log", rotated=rotated)
    for letter in b"abc":
        file.write(bytes([letter]) * 499 + b"\n")
    assert (tmp_path / "r.log").read_bytes() == b"c" * 499 + b"\n"
    assert (tmp_path / "r.log-20260921T141320Z").stat().st_size == 1000
    assert (file.rotations, len(rotated)) == (1, 1)
    assert (tmp_path / "r.log").stat().st_mode & 0o777 == 0o640
    file.close()


def test_a_file_that_was_there_before_is_gone_on_with(tmp_path: Path) -> None:
    (tmp_path / "r.log").write_bytes(b"x" * 990)
    file = a_file(tmp_path / "r.log")
    file.write(b"y" * 20 + b"\n")
    assert file.rotations == 1
    assert file.end_of_file(5) == b"yyyy\n"
    file.close()


def test_a_line_that_a_kill_left_torn_is_ended_before_the_next(tmp_path: Path) -> None:
    (tmp_path / "r.log").write_bytes(b"whole\nto")
    file = a_file(tmp_path / "r.log")
    file.write(b"torn\n")
    assert (tmp_path / "r.log").read_bytes() == b"whole\nto\ntorn\n"
    file.close()


@pytest.mark.parametrize("how", ["moved", "deleted"])
def test_a_file_that_somebody_took_away_is_opened_anew(tmp_path: Path, how: str) -> None:
    path = tmp_path / "r.log"
    file = a_file(path)
    file.write(b"one\n")
    if how == "moved":
        path.rename(tmp_path / "r.log.1")
    else:
        path.unlink()
    file.write(b"two\n")
    assert path.read_bytes() == b"two\n"
    file.close()


_LIMITED = """
import json, resource, sys
from pathlib import Path
from error_daemon.logs.logfile import LogFile
def say(level, event, **fields):
    return json.dumps({"level": level, "event": event, **fields}).encode() + b"\\n"
path = Path(sys.argv[1])
file = LogFile(path, 1 << 20, say, lambda: 0.0, lambda: None)
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
for number in range(20):
    file.write(b'{"number": %d, "text": "%s"}\\n' % (number, b"x" * 100))
during = file.problem, file.elsewhere, file.lost
resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
file.write(b'{"number": 20}\\n')
print(json.dumps([during, [file.problem, file.elsewhere, file.lost]]))
"""


def test_on_a_full_disk_lines_go_to_standard_error_and_come_back(tmp_path: Path) -> None:
    """A limit on the size of files is a disk that is full for this process only: the last write is cut off, too."""
    done = subprocess.run(
        [sys.executable, "-c", _LIMITED, str(tmp_path / "r.log")], capture_output=True, check=True, timeout=60
    )
    during, after = json.loads(done.stdout)
    assert "File too large" in during[0]
    assert during[1:] == [13, 0]
    assert after == ["", 13, 0]
    said = [json.loads(line) for line in done.stderr.splitlines()]
    assert [line.get("event") for line in said].count("log_file_unwritable") == 1  # once, however long it lasts
    assert [line["number"] for line in said if "number" in line] == list(range(7, 20))
    *kept, torn, new, back = (tmp_path / "r.log").read_bytes().splitlines()
    assert [json.loads(line)["number"] for line in kept] == list(range(7))
    assert torn.startswith(b'{"number": 7,')
    assert json.loads(new) == {"number": 20}
    assert json.loads(back)["elsewhere"] == 13


@pytest.mark.parametrize("path", ["/dev/full", "/nowhere/r.log", "/proc/version"])
def test_a_file_that_cannot_be_written_stops_nothing(path: str, capfd: pytest.CaptureFixture[str]) -> None:
    file = a_file(Path(path))
    file.write(b'{"number": 1}\n')
    file.write(b'{"number": 2}\n')
    said = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    assert [line.get("event") or line["number"] for line in said] == ["log_file_unwritable", 1, 2]
    assert file.elsewhere == 2
    assert "cannot be written" in file.problem
    file.close()


def test_where_standard_error_is_closed_too_lines_are_counted(tmp_path: Path) -> None:
    kept = os.dup(2)
    os.close(2)
    try:
        file = a_file(None)
        file.write(b"one\ntwo\n")
    finally:
        os.dup2(kept, 2)
        os.close(kept)
    assert file.lost == 2
