"""The memory for lines that are not written yet."""

from __future__ import annotations

import errno
import mmap
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from error_daemon.logs.buffer import LogBuffer, not_yet_in, open_buffer, pending_of

CAPACITY = 64 << 10


def in_memory(capacity: int = CAPACITY) -> LogBuffer:
    return LogBuffer(mmap.mmap(-1, capacity + 64), capacity)


@given(st.lists(st.tuples(st.binary(min_size=1, max_size=90), st.booleans(), st.integers(0, 200)), max_size=60))
def test_what_is_read_is_what_was_added_and_not_yet_written(steps: list[tuple[bytes, bool, int]]) -> None:
    buffer = in_memory(256)
    expected, lost = b"", 0
    for line, is_vital, written in steps:
        used = buffer.add(line, is_vital)
        limit = 256 if is_vital else 224
        if len(expected) + len(line) <= limit:
            expected += line
            assert used == len(expected)
        else:
            lost += 1
            assert used == 0
        assert buffer.read(buffer.tail) == expected
        size = min(written, len(expected))
        buffer.written(size)
        expected = expected[size:]
    assert (buffer.lost, buffer.used_bytes) == (lost, len(expected))
    assert buffer.peak_bytes <= 256


def test_the_last_eighth_is_for_vital_lines() -> None:
    buffer = in_memory()
    while buffer.add(b"x" * 1023 + b"\n"):
        pass
    assert buffer.lost == 1
    assert buffer.add(b"vital\n", is_vital=True)


def test_lines_of_many_threads_are_whole() -> None:
    buffer = in_memory()
    threads = [
        threading.Thread(target=lambda name=name: [buffer.add(name * 50 + b"\n") for _ in range(200)])
        for name in (b"a", b"b", b"c")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = buffer.read(0).splitlines()
    assert sorted(set(lines)) == [b"a" * 50, b"b" * 50, b"c" * 50]
    assert len(lines) == 600


_KILLED = """
import os, signal, sys
from pathlib import Path
from error_daemon.logs.buffer import open_buffer
buffer, _ = open_buffer(Path(sys.argv[1]), 65536)
for number in range(3000):
    buffer.add(b"line %d\\n" % number)
    if number % 7 == 6:
        buffer.written(buffer.used_bytes)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_lines_that_were_not_written_survive_kill_9(tmp_path: Path) -> None:
    path = tmp_path / "log.buffer"
    done = subprocess.run([sys.executable, "-c", _KILLED, str(path)], check=False, timeout=60)
    assert done.returncode == -9
    buffer, pending = open_buffer(path, 128 << 10)
    assert pending == b"".join(b"line %d\n" % number for number in range(2996, 3000))
    assert buffer.survives_kill
    assert (buffer.used_bytes, pending_of(path.read_bytes())) == (0, b"")
    buffer.close()


def test_a_file_that_another_daemon_has_is_left_to_it(tmp_path: Path) -> None:
    first, _ = open_buffer(tmp_path / "log.buffer", CAPACITY)
    first.add(b"mine\n")
    second, pending = open_buffer(tmp_path / "log.buffer", CAPACITY)
    assert (second.survives_kill, pending) == (False, b"")
    second.add(b"yours\n")
    assert first.read(0) == b"mine\n"
    first.close()


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EOPNOTSUPP])
def test_without_room_for_the_file_there_is_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: int) -> None:
    def full(*_: object) -> None:
        raise OSError(error, os.strerror(error))

    monkeypatch.setattr(os, "posix_fallocate", full)
    buffer, pending = open_buffer(tmp_path / "log.buffer", CAPACITY)
    assert (buffer.survives_kill, pending) == (False, b"")
    assert buffer.add(b"line\n")


@given(st.binary(max_size=200))
def test_a_damaged_file_has_nothing_to_bring_back(raw: bytes) -> None:
    assert pending_of(raw) == b""
    assert len(pending_of(b"ERLOGB01" + raw)) <= len(raw)


def test_a_closed_buffer_takes_nothing_and_raises_nothing() -> None:
    buffer = in_memory()
    buffer.close()
    assert buffer.add(b"late\n") == 0


TEXTS = st.lists(st.binary(max_size=5).map(lambda text: text.replace(b"\n", b"")), max_size=6)


@given(TEXTS, TEXTS, st.integers(0, 6), st.integers(0, 8))
def test_lines_that_the_file_has_already_are_not_written_again_and_all_others_are(
    before: list[bytes], texts: list[bytes], written: int, torn_bytes: int
) -> None:
    lines = [b"%d %s\n" % (number, text) for number, text in enumerate(texts)]  # no two alike, as with their times
    torn = b"".join(lines[written : written + 1])[:-1][:torn_bytes]
    file = b"".join([*(b"old %s\n" % text for text in before), *lines[:written], torn])
    assert not_yet_in(file, b"".join(lines)) == b"".join(lines[written:])
