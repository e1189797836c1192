"""A host with error_daemon installed on it and the shipped definitions in force, and what a test does with one."""

from __future__ import annotations

import json
import re
import uuid
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.box.host import ROOT, Host
from tests.box.installed_host import WHEELS
from tests.waiting import eventually

UNIT = "error-recovery.service"
IN_FORCE = "/srv/in-force"
PAGE = ROOT / "docs" / "shipped.md"


@dataclass(frozen=True)
class Needs:
    """What the page says that a definition needs on a host."""

    copied: list[str]  # units from /etc/recovery/units


def needs_of_the_page() -> dict[str, Needs]:
    """By the definition's file."""
    [table] = re.findall(r"^## What each needs\n.*?^(\| file .*?)\n\n", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    rows = [[cell.strip() for cell in row.split("|")[1:-1]] for row in table.splitlines()[2:]]
    return {row[0].strip("`"): Needs(*(re.findall(r"`([^`]+)`", cell) for cell in row[1:2])) for row in rows}


def lay_out(shipped: Path, place: Path) -> None:
    """Each shipped example of a service, in force with `mode: auto`."""
    for example in shipped.glob("6*.yaml.example"):
        text, changes = re.subn(r"^    mode: observe\b", "    mode: auto", example.read_text(), flags=re.MULTILINE)
        assert changes == text.count("\n  - id:"), f"{example.name}: a rule without mode: observe"
        (place / example.with_suffix("").name).write_text(text)


@dataclass(frozen=True)
class Recovery:
    """What error-cli says of a fault that was reported and followed to its end."""

    error_id: str
    exit_code: int
    said: str
    strategies: list[str]  # of its attempts, oldest first
    verdicts: list[str]
    seen: dict[str, str]  # by its last attempt's probes: probe → last reading


class RecoveryHost:
    def __init__(self, host: Host) -> None:
        self._host = host
        self.run, self.read, self.write = host.run, host.read, host.write
        self.exists, self.main_pid, self.journal = host.exists, host.main_pid, host.journal

    def install(self) -> RecoveryHost:
        """As docs/install.md and docs/shipped.md tell it."""
        if not self.exists("/usr/share/polkit-1/actions"):
            pytest.skip("polkit is not installed on this machine")
        self.run("make", "--no-print-directory", "-C", str(ROOT), "install", f"WHEELS={WHEELS}")
        self.run("sh", "-c", f"cp {IN_FORCE}/*.yaml /etc/recovery/definitions/")
        self.run("sh", "-c", "cp /srv/services/*.service /etc/systemd/system/")
        self.run("cp", "/srv/services/nightly-report", "/usr/local/bin/")
        needs = needs_of_the_page().values()
        for unit in {unit for each in needs for unit in each.copied}:
            self.run("cp", f"/etc/recovery/units/{unit}", "/etc/systemd/system/")
        self.run("systemctl", "daemon-reload")
        self.run("error-cli", "tune", "polkit", "--apply")
        self.run("systemctl", "restart", "polkit.service")
        started = self.run("systemctl", "enable", "--now", UNIT, is_checked=False)
        assert started.returncode == 0, self.journal(UNIT)
        return self

    def begin(self, unit: str, program: str) -> None:
        """Start a service's unit. Skips the test if its program is not installed on this machine."""
        if not Path(program).exists():
            pytest.skip(f"{program} is not installed: as root, `make services`")
        self.run("systemctl", "start", unit)

    def begin_example(self, unit: str) -> None:
        """Start one of the services of examples/services."""
        self.run("systemctl", "restart", unit)

    def wait_until(self, *command: str) -> None:
        """Until a program in the host ends with 0."""
        eventually(" ".join(command), lambda: self.run(*command, is_checked=False).returncode == 0)

    def kill(self, unit: str, signal: str) -> str:
        """Send a signal to the unit's main process; its pid."""
        pid = self.main_pid(unit)
        assert pid not in {"", "0"}, f"{unit} does not run"
        self.run("kill", f"-{signal}", pid)
        if signal == "STOP":
            eventually(f"{unit} has stopped", lambda: ") T " in self.read(f"/proc/{pid}/stat"))
        return pid

    def error_cli(self, *arguments: str) -> tuple[int, str]:
        ended = self.run("error-cli", *arguments, is_checked=False)
        return ended.returncode, ended.stdout + ended.stderr

    def errors(self, component: str) -> list[dict[str, str]]:
        """What error-cli lists of a component's errors."""
        listed = json.loads(self.error_cli("errors", "list", "--json")[1]).get("errors", [])
        return [error for error in listed if error["component"] == component]

    def report(self, *arguments: str) -> Recovery:
        """Report a fault with error-cli, follow it to its end, and read its attempts from error-cli.

        Each is an error of its own, not one that came back: tests break the same service in several ways."""
        exit_code, said = self.error_cli("report", *arguments, "--fingerprint", uuid.uuid4().hex, "--wait=60")
        error_id = said.split()[0]
        if exit_code == 0:  # its last attempt is in the record a moment after it was seen to help
            eventually(
                "it is recorded", lambda: self.recovery(error_id, exit_code, said).verdicts[-1:] == ["recovered"]
            )
        return self.recovery(error_id, exit_code, said)

    def noticed(self, component: str) -> Recovery:
        """The recovery of a unit that the daemon itself saw fail."""

        def recovered() -> list[str]:
            return [
                error["error_id"]
                for error in self.errors(component)
                if error["message"].startswith("the unit ") and error["state"] == "watching"
            ]

        eventually(f"{component} is seen to have failed, and recovered", lambda: bool(recovered()))
        return self.recovery(recovered()[0], 0, "")

    def recovery(self, error_id: str, exit_code: int, said: str) -> Recovery:
        _, text = self.error_cli("history", "--error", error_id, "--json")
        attempts = json.loads(text)["attempts"][::-1]
        return Recovery(
            error_id,
            exit_code,
            said,
            [attempt["strategy_id"] for attempt in attempts],
            [attempt["verdict"] for attempt in attempts],
            {reading["probe"]: reading["value"] for reading in attempts[-1].get("readings", [])} if attempts else {},
        )
