"""A booted host with units that do as they are told, an ordinary user, and a polkit rule that lets that user manage some of them."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

from tests.box.host import ROOT, Host

USER = "error-recovery"
UNITS = {
    "demo.service": "ExecStart=/bin/sleep infinity",
    "forbidden.service": "ExecStart=/bin/sleep infinity",
    "broken.service": "Type=oneshot\nExecStart=/bin/false",
    "slow.service": "Type=oneshot\nExecStart=/bin/sleep 300\nTimeoutStartSec=infinity",
    "once.service": "Type=oneshot\nExecStart=/bin/true",
    "back.service": "ExecStart=/bin/sleep infinity",
    "front.service": "ExecStart=/bin/sleep infinity",
    "weak.service": "ExecStart=/bin/sleep infinity",
    "fragile.service": "Type=oneshot\nRemainAfterExit=yes\nExecStart=/bin/sh -c 'test ! -e /run/broken'",
    "reloads.service": "ExecStart=/bin/sleep infinity\nExecReload=/bin/touch /run/reloaded",
}
NEEDS = {"front.service": "back.service", "fragile.service": "weak.service"}
RULE = """polkit.addRule(function (action, subject) {
    if (action.id == "org.freedesktop.systemd1.manage-units" && subject.user == "%s" && action.lookup("unit") != "forbidden.service")
        return polkit.Result.YES;
});
"""


class UnitHost:
    def __init__(self, host: Host) -> None:
        self.host = host

    def prepare(self) -> UnitHost:
        run = self.host.run
        run("useradd", "--system", USER)
        self._open_interpreter()
        for name, text in UNITS.items():
            self.host.write(f"/etc/systemd/system/{name}", f"[Service]\n{text}\n")
        for name, needs in NEEDS.items():
            self.host.write(f"/etc/systemd/system/{name}.d/needs.conf", f"[Unit]\nRequires={needs}\nAfter={needs}\n")
        self.allow(RULE % USER)
        run("systemctl", "daemon-reload")
        return self

    def allow(self, rule: str) -> None:
        """This polkit rule, and no other of ours."""
        self.host.write("/etc/polkit-1/rules.d/49-error-recovery.rules", rule)
        self.host.run("systemctl", "restart", "polkit.service")

    def _open_interpreter(self) -> None:
        """The interpreter may live in a home directory, which in the box is the box's own."""
        for directory in Path(sys.base_prefix).parents:
            if str(directory) != "/":
                self.host.run("chmod", "o+x", str(directory), is_checked=False)

    def orders(self, *orders: dict[str, object]) -> list[tuple[str, str]]:
        """What becomes of these, one after the other, on workers of the ordinary user: kind, detail."""
        ended = self.host.run(
            "runuser", "-u", USER, "--", "env", f"PYTHONPATH={ROOT}", "PYTHONDONTWRITEBYTECODE=1",
            sys.executable, "-m", "tests.box.run_orders", json.dumps(orders),
        )  # fmt: skip
        return [(said["kind"], said["detail"]) for said in json.loads(ended.stdout)]

    def act(self, action: str, unit: str, timeout_s: float = 20.0) -> tuple[str, str]:
        [ended] = self.orders({"do": "attempt", "params": {"action": action}, "unit": unit, "timeout_s": timeout_s})
        return ended

    def look(self, unit: str, **params: object) -> tuple[str, str]:
        [seen] = self.orders({"do": "look", "params": params, "unit": unit})
        return seen

    def state(self, unit: str) -> str:
        said = self.host.run("systemctl", "show", "--property=ActiveState", "--value", unit)
        return said.stdout.strip()


def without_numbers(text: str) -> str:
    return re.sub(r"\d+", "N", text)
