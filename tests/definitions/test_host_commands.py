"""What commands are about on this host: what is missing is found behind options and in scripts, and nothing else is called missing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from error_daemon.definitions.examine import Against, examine_places
from error_daemon.definitions.host.host import Host
from error_daemon.errors import Problem
from tests.definitions.broken_files import BROKEN

HOST = BROKEN / "host"
ACTING = """\
version: 1
targets: {{web: {{kind: host, probes: answers}}}}
probes: {{answers: {{kind: tcp, host: localhost, port: 80}}}}
strategies: {{cure: {{kind: exec, cwd: {cwd}, command: {command}}}}}
rules: [{{id: down, when: {{}}, target: web, ladder: {{3: cure}}, mode: auto}}]
"""


def found(command: list[str], directory: Path) -> list[Problem]:
    (directory / "a.yaml").write_text(ACTING.format(cwd=directory, command=json.dumps(command)))
    (directory / "what-to-do.service").write_text("[Unit]\n")
    path = f"{HOST / 'bin'}:{directory}"
    for name in ("perl", "env", "timeout", "nice", "bash", "true", "psql"):
        (directory / name).write_text("#!/bin/sh\n")
        (directory / name).chmod(0o755)
    host = Host(path=path, unit_directories=[HOST / "units", directory], init_directory=HOST / "init.d")
    return list(examine_places([directory], Against(host)).problems)


@pytest.mark.parametrize(
    "script",
    [
        "systemctl restart nginx 2>/dev/null",
        "systemctl restart nginx >/dev/null 2>&1 </dev/null",
        "systemctl restart nginx > /tmp/x; exit $?",
        "systemctl restart nginx &> /tmp/x",
        "systemctl restart nginx # bring it back",
        "# what to do\nsystemctl restart nginx",
        "systemctl restart what-to-do.service || systemctl start nginx",
        "systemctl \\\n  restart nginx",
        "systemctl restart 'nginx' \"old\"",
        "systemctl restart worker@$1 $unit $(cat units) `cat units`",
        "echo 'systemctl restart ngnix; systemctl stop ngnix'",
        "cat <<END\nsystemctl restart ngnix\nEND\n",
        "systemctl restart ngnix 'is never closed",
        "if systemctl -q is-active nginx; then systemctl reload nginx; fi",
        "for unit in a b; do systemctl restart $unit; done",
        "systemctl list-units ngnix",
        "ssh other <(systemctl cat x) true",
    ],
)
def test_a_sound_script_is_not_complained_of(script: str, tmp_path: Path) -> None:
    assert found(["sh", "-c", script], tmp_path) == []


@pytest.mark.parametrize(
    "command",
    [
        ["systemctl", "kill", "-s", "HUP", "nginx"],
        ["systemctl", "kill", "--signal", "HUP", "nginx"],
        ["systemctl", "status", "-n", "50", "nginx"],
        ["systemctl", "-qn50", "status", "nginx"],
        ["systemctl", "show", "-p", "ActiveState"],
        ["systemctl", "show", "nginx", "--property", "ActiveState", "--value"],
        ["systemctl", "restart", "--job-mode=replace", "--", "nginx"],
        ["systemctl", "--frobnicate", "restart", "ngnix"],
        ["systemctl", "restart", "ngnix", "-z", "x"],
        ["systemctl", "--user", "restart", "ngnix"],
        ["systemctl", "-M", "box", "restart", "ngnix"],
        ["systemctl", "restart", "work*"],
        ["systemctl", "status", "4711"],
        ["service", "old", "restart"],
        ["timeout", "--signal", "KILL", "5s", "true"],
        ["timeout", "--signal=KILL", "--kill-after", "1s", "5s", "true"],
        ["sudo", "--user", "shopuser", "true"],
        ["sudo", "-nu", "postgres", "psql"],
        ["sudo", "-upostgres", "psql"],
        ["sudo", "--list", "what", "is", "allowed"],
        ["env", "-", "true"],
        ["env", "--unset", "A", "B=c", "true"],
        ["env", "-S", "A=b no-such-program"],
        ["nice", "--adjustment", "5", "true"],
        ["perl", "-e", "print 1"],
        ["perl", "-ne", "print"],
        ["bash", "-o", "pipefail", "-c", "systemctl restart nginx"],
    ],
    ids=" ".join,
)
def test_a_sound_command_is_not_complained_of(command: list[str], tmp_path: Path) -> None:
    assert found(command, tmp_path) == []


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["systemctl", "-n", "5", "restart", "ngnix"], "`ngnix` is not a unit of this host"),
        (["sudo", "-n", "systemctl", "restart", "ngnix"], "`ngnix` is not a unit of this host"),
        (["sudo", "-nu", "postgres", "pslq"], f"`pslq` was not found in PATH={HOST / 'bin'}"),
        (["timeout", "--signal", "KILL", "5s", "ture"], f"`ture` was not found in PATH={HOST / 'bin'}"),
        (["perl", "-w", "cure.pl"], "cure.pl` does not exist"),
        (["bash", "-e", "-o", "pipefail", "cure.sh"], "cure.sh` does not exist"),
    ],
    ids=str,
)
def test_what_is_missing_is_an_error_behind_options_too(command: list[str], message: str, tmp_path: Path) -> None:
    [problem] = found(command, tmp_path)
    assert message in problem.message
    assert not problem.is_warning


def test_what_was_guessed_out_of_a_script_is_only_a_warning(tmp_path: Path) -> None:
    [problem] = found(["sudo", "sh", "-c", 'test -e /x && systemctl restart "ngnix" 2>/dev/null'], tmp_path)
    assert problem.message == "`ngnix` is not a unit of this host"
    assert problem.is_warning
