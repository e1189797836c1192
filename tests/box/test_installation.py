"""An installation on a host with a real systemd, from `make install` to `make uninstall`. In the order of a host's life:
one worker has the whole file (`--dist loadfile`)."""

from __future__ import annotations

import json
import re

import pytest

from tests.box.host import ROOT, Host
from tests.box.installed_host import UNIT, InstalledHost
from tests.waiting import eventually


@pytest.fixture(scope="module")
def host(bare_host: Host) -> InstalledHost:
    host = InstalledHost(bare_host)
    host.make("install")
    host.enable()
    return host


def test_enable_now_makes_it_active_as_a_user_of_its_own(host: InstalledHost) -> None:
    pid = host.wait_until_active()
    assert host.sh(f"stat -c %U /proc/{pid}").strip() == "error-recovery"
    assert host.run("error_daemon", "--version").stdout == host.sh("/usr/local/bin/error_daemon --version")
    assert "is serving" in host.run("error-cli", "status").stdout
    assert "serving on 127.0.0.1:50051; tickets open: 0" in host.show(UNIT, "StatusText")
    for directory in ("/var/lib/error-recovery", "/var/log/framework"):
        assert host.sh(f"stat -c '%U %a' {directory}").strip() == "error-recovery 750"


def test_systemd_takes_every_setting_of_the_units(host: InstalledHost) -> None:
    units = ("error-recovery.service", "error-recovery-report@x.service.service")
    host.run("systemd-analyze", "verify", "--recursive-errors=yes", "--man=no", *units)


def test_it_is_hardened_to_two_or_better(host: InstalledHost) -> None:
    for unit in (UNIT, "error-recovery-report@x.service.service"):
        said = host.run("systemd-analyze", "security", "--no-pager", unit).stdout
        [score] = re.findall(r"Overall exposure level for .*: ([\d.]+)", said)
        print(f"systemd-analyze security {unit}: {score}")
        assert float(score) <= 2.0, said


def test_what_its_sensors_cannot_see_from_inside_the_sandbox_is_said_once(host: InstalledHost) -> None:
    """The rest of them looks: at mounts, links, processors, pressure, without a capability."""
    host.wait_until_active()
    said = [
        line for line in host.read("/var/log/framework/recovery.log").splitlines() if "not seen on this host" in line
    ]
    pid = host.wait_until_active()
    [line] = [line for line in said if f'"pid":{pid}' in line or f'"pid": {pid}' in line] or said[-1:]
    print(line)
    for name in ("mounts (", "links (", "cpu (", "network (", "pressure (", "loop (", "clock ("):
        assert name not in line


def test_limits_below_what_is_meant_are_said(host: InstalledHost) -> None:
    pid = host.wait_until_active()
    [files] = re.findall(r"Max open files +(\d+)", host.read(f"/proc/{pid}/limits"))
    assert int(files) >= 65_535 or f"open files: {int(files):,} of the 65,535" in host.read(
        "/var/log/framework/recovery.log"
    )


def test_a_process_is_started_and_brought_back_from_inside_the_sandbox(host: InstalledHost) -> None:
    host.run("error-cli", "report", "not there", "--type", "data", "--component", "sleeper", "--wait=60")
    pid = host.read("/run/error-recovery/sleeper.pid").split()[0]
    host.run("kill", "-9", pid)

    def is_another() -> bool:
        now = host.read("/run/error-recovery/sleeper.pid").split()[0]
        return now != pid and host.exists(f"/proc/{now}")

    eventually("the sleeper is back", is_another)


def test_what_it_started_has_a_scope_of_its_own_and_outlives_the_daemon(host: InstalledHost) -> None:
    pid = host.read("/run/error-recovery/sleeper.pid").split()[0]
    eventually("it has a scope", lambda: f"/error-recovery-{pid}-" in host.read(f"/proc/{pid}/cgroup"))
    before = host.wait_until_active()
    host.run("kill", "-9", before)
    host.wait_until_active(other_than=before)
    host.run("systemctl", "restart", UNIT)
    host.wait_until_active()
    assert host.read("/run/error-recovery/sleeper.pid").split()[0] == pid
    assert host.sh(f"tr '\\0' ' ' </proc/{pid}/cmdline") == "/bin/sleep 100000 "


def test_kill_minus_9_brings_it_back_with_its_faults(host: InstalledHost) -> None:
    before = host.wait_until_active()
    error_id = host.report("slow", "--fingerprint", "killed")
    eventually("it is attempted", lambda: host.state(error_id) == "attempting")
    host.run("kill", "-9", before)
    host.wait_until_active(other_than=before)
    host.run("touch", "/run/error-recovery/go")
    eventually("the fault is recovered", lambda: host.state(error_id) in {"watching", "resolved"})
    host.run("rm", "-f", "/run/error-recovery/go", "/var/lib/error-recovery/well")


