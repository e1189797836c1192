"""supervisord, monit and Nagios, each with its example: what they notice ends as a verified recovery of a real target."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from error_recovery.v1 import recovery_pb2
from tests.e2e.daemon_process import DaemonProcess, journal, journal_scripts, one_target, running
from tests.waiting import eventually

EXAMPLES = Path(__file__).parents[2] / "examples"
ERROR_CLI = Path(sys.executable).with_name("error-cli")
RULE = "{id: shop, when: {source: error-cli, component: shop}, target: t, mode: auto, ladder: {1: [heal]}, verify: {within: 20ms}}"


def needs(program: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(not shutil.which(program), reason=f"make services installs {program}, as root")


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[DaemonProcess]:
    one = DaemonProcess(tmp_path / "daemon", one_target(dict(journal_scripts(tmp_path)), [RULE]))
    with running(one):
        yield one


@contextlib.contextmanager
def program(
    command: Sequence[str | Path], daemon: DaemonProcess, log: Path, error_cli: Path = ERROR_CLI
) -> Iterator[None]:
    """Runs while the context lasts, with what the examples need in its environment."""
    environment = {**os.environ, "ERROR_CLI": str(error_cli), "ERROR_RECOVERY_ADDRESS": daemon.address}
    with log.open("wb") as said:
        process = subprocess.Popen(command, stdout=said, stderr=said, stdin=subprocess.DEVNULL, env=environment)
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)


def recovered(daemon: DaemonProcess, directory: Path, log: Path) -> recovery_pb2.Error:
    """The error of the component "shop", when its recovery was verified."""

    def look() -> recovery_pb2.Error | None:
        errors = daemon.recovery.ListErrors(recovery_pb2.ListErrorsRequest(component="shop")).errors
        return errors[0] if errors else None

    try:
        error = eventually("it is reported", look, within_s=60)
    except AssertionError as missing:
        raise AssertionError(f"{missing}\n{log.read_text(errors='replace')[-3000:]}") from missing
    daemon.wait_for_state(error.error_id, "watching")
    assert [line[0] for line in journal(directory)].count("A") == 1
    assert (directory / "well" / "t").exists()
    return daemon.error(error.error_id)


SUPERVISORD = """[supervisord]
nodaemon=true
user={user}
logfile={directory}/supervisord.log
pidfile={directory}/supervisord.pid
[program:shop]
command={command}
autorestart=false
startsecs={start_s}
startretries=0
"""


@needs("supervisord")
@pytest.mark.parametrize(
    ("command", "start_s", "message"),
    [
        ("/bin/sh -c 'exit 7'", 0, "shop has ended, and should not have"),
        ("/bin/false", 5, "shop is given up: it does not stay up when it is started"),
    ],
)
def test_a_program_of_supervisord_that_ends_or_is_given_up_is_recovered(
    daemon: DaemonProcess, tmp_path: Path, command: str, start_s: int, message: str
) -> None:
    text = (EXAMPLES / "supervisord/error-recovery.conf").read_text()
    example = text.replace("/etc/supervisor/report_exits.py", str(EXAMPLES / "supervisord/report_exits.py"))
    user = Path("/proc/self").owner()
    settings = SUPERVISORD.format(directory=tmp_path, command=command, start_s=start_s, user=user)
    (tmp_path / "supervisord.conf").write_text(f"{settings}\n{example}")
    log = tmp_path / "said"
    with program(["supervisord", "-c", tmp_path / "supervisord.conf"], daemon, log):
        error = recovered(daemon, tmp_path, log)
    assert error.message == message
    assert error.fault.context.attributes["supervisor.from_state"] in ("RUNNING", "BACKOFF")


@needs("supervisord")
def test_what_supervisord_tells_while_the_daemon_is_away_comes_when_it_is_back(
    daemon: DaemonProcess, tmp_path: Path
) -> None:
    text = (EXAMPLES / "supervisord/error-recovery.conf").read_text()
    example = text.replace("/etc/supervisor/report_exits.py", str(EXAMPLES / "supervisord/report_exits.py"))
    user = Path("/proc/self").owner()
    settings = SUPERVISORD.format(directory=tmp_path, command="/bin/sh -c 'exit 7'", start_s=0, user=user)
    (tmp_path / "supervisord.conf").write_text(f"{settings}\n{example}")
    counting, tried = tmp_path / "counting-cli", tmp_path / "tried"
    counting.write_text(f'#!/bin/sh\n{ERROR_CLI} "$@" || {{ echo failed >>{tried}; exit 1; }}\n')
    counting.chmod(0o755)
    daemon.kill()
    log = tmp_path / "said"
    with program(["supervisord", "-c", tmp_path / "supervisord.conf"], daemon, log, counting):
        eventually("it was tried twice in vain", lambda: tried.exists() and tried.read_text().count("failed") > 1)
        daemon.start()
        recovered(daemon, tmp_path, log)


@needs("monit")
def test_what_monit_finds_wrong_is_recovered(daemon: DaemonProcess, tmp_path: Path) -> None:
    report = f"/usr/bin/env ERROR_CLI={ERROR_CLI} ERROR_RECOVERY_ADDRESS={daemon.address} {EXAMPLES}/monit/report-event"
    shop = (EXAMPLES / "monit/shop.conf").read_text().replace("/etc/monit/report-event", report)
    shop = shop.replace("/run/shop.pid", str(tmp_path / "shop.pid")).replace("path /srv", "path /")
    control = tmp_path / "monitrc"
    control.write_text(f"set daemon 1\nset idfile {tmp_path}/id\nset statefile {tmp_path}/state\n{shop}")
    control.chmod(0o600)
    log = tmp_path / "said"
    with program(["monit", "-I", "-v", "-c", control, "-p", tmp_path / "monit.pid", "-l", log], daemon, log):
        error = recovered(daemon, tmp_path, log)
    assert error.message == "shop: process is not running"
    assert error.fault.context.attributes["monit.event"] == "Does not exist"


NAGIOS = """cfg_file={directory}/objects.cfg
log_file={directory}/nagios.log
object_cache_file={directory}/objects.cache
status_file={directory}/status.dat
temp_file={directory}/nagios.tmp
temp_path={directory}
check_result_path={directory}/results
lock_file={directory}/nagios.lock
state_retention_file={directory}/retention.dat
query_socket={directory}/nagios.qh
nagios_user={user}
nagios_group={group}
check_external_commands=0
execute_host_checks=0
retain_state_information=0
interval_length=1
enable_event_handlers=1
enable_environment_macros=1
"""
OBJECTS = """define timeperiod {{
    timeperiod_name  always
    alias            always
    monday 00:00-24:00
    tuesday 00:00-24:00
    wednesday 00:00-24:00
    thursday 00:00-24:00
    friday 00:00-24:00
    saturday 00:00-24:00
    sunday 00:00-24:00
}}
define command {{
    command_name    look
    command_line    {look}
}}
define contact {{
    contact_name                    nobody
    host_notifications_enabled      0
    service_notifications_enabled   0
    host_notification_period        always
    service_notification_period     always
    host_notification_commands      look
    service_notification_commands   look
}}
define host {{
    host_name           here
    contacts            nobody
    address             127.0.0.1
    check_period        always
    max_check_attempts  1
    notifications_enabled 0
}}
define service {{
    use                 error-recovery
    host_name           here
    service_description shop
    contacts            nobody
    check_command       look
    check_period        always
    check_interval      1
    retry_interval      1
    max_check_attempts  2
    notifications_enabled 0
}}
"""


@needs("nagios4")
def test_a_service_that_nagios_finds_critical_is_recovered(daemon: DaemonProcess, tmp_path: Path) -> None:
    directory = tmp_path / "nagios"
    (directory / "results").mkdir(parents=True)
    look = tmp_path / "look"
    look.write_text(f"#!/bin/sh\necho 'shop does not answer; $(touch {tmp_path}/never) | time=1s'\nexit 2\n")
    look.chmod(0o755)
    report = (
        f"/usr/bin/env ERROR_CLI={ERROR_CLI} ERROR_RECOVERY_ADDRESS={daemon.address} {EXAMPLES}/nagios/report-state"
    )
    example = (EXAMPLES / "nagios/error-recovery.cfg").read_text().replace("/etc/nagios4/report-state", report)
    (directory / "objects.cfg").write_text(f"{example}\n{OBJECTS.format(look=look)}")
    owner = Path("/proc/self")
    (directory / "nagios.cfg").write_text(NAGIOS.format(directory=directory, user=owner.owner(), group=owner.group()))
    log = tmp_path / "said"
    with program(["nagios4", directory / "nagios.cfg"], daemon, log):
        error = recovered(daemon, tmp_path, log)
    assert error.message == f"shop is CRITICAL: shop does not answer: $(touch {tmp_path}/never)"
    assert not (tmp_path / "never").exists()
    attributes = error.fault.context.attributes
    assert (attributes["nagios.host"], attributes["nagios.state"]) == ("here", "CRITICAL")
