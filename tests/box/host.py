"""A whole host for a test: a real systemd as pid 1 with D-Bus and journal, over a throw-away copy of this machine's files, loopback only.

`booted()` boots one. Everything that is written in it is gone when it ends; this repository stands in it, read only, at its own path.
What is run in it enters its namespaces and finds the usual places: `/etc/recovery`, port 50051, `systemctl`.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NoReturn

import pytest

from tests.box.systemd_box import Box, BoxError

ROOT = Path(__file__).parents[2]
PATIENCE_S = 90.0  # for what takes a few seconds; only something that is stuck comes near it


def no_box(why: str) -> NoReturn:
    """Skip; but in CI, as root, where nobody reads what was skipped, a box that does not boot is a failure."""
    if os.environ.get("CI") and os.geteuid() == 0:
        pytest.fail(why)
    pytest.skip(why)


def _why_no_box() -> str:
    """Why no box can boot here; empty if nothing is known to be in the way."""
    if os.geteuid() != 0:
        return "a box with its own systemd needs root"
    needed = ["/lib/systemd/systemd", "/usr/bin/dbus-daemon", "/usr/bin/nsenter", "/usr/bin/systemd-run"]
    missing = [path for path in needed if not Path(path).exists()]
    return f"a box with its own systemd needs {', '.join(missing)}" if missing else ""


def demand_box() -> None:
    """Go on only where a box can boot."""
    if why := _why_no_box():
        no_box(why)


class Host:
    def __init__(self, box: Box) -> None:
        self._box = box

    def run(self, *command: str, is_checked: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a program in the host, as root, to its end. A bad exit code is a failed assertion, unless `is_checked` is false."""
        ended = self._box.run(command, timeout_s=PATIENCE_S)
        assert ended.returncode == 0 or not is_checked, (
            f"{command} ended with {ended.returncode}:\n{ended.stdout}{ended.stderr}"
        )
        return ended

    def read(self, path: str) -> str:
        return self.run("cat", path).stdout

    def write(self, path: str, text: str) -> None:
        # whole at once: who waits for the file must not read half of it
        script = 'mkdir -p "$(dirname "$1")" && cat > "$1.part" && mv "$1.part" "$1"'
        written = self._box.run(["sh", "-c", script, "sh", path], text_in=text, timeout_s=PATIENCE_S)
        assert written.returncode == 0, written.stderr

    def exists(self, path: str) -> bool:
        return self.run("test", "-e", path, is_checked=False).returncode == 0

    def main_pid(self, unit: str) -> str:
        return self.run("systemctl", "show", "--property=MainPID", "--value", unit).stdout.strip()

    def journal(self, unit: str) -> str:
        return self.run("journalctl", "--no-pager", "--lines=80", "--unit", unit, is_checked=False).stdout


def _interpreter_directories() -> Iterator[str]:
    """Where this interpreter and its packages live, as far as a box would not show them anyway."""
    for directory in dict.fromkeys((sys.prefix, sys.base_prefix)):
        if not directory.startswith(("/usr", f"{ROOT}/")):
            yield directory


@contextlib.contextmanager
def booted(copies: Sequence[tuple[Path, str]] = (), *, is_hybrid: bool = False) -> Iterator[Host]:
    """A host, with `copies` (of files or directories here, to paths there) in it before it boots. Where none can boot: see `no_box`.

    `is_hybrid`: MemoryMax= and CPUQuota= bite, although this machine has these controllers on v1."""
    demand_box()
    box = Box([str(ROOT), *_interpreter_directories()], copies, is_hybrid=is_hybrid)
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(box)
        except BoxError as error:
            no_box(f"no box can boot here: {error}")
        yield Host(box)
