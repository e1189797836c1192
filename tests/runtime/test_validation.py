"""The program behind `error-cli validate`: what it looks at, and what it says of what it could not look at."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest

from error_daemon.store.schema import MIGRATIONS

SOUND = """\
version: 1
targets: {web: {kind: host, probes: web-answers}}
probes: {web-answers: {kind: tcp, host: localhost, port: 80}}
strategies: {cure: {kind: exec, command: [no-such-program-anywhere], timeout: 10s}}
rules: [{id: web-down, when: {}, target: web, ladder: {3: cure}}]
"""


_NO_STATE = "/nowhere/state"  # that of this host is not meant
_CLOSED = "/" + 300 * "x"  # to look at it raises OSError, for root too


def run(*arguments: str | Path, given: str = "", **environment: str) -> tuple[int, dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-m", "error_daemon.runtime.validation", *map(str, arguments)],
        input=given,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "ERROR_RECOVERY_STATE_DIR": _NO_STATE, **environment},
    )
    assert done.stderr == ""
    told: dict[str, Any] = json.loads(done.stdout)
    return done.returncode, told


def messages(told: dict[str, Any]) -> list[str]:
    return [problem["message"] for problem in told["problems"]]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "definitions").mkdir()
    (tmp_path / "definitions" / "a.yaml").write_text(SOUND)
    return tmp_path


@pytest.fixture
def config(directory: Path) -> Path:
    file = directory / "recovery.conf"
    file.write_text(f'state_dir = "{directory}/state"\ndefinitions_dir = "{directory}/definitions"\n')
    return file


def test_it_counts_what_there_is(directory: Path) -> None:
    code, told = run("--definitions", directory / "definitions", "--no-host")
    counts = {name: told[name] for name in ("files", "targets", "probes", "strategies", "ladders", "rules")}
    assert code == 0
    assert counts == {"files": 1, "targets": 1, "probes": 1, "strategies": 1, "ladders": 0, "rules": 1}
    assert told["problems"] == []


def test_the_host_is_looked_at_unless_it_is_left_out(directory: Path) -> None:
    _, told = run("--definitions", directory / "definitions")
    assert messages(told) == [f"`no-such-program-anywhere` was not found in PATH={os.environ['PATH']}"]


def test_several_places_are_one_set(directory: Path) -> None:
    other = directory / "probes.yaml"
    other.write_text("version: 1\nprobes: {web-answers: {kind: process, pid_file: /x}}\n")
    _, told = run("--definitions", directory / "definitions", "--definitions", other, "--no-host")
    assert messages(told) == ["`web-answers` is defined twice in probes"]


def test_without_a_place_the_settings_name_it(config: Path) -> None:
    _, told = run("--config", config, "--no-host")
    assert (told["files"], told["problems"]) == (1, [])


def test_the_environment_names_it_before_the_settings(config: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    _, told = run("--config", config, ERROR_RECOVERY_DEFINITIONS_DIR=str(tmp_path / "other"))
    assert told["files"] == 0


def test_wrong_settings_are_problems_too(config: Path) -> None:
    config.write_text(config.read_text() + "worker_threats = 3\n")
    code, told = run("--config", config)
    assert (code, messages(told)) == (0, ["unknown key `worker_threats`"])


@pytest.mark.parametrize(
    "arguments",
    [
        ["--definitions", "/nowhere"],
        ["--definitions", _CLOSED],
        ["--definitions", "/", "--config", _CLOSED],
        ["--definitions", "/", "--schema", "/nowhere"],
        ["--definitions", "/", "--schema", __file__],
        ["--definitions", "/", "--learned", "/nowhere"],
        ["--definitions", "/", "--learned", __file__],
    ],
)
def test_what_cannot_be_used_is_a_mistake_of_the_call(arguments: list[str]) -> None:
    code, told = run(*arguments)
    assert code == 2
    assert list(told) == ["usage"]


LEARNED = (
    "timeout is 10s, but `cure` was learned to need up to 20s for network errors: too short once that is forgotten"
)
ROWS = json.dumps([{"error_type": "network", "strategy_id": "cure", "timeout_s": 20.0}])


def test_what_was_learned_can_be_given(directory: Path) -> None:
    _, told = run("--definitions", directory / "definitions", "--no-host", "--learned", "-", given=ROWS)
    assert messages(told) == [LEARNED]


def test_a_state_directory_that_is_closed_is_no_reason_to_stop(config: Path) -> None:
    code, told = run("--config", config, "--no-host", ERROR_RECOVERY_STATE_DIR=_CLOSED)
    assert (code, told["problems"], told["files"]) == (0, [], 1)


@pytest.fixture
def record(directory: Path) -> Path:
    (directory / "state").mkdir()
    file = directory / "state" / "recovery.duckdb"
    with duckdb.connect(str(file)) as connection:
        for migration in MIGRATIONS:
            for statement in migration.statements:
                connection.execute(statement)
        connection.execute("INSERT INTO adaptive_timeouts VALUES ('network', 'cure', 20.0, now()::TIMESTAMP)")
    return file


def state(record: Path) -> dict[str, str]:
    return {"ERROR_RECOVERY_STATE_DIR": str(record.parent)}


def test_what_was_learned_is_read_from_a_record_that_nobody_has_open(config: Path, record: Path) -> None:
    before = record.read_bytes()
    _, told = run("--config", config, "--no-host", **state(record))
    assert (messages(told), told["notes"]) == ([LEARNED], [])
    assert record.read_bytes() == before


def test_a_record_that_somebody_has_open_is_left_alone_and_said(config: Path, record: Path) -> None:
    with duckdb.connect(str(record)):
        _, told = run("--config", config, "--no-host", **state(record))
    assert messages(told) == []
    assert told["notes"] == [
        "what was learned could not be read: no daemon answers, and its record is not to be opened"
    ]


def test_a_record_that_is_damaged_is_no_reason_to_stop(config: Path, record: Path) -> None:
    record.write_bytes(b"rubbish")
    _, told = run("--config", config, "--no-host", **state(record))
    assert messages(told) == []
    assert len(told["notes"]) == 1


def test_it_imports_neither_the_engine_nor_a_server(directory: Path) -> None:
    program = (
        "import sys; from error_daemon.runtime.validation import main; main(sys.argv[1:]); "
        "print(sorted({'grpc', 'uvloop', 'duckdb', 'jsonschema', 'error_daemon.core'} & set(sys.modules)), file=sys.stderr)"
    )
    arguments = [sys.executable, "-c", program, "--definitions", str(directory / "definitions")]
    assert subprocess.run(arguments, capture_output=True, text=True, check=True).stderr == "[]\n"