def test_a_hung_loop_is_restarted_and_leaves_its_stack_in_the_journal(host: InstalledHost) -> None:
    host.write(
        "/srv/hang/sitecustomize.py",
        "import signal, time\nsignal.signal(signal.SIGUSR2, lambda *_: time.sleep(9999))\n",
    )
    host.sh("cp -p /etc/default/error-recovery /root/kept && echo PYTHONPATH=/srv/hang >>/etc/default/error-recovery")
    host.write(f"/run/systemd/system/{UNIT}.d/soon.conf", "[Service]\nWatchdogSec=4s\n")
    host.sh(f"systemctl daemon-reload && systemctl restart {UNIT}")
    before = host.wait_until_active()
    host.run("kill", "-USR2", before)
    host.wait_until_active(other_than=before)
    journal = host.sh(f"journalctl --no-pager --unit {UNIT}")
    assert "Watchdog timeout" in journal
    assert re.search(r"Fatal Python error: Aborted[\s\S]*sitecustomize.py", journal)
    host.sh(f"mv /root/kept /etc/default/error-recovery; rm -r /run/systemd/system/{UNIT}.d; systemctl daemon-reload")
    host.run("systemctl", "restart", UNIT)


def test_a_unit_that_fails_reports_itself_by_on_failure(host: InstalledHost) -> None:
    host.write(
        "/etc/systemd/system/breaks.service",
        "[Unit]\nOnFailure=error-recovery-report@%n.service\n[Service]\nType=oneshot\nExecStart=/bin/sh -c 'exit 7'\n",
    )
    host.run("systemctl", "daemon-reload")
    host.run("systemctl", "start", "breaks.service", is_checked=False)
    [error] = eventually("it is reported", lambda: host.errors("breaks.service"))
    assert error["type"] == "ERROR_TYPE_SYSTEM"
    assert error["message"] == "breaks.service has failed: exit-code (exited 7)"


def test_a_unit_that_says_nothing_of_it_is_told_of_by_the_journal(host: InstalledHost) -> None:
    """Which the daemon can read from inside its sandbox."""
    host.write("/etc/systemd/system/silent.service", "[Service]\nType=oneshot\nExecStart=/bin/sh -c 'exit 7'\n")
    host.run("systemctl", "daemon-reload")
    host.run("systemctl", "start", "silent.service", is_checked=False)
    [error] = eventually("it is reported", lambda: host.errors("silent.service"))
    assert error["message"] == "silent.service has failed: exit-code (exited 7)"
    assert (
        json.loads(host.run("error-cli", "errors", "show", error["error_id"], "--json").stdout)["error"]["fault"][
            "source"
        ]
        == "journal"
    )


BREAKS_ONCE = """[Unit]
OnFailure=error-recovery-report@%n.service
[Service]
ExecStart=/bin/sh -c 'mkdir /run/broke-once && exit 7; exec sleep 100000'
"""
RESTARTS = """
version: 1
targets: {once: {kind: service, unit: breaks-once.service, probes: [once-runs]}}
probes: {once-runs: {kind: unit}}
strategies: {restart-once: {kind: unit, action: restart, timeout: 20s}}
rules:
  - id: once
    when: {component: breaks-once.service}
    target: once
    ladder: {3: restart-once}
    verify: {within: 10s}
    mode: auto
"""


def test_a_unit_that_reports_its_failure_is_restarted_and_seen_to_run(host: InstalledHost) -> None:
    if not host.exists("/usr/share/polkit-1/actions"):
        pytest.skip("polkit is not installed on this machine")
    host.write("/etc/systemd/system/breaks-once.service", BREAKS_ONCE)
    host.write("/etc/recovery/definitions/92-once.yaml", RESTARTS)
    host.run("systemctl", "daemon-reload")
    host.run("error-cli", "tune", "polkit", "--apply")
    host.run("error-cli", "reload")
    host.run("systemctl", "start", "breaks-once.service", is_checked=False)
    eventually("it runs again", lambda: host.show("breaks-once.service", "SubState") == "running")
    [error] = eventually("it is reported", lambda: host.errors("breaks-once.service"))
    [attempt] = eventually("it is verified", lambda: host.recoveries(error["error_id"]))
    assert attempt["strategy_id"] == "restart-once"


def test_one_drop_in_covers_all_services_but_our_own(host: InstalledHost) -> None:
    host.write("/etc/systemd/system/plain.service", "[Service]\nType=oneshot\nExecStart=/bin/false\n")
    host.sh(
        "mkdir -p /etc/systemd/system/service.d && ln -s /opt/error-recovery/current/share/error-recovery/report-failures.conf"
        " /etc/systemd/system/service.d/error-recovery-report.conf && systemctl daemon-reload"
    )
    for ours in (UNIT, "error-recovery-report@plain.service.service"):
        assert host.show(ours, "OnFailure") == ""
    host.run("systemctl", "start", "plain.service", is_checked=False)
    eventually("it is reported", lambda: host.errors("plain.service"))


