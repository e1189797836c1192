"""A booted host with error_daemon installed on it, as an operator does it, and what a test does with one."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.box.host import ROOT, Host
from tests.waiting import eventually

UNIT = "error-recovery.service"
WHEELS = "/srv/wheels"

# Everything that these tests break. A recovery of `slow` goes on until /run/error-recovery/go is there; an attempt that was lost with
# its daemon is followed by that of the next level.
DEFINITIONS = """
version: 1
targets:
  sleeper:
    kind: process
    command: [/bin/sleep, "100000"]
    pid_file: /run/error-recovery/sleeper.pid
    probes: [sleeper-lives]
  slow: {kind: service, probes: [slow-is-well]}
probes:
  sleeper-lives: {kind: process, pid_file: /run/error-recovery/sleeper.pid}
  slow-is-well: {kind: file, path: /var/lib/error-recovery/well}
strategies:
  restart-sleeper: {kind: process_restart, timeout: 20s}
  heal-slowly:
    kind: exec
    command: [/bin/sh, -c, "while [ ! -e /run/error-recovery/go ]; do sleep 0.05; done; touch /var/lib/error-recovery/well"]
    timeout: 200s
rules:
  - {id: sleeper, when: {component: sleeper}, target: sleeper, ladder: {3: [restart-sleeper]}, verify: {within: 10s}, mode: auto}
  - id: slow
    when: {component: slow}
    target: slow
    ladder: {2: [heal-slowly], 3: [heal-slowly], 4: [heal-slowly]}
    verify: {within: 10s}
    mode: auto
"""


def make(*arguments: str, **environment: str) -> None:
    """Run make here, outside of any box."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
    ended = subprocess.run(
        ["make", *arguments], cwd=ROOT, env=clean | environment, capture_output=True, text=True, check=False
    )
    if "no Python 3.10 or newer" in ended.stderr:
        pytest.skip(ended.stderr.strip())
    assert ended.returncode == 0, f"make {arguments}:\n{ended.stdout}{ended.stderr}"


def built_once(place: Path, *arguments: str) -> Path:
    """`make ARGUMENTS` fills `place`, once for all workers of this run of the tests."""
    place.parent.mkdir(exist_ok=True)
    with open(f"{place}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not place.exists():
            part = Path(f"{place}.part")
            shutil.rmtree(part, ignore_errors=True)
            part.mkdir()
            make(*arguments, **{"WHEELS": str(part)} if "wheels" in arguments else {"DIST": str(part)})
            part.rename(place)
    return place


class InstalledHost:
    def __init__(self, host: Host) -> None:
        self.run, self.read, self.write, self.exists = host.run, host.read, host.write, host.exists
        self.main_pid, self.journal = host.main_pid, host.journal

    def sh(self, script: str, *, is_checked: bool = True) -> str:
        return self.run("sh", "-c", script, is_checked=is_checked).stdout

    def make(self, target: str) -> str:
        return self.sh(f"make --no-print-directory -C {ROOT} {target} WHEELS={WHEELS} 2>&1")

    def show(self, unit: str, name: str) -> str:
        return self.run("systemctl", "show", f"--property={name}", "--value", unit).stdout.strip()

    def enable(self) -> None:
        """`systemctl enable --now`, with the definitions of these tests in force."""
        self.write("/etc/recovery/definitions/90-test.yaml", DEFINITIONS)
        started = self.run("systemctl", "enable", "--now", UNIT, is_checked=False)
        assert started.returncode == 0, self.journal(UNIT)

    def wait_until_active(self, other_than: str = "") -> str:
        """Until the daemon serves; its pid, which is not `other_than`."""

        def look() -> str:
            pid = self.main_pid(UNIT)
            return pid if self.show(UNIT, "ActiveState") == "active" and pid not in {"0", other_than} else ""

        try:
            return str(eventually("the daemon serves", look))
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.journal(UNIT)}") from error

    # --- error-cli, as it is installed

    def report(self, component: str, *options: str) -> str:
        """The id of the error."""
        said = self.run("error-cli", "report", "it broke", "--type", "data", "--component", component, *options).stdout
        return said.split()[0]

    def errors(self, component: str) -> list[dict[str, Any]]:
        listed = self.run("error-cli", "errors", "list", "--json", is_checked=False).stdout
        errors = json.loads(listed).get("errors", []) if listed else []
        return [error for error in errors if error["component"] == component]

    def recoveries(self, error_id: str) -> list[dict[str, Any]]:
        """Attempts that the record has as verified."""
        said = self.run("error-cli", "history", "--error", error_id, "--json", is_checked=False).stdout
        attempts = json.loads(said).get("attempts", []) if said else []
        return [attempt for attempt in attempts if attempt["verdict"].lower().endswith("recovered")]

    def state(self, error_id: str) -> str:
        shown = self.run("error-cli", "errors", "show", error_id, "--json", is_checked=False).stdout
        return str(json.loads(shown)["error"]["state"]) if shown else ""
