"""What a command really runs, behind what only starts it."""

from __future__ import annotations

import pytest

from error_daemon.definitions.commands.runs import Run, runs, script_file


@pytest.mark.parametrize(
    ("command", "programs"),
    [
        (["/usr/bin/systemctl", "restart", "web"], ["systemctl"]),
        (["sudo", "-n", "-u", "web", "--", "kill", "7"], ["kill"]),
        (["sudo", "--non-interactive", "reboot"], ["reboot"]),
        (["env", "-i", "A=b", "C=d", "reboot"], ["reboot"]),
        (["timeout", "-k", "5s", "30s", "nice", "-n", "5", "rm", "-rf", "/x"], ["rm"]),
        (["sh", "-c", "cd /srv; A=1 ./run.sh && exec reboot"], ["cd", "run.sh", "reboot"]),
        (["bash", "-euc", "if true; then (pkill web); fi"], ["true", "pkill"]),
        (["bash", "/srv/run.sh"], ["bash"]),
        (["sh", "-c", "(cd /srv && ./a 'b; c') >/dev/null 2>&1 & wait # for it; all"], ["cd", "a", "wait"]),
        (["sh", "-c", 'echo "it is $(date) and `uname`"'], ["date", "uname", "echo"]),
        (["bash", "-o", "pipefail", "+e", "-c", "what-to-do | else-where"], ["what-to-do", "else-where"]),
        (["bash", "--frobnicate", "-c", "reboot"], ["bash"]),
        (["timeout", "--signal", "KILL", "5s", "reboot"], ["reboot"]),
        (["timeout", "--signal=KILL", "5s", "reboot"], ["reboot"]),
        (["sudo", "--user", "web", "--preserve-env=A,B", "reboot"], ["reboot"]),
        (["sudo", "-nu", "web", "reboot"], ["reboot"]),
        (["sudo", "-nuweb", "reboot"], ["reboot"]),
        (["sudo", "--frobnicate", "x", "reboot"], []),
        (["env", "-", "reboot"], ["reboot"]),
        (["env", "-S", "A=b reboot"], []),
        (["ionice", "-c3", "chrt", "-f", "9", "reboot"], ["reboot"]),
        (["timeout", "-k"], []),
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
        (["bash", "-eo", "pipefail", "run.sh"], "run.sh"),
        (["python3", "-W", "ignore", "-Xdev", "server.py"], "server.py"),
        (["perl", "-e", "print 1"], None),
        (["perl", "-I", "lib", "x.pl"], "x.pl"),
        (["ruby", "-e", "puts 1"], None),
        (["node", "-e", "1"], None),
        (["node", "--require", "x", "y.js"], "y.js"),
        (["lua5.4", "-e", "1"], None),
        (["php", "-r", "1;"], None),
        (["python3", "-"], None),
        (["sh", "-s", "x"], None),
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
