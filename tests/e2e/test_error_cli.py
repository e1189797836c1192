"""error-cli against a real daemon: each command, for people and for programs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import yaml

from tests.e2e.daemon_process import DaemonProcess, journal_scripts, one_target, running

RULE = "{id: heal-it, when: {component: shop}, target: t, mode: auto, ladder: {1: [look-again], 3: [heal]}, verify: {within: 20ms}}"


def definitions(scripts: Mapping[str, Path]) -> str:
    return one_target(scripts, [RULE], ("look-again", "heal"))


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaemonProcess]:
    directory = tmp_path_factory.mktemp("cli")
    with running(DaemonProcess(directory / "daemon", definitions(journal_scripts(directory)))) as started:
        yield started


def cli(daemon: DaemonProcess, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "ERROR_RECOVERY_ADDRESS": daemon.address, "NO_COLOR": "1", **more}
    command = [sys.executable, "-m", "error_cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment, check=False)


def test_a_fault_is_reported_followed_shown_and_explained(daemon: DaemonProcess) -> None:
    followed = cli(daemon, "report", "it broke", "--type", "data", "--component", "shop", "--wait=30")
    assert followed.returncode == 0, followed.stdout + followed.stderr
    error_id = followed.stdout.split()[0]
    assert "recovered after heal" in followed.stdout
    daemon.wait_until_recorded()

    shown = cli(daemon, "errors", "show", error_id[:8])
    assert shown.returncode == 0, shown.stderr
    assert "look-again" in shown.stdout
    assert "verified by probes" in shown.stdout
    explained = cli(daemon, "explain", error_id)
    assert "the only strategy of this level" in explained.stdout
    listed = json.loads(cli(daemon, "errors", "list", "--json").stdout)
    assert [error["state"] for error in listed["errors"]] == ["watching"]
    history = json.loads(cli(daemon, "history", "--json").stdout)
    assert [attempt["strategy_id"] for attempt in history["attempts"]] == ["heal", "look-again"]
    metrics = json.loads(cli(daemon, "metrics", "--json").stdout)
    [success] = [one for one in metrics["figures"] if one["name"] == "success_ratio" and not one["scope"]]
    assert (success["value"], int(success["samples"])) == (1.0, 1)


def test_what_no_rule_matches_ends_observed_and_the_exit_code_says_so(daemon: DaemonProcess) -> None:
    followed = cli(daemon, "report", "nobody knows this", "--component", "elsewhere", "--wait=30")
    assert followed.returncode == 1
    error_id = followed.stdout.split()[0]
    resolved = cli(daemon, "errors", "resolve", error_id, "--note", "seen to")
    assert resolved.returncode == 0, resolved.stderr
    assert json.loads(cli(daemon, "errors", "show", error_id, "--json").stdout)["error"]["state"] == "resolved"


def test_status_flush_and_reset_answer(daemon: DaemonProcess) -> None:
    status = cli(daemon, "status")
    assert status.returncode == 0, status.stderr
    assert "1 rule" in status.stdout
    flushed = cli(daemon, "flush", "--all")
    assert flushed.returncode == 0, flushed.stderr
    assert "0 pending tickets" in flushed.stdout
    forgotten = cli(daemon, "reset", "--learned", "--yes")
    assert forgotten.returncode == 0, forgotten.stderr


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("error-cli pause ", ["plain,t"]),
        ("error-cli history --strategy h", ["plain,heal"]),
        ("error-cli reset --learned --strategy lo", ["plain,look-again"]),
    ],
)
def test_a_shell_completes_what_is_defined(daemon: DaemonProcess, words: str, wanted: list[str]) -> None:
    asked = {"_ERROR_CLI_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    done = cli(daemon, **asked, ERROR_CLI_COMPLETE_WITHIN="30s")
    assert (done.stdout.split(), done.stderr) == (wanted, "")


def test_yaml_has_what_json_has(daemon: DaemonProcess) -> None:
    as_json = json.loads(cli(daemon, "brakes", "--json").stdout)
    as_yaml = yaml.safe_load(cli(daemon, "brakes", "--output", "yaml").stdout)
    assert as_yaml.keys() == as_json.keys() == {"brakes"}
    assert json.loads(cli(daemon, "status", "--json").stdout)["rule_names"] == ["heal-it"]


def test_what_is_not_known_and_what_is_wrong_have_their_exit_codes(daemon: DaemonProcess) -> None:
    assert cli(daemon, "errors", "show", "0123456789abcdef").returncode == 4
    assert cli(daemon, "report", "x", "--target", "nowhere").returncode == 5
    assert cli(daemon, "report", "x", "--type", "nonsense").returncode == 2