def test_systemctl_reload_takes_other_definitions(host: InstalledHost) -> None:
    before = host.wait_until_active()
    host.write("/etc/recovery/definitions/91-more.yaml", "version: 1\ntargets:\n  one-more: {kind: service}\n")
    host.run("systemctl", "reload", UNIT)
    eventually("it is reloaded", lambda: "one-more" in host.run("error-cli", "status", "--json").stdout)
    assert host.wait_until_active() == before


def test_wrong_settings_stop_it_for_good_and_are_said(host: InstalledHost) -> None:
    host.sh("cp -p /etc/recovery.conf /root/kept && echo 'worker_treads = 3' >>/etc/recovery.conf")
    host.run("systemctl", "restart", UNIT, is_checked=False)
    eventually("it has failed", lambda: host.show(UNIT, "ActiveState") == "failed")
    assert host.show(UNIT, "ExecMainStatus") == "78"
    assert "worker_treads" in host.journal(UNIT)
    host.sh(f"mv /root/kept /etc/recovery.conf && systemctl restart {UNIT}")


def test_a_native_module_of_another_build_stops_it_in_words(host: InstalledHost) -> None:
    module = host.sh("find /opt/error-recovery/releases/ -name 'loop.cpython*.so' -path '*uvloop*'").strip()
    host.sh(f"cp -p {module} /root/kept && truncate -s -4096 {module}")
    host.run("systemctl", "restart", UNIT, is_checked=False)
    eventually("it has failed", lambda: host.show(UNIT, "ActiveState") == "failed")
    assert host.show(UNIT, "ExecMainStatus") == "78"
    assert f"{module} of uvloop" in host.journal(UNIT)
    host.sh(f"mv /root/kept {module} && systemctl restart {UNIT}")


def test_an_upgrade_in_place_keeps_faults_in_flight_and_edited_configuration(host: InstalledHost) -> None:
    before = host.wait_until_active()
    release = host.sh("readlink /opt/error-recovery/current")
    host.sh("echo '# mine' >>/etc/recovery.conf; rm /etc/recovery/definitions/00-README.yaml")
    error_id = host.report("slow", "--fingerprint", "upgraded")
    eventually("it is attempted", lambda: host.state(error_id) == "attempting")
    said = host.make("install")
    assert "/etc/recovery.conf was edited and stays as it is; the new one is /etc/recovery.conf.new" in said
    host.wait_until_active(other_than=before)
    host.run("touch", "/run/error-recovery/go")
    eventually("the fault is recovered", lambda: host.state(error_id) in {"watching", "resolved"})
    assert host.sh("readlink /opt/error-recovery/current") != release
    assert host.sh("ls /opt/error-recovery/releases | wc -l").strip() == "1"
    assert host.read("/etc/recovery.conf").endswith("# mine\n")
    assert host.read("/etc/recovery.conf.new") == (ROOT / "etc/recovery.conf").read_text()
    assert not host.exists("/etc/recovery/definitions/00-README.yaml")


def test_a_release_that_does_not_start_is_taken_back(host: InstalledHost) -> None:
    before = host.wait_until_active()
    release = host.sh("readlink /opt/error-recovery/current").strip()
    host.sh(f"cp -a /opt/error-recovery/{release} /opt/error-recovery/releases/broken")
    host.sh("printf '#!/bin/false\\n' >/opt/error-recovery/releases/broken/bin/error_daemon")
    tried = host.run(f"/opt/error-recovery/{release}/share/error-recovery/activate", "broken", is_checked=False)
    assert tried.returncode == 1
    assert f"release {release.removeprefix('releases/')} serves again" in tried.stderr
    host.wait_until_active(other_than=before)
    assert host.sh("readlink /opt/error-recovery/current").strip() == release


def test_uninstall_leaves_configuration_and_state_only(host: InstalledHost) -> None:
    host.make("uninstall")
    left = host.sh(
        "find /etc /opt /usr /var -name '*error[-_]recovery*' ! -path '/var/lib/error-recovery*' ! -path '/var/lib/systemd/linger/*'"
    ).split()
    assert sorted(left) == [
        "/etc/default/error-recovery",
        "/etc/security/limits.d/error-recovery.conf",
    ]
    assert not host.exists("/usr/local/bin/error_daemon")
    assert host.exists("/etc/recovery.conf")
    for kept in ("/etc/recovery/definitions/90-test.yaml", "/var/lib/error-recovery/faults.ring", "/var/log/framework"):
        assert host.exists(kept)
