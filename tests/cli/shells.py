"""Real shells, on a terminal of their own: what a person types there, TABs included, and what becomes of it."""

from __future__ import annotations

import fcntl
import os
import pty
import shutil
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import pytest

WITHIN_S = 60


def need(shell: str) -> str:
    """The program `shell`; installed where it is missing and that is possible, else the test is left out."""
    if shutil.which(shell) is None and os.geteuid() == 0 and shutil.which("apt-get"):
        with Path("/tmp/error-recovery-shells.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # one test process at a time
            if shutil.which(shell) is None:
                _install(shell)
    found = shutil.which(shell)
    if found is None:
        pytest.skip(f"no {shell} on this machine")
    return found


def _install(shell: str) -> None:
    with suppress(subprocess.TimeoutExpired):  # no network: the test is left out
        for words in (["update", "-q"], ["install", "-qy", "--no-install-recommends", shell]):
            subprocess.run(["apt-get", *words], capture_output=True, check=False, timeout=300)


def type_into(command: list[str], typed: str, environment: Mapping[str, str]) -> str:
    """Start an interactive shell, type, and wait for its end; everything that appeared."""
    terminal, side = pty.openpty()
    process = subprocess.Popen(
        command, env=dict(environment), stdin=side, stdout=side, stderr=side, start_new_session=True
    )
    os.close(side)
    os.write(terminal, typed.encode())
    seen = b""
    while chunk := _read(terminal):
        seen += chunk
    os.close(terminal)
    process.wait(WITHIN_S)
    return seen.decode(errors="replace")


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # EIO: the last process on the other side has gone
        return b""
