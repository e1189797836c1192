"""`make run`, as it is: a real daemon, a real service, broken twice."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def free_port() -> str:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return str(listener.getsockname()[1])


def run(var: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        str(ROOT / "examples" / "first_recovery" / "run.py"),
        "--once",
        "--var",
        str(var),
        *arguments,
    ]
    return subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)


def test_it_shows_two_verified_recoveries_and_exits_with_0_and_again_right_after(tmp_path: Path) -> None:
    for _ in range(2):
        shown = run(tmp_path / "var", "--listen", f"127.0.0.1:{free_port()}", "--http", "", "--port", free_port())
        assert shown.returncode == 0, shown.stdout + shown.stderr
        assert "kill -9" in shown.stdout
        assert "recovered after restart-shop" in shown.stdout
        assert "persisting after reload-stock" in shown.stdout
        assert "recovered after restore-stock" in shown.stdout
        assert "why: Ran restart-shop" in shown.stdout


def test_the_readme_shows_what_it_prints(tmp_path: Path) -> None:
    [shown] = re.findall(
        r"^```\n(error_daemon serves.*?)```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL
    )
    printed = run(tmp_path / "var", "--listen", f"127.0.0.1:{free_port()}", "--port", free_port()).stdout
    assert course(printed) == course(shown)


def course(text: str) -> list[str]:
    """Its lines up to the end of the second recovery, without what is another each time: where it ran, numbers, units of times, ids."""
    told = re.sub(r"/\S*/var/", "var/", text.partition("Both recoveries")[0])
    told = re.sub(r"[0-9a-f]{16}|\d[\d.]*( (µs|ms|s)\b)?", "N", told)
    return [" ".join(line.split()) for line in told.splitlines() if line.strip()]


def test_it_exits_with_1_and_says_why_when_the_recovery_does_not_happen(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        shown = run(
            tmp_path / "var", "--listen", f"127.0.0.1:{taken.getsockname()[1]}", "--http", "", "--port", free_port()
        )
    assert shown.returncode == 1
    assert "not recovered" in shown.stdout
