"""What a command really runs, behind what only starts it."""

from __future__ import annotations

import pytest

from error_daemon.definitions.host.command_lines import Run, runs, script_file


@pytest.mark.parametrize(
    ("command", "programs"),
    [
        (["/usr/bin/systemctl", "restart", "web"], ["systemctl"]),
        (["sudo", "-n", "-u", "web", "--", "kill", "7"], ["kill"]),
        (["sudo", "--non-interactive", "reboot"], ["reboot"]),
        (["env", "-i", "A=b", "C=d", "reboot"], ["reboot"]),
        (["timeout", "-k", "5s", "30s", "nice", "-n", "5", "rm", "-rf", "/x"], ["rm"]),
        (["sh", "-c", "cd /srv; A=1 ./run.sh && exec reboot"], ["cd", "run.sh", "reboot"]),
        (["bash", "-euc", "if true; then (pkill web); fi"], ["true", "pkill", "fi"]),
        (["bash", "/srv/run.sh"], ["bash"]),
        (["sudo"], []),
        (["sh", "-c", ""], []),
        (["sh", "-c"], []),
    ],
)
def test_programs_are_seen_through_what_starts_them(command: list[str], programs: list[str]) -> None:
    assert [run.program for run in runs(command)] == programs


def test_the_arguments_are_kept() -> None:
    assert [*runs(["sudo", "systemctl", "--quiet", "stop", "web"])] == [Run("systemctl", ("--quiet", "stop", "web"))]


@pytest.mark.parametrize(
    ("command", "script"),
    [
        (["python3", "server.py", "--port", "80"], "server.py"),
        (["/usr/bin/python3.11", "-u", "server.py"], "server.py"),
        (["sudo", "bash", "-e", "run.sh"], "run.sh"),
        (["python3", "-m", "http.server"], None),
        (["sh", "-c", "run.sh"], None),
        (["perl", "-MData::Dumper", "x.pl"], None),
        (["/usr/bin/cat", "x"], None),
        (["busybox", "httpd"], None),
        (["python3"], None),
        ([], None),
    ],
)
def test_the_file_that_an_interpreter_is_given_is_known(command: list[str], script: str | None) -> None:
    assert script_file(command) == script
