"""`error-cli diagnose` and `error-cli tune` on a host with the daemon installed: what it says, what it sets as root, and the way back."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.box.host import Host
from tests.box.installed_host import UNIT, InstalledHost
from tests.waiting import eventually

SOMAXCONN = "/proc/sys/net/core/somaxconn"  # of the box's own network; the rest of its /proc/sys can't be written
SAVED = "/etc/sysctl.d/61-error-recovery-tune.conf"
DROP_IN = f"/etc/systemd/system/{UNIT}.d/zz-tune-limits.conf"
RULE = "/etc/polkit-1/rules.d/49-error-recovery.rules"
UNITS = """
version: 1
targets: {named: {kind: service, unit: named.service, probes: named-runs}}
probes: {named-runs: {kind: unit}}
strategies: {restart-named: {kind: exec, command: [systemctl, restart, named.service]}}
rules: [{id: named, when: {component: named}, target: named, ladder: {3: restart-named}}]
"""


@pytest.fixture(scope="module")
def host(bare_host: Host) -> InstalledHost:
    host = InstalledHost(bare_host)
    host.make("install")
    host.enable()
    host.wait_until_active()
    return host


def diagnosis(host: InstalledHost) -> tuple[int, dict[tuple[str, str], dict[str, Any]]]:
    done = host.run("error-cli", "diagnose", "--json", is_checked=False)
    return done.returncode, {(one["area"], one["name"]): one for one in json.loads(done.stdout)["diagnostics"]}


def tune(host: InstalledHost, *arguments: str) -> dict[str, str]:
    """What came of each setting."""
    told = json.loads(host.run("error-cli", "tune", "--json", *arguments, is_checked=False).stdout)
    return {one["knob"]: one["came"] for one in told["done"]}


def test_an_installed_host_has_nothing_bad_and_shows_that_it_was_looked_at(host: InstalledHost) -> None:
    code, found = diagnosis(host)
    bad = [one for one in found.values() if one["standing"] == "bad"]
    assert (code, bad) == (0, [])
    for name in (("installation", "libraries"), ("systemd", "keeper"), ("systemd", "watchdog"), ("systemd", "D-Bus")):
        assert found[name]["standing"] == "good", found[name]
    assert "native modules and glibc" in found["installation", "libraries"]["says"]
    assert found["log", "file"]["says"].startswith("/var/log/framework/recovery.log: ")
    assert found["permissions", "state"]["says"] == "/var/lib/error-recovery has mode 750"
    assert found["clock", "synchronised"]["says"].startswith("systemd says that the clock is ")


def test_a_native_module_that_changes_under_a_daemon_is_seen_before_the_next_start(host: InstalledHost) -> None:
    module = host.sh("find /opt/error-recovery/releases/ -name '*.so' -path '*psutil*' | head -1").strip()
    host.sh(f"cp -p {module} /root/kept && printf x >>{module}")
    code, found = diagnosis(host)
    assert (code, found["installation", "libraries"]["standing"]) == (1, "bad")
    assert f"{module} of psutil" in found["installation", "libraries"]["says"]
    host.sh(f"mv /root/kept {module}")


def test_a_daemon_that_was_stopped_or_that_has_wrong_settings_is_told_of_from_outside(host: InstalledHost) -> None:
    host.run("systemctl", "stop", UNIT)
    code, found = diagnosis(host)
    assert (code, found["daemon", "answer"]["standing"]) == (1, "bad")
    assert found["unit", "state"]["says"].startswith("inactive")
    assert found["daemon", "ring"]["standing"] == "good"
    host.sh("cp -p /etc/recovery.conf /root/kept && echo 'worker_treads = 3' >>/etc/recovery.conf")
    host.run("systemctl", "start", UNIT, is_checked=False)
    eventually("it has failed", lambda: host.show(UNIT, "ActiveState") == "failed")
    _, found = diagnosis(host)
    assert found["unit", "state"]["says"].startswith("failed with 78")
    assert "worker_treads" in found["daemon", "settings"]["says"]
    host.sh(f"mv /root/kept /etc/recovery.conf && systemctl start {UNIT}")
    host.wait_until_active()


def test_the_bundle_of_a_host_has_its_log_and_its_journal(host: InstalledHost) -> None:
    said = host.sh("cd /root && umask 0 && error-cli diagnose --bundle support.tar.gz")
    assert host.sh("stat -c %a /root/support.tar.gz").strip() == "600"
    names = host.sh("tar tzf /root/support.tar.gz")
    for name in (
        "recovery.log",
        "journal.txt",
        "recovery.conf",
        "environment",
        "definitions/90-test.yaml",
        "diagnosis.json",
    ):
        assert f"error-recovery/{name}\n" in names
        assert f"  {name}  " in said


def test_only_root_tunes_and_others_hear_so_before_anything_is_done(host: InstalledHost) -> None:
    refused = host.run("runuser", "-u", "error-recovery", "--", "error-cli", "tune", "--apply", is_checked=False)
    assert refused.returncode == 2
    assert "needs root: write sudo before it" in refused.stderr
    assert host.run("runuser", "-u", "error-recovery", "--", "error-cli", "tune").returncode == 0


def test_a_kernel_setting_is_set_saved_and_put_back(host: InstalledHost) -> None:
    host.sh(f"echo 128 >{SOMAXCONN}")
    _, found = diagnosis(host)
    assert found["host", "net.core.somaxconn"]["mend"] == "sudo error-cli tune sysctl --apply"
    assert tune(host, "sysctl", "--apply")["value:net.core.somaxconn"] == "set"
    assert host.read(SOMAXCONN) == "4096\n"
    host.sh(f"echo 100 >{SOMAXCONN}; /usr/lib/systemd/systemd-sysctl {SAVED}")  # what the next boot does
    assert host.read(SOMAXCONN) == "4096\n"
    assert tune(host, "sysctl", "--apply") == {}
    assert ("host", "net.core.somaxconn") not in diagnosis(host)[1]
    came = tune(host, "sysctl", "--undo")
    assert (came["value:net.core.somaxconn"], came[f"file:{SAVED}"]) == ("restored", "restored")
    assert host.read(SOMAXCONN) == "128\n"
    assert not host.exists(SAVED)
    assert not host.exists("/var/lib/error-recovery-tune")


def test_what_somebody_else_has_set_since_stays(host: InstalledHost) -> None:
    tune(host, "sysctl", "--apply")
    host.sh(f"echo 5000 >{SOMAXCONN}")
    assert tune(host, "sysctl", "--undo")["value:net.core.somaxconn"] == "left"
    assert host.read(SOMAXCONN) == "5000\n"


def test_limits_that_a_drop_in_took_back_are_raised_again_and_undone(host: InstalledHost) -> None:
    assert tune(host, "limits", "--apply") == {}
    host.write(f"/run/systemd/system/{UNIT}.d/override.conf", "[Service]\nLimitNOFILE=1024\n")
    host.run("systemctl", "daemon-reload")
    assert tune(host, "limits", "--apply") == {f"file:{DROP_IN}": "set"}
    assert host.show(UNIT, "LimitNOFILE") == "65535"
    assert tune(host, "limits", "--undo") == {f"file:{DROP_IN}": "restored"}
    assert host.show(UNIT, "LimitNOFILE") == "1024"
    host.sh(f"rm -r /run/systemd/system/{UNIT}.d; systemctl daemon-reload")


def test_the_polkit_rule_lets_it_restart_what_the_definitions_name_and_nothing_else(host: InstalledHost) -> None:
    if not host.exists("/usr/share/polkit-1/actions"):
        pytest.skip("polkit is not installed on this machine")
    for unit in ("named.service", "other.service"):
        host.write(f"/etc/systemd/system/{unit}", "[Service]\nExecStart=/bin/sleep 100000\n")
    host.write("/etc/recovery/definitions/92-units.yaml", UNITS)
    host.sh("systemctl daemon-reload; error-cli reload")

    def may_restart(unit: str) -> bool:
        restart = ("runuser", "-u", "error-recovery", "--", "systemctl", "--no-ask-password", "restart", unit)
        return host.run(*restart, is_checked=False).returncode == 0

    assert not may_restart("named.service")
    assert tune(host, "polkit", "--apply") == {f"file:{RULE}": "set"}
    eventually("it may restart what is named", lambda: may_restart("named.service"))
    assert not may_restart("other.service")
    assert tune(host, "polkit", "--apply") == {}
    assert tune(host, "polkit", "--undo") == {f"file:{RULE}": "restored"}
    assert not host.exists(RULE)
    eventually("it may no more", lambda: not may_restart("named.service"))


def test_an_uninstallation_puts_back_what_was_tuned(host: InstalledHost) -> None:
    host.sh(f"echo 128 >{SOMAXCONN}")
    tune(host, "sysctl", "--apply")
    host.make("uninstall")
    assert host.read(SOMAXCONN) == "128\n"
    assert not host.exists(SAVED)
    assert not host.exists("/var/lib/error-recovery-tune")
