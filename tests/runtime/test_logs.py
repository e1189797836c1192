"""The log as a whole: what a process that logs leaves behind, whatever becomes of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from error_daemon.runtime.logs import log_path

_LOGGING = """
import os, signal, sys, structlog
from pathlib import Path
from error_daemon.runtime.logs import configure
from error_daemon.settings import LogSettings
settings, state, end = LogSettings.model_validate_json(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
logs = configure(settings, state, os.environ)
log = structlog.get_logger()
log.debug("not wanted")
for number in range(int(sys.argv[4])):
    log.info("line", number=number, text="two\\nlines é")
log.recovery("attempt", error_id="e1")
log.user_action("pause", by="bob", note="password=hunter2hunter2")
try:
    1 / 0
except ZeroDivisionError as error:
    log.error("bug", exc_info=error)
if end == "kill":
    os.kill(os.getpid(), signal.SIGKILL)
if end != "never":
    logs.end()
log.info("too late")
print("went on")
"""


def logging(tmp_path: Path, end: str = "end", lines: int = 1, **settings: Any) -> subprocess.CompletedProcess[str]:
    """A process that logs, and ends so: "end", "kill", or "never"."""
    arguments = [sys.executable, "-c", _LOGGING, json.dumps(settings), str(tmp_path), end, str(lines)]
    environment = {name: value for name, value in os.environ.items() if name != "LOGS_DIRECTORY"}
    return subprocess.run(
        arguments,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**environment, "PYTHONWARNINGS": "default"},
    )


def events(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


@pytest.mark.parametrize("where", ["file", "standard error"])
def test_lines_of_every_level_are_written_with_their_fields(tmp_path: Path, where: str) -> None:
    path = tmp_path / "daemon.log"
    done = logging(tmp_path, file=str(path) if where == "file" else "")
    assert done.stdout == "went on\n"
    text = path.read_text() if where == "file" else done.stderr
    assert [(line["event"], line["level"]) for line in events(text)] == [
        ("line", "info"),
        ("attempt", "recovery"),
        ("pause", "user_action"),
        ("bug", "error"),
    ]
    assert "ZeroDivisionError" in text
    assert "hunter2" not in text


def test_lines_that_kill_9_left_in_memory_are_brought_in_by_the_next_daemon(tmp_path: Path) -> None:
    path = tmp_path / "daemon.log"
    killed = logging(tmp_path, "kill", file=str(path), flush_interval="10s", lines=20)
    assert killed.returncode == -9
    assert path.read_text() == "" if path.exists() else True
    assert logging(tmp_path, file=str(path)).returncode == 0
    found = events(path.read_text())
    assert [line["number"] for line in found[:20]] == list(range(20))
    [told] = [line for line in found if line["event"] == "log_lines_of_the_last_run"]
    assert told["lines"] == 23
    assert [line["event"] for line in found].count("line") == 21


def test_lines_that_do_not_fit_the_memory_are_counted_and_said(tmp_path: Path) -> None:
    path = tmp_path / "daemon.log"
    logging(tmp_path, file=str(path), buffer_bytes=65536, lines=30_000)
    found = events(path.read_text())
    lost = sum(line["count"] for line in found if line["event"] == "log_lines_lost")
    assert sum(line["event"] != "log_lines_lost" for line in found) + lost == 30_003
    assert found[-1]["event"] in ("bug", "log_lines_lost")  # the vital line found room


def test_a_full_file_is_put_aside(tmp_path: Path) -> None:
    path = tmp_path / "daemon.log"
    logging(tmp_path, file=str(path), rotate_bytes=65536, buffer_bytes=65536, lines=800, flush_interval="10ms")
    logging(tmp_path, file=str(path), rotate_bytes=65536, buffer_bytes=65536, lines=800, flush_interval="10ms")
    archives = sorted(tmp_path.glob("daemon.log-*[0-9Zz]"))
    assert archives
    assert all(archive.stat().st_size <= 65536 for archive in archives)


@pytest.mark.parametrize("file", ["/dev/full", "/nowhere/daemon.log"])
def test_a_file_that_cannot_be_written_is_said_once_and_stops_nothing(tmp_path: Path, file: str) -> None:
    done = logging(tmp_path, file=file, lines=50)
    assert (done.returncode, done.stdout) == (0, "went on\n")
    found = [line["event"] for line in events(done.stderr)]
    assert found.count("log_file_unwritable") == 1
    assert found.count("line") == 50


def test_without_its_state_directory_the_log_works(tmp_path: Path) -> None:
    done = logging(tmp_path / "nowhere", file=str(tmp_path / "daemon.log"))
    assert done.returncode == 0, done.stderr
    assert len(events((tmp_path / "daemon.log").read_text())) == 4


def test_a_process_that_just_ends_leaves_no_line_behind(tmp_path: Path) -> None:
    """The threads do not keep it, and what they had not written is brought in later."""
    path = tmp_path / "daemon.log"
    assert logging(tmp_path, "never", file=str(path), flush_interval="10s").returncode == 0
    logging(tmp_path, file=str(path))
    assert [line["event"] for line in events(path.read_text())].count("too late") == 1


@pytest.mark.parametrize(
    ("file", "environment", "path"),
    [
        ("", {}, None),
        ("", {"LOGS_DIRECTORY": "/var/log/framework"}, "/var/log/framework/recovery.log"),
        ("", {"LOGS_DIRECTORY": "/var/log/framework:/var/log/other"}, "/var/log/framework/recovery.log"),
        ("-", {"LOGS_DIRECTORY": "/var/log/framework"}, None),
        ("/srv/er.log", {"LOGS_DIRECTORY": "/var/log/framework"}, "/srv/er.log"),
    ],
)
def test_the_unit_says_where_the_log_is_unless_the_settings_do(
    file: str, environment: Mapping[str, str], path: str | None
) -> None:
    assert log_path(file, environment) == (Path(path) if path else None)
