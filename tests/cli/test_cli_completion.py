"""Completion in real shells: commands, options, their values, and what a running daemon knows."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
import pytest

from error_recovery.v1 import fault_pb2, recovery_pb2
from tests.cli.shells import need, type_into

if TYPE_CHECKING:
    from tests.cli.conftest import CannedDaemon, Cli

ERROR_ID = "3f2a9c0d11e4b7aa"
SHELLS = ["bash", "zsh"]
START = {
    "bash": (["--norc", "--noprofile", "-i"], 'eval "$(error-cli completion bash)"\n'),
    "zsh": (["-f", "-i"], 'autoload -Uz compinit; compinit -D -u; eval "$(error-cli completion zsh)"\n'),
}


PATIENT = {"ERROR_CLI_COMPLETE_WITHIN": "30s"}  # what is tested here is what is offered, on however busy a machine


def offered(cli: Cli, words: str, within: str = "30s") -> list[str]:
    """What is offered for the last of `words`."""
    asked = {"_ERROR_CLI_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    done = cli.run(**asked, ERROR_CLI_COMPLETE_WITHIN=within)
    assert done.stderr == ""
    return [line.partition(",")[2] for line in done.stdout.split()]


def typed_into_shell(cli: Cli, shell: str, lines: list[str], home: Path) -> str:
    arguments, start = START[shell]
    environment = {**cli.environment, **PATIENT, "TERM": "dumb", "HOME": str(home), "PS1": "> "}
    return type_into([need(shell), *arguments], start + "".join(f"{line}\n" for line in lines) + "exit\n", environment)


@pytest.mark.parametrize("shell", SHELLS)
def test_tab_completes_commands_options_values_and_ids(
    cli: Cli, daemon: CannedDaemon, shell: str, tmp_path: Path
) -> None:
    lines = [
        "error-cli err\tli\t--statu\tfai\t--min-sev\thi\t",
        "error-cli errors list --type=netw\t",
        "error-cli expl\t3f\t",
        "error-cli pau\tpost\t",
    ]
    seen = typed_into_shell(cli, shell, lines, tmp_path)
    wanted = [
        recovery_pb2.ListErrorsRequest(
            status=recovery_pb2.STATUS_FAILED, min_severity=fault_pb2.SEVERITY_HIGH, limit=100
        ),
        recovery_pb2.ListErrorsRequest(type="network", limit=100),
        recovery_pb2.ExplainRequest(id=ERROR_ID),
    ]
    for request in wanted:
        assert request in daemon.requests, seen
    pauses = [request.target for request in daemon.requests if isinstance(request, recovery_pb2.PauseRequest)]
    assert pauses == ["postgres"], seen


@pytest.mark.parametrize("shell", SHELLS)
def test_tab_is_silent_without_a_daemon(cli_alone: Cli, shell: str, tmp_path: Path) -> None:
    seen = typed_into_shell(
        cli_alone, shell, ["error-cli approve 3f\t", "error-cli completion fi\t| head -1"], tmp_path
    )
    assert "Traceback" not in seen
    assert "function _error_cli_completion;" in seen
    assert seen.count("no daemon answers") == 1  # of the command itself, when it was run


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("error-cli err", ["errors\tList, show, resolve and watch errors."]),
        ("error-cli errors list --status fa", ["failed"]),
        ("error-cli errors list --type=netw", ["--type=network"]),
        ("error-cli explain 3f", [f"{ERROR_ID}\tverifying: no answer, on 5432"]),
        ("error-cli --json resume po", ["postgres"]),
    ],
)
def test_fish_completes(cli: Cli, daemon: CannedDaemon, tmp_path: Path, line: str, wanted: list[str]) -> None:
    answer = daemon.answers["ListErrors"]
    assert isinstance(answer, recovery_pb2.ListErrorsResponse)
    answer.errors[0].message = "no answer, on 5432"
    done = subprocess.run(
        [need("fish"), "--no-config", "-c", f"error-cli completion fish | source; complete -C '{line}'"],
        env={**cli.environment, **PATIENT, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.splitlines() == wanted
    assert done.stderr == ""


def test_commands_options_and_words_are_offered_without_a_daemon(cli_alone: Cli) -> None:
    assert {"errors", "status", "completion"} <= set(offered(cli_alone, "error-cli "))
    assert offered(cli_alone, "error-cli errors re") == ["resolve"]
    assert {"--json", "--output", "--status"} <= set(offered(cli_alone, "error-cli errors list --"))
    assert offered(cli_alone, "error-cli errors list --type net") == ["network"]
    assert offered(cli_alone, "error-cli errors list --type = net") == ["network"]  # bash splits --type=net
    assert offered(cli_alone, "error-cli status -o ") == ["table", "json", "yaml"]
    assert offered(cli_alone, "error-cli explain ") == []
    assert offered(cli_alone, "error-cli pause ") == []


def test_what_the_daemon_knows_is_offered(cli: Cli, daemon: CannedDaemon) -> None:
    assert offered(cli, "error-cli explain ") == [ERROR_ID, "00aa00aa00aa00aa"]
    assert offered(cli, "error-cli errors show 3f2") == [ERROR_ID]
    assert offered(cli, "error-cli history --error 00") == ["00aa00aa00aa00aa"]
    assert offered(cli, "error-cli pause ") == ["postgres", "shop-web"]
    assert offered(cli, "error-cli report x --target p") == ["postgres"]
    assert offered(cli, "error-cli history --strategy res") == ["restart-db"]
    assert offered(cli, "error-cli errors list --component s") == ["shop-web"]
    assert offered(cli, "error-cli report x --component b") == ["backup"]


def test_only_what_waits_for_a_person_is_offered_to_be_approved(cli: Cli, daemon: CannedDaemon) -> None:
    offered(cli, "error-cli approve ")
    offered(cli, "error-cli deny ")
    asked = [request for request in daemon.requests if isinstance(request, recovery_pb2.ListErrorsRequest)]
    assert [request.held_by for request in asked] == ["approval", "approval"]


def test_the_address_on_the_command_line_is_the_one_that_is_asked(cli_alone: Cli, daemon: CannedDaemon) -> None:
    assert offered(cli_alone, f"error-cli --address {daemon.address} explain 3") == [ERROR_ID]


@pytest.mark.parametrize("name", ["$(reboot)", "a b", "x;y", "`id`", "-rf", "a,b", "über", "*", ""])
def test_a_name_that_a_shell_reads_something_into_is_not_offered(cli: Cli, daemon: CannedDaemon, name: str) -> None:
    answer = daemon.answers["ListErrors"]
    assert isinstance(answer, recovery_pb2.ListErrorsResponse)
    answer.errors[0].component = name
    assert offered(cli, "error-cli errors list --component ") == ["backup"]


def test_a_daemon_that_does_not_answer_is_given_up(cli: Cli, daemon: CannedDaemon) -> None:
    daemon.refuse("ListErrors", grpc.StatusCode.DEADLINE_EXCEEDED)  # which here means that it never answers
    assert offered(cli, "error-cli explain ", within="300ms") == []
    assert offered(cli, "error-cli explain ", within="soon") == []


def test_a_daemon_that_refuses_is_silence(cli: Cli, daemon: CannedDaemon) -> None:
    daemon.refuse("ListErrors", grpc.StatusCode.INTERNAL, "bug")
    assert offered(cli, "error-cli explain ") == []
