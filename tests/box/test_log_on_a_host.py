"""The log on a real host: a unit's log directory, a disk that really fills up, a real journal."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator

import pytest

from tests.box.host import Host, booted
from tests.waiting import eventually

UNIT = f"""
[Service]
Type=notify
ExecStartPre=/bin/sh -c 'mountpoint -q /var/log/framework || mount -t tmpfs -o size=128k tmpfs /var/log/framework'
ExecStart={sys.executable} -m error_daemon
LogsDirectory=framework
StateDirectory=error-recovery
KillMode=mixed
"""
SETTINGS = 'worker_threads = 1\n[log]\njournal = true\nheartbeat = "20ms"\nflush_interval = "20ms"\n'
LOG = "/var/log/framework/recovery.log"


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    """With a daemon as a unit; its log directory is a disk of 128 KiB."""
    with booted() as one:
        one.write("/etc/systemd/system/er-log.service", UNIT)
        one.write("/etc/recovery.conf", SETTINGS)
        one.run("mkdir", "-p", "/etc/recovery/definitions")
        one.run("systemctl", "daemon-reload")
        one.run("systemctl", "start", "er-log")
        yield one


def log_of(status: Callable[[], str]) -> dict[str, object]:
    found: dict[str, object] = json.loads(status())["log"]
    return found


def test_a_full_disk_stops_no_line_and_is_used_again_when_there_is_room(host: Host) -> None:
    def status() -> str:
        return host.run(sys.executable, "-m", "error_cli", "status", "--json").stdout

    eventually("what was said at the start is written", lambda: '"event":"serving"' in host.read(LOG))
    host.run("sh", "-c", "cat /dev/zero > /var/log/framework/other 2>/dev/null || true")
    eventually("the disk is full", lambda: "No space left" in str(log_of(status).get("problem")))
    eventually("lines go to the journal", lambda: int(str(log_of(status).get("lines_elsewhere", 0))) > 3)
    host.run("rm", "/var/log/framework/other")
    eventually("it is used again", lambda: not log_of(status).get("problem"))
    assert not int(str(log_of(status).get("lines_lost", 0)))
    eventually("that is said", lambda: '"event":"log_file_again"' in host.read(LOG))
    said = host.run("journalctl", "--no-pager", "--unit=er-log").stdout
    assert said.count('"event":"log_file_unwritable"') == 1


def test_the_journal_has_lines_by_their_fields(host: Host) -> None:
    def entries() -> list[dict[str, str]]:
        found = host.run("journalctl", "--output=json", "ER_EVENT=serving", is_checked=False).stdout
        return [json.loads(line) for line in found.splitlines()]

    eventually("it is there", entries)
    entry = entries()[0]
    assert (entry["PRIORITY"], entry["SYSLOG_IDENTIFIER"], entry["ER_LEVEL"]) == ("6", "error_daemon", "info")
    assert entry["MESSAGE"].startswith("serving version=")
