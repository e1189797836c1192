"""Programs that strategies run: their end, their output, their environment, and that nothing of them is left."""

from __future__ import annotations

import os
import resource
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from error_daemon.execute.program import build_environment
from error_daemon.model import OutcomeKind, Probe, ReadingValue
from tests.execute.rig import PoolRig, attempt, is_gone, is_running, pid_written_to, probe_round, shell, with_pool


def test_exit_codes_signals_and_last_words_are_told() -> None:
    async def body(rig: PoolRig) -> None:
        outcome = await rig.run(shell("echo out; echo err >&2; exit 3"))
        assert (outcome.kind, outcome.detail) == (OutcomeKind.FAILED, "exit code 3: out\nerr")
        outcome = await rig.run(shell("kill -SEGV $$"))
        assert (outcome.kind, outcome.detail) == (OutcomeKind.FAILED, "killed by SIGSEGV")
        outcome = await rig.run(attempt("exec", {"command": ["sh", "-c", "exit 7"], "success_exit_codes": [0, 7]}))
        assert outcome.kind is OutcomeKind.COMPLETED
        assert outcome.execution_time_s > 0

    with_pool(body)


def test_what_cannot_be_run_fails_with_a_reason(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_text("no program")
    senseless = tmp_path / "senseless"
    senseless.write_bytes(b"\x00\x01\x02")
    senseless.chmod(0o755)

    async def body(rig: PoolRig) -> None:
        for command, words in (
            (["no-such-program-anywhere"], "no-such-program-anywhere was not found in PATH="),
            ([str(tmp_path / "missing")], "No such file or directory"),
            ([str(plain)], "Permission denied"),
            ([str(senseless)], "Exec format error"),
            (["true", "a\0b"], "embedded null byte"),
        ):
            outcome = await rig.run(attempt("exec", {"command": command}))
            assert outcome.kind is OutcomeKind.FAILED, command
            assert words in outcome.detail
        outcome = await rig.run(attempt("exec", {"command": ["true"], "cwd": str(tmp_path / "missing")}))
        assert "the working directory" in outcome.detail
        outcome = await rig.run(attempt("exec", {}))
        assert (outcome.kind, outcome.detail) == (OutcomeKind.REFUSED, "command: is missing")

    with_pool(body)


def test_a_program_runs_in_its_working_directory_and_only_that_one(tmp_path: Path) -> None:
    async def body(rig: PoolRig) -> None:
        outcome = await rig.run(attempt("exec", {"command": ["pwd"], "cwd": str(tmp_path)}))
        assert outcome.detail == f"exit code 0: {tmp_path}"
        outcome = await rig.run(attempt("exec", {"command": ["pwd"]}))
        assert outcome.detail == f"exit code 0: {Path.cwd()}"

    with_pool(body)


def test_a_timeout_ends_the_program_and_its_children_though_they_ignore_sigterm(tmp_path: Path) -> None:
    async def body(rig: PoolRig) -> None:
        script = f"trap '' TERM; sleep 1000 & echo $! >{tmp_path}/child; echo $$ >{tmp_path}/program; wait; wait"
        outcome = await rig.run(shell(script, timeout_s=0.3))
        assert outcome.kind is OutcomeKind.TIMED_OUT
        assert outcome.detail.startswith("ended at its deadline of 0.3 s")  # and what the host withheld, if it did
        assert outcome.execution_time_s >= 0.29
        for name in ("program", "child"):
            assert not is_running(await pid_written_to(tmp_path / name))

    with_pool(body)


def test_a_timeout_lets_a_program_clean_up(tmp_path: Path) -> None:
    async def body(rig: PoolRig) -> None:
        script = f"trap 'echo cleaned >{tmp_path}/word; exit 0' TERM; while :; do sleep 0.01; done"
        assert (await rig.run(shell(script, timeout_s=0.2))).kind is OutcomeKind.TIMED_OUT

    with_pool(body)
    assert (tmp_path / "word").read_text() == "cleaned\n"


def test_children_left_behind_by_a_program_that_ended_are_ended_too(tmp_path: Path) -> None:
    async def body(rig: PoolRig) -> None:
        outcome = await rig.run(shell(f"sleep 1000 & echo $! >{tmp_path}/child; exit 0"))
        assert outcome.kind is OutcomeKind.COMPLETED
        await is_gone(await pid_written_to(tmp_path / "child"))

    with_pool(body)


def test_a_flood_of_output_neither_stops_the_program_nor_grows_the_worker() -> None:
    async def body(rig: PoolRig) -> None:
        before_kib = _resident_kib(rig.pool.pids()[0])
        outcome = await rig.run(shell("head -c 100000000 /dev/zero | tr '\\0' x; echo the end"))
        assert outcome.kind is OutcomeKind.COMPLETED
        assert outcome.detail.endswith("xxxthe end")
        assert len(outcome.detail) <= 2048
        assert _resident_kib(rig.pool.pids()[0]) - before_kib < 8192

    with_pool(body)


def _resident_kib(pid: int) -> int:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * resource.getpagesize() // 1024


HOSTILE = "$(touch /tmp/x) `id` ; rm -rf / \n\t'\"\\ %s {0} \x1b[31m \u202e é \U0001f600"


def test_hostile_text_in_a_fault_arrives_literally() -> None:
    async def body(rig: PoolRig) -> None:
        command = [
            sys.executable,
            "-c",
            "import os, sys; sys.exit(os.environb[b'ER_MESSAGE'] != os.environb[b'WANTED'])",
        ]
        params = {"command": command, "environment": {"WANTED": HOSTILE}}
        outcome = await rig.run(attempt("exec", params, environment={"ER_MESSAGE": HOSTILE}))
        assert outcome.kind is OutcomeKind.COMPLETED, outcome.detail

    with_pool(body)


def test_nul_bytes_in_a_fault_become_visible_and_long_fields_are_cut() -> None:
    async def body(rig: PoolRig) -> None:
        environment = {"ER_MESSAGE": "a\0b", "ER_STACK": "é" * 500_000}
        outcome = await rig.run(shell('echo "$ER_MESSAGE"; printf %s "$ER_STACK" | wc -c', environment=environment))
        assert outcome.detail == "exit code 0: a␀b\n16384"

    with_pool(body)


def test_a_fault_cannot_set_what_programs_and_loaders_trust() -> None:
    environment = build_environment(
        {"MINE": "yes", "ER_LEVEL": "the definition's"},
        {"PATH": "/evil", "LD_PRELOAD": "/evil.so", "MINE": "no", "ER_LEVEL": "1", "ER_=": "x", "ER_A\0": "x"},
    )
    assert environment["PATH"] == os.environ["PATH"]
    assert environment["MINE"] == "yes"
    assert environment["ER_LEVEL"] == "1"
    assert environment.keys() <= {"PATH", "HOME", "LANG", "USER", "MINE", "ER_LEVEL"}


@given(fault=st.dictionaries(st.text(max_size=20), st.text()))
def test_any_fault_makes_an_environment_that_the_kernel_takes(fault: dict[str, str]) -> None:
    text = fault.get("ER_X", "").join(fault)
    for name, value in build_environment({}, {**fault, "ER_X": text}).items():
        assert name.isidentifier()
        assert "\0" not in value


def test_programs_do_not_inherit_the_workers_signals_or_descriptors() -> None:
    async def body(rig: PoolRig) -> None:
        script = (
            "import os, signal; print(sorted(os.listdir('/proc/self/fd')), signal.getsignal(signal.SIGINT).__name__, "
        )
        script += "signal.getsignal(signal.SIGTERM) == signal.SIG_DFL, os.getpgid(0) == os.getpid())"
        outcome = await rig.run(attempt("exec", {"command": [sys.executable, "-c", script]}))
        # 3 is the directory that is being listed
        assert outcome.detail == "exit code 0: ['0', '1', '2', '3'] default_int_handler True True"

    with_pool(body)


def test_retry_does_its_operation_or_nothing() -> None:
    async def body(rig: PoolRig) -> None:
        for kind in ("retry", "exponential_backoff"):
            assert (await rig.run(attempt(kind))).kind is OutcomeKind.COMPLETED
            operation = {"kind": "exec", "command": ["sh", "-c", "exit 4"]}
            outcome = await rig.run(attempt(kind, {"operation": operation}))
            assert (outcome.kind, outcome.detail) == (OutcomeKind.FAILED, "exit code 4")
            outcome = await rig.run(attempt(kind, {"operation": {"kind": "handler"}}))
            assert outcome.kind is OutcomeKind.REFUSED

    with_pool(body)


def test_usage_of_the_host_is_told_before_and_after() -> None:
    async def body(rig: PoolRig) -> None:
        outcome = await rig.run(shell("exit 0"))
        for usage in (outcome.before, outcome.after):
            assert 0 <= usage.cpu_percent <= 100
            assert 0 < usage.memory_percent < 100

    with_pool(body)


@pytest.mark.parametrize(
    ("script", "value", "words"),
    [
        ("echo fine", ReadingValue.OK, "exit code 0: fine"),
        ("echo bad; exit 1", ReadingValue.NOT_OK, "exit code 1: bad"),
        ("exit 3", ReadingValue.UNKNOWN, "exit code 3"),
        ("kill -KILL $$", ReadingValue.UNKNOWN, "killed by SIGKILL"),
        ("exec sleep 1000", ReadingValue.UNKNOWN, "did not end within 0.5 s"),
    ],
)
def test_an_exec_probe_says_what_its_program_says(script: str, value: ReadingValue, words: str) -> None:
    async def body(rig: PoolRig) -> None:
        params = {"command": ["/bin/sh", "-c", script], "unknown_exit_codes": [3]}
        timeout_s = 0.5 if "sleep" in script else 20.0
        reading = (await rig.look(probe_round(Probe("p", "exec", params, timeout_s))))["p"]
        assert reading.value is value
        assert words in reading.detail

    with_pool(body)
