"""A host that takes the CPU away, from workers, from the daemon, from both: no working recovery becomes a failed one (A20)."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import psutil
import pytest

from error_recovery.v1 import recovery_pb2
from tests.e2e.daemon_process import SH, DaemonProcess, a_fault, journal, journal_scripts, running
from tests.waiting import eventually

STOLEN_S = 2.0  # beyond every deadline here, and less than what makes a worker one that hangs
V1, V2 = Path("/sys/fs/cgroup/cpu"), Path("/sys/fs/cgroup")


def definitions(scripts: dict[str, Path], *, timeout: str = "1s", within: str = "50ms") -> str:
    return f"""
version: 1
targets:
  t: {{kind: service, probes: [look]}}
probes:
  look: {{kind: exec, command: [{SH}, {scripts["look"]}, t], timeout: 20s}}
strategies:
  mend: {{kind: exec, command: [{SH}, {scripts["mend"]}], timeout: {timeout}}}
  never: {{kind: exec, command: [{SH}, -c, "exit 1"], timeout: 1s}}
rules:
  - id: mend-it
    when: {{component: test}}
    target: t
    mode: auto
    ladder: {{1: [mend], 3: [never]}}
    verify: {{within: {within}}}
"""


def scripts_in(directory: Path, mend: str) -> dict[str, Path]:
    scripts = dict(journal_scripts(directory))
    scripts["mend"] = directory / "mend.sh"
    scripts["mend"].write_text(f'echo "A $ER_TARGET $ER_ATTEMPT_ID" >> {directory}/journal\n{mend}\n')
    return scripts


@contextlib.contextmanager
def stolen_from(pids: Sequence[int]) -> Iterator[None]:
    """They do not run while this is not left, which takes its time."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        ends_s = time.monotonic() + STOLEN_S
        yield
        eventually("the theft is over", lambda: time.monotonic() > ends_s)
    finally:
        for pid in reversed(pids):
            os.kill(pid, signal.SIGCONT)


def everybody(daemon: DaemonProcess) -> list[int]:
    assert daemon.process is not None
    own = psutil.Process(daemon.process.pid)
    return [own.pid, *(child.pid for child in own.children(recursive=True))]


def recovered_at_once(daemon: DaemonProcess, error_id: str) -> recovery_pb2.Attempt:
    """By its one attempt, of which nobody was told anything bad."""
    daemon.wait_for_state(error_id, "watching")
    daemon.wait_until_recorded()
    [attempt] = daemon.history(error_id)
    assert (attempt.outcome, attempt.verdict) == ("completed", "recovered")
    assert daemon.status().workers_lost == 0
    assert daemon.stop() == 0
    assert daemon.record("SELECT cause FROM escalations") == []
    return attempt


@pytest.mark.parametrize("who", ["workers", "all"])
def test_an_attempt_outlives_the_time_in_which_its_worker_was_stopped(tmp_path: Path, who: str) -> None:
    mend = f"while [ ! -e {tmp_path}/go ]; do sleep 0.02; done\n: > {tmp_path}/well/t"
    daemon = DaemonProcess(tmp_path / "daemon", definitions(scripts_in(tmp_path, mend)))
    with running(daemon):
        error_id = daemon.report(a_fault()).error_id
        eventually("the attempt runs", lambda: journal(tmp_path))
        pids = [worker.pid for worker in daemon.workers()] if who == "workers" else everybody(daemon)
        with stolen_from(pids):
            (tmp_path / "go").touch()
        attempt = recovered_at_once(daemon, error_id)
        assert attempt.execution_time_s > STOLEN_S > 1.0


def test_a_verification_outlives_the_time_in_which_the_daemon_was_stopped(tmp_path: Path) -> None:
    """What the probes saw before the theft is judged after it, when the time of the verification is over on the clock."""
    scripts = scripts_in(tmp_path, ":")
    look = scripts["look"].read_text()
    scripts["look"].write_text(
        f"echo P >> {tmp_path}/journal\nwhile [ ! -e {tmp_path}/see ]; do sleep 0.02; done\n{look}"
    )
    daemon = DaemonProcess(tmp_path / "daemon", definitions(scripts, within="1s"))
    with running(daemon):
        assert daemon.process is not None
        error_id = daemon.report(a_fault()).error_id
        eventually("a probe looks", lambda: ["P"] in journal(tmp_path))
        with stolen_from([daemon.process.pid]):
            (tmp_path / "see").touch()
            eventually("the probe has seen that it is not well", lambda: ["P", "t"] in journal(tmp_path))
        (tmp_path / "well/t").touch()
        recovered_at_once(daemon, error_id)


class Group:
    """A control group for the CPU, of either version."""

    def __init__(self, name: str) -> None:
        base = V1 if (V1 / "cpu.cfs_period_us").exists() or (V1 / "tasks").exists() else V2
        self.folder = base / name
        self.folder.mkdir()
        self._before = base / _path_of(base).lstrip("/")

    def limit(self, quota_us: int) -> None:
        """To so much of each 100 ms of one CPU."""
        if (self.folder / "cpu.max").exists():
            (self.folder / "cpu.max").write_text(f"{quota_us} 100000")
        else:
            (self.folder / "cpu.cfs_quota_us").write_text(str(quota_us))

    @contextlib.contextmanager
    def entered(self) -> Iterator[None]:
        """What is started meanwhile is in it."""
        (self.folder / "cgroup.procs").write_text(str(os.getpid()))
        try:
            yield
        finally:
            (self._before / "cgroup.procs").write_text(str(os.getpid()))


def _path_of(base: Path) -> str:
    """Of the group that we are in."""
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, names, path = line.split(":", 2)
        if names == ("" if base == V2 else "cpu") or (base == V1 and "cpu" in names.split(",")):
            return path
    return "/"


@pytest.fixture
def group() -> Iterator[Group]:
    try:
        made = Group(f"stolen-cpu-{os.getpid()}")
        made.limit(100_000)
    except OSError:
        pytest.skip("no control group with a CPU quota can be made here")
    yield made
    eventually("its processes are gone", lambda: not (made.folder / "cgroup.procs").read_text())
    made.folder.rmdir()


def test_an_attempt_outlives_a_quota_that_keeps_the_cpu_from_it(tmp_path: Path, group: Group) -> None:
    """It takes a good half of a second of CPU within two seconds, and shares a fifth of one with the daemon."""
    burn = "i=0; while [ $i -lt 240 ]; do i=$((i+1)); j=0; while [ $j -lt 3000 ]; do j=$((j+1)); done; done"
    scripts = scripts_in(tmp_path, f"{burn}\n: > {tmp_path}/well/t")
    daemon = DaemonProcess(tmp_path / "daemon", definitions(scripts, timeout="2s", within="1s"))
    with group.entered(), contextlib.ExitStack() as stack:
        stack.enter_context(running(daemon))
        daemon_runs = stack.pop_all()
    with daemon_runs:
        group.limit(20_000)
        error_id = daemon.report(a_fault()).error_id
        attempt = recovered_at_once(daemon, error_id)
        assert attempt.execution_time_s > 2.0, "it was no theft"
