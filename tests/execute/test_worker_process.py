"""The worker as a process of its own, spoken to over its socket as the daemon would."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from error_daemon.execute import frames_pb2 as frames
from error_daemon.execute.framing import Decoder, encode
from tests.execute.rig import PATIENCE_S, is_gone, is_running


class RawWorker:
    """A worker, and the daemon's end of its socket."""

    def __init__(self, also: int = 0) -> None:
        self.socket, theirs = socket.socketpair()
        self.socket.settimeout(PATIENCE_S)
        with theirs:
            command = [sys.executable, "-m", "error_daemon.execute.worker", "--fd", str(theirs.fileno())]
            self.process = subprocess.Popen(
                command, pass_fds=[theirs.fileno(), also], start_new_session=True, stderr=subprocess.PIPE
            )
        self._decoder = Decoder()
        self._messages: list[frames.FromWorker] = []

    def send(self, message: frames.ToWorker) -> None:
        self.socket.sendall(encode(message.SerializeToString()))

    def receive(self, which: str) -> frames.FromWorker:
        """The next message of this kind; others are passed over."""
        while True:
            while self._messages:
                message = self._messages.pop(0)
                if message.WhichOneof("message") == which:
                    return message
            data = self.socket.recv(65536)
            assert data, "the worker closed its socket"
            self._messages += map(frames.FromWorker.FromString, self._decoder.feed(data))

    def close(self) -> None:
        self.socket.close()
        self.process.kill()
        self.process.wait()
        assert self.process.stderr is not None
        self.process.stderr.close()


@pytest.fixture
def worker() -> Iterator[RawWorker]:
    worker = RawWorker()
    yield worker
    worker.close()


def _run(script: str) -> frames.ToWorker:
    params_json = json.dumps({"command": ["/bin/sh", "-c", script]})
    return frames.ToWorker(
        attempt=frames.RunAttempt(attempt_id="a", kind="exec", params_json=params_json, timeout_s=100.0)
    )


def test_a_worker_says_that_it_is_ready_and_answers_pings(worker: RawWorker) -> None:
    assert worker.receive("ready").ready.pid == worker.process.pid
    worker.send(frames.ToWorker(ping=frames.Ping(number=7)))
    assert worker.receive("pong").pong.number == 7


def test_a_program_is_announced_by_its_pid_and_start_ticks_and_its_end_too(worker: RawWorker) -> None:
    worker.send(_run("read nothing; exec sleep 0.01"))
    started = worker.receive("program_started").program_started
    assert started.attempt_id == "a"
    assert started.start_ticks > 0
    assert worker.receive("program_ended").program_ended.pid == started.pid
    assert worker.receive("attempt").attempt.outcome == "completed"


@pytest.mark.parametrize("how", [lambda s: s.close(), lambda s: s.shutdown(socket.SHUT_RDWR)], ids=["close", "shut"])
def test_when_the_daemon_goes_the_worker_ends_its_programs_and_itself(
    worker: RawWorker, how: Callable[[socket.socket], None]
) -> None:
    worker.send(_run("trap '' TERM; sleep 1000 & wait; wait"))
    program = worker.receive("program_started").program_started.pid
    assert is_running(program)
    how(worker.socket)
    assert worker.process.wait(PATIENCE_S) == 0
    asyncio.run(is_gone(program))  # it was sent SIGKILL, which takes a moment


def test_an_order_that_comes_with_the_end_of_the_connection_leaves_nothing_running(worker: RawWorker) -> None:
    marker = f"1000.{worker.process.pid}"  # in the command line, to find the program by
    worker.send(_run(f"exec sleep {marker}"))
    worker.socket.close()  # both are there before the worker reads for the first time
    assert worker.process.wait(PATIENCE_S) == 0
    assert marker not in subprocess.run(["ps", "-eo", "args"], check=True, capture_output=True, text=True).stdout


def test_only_the_daemon_ends_a_worker_not_a_signal_from_the_terminal(worker: RawWorker) -> None:
    worker.receive("ready")
    for number in (signal.SIGINT, signal.SIGTERM):
        worker.process.send_signal(number)
    worker.send(frames.ToWorker(ping=frames.Ping(number=1)))
    assert worker.receive("pong").pong.number == 1


def test_what_the_daemon_let_slip_is_not_passed_on_to_programs() -> None:
    slipped, _ = pair = os.pipe()
    os.set_inheritable(slipped, True)
    worker = RawWorker(also=slipped)
    try:
        worker.send(_run("ls /proc/$$/fd"))
        seen = worker.receive("attempt").attempt.detail.removeprefix("exit code 0: ").split()
        assert seen == ["0", "1", "2"]
    finally:
        worker.close()
        for fd in pair:
            os.close(fd)


def test_a_stream_out_of_step_ends_the_worker_with_a_reason(worker: RawWorker) -> None:
    worker.receive("ready")
    worker.socket.sendall(b"\xff" * 8)
    assert worker.process.wait(PATIENCE_S) == 1
    assert worker.process.stderr is not None
    assert b"the daemon sent what can't be read" in worker.process.stderr.read()


def test_a_worker_imports_nothing_heavy() -> None:
    script = "import sys, error_daemon.execute.worker; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout.split()
    heavy = {"grpc", "duckdb", "pydantic", "structlog", "numpy", "yaml", "psutil", "rich", "click", "dbus_fast"}
    assert heavy.isdisjoint(loaded)
    assert {"uvloop", "h11"} <= set(loaded)


def test_a_running_worker_has_no_heavy_library_mapped(worker: RawWorker) -> None:
    worker.receive("ready")
    mapped = Path(f"/proc/{worker.process.pid}/maps").read_text()
    assert "grpc" not in mapped
    assert "duckdb" not in mapped
