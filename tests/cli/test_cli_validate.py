"""`error-cli validate`: without a daemon, and with what one has learned."""

from __future__ import annotations

import json
from pathlib import Path
from subprocess import CompletedProcess
from typing import TYPE_CHECKING

import grpc
import pytest
import yaml

from error_recovery.v1 import recovery_pb2

if TYPE_CHECKING:
    from tests.cli.conftest import CannedDaemon, Cli

SOUND = """\
version: 1
targets: {web: {kind: host, probes: web-answers}}
probes: {web-answers: {kind: tcp, host: localhost, port: 80}}
strategies: {cure: {kind: exec, command: [sh], timeout: 10s}}
rules: [{id: web-down, when: {}, target: web, ladder: {3: cure}}]
"""


SCHEMA = Path(__file__).parents[2] / "etc/recovery/schema.json"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Of definitions, beside settings without a record: those of this host are not meant, and neither is its schema."""
    (tmp_path / "recovery.conf").write_text(f'state_dir = "{tmp_path}/state"\n')
    (tmp_path / "definitions").mkdir()
    (tmp_path / "definitions" / "a.yaml").write_text(SOUND)
    return tmp_path / "definitions"


def validate(cli: Cli, directory: Path, *arguments: str | Path, **environment: str) -> CompletedProcess[str]:
    return cli.run("validate", *_here(directory), *map(str, arguments), **environment)


def _here(directory: Path) -> list[str]:
    return [f"--config={directory.parent / 'recovery.conf'}", f"--schema={SCHEMA}"]


def test_sound_definitions_are_said_to_be(cli_alone: Cli, directory: Path) -> None:
    done = validate(cli_alone, directory, directory)
    assert (done.returncode, done.stdout, done.stderr) == (
        0,
        "sound: 1 rule (all only observe), 1 target, 1 file\n",
        "",
    )


def test_a_mistake_is_shown_where_it_stands(cli_alone: Cli, directory: Path) -> None:
    file = directory / "a.yaml"
    file.write_text(SOUND.replace("3: cure", "3: curr"))
    done = validate(cli_alone, directory, file)
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        f"{file}:5:59: error: no strategy is called `curr` (did you mean `cure`?)",
        "    5 | rules: [{id: web-down, when: {}, target: web, ladder: {3: curr}}]",
        "      |                                                           ^^^^",
        "1 error",
    ]


@pytest.mark.parametrize(("options", "code"), [([], 0), (["--strict"], 1), (["--no-host", "--strict"], 0)])
def test_warnings_count_as_errors_only_if_asked_to(
    cli_alone: Cli, directory: Path, options: list[str], code: int
) -> None:
    (directory / "a.yaml").write_text(SOUND.replace("[sh]", "[no-such-program-anywhere]"))
    assert validate(cli_alone, directory, directory, *options).returncode == code


def test_programs_get_json(cli_alone: Cli, directory: Path) -> None:
    (directory / "a.yaml").write_text(SOUND.replace("3: cure", "3: curr").replace("[sh]", "[no-such-program-anywhere]"))
    done = validate(cli_alone, directory, directory, "--json")
    told = json.loads(done.stdout)
    assert (done.returncode, told["errors"], told["warnings"], told["files"]) == (1, 1, 1, 1)
    assert {"file", "line", "column", "message", "mend", "width", "text", "is_warning"} == set(told["problems"][0])


def test_the_same_comes_as_yaml(cli_alone: Cli, directory: Path) -> None:
    (directory / "a.yaml").write_text(SOUND.replace("3: cure", "3: curr"))
    told = yaml.safe_load(validate(cli_alone, directory, directory, "--output", "yaml").stdout)
    assert [problem["message"] for problem in told["problems"]] == ["no strategy is called `curr`"]


def test_a_schema_of_the_house_is_applied(cli_alone: Cli, directory: Path) -> None:
    schema = directory / "house.json"
    schema.write_text(json.dumps({"properties": {"rules": {"items": {"required": ["severity"]}}}}))
    done = validate(cli_alone, directory, f"--schema={schema}", str(directory / "a.yaml"))
    assert done.returncode == 1
    assert "a.yaml:5:9: error: `severity` is missing\n" in done.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["/nowhere"],
        ["--schema=/nowhere"],
        ["--schema=a.yaml", "a.yaml"],
    ],
)
def test_what_cannot_be_checked_is_a_mistake_of_usage(
    cli_alone: Cli, directory: Path, arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(directory)
    done = validate(cli_alone, directory, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.endswith("\n  see: error-cli validate --help\n")


def test_the_directory_of_the_environment_is_taken(cli_alone: Cli, directory: Path) -> None:
    done = validate(cli_alone, directory, ERROR_RECOVERY_DEFINITIONS_DIR=str(directory))
    assert done.stdout == "sound: 1 rule (all only observe), 1 target, 1 file\n"


def test_a_module_in_the_working_directory_is_never_run(
    cli_alone: Cli, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (directory / "yaml.py").write_text("raise SystemExit('run by error-cli')")
    (directory / "error_daemon.py").write_text("raise SystemExit('run by error-cli')")
    monkeypatch.chdir(directory)
    done = validate(cli_alone, directory, "a.yaml")
    assert done.returncode == 0, done.stderr


def learned(timeout_s: float) -> recovery_pb2.GetMetricsResponse:
    row = recovery_pb2.StrategyMetrics(error_type="network", strategy_id="cure", timeout_s=timeout_s)
    return recovery_pb2.GetMetricsResponse(strategies=[row, recovery_pb2.StrategyMetrics(strategy_id="other")])


def test_a_daemon_is_asked_what_it_has_learned(cli: Cli, daemon: CannedDaemon, directory: Path) -> None:
    daemon.answers["GetMetrics"] = learned(20.0)
    done = validate(cli, directory, directory)
    assert done.returncode == 0
    assert "warning: timeout is 10s, but `cure` was learned to need up to 20s for network errors" in done.stdout


def test_a_daemon_that_does_not_tell_is_noted(cli: Cli, daemon: CannedDaemon, directory: Path) -> None:
    daemon.refuse("GetMetrics", grpc.StatusCode.RESOURCE_EXHAUSTED)
    done = validate(cli, directory, directory)
    assert (done.returncode, done.stdout) == (0, "sound: 1 rule (all only observe), 1 target, 1 file\n")
    assert "did not say at once what it has learned" in done.stderr


def test_on_a_terminal_errors_are_red_and_warnings_yellow(cli_alone: Cli, directory: Path) -> None:
    (directory / "a.yaml").write_text(SOUND.replace("3: cure", "3: curr").replace("[sh]", "[no-such-program-anywhere]"))
    _, out = cli_alone.run_on_terminal("validate", *_here(directory), str(directory))
    assert "\x1b[31merror:" in out
    assert "\x1b[33mwarning:" in out
    _, plain = cli_alone.run_on_terminal("validate", *_here(directory), str(directory), NO_COLOR="1")
    assert "\x1b" not in plain
