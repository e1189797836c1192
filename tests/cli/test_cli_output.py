"""--output: tables, JSON and YAML, the latter two with the same content, on every command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from error_recovery.v1 import recovery_pb2
from tests.cli.test_cli_answers import COMMANDS

if TYPE_CHECKING:
    from tests.cli.conftest import CannedDaemon, Cli

ERROR_ID = "3f2a9c0d11e4b7aa"
DEFINITIONS = str(Path(__file__).parents[2] / "etc" / "recovery" / "definitions")
ARGUMENTS = [*(arguments for _, arguments in COMMANDS.values()), ["replay", "--definitions", DEFINITIONS]]


@pytest.mark.parametrize("arguments", [*ARGUMENTS, ["completion", "fish"]], ids=" ".join)
def test_yaml_says_what_json_says(cli: Cli, arguments: list[str]) -> None:
    as_json = cli.run(*arguments, "--output", "json")
    as_yaml = cli.run(*arguments, "--output", "yaml")
    assert (as_json.returncode, as_yaml.returncode) == (0, 0)
    said = json.loads(as_json.stdout)
    assert yaml.safe_load(as_yaml.stdout) == said
    assert json.loads(cli.run(*arguments, "--json").stdout) == said
    assert isinstance(said, dict)


def test_a_stream_is_one_document_for_each_message(cli: Cli) -> None:
    lines = cli.run("errors", "watch", "--once", "--json").stdout.splitlines()
    documents = cli.run("errors", "watch", "--once", "-o", "yaml").stdout
    assert documents.startswith("---\n")
    assert list(yaml.safe_load_all(documents)) == [json.loads(line) for line in lines]
    assert len(lines) == 2


def test_report_and_wait_is_one_stream(cli: Cli) -> None:
    answers = list(yaml.safe_load_all(cli.run("report", "x", "--wait=2", "--output", "yaml").stdout))
    assert answers[0]["receipt"]["error_id"] == ERROR_ID
    assert [answer["kind"] for answer in answers[1:]].count("verdict") == 1


@pytest.mark.parametrize("error_id", ["12e4567890123456", "1234567890123456", "0000000000000777", "1234_5678"])
def test_an_id_of_digits_stays_a_text_for_every_parser(cli: Cli, daemon: CannedDaemon, error_id: str) -> None:
    daemon.answers["GetError"] = recovery_pb2.GetErrorResponse(error=recovery_pb2.Error(error_id=error_id))
    out = cli.run("errors", "show", "feed-", "-o", "yaml").stdout
    assert f'\n  error_id: "{error_id}"\n' in out


def test_what_came_with_a_fault_does_nothing_to_a_terminal(cli: Cli, daemon: CannedDaemon) -> None:
    message = "no\x1b[31m\u202ered \u0085 NO: yes\n  two lines"
    error = recovery_pb2.Error(error_id=ERROR_ID, message=message)
    daemon.answers["GetError"] = recovery_pb2.GetErrorResponse(error=error)
    for wanted in ("json", "yaml"):
        out = cli.run("errors", "show", ERROR_ID, "--output", wanted).stdout
        assert out.isascii()
        assert "\x1b" not in out
        assert yaml.safe_load(out)["error"]["message"] == message


def test_the_last_wish_counts_and_one_behind_the_command_before_one_in_front(cli: Cli) -> None:
    assert cli.run("--json", "brakes", "--output", "table").stdout.startswith("BRAKE ")
    assert cli.run("brakes", "--output", "yaml", "--json").stdout.startswith("{")
    assert cli.run("--output", "yaml", "brakes").stdout.startswith("brakes:\n")
    assert cli.run("errors", "-o", "yaml", "list").stdout.startswith("errors:\n")
