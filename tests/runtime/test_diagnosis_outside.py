"""What is seen of a daemon that does not answer, and what goes into a bundle."""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Sequence
from pathlib import Path

import pytest

from error_daemon.model import Standing
from error_daemon.runtime.diagnosis.bundle import without_secrets
from error_daemon.runtime.diagnosis.outside import (
    judge_listening,
    judge_owner,
    judge_unit,
    listeners,
    lock_owner,
    unit_state,
)

HERE = "127.0.0.1:50051"


def a_unit(**properties: str) -> dict[str, str]:
    return {"LoadState": "loaded", "ActiveState": "active", "SubState": "running", "NRestarts": "0", **properties}


@pytest.mark.parametrize(
    ("state", "standing", "said"),
    [
        ("systemd can't be asked: no", Standing.UNAVAILABLE, "can't be asked"),
        (a_unit(LoadState="not-found"), Standing.NOTICE, "does not know error-recovery.service"),
        (a_unit(MainPID="42", StatusText="serving"), Standing.NOTICE, "active, pid 42; it says: serving"),
        (a_unit(ActiveState="failed", ExecMainStatus="78"), Standing.BAD, "a person has to mend them"),
        (a_unit(ActiveState="failed", ExecMainStatus="1", Result="exit-code"), Standing.BAD, "exit-code, exit code 1"),
        (a_unit(ActiveState="activating", SubState="auto-restart", NRestarts="9"), Standing.BAD, "restarted 9 times"),
        (a_unit(ActiveState="activating", SubState="start"), Standing.NOTICE, "activating (start)"),
        (a_unit(ActiveState="inactive"), Standing.BAD, "inactive: it was stopped"),
    ],
)
def test_the_unit_is_judged_by_its_state(state: dict[str, str] | str, standing: Standing, said: str) -> None:
    found = judge_unit(state)
    assert found.standing is standing
    assert said in found.says


def test_a_systemd_that_is_not_there_is_said() -> None:
    def command(_command: Sequence[str], _given: str = "") -> str:
        raise OSError("systemctl: System has not been booted with systemd")

    assert unit_state(command) == "systemd can't be asked: systemctl: System has not been booted with systemd"
    assert unit_state(lambda *_: "LoadState=loaded\nMainPID=7\n") == {"LoadState": "loaded", "MainPID": "7"}


def test_who_listens_is_seen() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        [found] = listeners(f"127.0.0.1:{port}") or []
        assert f"(pid {os.getpid()})" in found
    assert listeners(f"127.0.0.1:{port}") == []


def test_who_listens_on_a_unix_socket_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "d.sock"
    assert listeners(f"unix:{path}") == []
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        assert listeners(f"unix:{path}") == ["somebody"]
    assert listeners(f"unix:{path}") == []


def test_another_address_than_that_of_the_settings_is_the_likely_mistake() -> None:
    assert judge_listening(HERE, "unix:/run/x", []).mend == "error-cli --address unix:/run/x diagnose"
    assert judge_listening(HERE, HERE, []).standing is Standing.BAD
    assert judge_listening(HERE, HERE, None).standing is Standing.UNAVAILABLE
    assert judge_listening(HERE, HERE, ["python (pid 4)"]).standing is Standing.NOTICE


def test_a_daemon_is_seen_by_its_lock_on_the_ring(tmp_path: Path) -> None:
    ring = tmp_path / "faults.ring"
    ring.write_text("")
    assert lock_owner(ring) is None
    with ring.open("r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert lock_owner(ring) == os.getpid()
    assert judge_owner(ring, None).standing is Standing.GOOD
    assert f"(pid {os.getpid()}) has {ring} locked" in judge_owner(ring, os.getpid()).says


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.yaml", 'headers: {Authorization: "xyzzy-and-more"}\n'),
        ("a.yaml", "env: {DB_PASSWORD: xyzzy-and-more}\nwhere: 'mysql --password=xyzzy-and-more'\n"),
        ("a.yaml", "not: [yaml\nDB_PASSWORD=xyzzy-and-more\n"),
        ("a.yaml", 'env:\n  DB_PASSWORD: "xyzzy\\x2dand-more"\n'),
        ("a.yaml", 'env:\n  A_TOKEN: a-longer-secret-in-plain-sight\n  DB_PASSWORD: "xyzzy\\x2dand-more"\n'),
        ("a.yaml", "env:\n  A_TOKEN: a-longer-secret-in-plain-sight\n  DB_PASSWORD: |\n    xyzzy\n    and-more\n"),
        ("recovery.conf", 'api_key = "xyzzy-and-more"\n'),
        ("environment", "DB_PASSWORD=xyzzy-and-more\n"),
        ("environment", "export SYSLOG=tls://u:xyzzy-and-more@host:6514\n"),
    ],
)
def test_no_secret_is_left_in_a_file_that_is_taken(tmp_path: Path, name: str, text: str) -> None:
    said = without_secrets(tmp_path / name, text)
    assert "xyzzy" not in said
    assert "and-more" not in said


def test_what_is_no_secret_stays(tmp_path: Path) -> None:
    text = "version: 1\ntargets: {web: {kind: host}}  # the shop\n"
    assert without_secrets(tmp_path / "a.yaml", text) == text
