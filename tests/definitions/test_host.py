"""What is found of programs and units on a host, and what nobody can say."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from error_daemon.definitions.host.host import Host


@pytest.fixture
def host(tmp_path: Path) -> Host:
    for name in ("bin", "etc", "lib", "init.d"):
        (tmp_path / name).mkdir()
    (tmp_path / "lib" / "nginx.service").write_text("[Unit]\n")
    (tmp_path / "lib" / "worker@.service").write_text("[Unit]\n")
    (tmp_path / "etc" / "webserver.service").symlink_to(tmp_path / "lib" / "nginx.service")
    (tmp_path / "init.d" / "old").write_text("#!/bin/sh\n")
    return Host(
        path=str(tmp_path / "bin"),
        unit_directories=(tmp_path / "etc", tmp_path / "lib"),
        init_directory=tmp_path / "init.d",
    )


@pytest.mark.parametrize(
    "unit",
    ["nginx", "nginx.service", "webserver", "worker@mail", "worker@a@b.service", "old", "srv-data.mount", "x.scope"],
)
def test_a_unit_that_is_there_has_no_problem(host: Host, unit: str) -> None:
    assert host.unit_problem(unit) == ""


@pytest.mark.parametrize("unit", ["ngnix", "nginx.socket", "queue@1", "old.timer"])
def test_a_unit_that_is_not_there_is_missed(host: Host, unit: str) -> None:
    assert host.unit_problem(unit) == "is not a unit of this host"


def test_a_unit_that_is_masked_above_hides_the_one_below(host: Host, tmp_path: Path) -> None:
    (tmp_path / "etc" / "nginx.service").symlink_to("/dev/null")
    assert host.unit_problem("nginx") == "is masked: systemd never starts it"


def test_a_host_without_systemd_has_no_units(tmp_path: Path) -> None:
    assert not Host(unit_directories=[tmp_path / "absent"], init_directory=tmp_path / "absent").has_units()


def program(host: Host, name: str, content: bytes, mode: int = 0o755) -> str:
    file = Path(host.path, name)
    file.write_bytes(content)
    file.chmod(mode)
    return str(file)


@pytest.mark.parametrize(
    "content",
    [b"\x7fELF...", b"#!/bin/sh\n", b"#! /bin/sh -e\n", b"#!/usr/bin/env -S sh -e\n", b"#!/usr/bin/env A=b sh\n"],
)
def test_a_program_that_can_be_run_has_no_problem(host: Host, content: bytes) -> None:
    program(host, "tool", content)
    assert host.program_problem("tool", {}) == ""
    assert host.program_problem(f"{host.path}/tool", {}) == ""


def test_a_program_is_looked_up_where_its_own_environment_says(host: Host, tmp_path: Path) -> None:
    program(host, "tool", b"#!/bin/sh\n")
    assert host.program_problem("tool", {"PATH": str(tmp_path)}) == f"was not found in PATH={tmp_path}"


@pytest.mark.parametrize(
    ("content", "problem"),
    [(b"#!\n", "has a #! without an interpreter"), (b"#!/bin\n", "is a script for /bin, which is a directory")],
)
def test_a_script_without_an_interpreter_cannot_be_run(host: Host, content: bytes, problem: str) -> None:
    assert host.program_problem(program(host, "tool", content), {}) == problem


def test_what_is_no_file_cannot_be_run(host: Host, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert host.program_problem(str(tmp_path / "pipe"), {}) == "is not a file that can be run"
    assert host.program_problem(program(host, "a", b"") + "/b", {}) == "does not exist"
