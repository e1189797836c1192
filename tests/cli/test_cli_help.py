"""What is said before a daemon is asked: help, the version, exit codes, and how little is imported for it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from error_cli.command import walk
from error_cli.failure import EXIT_CODES, Exit
from error_cli.main import cli as root
from error_cli.words import SEVERITIES, STATUSES, TYPES, number, word
from error_recovery.v1 import fault_pb2, recovery_pb2

if TYPE_CHECKING:
    from tests.cli.conftest import Cli

COMMANDS = [list(path) for path, _ in walk(root)]
IMPORTED_WHEN_NEEDED = ("grpc", "rich", "yaml", "google.protobuf", "error_recovery", "error_daemon", "duckdb")


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_the_help_of_every_command_shows_an_example_and_fits_80_columns(cli_alone: Cli, command: list[str]) -> None:
    done = cli_alone.run(*command, "--help", COLUMNS="80")
    assert done.returncode == 0
    examples = done.stdout[done.stdout.index("Examples:\n") :]
    assert " ".join(["error-cli", *command]) in examples
    assert "--json" in done.stdout
    assert "--output [table|json|yaml]" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert "...\n" not in done.stdout.partition("Commands:")[2]  # no sentence is cut


def test_the_help_lists_all_commands_and_the_exit_codes(cli_alone: Cli) -> None:
    out = cli_alone.run("--help").stdout
    for command in filter(None, COMMANDS):
        assert f"\n  {command[0]} " in out
    assert "3 no daemon answers" in out
    assert "error-cli completion bash" in out


def test_help_may_be_asked_for_as_a_command(cli_alone: Cli) -> None:
    assert cli_alone.run("help").stdout == cli_alone.run("--help").stdout
    assert cli_alone.run("help", "errors", "show").stdout == cli_alone.run("errors", "show", "--help").stdout


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [
        (["--help"], {}),
        (["errors", "--help"], {}),
        (["report", "--help"], {}),
        (["--version"], {}),
        (["completion", "bash"], {}),
        (["stauts"], {}),
        (["report", "x", "--type", "netw"], {}),
        ([], {"_ERROR_CLI_COMPLETE": "bash_complete", "COMP_WORDS": "error-cli report --type n", "COMP_CWORD": "3"}),
        ([], {"_ERROR_CLI_COMPLETE": "fish_complete", "COMP_WORDS": "error-cli approve", "COMP_CWORD": ""}),
    ],
    ids=str,
)
def test_what_asks_no_daemon_imports_nothing_heavy(
    cli_alone: Cli, arguments: list[str], environment: dict[str, str]
) -> None:
    program = (
        "import atexit, sys\n"
        f"heavy = set({IMPORTED_WHEN_NEEDED!r})\n"
        "atexit.register(lambda: print('imported', sorted(heavy & set(sys.modules)), file=sys.stderr))\n"
        f"sys.argv = ['error-cli', *{arguments!r}]\n"
        "from error_cli.main import main\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**cli_alone.environment, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stderr.endswith("imported []\n"), done.stderr


def test_the_exit_codes_in_the_manual_are_those_of_the_program() -> None:
    manual = (Path(__file__).parents[2] / "docs" / "operating.md").read_text()
    section = manual[manual.index("### Exit codes of error-cli") :]
    rows = dict(re.findall(r"^\| (\d+) \| `(\w+)` \|", section, re.MULTILINE))
    assert rows == {str(int(code)): code.name for code in Exit}
    assert sorted(map(int, re.findall(r"(?<=  )\d+(?= \w)", EXIT_CODES))) == sorted(Exit)


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
