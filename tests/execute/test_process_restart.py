"""process_restart: one instance, the right one, that lives on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from error_daemon.errors import PermanentError
from error_daemon.model import Json, OutcomeKind, Probe, ReadingValue
from error_daemon.processes.identity import Identity, identify, read_pid_file, write_pid_file
from tests.execute.rig import PoolRig, attempt, is_gone, is_running, pid_written_to, probe_round, with_pool
from tests.waiting import PATIENCE_S, soon


class Service:
    """A service whose instances each leave a file named by their pid in `instances`."""

    def __init__(self, folder: Path) -> None:
        self.pid_file = folder / "service.pid"
        self.log_file = folder / "service.log"
        self.instances = folder / "instances"
        self.instances.mkdir()

    def target(self, script: str = "exec sleep 1000") -> dict[str, Json]:
        command = ["/bin/sh", "-c", f"echo started $$; touch {self.instances}/$$; {script}"]
        return {"command": command, "pid_file": str(self.pid_file), "log_file": str(self.log_file)}

    def pid(self) -> int:
        identity = read_pid_file(str(self.pid_file))
        assert identity is not None
        return identity.pid

    def running(self) -> list[int]:
        return [int(name) for name in os.listdir(self.instances) if is_running(int(name))]


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    service = Service(tmp_path)
    yield service
    with suppress(PermanentError):
        last = read_pid_file(str(service.pid_file))
        if last is not None and last.lives() and last.start_ticks:
            os.killpg(last.pid, signal.SIGKILL)  # it may not have come so far as to leave its file
    for pid in service.running():
        os.killpg(pid, signal.SIGKILL)


def test_it_starts_what_does_not_run_and_replaces_what_does(service: Service) -> None:
    async def body(rig: PoolRig) -> None:
        outcome = await rig.run(attempt("process_restart", target=service.target()))
        first = service.pid()
        assert outcome.kind is OutcomeKind.COMPLETED
        assert outcome.detail == f"was not running; started pid {first}"
        await soon("the service did not start", lambda: service.running() == [first])
        outcome = await rig.run(attempt("process_restart", target=service.target()))
        second = service.pid()
        assert outcome.detail == f"pid {first} ended by SIGTERM; started pid {second}"
        await soon("not one instance", lambda: service.running() == [second])
        assert service.log_file.read_text() == f"started {first}\nstarted {second}\n"
        assert os.getsid(second) == second

    with_pool(body)
    assert service.running() == [service.pid()]  # it lives on when the pool is gone


def test_one_that_ignores_the_signal_is_killed_with_its_children(service: Service, tmp_path: Path) -> None:
    async def body(rig: PoolRig) -> None:
        stubborn = service.target(f"trap '' TERM; sleep 1000 & echo $! >{tmp_path}/child; wait; wait")
        await rig.run(attempt("process_restart", target=stubborn))
        child = await pid_written_to(tmp_path / "child")
        first = service.pid()
        order = attempt("process_restart", {"stop_grace_s": 0.1}, target=service.target())
        outcome = await rig.run(order)
        assert "ended by SIGKILL, SIGTERM was not enough for 0.1 s" in outcome.detail
        assert not is_running(first)
        assert not is_running(child)

    with_pool(body)


def test_the_stop_signal_is_the_operators(service: Service, tmp_path: Path) -> None:
    async def body(rig: PoolRig) -> None:
        script = (
            f"trap 'echo hup >{tmp_path}/word; exit 0' HUP; echo $$ >{tmp_path}/ready; while :; do sleep 0.01; done"
        )
        await rig.run(attempt("process_restart", target=service.target(script)))
        await pid_written_to(tmp_path / "ready")
        outcome = await rig.run(attempt("process_restart", {"stop_signal": "SIGHUP"}, target=service.target()))
        assert "ended by SIGHUP" in outcome.detail
        outcome = await rig.run(attempt("process_restart", {"stop_signal": "SIGNONSENSE"}, target=service.target()))
        assert outcome.kind is OutcomeKind.REFUSED

    with_pool(body)
    assert (tmp_path / "word").read_text() == "hup\n"


def test_two_at_once_give_one_instance(service: Service) -> None:
    async def body(rig: PoolRig) -> None:
        for _ in range(5):
            orders = [attempt("process_restart", target=service.target()) for _ in range(4)]
            for order in orders:
                rig.pool.start_attempt(order)
            for order in orders:
                outcome = await rig.answers.outcome(order.attempt_id)
                assert outcome.kind is OutcomeKind.COMPLETED, outcome.detail
            await soon("not one instance", lambda: service.running() == [service.pid()])

    with_pool(body, workers=2, room=2)


def test_a_recycled_pid_is_left_alone(service: Service) -> None:
    bystander = subprocess.Popen(["sleep", "1000"], start_new_session=True)
    try:
        write_pid_file(str(service.pid_file), Identity(bystander.pid, identify(bystander.pid).start_ticks - 1))

        async def body(rig: PoolRig) -> None:
            outcome = await rig.run(attempt("process_restart", target=service.target()))
            assert outcome.detail.startswith(f"pid {bystander.pid} was gone; started pid")
            probe = probe_round(Probe("p", "process"), target=service.target())
            assert (await rig.look(probe))["p"].value is ReadingValue.OK

        with_pool(body)
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_what_a_dead_service_left_running_is_ended_before_the_next_starts(service: Service, tmp_path: Path) -> None:
    async def body(rig: PoolRig) -> None:
        script = f"sleep 1000 & echo $! >{tmp_path}/child; wait"
        await rig.run(attempt("process_restart", target=service.target(script)))
        child = await pid_written_to(tmp_path / "child")
        os.kill(service.pid(), signal.SIGKILL)
        await is_gone(service.pid())
        outcome = await rig.run(attempt("process_restart", target=service.target()))
        assert "what it left running was killed" in outcome.detail
        assert not is_running(child)

    with_pool(body)


_HOLDER = """
import socket
held = socket.create_server(("127.0.0.1", 0))
memory = bytearray(1 << 28)
memory[::4096] = b"x" * len(memory[::4096])
print(held.getsockname()[1], flush=True)
input()
"""
_NEXT = """
import socket, sys, time
held = socket.create_server(("127.0.0.1", int(sys.argv[1])))
print("bound", flush=True)
time.sleep(1000)
"""


def _see_it_die(process: Identity) -> None:
    """Returns at once when it does: what it has to do in the kernel takes some ms."""
    deadline = time.monotonic() + PATIENCE_S
    while process.lives():
        assert time.monotonic() < deadline, "it lives on"


def test_one_that_is_dying_is_dead_before_the_next_starts(service: Service) -> None:
    """Its memory is freed first, and its port only then."""
    holder = [sys.executable, "-c", _HOLDER]
    with subprocess.Popen(holder, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as first:
        assert first.stdout is not None
        port = first.stdout.readline().decode().strip()
        old = identify(first.pid)
        write_pid_file(str(service.pid_file), old)
        target = {**service.target(), "command": [sys.executable, "-c", _NEXT, port]}

        async def body(rig: PoolRig) -> None:
            first.kill()
            _see_it_die(old)
            outcome = await rig.run(attempt("process_restart", target=target))
            assert outcome.detail.startswith(f"pid {first.pid} was gone; started pid")
            await soon("its port was not free", lambda: service.log_file.read_text() == "bound\n")

        with_pool(body)


def test_the_service_lives_on_when_its_worker_is_killed_and_dies_reaped_when_not(service: Service) -> None:
    async def body(rig: PoolRig) -> None:
        await rig.run(attempt("process_restart", target=service.target()))
        pid = service.pid()
        await soon("the service did not start", lambda: service.running() == [pid])
        os.kill(rig.pool.pids()[0], signal.SIGKILL)
        await rig.answers.until(lambda: bool(rig.answers.losses))
        assert service.running() == [pid]
        await rig.run(attempt("process_restart", target=service.target()))
        os.kill(service.pid(), signal.SIGKILL)
        await soon("a zombie was left", lambda: not Path(f"/proc/{service.pid()}").exists())

    with_pool(body)


def test_a_restart_that_cannot_succeed_stops_nothing(service: Service, tmp_path: Path) -> None:
    async def body(rig: PoolRig) -> None:
        await rig.run(attempt("process_restart", target=service.target()))
        pid = service.pid()
        no_command = {"pid_file": str(service.pid_file)}
        assert (await rig.run(attempt("process_restart", target=no_command))).kind is OutcomeKind.REFUSED
        assert (await rig.run(attempt("process_restart", target={"command": ["true"]}))).kind is OutcomeKind.REFUSED
        nowhere = {**service.target(), "pid_file": str(tmp_path / "missing" / "service.pid")}
        outcome = await rig.run(attempt("process_restart", target=nowhere))
        assert outcome.kind is OutcomeKind.FAILED
        assert "missing/service.pid.lock: No such file or directory" in outcome.detail
        assert is_running(pid)

    with_pool(body)


def test_one_that_was_started_but_never_named_is_ended_before_the_next_starts(service: Service) -> None:
    """As if a worker had been killed between the start and the pid file."""
    lock = Path(f"{service.pid_file}.lock")
    environment = {**os.environ, "ER_RUN_ID": "start.0123456789abcdef"}
    unnamed = subprocess.Popen(["sleep", "1000"], start_new_session=True, env=environment)
    bystander = subprocess.Popen(["sleep", "1000"], env={**environment, "ER_RUN_ID": "start.0"})
    lock.write_text("start.0123456789abcdef")

    def unfinished_start() -> str:
        return lock.read_text()

    try:

        async def body(rig: PoolRig) -> None:
            outcome = await rig.run(attempt("process_restart", target=service.target()))
            assert outcome.detail == f"was not running; started pid {service.pid()}"
            await soon("the unnamed one lives on", lambda: unnamed.poll() == -signal.SIGKILL)
            await soon("not one instance", lambda: service.running() == [service.pid()])
            first = service.pid()
            assert unfinished_start() == ""  # that start was brought to its end
            await rig.run(attempt("process_restart", target={**service.target(), "cwd": "/no/such/folder"}))
            assert unfinished_start() == ""  # so was this one, though in vain
            assert not is_running(first)

        with_pool(body)
        assert bystander.poll() is None
    finally:
        for process in (unnamed, bystander):
            process.kill()
            process.wait()


@pytest.mark.parametrize("text", ["", "nonsense\n", "-1\n", "1\n", "0\n12\n"])
def test_a_pid_file_that_names_no_service_is_refused_by_restart_and_unknown_to_the_probe(
    service: Service, text: str
) -> None:
    service.pid_file.write_text(text)

    async def body(rig: PoolRig) -> None:
        outcome = await rig.run(attempt("process_restart", target=service.target()))
        assert outcome.kind is OutcomeKind.FAILED
        assert str(service.pid_file) in outcome.detail
        reading = (await rig.look(probe_round(Probe("p", "process"), target=service.target())))["p"]
        assert reading.value is ReadingValue.UNKNOWN

    with_pool(body)


def test_the_process_probe_wants_that_very_process_alive(service: Service) -> None:
    living = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    assert living.stdin is not None
    own = Probe("p", "process", {"pid_file": str(service.pid_file)})

    async def look(rig: PoolRig) -> tuple[ReadingValue, str]:
        reading = (await rig.look(probe_round(own)))["p"]
        return reading.value, reading.detail

    async def body(rig: PoolRig) -> None:
        assert await look(rig) == (ReadingValue.NOT_OK, f"there is no pid file {service.pid_file}")
        service.pid_file.write_text(f"{living.pid}\n")
        assert await look(rig) == (ReadingValue.OK, f"pid {living.pid} is alive")
        write_pid_file(str(service.pid_file), Identity(living.pid, identify(living.pid).start_ticks + 1))
        assert await look(rig) == (ReadingValue.NOT_OK, f"pid {living.pid} is not alive")
        write_pid_file(str(service.pid_file), identify(living.pid))
        assert (await look(rig))[0] is ReadingValue.OK
        living.kill()
        await is_gone(living.pid)  # a zombie still: nobody has waited for it
        assert await look(rig) == (ReadingValue.NOT_OK, f"pid {living.pid} is not alive")

    try:
        with_pool(body)
    finally:
        living.stdin.close()
        living.kill()
        living.wait()
