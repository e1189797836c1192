"""What is said before a daemon is asked: help, completion, and how little is imported for it."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from error_cli.words import SEVERITIES, STATUSES, TYPES, number, word
from error_recovery.v1 import fault_pb2, recovery_pb2

if TYPE_CHECKING:
    from tests.cli.conftest import Cli

COMMANDS = [
    ["status"],
    ["report"],
    ["errors", "list"],
    ["errors", "show"],
    ["errors", "resolve"],
    ["errors", "watch"],
    ["explain"],
    ["history"],
    ["metrics"],
    ["reset"],
    ["flush"],
    ["brakes"],
    ["brakes", "reset"],
    ["pause"],
    ["resume"],
    ["approvals"],
    ["approve"],
    ["deny"],
    ["replay"],
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_the_help_of_every_command_shows_an_example(cli_alone: Cli, command: list[str]) -> None:
    done = cli_alone.run(*command, "--help")
    assert done.returncode == 0
    assert f"Examples:\n    error-cli {' '.join(command)}" in done.stdout
    assert "--json" in done.stdout


def test_the_help_lists_all_commands_the_exit_codes_and_the_completion(cli_alone: Cli) -> None:
    out = cli_alone.run("--help").stdout
    for command in COMMANDS:
        assert f"\n  {command[0]} " in out
    assert "3 no daemon answers" in out
    assert "_ERROR_CLI_COMPLETE=bash_source" in out
    assert "..." not in out[out.index("Commands:") :]  # no sentence is cut


@pytest.mark.parametrize("arguments", [["--help"], ["errors", "--help"], ["report", "--help"]], ids=" ".join)
def test_help_imports_neither_grpc_nor_rich(arguments: list[str]) -> None:
    program = (
        "import atexit, sys\n"
        "heavy = {'grpc', 'rich', 'google.protobuf', 'error_recovery', 'error_daemon', 'duckdb'}\n"
        "atexit.register(lambda: print('imported', sorted(heavy & set(sys.modules)), file=sys.stderr))\n"
        f"sys.argv = ['error-cli', *{arguments!r}]\n"
        "from error_cli.main import main\n"
        "main()\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stderr == "imported []\n"


def test_completion_offers_commands_and_words(cli_alone: Cli) -> None:
    commands = cli_alone.run(_ERROR_CLI_COMPLETE="bash_complete", COMP_WORDS="error-cli ", COMP_CWORD="1")
    assert "plain,errors" in commands.stdout.splitlines()
    words = cli_alone.run(
        _ERROR_CLI_COMPLETE="bash_complete", COMP_WORDS="error-cli errors list --type net", COMP_CWORD="4"
    )
    assert words.stdout.splitlines() == ["plain,network"]


def test_the_version_is_that_of_the_distribution(cli_alone: Cli) -> None:
    from importlib.metadata import version

    assert cli_alone.run("--version").stdout == f"error-cli {version('error-recovery')}\n"


def test_the_words_are_those_of_the_wire() -> None:
    def wire(enum: object, prefix: str) -> dict[str, int]:
        items: list[tuple[str, int]] = enum.items()  # type: ignore[attr-defined]
        return {name.removeprefix(prefix).lower(): value for name, value in items if value}

    assert {name: number(TYPES, name) for name in TYPES} == wire(fault_pb2.ErrorType, "ERROR_TYPE_")
    assert {name: number(SEVERITIES, name) for name in SEVERITIES} == wire(fault_pb2.Severity, "SEVERITY_")
    assert {name: number(STATUSES, name) for name in STATUSES} == wire(recovery_pb2.Status, "STATUS_")


def test_a_word_that_is_newer_than_error_cli_is_shown_as_its_number() -> None:
    assert word(TYPES, 99) == "99"
    assert word(TYPES, 0) == ""
    assert number(TYPES, None) == 0
