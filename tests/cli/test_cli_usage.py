"""A wrong command line: what is wrong, what was probably meant, how it is written. Nothing is asked of the daemon."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from error_cli.usage import likely
from error_cli.words import TYPES

if TYPE_CHECKING:
    from tests.cli.conftest import CannedDaemon, Cli


@pytest.mark.parametrize(
    ("arguments", "complaint", "mend"),
    [
        ("stauts", "there is no command 'stauts'", "did you mean 'error-cli status'?"),
        ("errors lst", "there is no command 'lst'", "did you mean 'error-cli errors list'?"),
        (
            "show 3f2a",
            "there is no command 'show'",
            "did you mean 'error-cli errors show' or 'error-cli audit show' or 'error-cli workflows show'?",
        ),
        (
            "list",
            "there is no command 'list'",
            "did you mean 'error-cli errors list' or 'error-cli audit list' or 'error-cli workflows list'?",
        ),
        ("xyzzy", "there is no command 'xyzzy'", "see: error-cli --help"),
        ("validate nowhere", "PATH: Path 'nowhere' does not exist", "see: error-cli validate --help"),
        ("errors list --stats failed", "there is no option '--stats'", "did you mean '--status'?"),
        ("errors list --min-sev high", "there is no option '--min-sev'", "did you mean '--min-severity'?"),
        ("status --Json", "there is no option '--Json'", "did you mean '--json'?"),
        ("status -json", "there is no option '-json'", "did you mean '--json'?"),
        (
            "--since 1h history",
            "there is no option '--since'",
            "behind a command that has it: history, audit list, metrics",
        ),
        ("report x --type netwrok", "--type: there is no 'netwrok'", "did you mean 'network'?"),
        ("report x --type netwrok", "--type: there is no 'netwrok'", "one of: unknown, network, resource, "),
        ("report x --severity HIGH", "--severity: there is no 'HIGH'", "did you mean 'high'?"),
        ("status --output yml", "--output: there is no 'yml'", "did you mean 'yaml'?"),
        ("errors list --type", "'--type' needs a value", "write --type and one of: unknown, network"),
        ("history --since", "'--since' needs a value", "write --since WHEN"),
        ("status --json=3", "'--json' does not take a value", "write --json alone"),
        ("history --limit few", "--limit: 'few' is not a whole number from 1 to 10,000", "as in: error-cli history"),
        ("history --limit 0", "--limit: 0 is not a whole number from 1 to 10,000", "as in: error-cli history"),
        ("report x --count 0", "--count: 0 is not a whole number from 1", "as in: error-cli report "),
        ("errors show", "ID is missing", "as in: error-cli errors show 3f2a9c0d"),
        ("replay", "--definitions is missing", "as in: error-cli replay --definitions /etc"),
        ("report disk is full", "there is more than it takes: is full", "of several words stands in quotes"),
        ("completion tcsh", "SHELL: there is no 'tcsh'", "one of: bash, zsh, fish"),
        ("status --address 127.0.0.1", "--address: '127.0.0.1' is neither host:port, as in", "see: error-cli status"),
        ("status --timeout soon", "--timeout: 'soon' is not a duration: write seconds, or", "see: error-cli status"),
        ("report", "a fault needs a MESSAGE or an --exception", "see: error-cli report --help"),
        ("report x -a novalue", "--attribute: 'novalue' is not of the form key=value", "as in: error-cli report"),
        ("history --since yesterday", "neither a distance such as 1h or 2d nor a time such as", "see: error-cli"),
        ("flush", "name either an ERROR_ID or --all", "see: error-cli flush --help"),
        ("flush --all 3f2a", "name either an ERROR_ID or --all", "see: error-cli flush --help"),
        ("reset", "name either an ERROR_ID or --learned", "see: error-cli reset --help"),
        ("reset 3f2a --strategy x", "--strategy goes with --learned", "see: error-cli reset --help"),
    ],
)
def test_a_wrong_command_line_is_told_with_its_mend(
    cli: Cli, daemon: CannedDaemon, arguments: str, complaint: str, mend: str
) -> None:
    done = cli.run(*arguments.split())
    assert (done.returncode, done.stdout) == (2, "")
    first, *mends = done.stderr.splitlines()
    assert first.startswith("error-cli: ")
    assert complaint in first
    assert mends[-1].startswith("  see: error-cli ")
    assert mend in "\n".join(mends)
    assert daemon.requests == []


def test_an_example_that_help_breaks_is_whole_in_a_mend(cli_alone: Cli) -> None:
    err = cli_alone.run("report", "x", "--count", "0").stderr
    assert '\n  as in: error-cli report "disk almost full" --type resource --severity high --component backup\n' in err


def test_a_group_without_a_command_shows_its_help(cli_alone: Cli) -> None:
    done = cli_alone.run("errors")
    assert "Commands:\n  list " in done.stdout + done.stderr


def test_nothing_is_guessed_that_is_far_from_what_was_typed() -> None:
    assert likely("xyzzy", TYPES) == ""
    assert likely("coord", TYPES) == "coordinator"
    assert likely("databse", TYPES) == "database"
