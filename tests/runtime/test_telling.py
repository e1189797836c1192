"""What systemd and the log are told."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from error_daemon.errors import ConfigError
from error_daemon.runtime.logs import configure
from error_daemon.runtime.systemd import Notifier
from error_daemon.settings import LogSettings


def test_systemd_hears_ready_then_beats_then_stopping(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(path)
        systemd.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", path)
        monkeypatch.setenv("WATCHDOG_USEC", "20000")
        notifier = Notifier()

        async def hear() -> str:
            return (await asyncio.wait_for(asyncio.get_running_loop().sock_recv(systemd, 4096), 20.0)).decode()

        async def go() -> None:
            notifier.ready("serving on 127.0.0.1:1")
            assert await hear() == "READY=1\nSTATUS=serving on 127.0.0.1:1"
            assert [await hear() for _ in range(3)] == ["WATCHDOG=1"] * 3
            notifier.stopping()
            heard = await hear()
            while heard == "WATCHDOG=1":
                heard = await hear()
            assert heard == "STOPPING=1\nSTATUS=draining"

        asyncio.run(go())
        assert notifier._systemd is not None
        notifier._systemd.socket.close()  # systemd hears of the daemon for as long as it lives


def test_without_systemd_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    monkeypatch.delenv("WATCHDOG_USEC", raising=False)

    async def go() -> None:
        notifier = Notifier()
        notifier.ready("serving")
        notifier.stopping()

    asyncio.run(go())


_LOGGING = """
import sys, structlog
from error_daemon.runtime.logs import configure
from error_daemon.settings import LogSettings
configure(LogSettings(level="INFO", file=sys.argv[1]))
log = structlog.get_logger()
log.debug("not wanted")
log.info("attempt", error_id="e1", odd=object, text="two\\nlines é")
try:
    1 / 0
except ZeroDivisionError as error:
    log.critical("bug", exc_info=error)
print("went on")
"""


def _log(path: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", _LOGGING, path]
    environment = {**os.environ, "PYTHONWARNINGS": "default"}
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=environment)


@pytest.mark.parametrize("where", ["file", "standard error"])
def test_a_log_line_is_json_with_its_level_and_time_in_utc(tmp_path: Path, where: str) -> None:
    path = tmp_path / "daemon.log"
    done = _log(str(path) if where == "file" else "")
    assert done.stdout == "went on\n"
    lines = (path.read_text() if where == "file" else done.stderr).splitlines()
    first, second = (json.loads(line) for line in lines if line.startswith("{"))
    assert (first["event"], first["level"], first["error_id"]) == ("attempt", "info", "e1")
    assert first["text"] == "two\nlines é"
    assert first["timestamp"].endswith("Z")
    assert (second["event"], second["level"]) == ("bug", "critical")
    assert "ZeroDivisionError" in second["exception"]


def test_a_full_disk_under_the_log_stops_nothing() -> None:
    done = _log("/dev/full")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "went on\n"


def test_a_log_file_that_cannot_be_opened_is_a_wrong_setting(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be written"):
        configure(LogSettings(file=str(tmp_path / "nowhere" / "daemon.log")))
