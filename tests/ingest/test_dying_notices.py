"""What the kernel's program tells of the deaths of real processes. Where the kernel does not run it, these tests say so and are skipped."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack

import pytest

from error_daemon.ingest.dying.notices import DyingNotices
from error_daemon.processes.identity import identify
from tests.ingest.early_deaths import opened

PATIENCE_S = 60.0
_LARGE = "b = bytearray(1 << 28); b[::4096] = b'x' * len(b[::4096]); print(flush=True); input()"
_THREADED = """
import os, threading
ended = threading.Thread(target=print, kwargs={"flush": True})
ended.start()
ended.join()
input()
threading.Thread(target=os.execv, args=("/bin/sh", ["sh", "-c", "echo; read word"])).start()
threading.Event().wait()
"""


class _Told:
    def __init__(self) -> None:
        self.pids: asyncio.Queue[int] = asyncio.Queue()

    async def next(self) -> int:
        return await asyncio.wait_for(self.pids.get(), PATIENCE_S)


class _Children:
    def __init__(self, kept: ExitStack) -> None:
        self._kept = kept

    def start(self, *command: str) -> subprocess.Popen[bytes]:
        """One that ends with its standard input."""
        child = subprocess.Popen(command or ["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._kept.enter_context(child)
        self._kept.callback(child.kill)
        return child


@pytest.fixture
def children() -> Iterator[_Children]:
    with ExitStack() as kept:
        yield _Children(kept)


def _listening(body: Callable[[DyingNotices, _Told], Awaitable[None]]) -> None:
    async def go() -> None:
        notices, told = opened(), _Told()
        notices.listen(told.pids.put_nowait)
        try:
            await body(notices, told)
        finally:
            notices.close()

    asyncio.run(go())


def _end(child: subprocess.Popen[bytes]) -> None:
    assert child.stdin is not None
    child.stdin.close()


def _line(child: subprocess.Popen[bytes]) -> None:
    assert child.stdout is not None
    assert child.stdout.readline() == b"\n"


def test_a_large_process_is_told_while_it_still_has_its_memory(children: _Children) -> None:
    child = children.start(sys.executable, "-c", _LARGE)
    _line(child)
    process = identify(child.pid)

    async def body(notices: DyingNotices, told: _Told) -> None:
        notices.watch(child.pid)
        child.kill()
        assert await told.next() == child.pid
        assert not process.lives()
        child.wait()

    _listening(body)


def test_only_those_that_are_watched_are_told_once_each(children: _Children) -> None:
    stranger, left, watched, last = (children.start() for _ in range(4))

    async def body(notices: DyingNotices, told: _Told) -> None:
        for child in (left, watched, last):
            notices.watch(child.pid)
        notices.unwatch(left.pid)
        for child in (stranger, left, watched):
            _end(child)
            child.wait()
        _end(last)
        assert [await told.next(), await told.next()] == [watched.pid, last.pid]
        assert told.pids.empty()

    _listening(body)


def test_more_deaths_are_told_than_its_buffer_has_room_for(children: _Children) -> None:
    async def body(notices: DyingNotices, told: _Told) -> None:
        for _ in range(300):  # of 16 bytes each, in 4096
            child = children.start()
            notices.watch(child.pid)
            _end(child)
            assert await told.next() == child.pid
            child.wait()
            notices.unwatch(child.pid)

    _listening(body)


def test_neither_the_end_of_a_thread_nor_another_program_from_a_thread_is_a_death(children: _Children) -> None:
    child = children.start(sys.executable, "-c", _THREADED)

    async def body(notices: DyingNotices, told: _Told) -> None:
        notices.watch(child.pid)
        _line(child)  # a thread has ended
        assert child.stdin is not None
        child.stdin.write(b"\n")
        child.stdin.flush()
        _line(child)  # a thread has made it a shell, and the first thread is gone
        assert told.pids.empty()
        _end(child)
        assert await told.next() == child.pid

    _listening(body)


def test_without_the_right_it_says_so_and_does_nothing() -> None:
    if shutil.which("setpriv") is None:
        pytest.skip("there is no setpriv")
    code = (
        "import asyncio\nfrom error_daemon.ingest.dying.notices import DyingNotices\nnotices = DyingNotices()\nnotices.open()\n"
        "notices.watch(1)\nnotices.unwatch(1)\nasyncio.run(asyncio.sleep(0, notices.listen(print)))\nnotices.close()\n"
        "print(notices.is_open, notices.says(), notices.mend)"
    )
    without = ["setpriv", "--bounding-set=-bpf,-perfmon,-sys_admin"]
    ran = subprocess.run([*without, sys.executable, "-c", code], capture_output=True, text=True, check=False)
    if "setpriv" in ran.stderr:
        pytest.skip(ran.stderr)  # it takes root
    assert ran.stdout.startswith("False when they are over (pidfd): the kernel "), ran.stderr
    assert "operation not permitted" in ran.stdout
    assert "drop-in early-deaths.conf" in ran.stdout


def test_one_that_was_not_opened_does_nothing() -> None:
    notices = DyingNotices()
    notices.watch(1)
    notices.close()
    assert "switched off" in notices.says()
