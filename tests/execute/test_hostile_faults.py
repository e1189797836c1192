"""Whatever a fault says, and however a definition that is accepted uses it: it is one argument, and nothing of it is run."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from error_daemon.definitions.checks.fault_variables import check_fault_variables
from error_daemon.definitions.checks.variables import texts_in
from error_daemon.definitions.files.written import Written
from error_daemon.definitions.files.yaml_nodes import Source
from error_daemon.model import AttemptOrder, OutcomeKind, Strategy, Target
from error_daemon.model.variables import fill_from_fault
from tests.execute.rig import PoolRig, with_pool

FAULT = "${fault.message}"
_PROGRAMS = [
    "sh",
    "/bin/sh",
    "env",
    "timeout",
    "nice",
    "nohup",
    "/usr/bin/env",
    "perl",
    "awk",
    "sed",
    "xargs",
    "find",
    "echo",
    "setsid",
]
_ARGUMENTS = [
    "--",
    "-c",
    "-e",
    "-ec",
    "-s",
    "-x",
    "--eval",
    "5",
    "true",
    "/bin/echo",
    ":",
    FAULT,
    f"x {FAULT}",
    f"--x={FAULT}",
    f"-e{FAULT}",
]


def is_accepted(command: list[str]) -> bool:
    entry = {"kind": "exec", "command": command}
    written: Written[object] = Written(None, Source("a.yaml", data={"strategies": {"s": entry}}), ("strategies", "s"))
    return not list(check_fault_variables(written, [*texts_in(entry)]))


@pytest.fixture(scope="module")
def evil(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A program that says so when it is run, by whatever way."""
    program = tmp_path_factory.mktemp("evil") / "evil"
    program.write_text(f"#!/bin/sh\ntouch {program}.ran\n")
    program.chmod(0o755)
    return program


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(_PROGRAMS),
    st.lists(st.sampled_from([*_ARGUMENTS, *_PROGRAMS]), max_size=5),
    st.sampled_from(["", "x; ", "x\n", "-c", "-e"]),
)
def test_nothing_that_a_fault_names_is_run(evil: Path, program: str, arguments: list[str], before: str) -> None:
    command = [program, *arguments, FAULT]
    if not is_accepted(command) or shutil.which(program) is None:
        return
    filled = fill_from_fault(command, {}, {"fault.message": f"{before}{evil}"})
    assert len(filled) == len(command)
    with contextlib.suppress(subprocess.TimeoutExpired):
        subprocess.run(
            filled,
            cwd=evil.parent,
            timeout=2,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        )
    assert not os.path.exists(f"{evil}.ran"), command


def test_a_program_gets_what_the_fault_says_as_it_is(tmp_path: Path) -> None:
    said = "$(touch x); `touch y` \"a\" 'b' --all\n*"
    script = 'for each; do printf "%s|" "$each"; done; printf "%s" "$WHY"'
    params = {
        "command": ["sh", "-c", script, "sh", "--", FAULT, "${port}"],
        "environment": {"WHY": "because ${fault.message}"},
        "cwd": str(tmp_path),
    }
    strategy, target = Strategy("s", "exec", params=params), Target("t", "host", variables={"port": "80"})

    async def body(rig: PoolRig) -> None:
        order = AttemptOrder("a", "e", strategy, target, 1, 20.0, {}, variables={"fault.message": said})
        outcome = await rig.run(order)
        assert outcome.kind is OutcomeKind.COMPLETED
        assert outcome.detail.removeprefix("exit code 0: ") == f"--|{said}|80|because {said}"

    with_pool(body)
    assert list(tmp_path.iterdir()) == []
