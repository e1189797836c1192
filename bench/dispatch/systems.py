"""The others, each as a host would run it, on loopback, ended by the bench.

Celery with Redis: the broker without persistence, four worker processes (as many as ours), no results, and none of the gossip between
workers: all that makes it quicker. What is acknowledged there is lost with a crash of either; ours stands in the ring.

ansible-rulebook: its own webhook source, one rule, and the lightest action that it has: `debug`, which prints a line. (A module or playbook
takes a second and more.) It is not installed by the bench: it is used where it is found.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from subprocess import STDOUT
from threading import Thread

from bench.contender import Contender, python
from bench.dispatch.celery_app import BEGUN
from bench.packages import Missing, require

WORKERS = 4
_START_S = 60.0
_POLL_S = 0.05
_RULEBOOK = "ansible-rulebook"
_BEGAN = re.compile(r"began (\d+)")


class System(Contender, ABC):
    """`kind` is what sender.py sends with, to `address`."""

    kind = ""

    @abstractmethod
    def begun(self) -> dict[int, float]:
        """Number → CLOCK_MONOTONIC at which its code began, of all since the last call."""

    def cpu_s(self) -> float:
        """Of all its processes."""
        return self.cpu().family_s


class Redis(Contender):
    def __init__(self, say: Callable[[str], None]) -> None:
        """Raises Missing."""
        require("Celery", {"redis-server": "redis-server"}, say)
        port = _free_port()
        super().__init__(
            ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        )
        self.address = f"redis://127.0.0.1:{port}/0"
        try:
            _wait(lambda: _is_open(port), "redis-server")
        except BaseException:
            self.end()
            raise


class Celery(System):
    kind = "celery"

    def __init__(self, directory: Path, redis: Redis) -> None:
        self._redis = redis
        self._file = directory / "celery-begun"
        self._file.touch()
        self._read = 0
        environment = {"BENCH_BROKER": redis.address, "BENCH_BEGUN": str(self._file)}
        options = ["--concurrency", str(WORKERS), "--without-gossip", "--without-mingle", "--without-heartbeat"]
        with (directory / "celery-log").open("wb") as log:
            super().__init__(
                python("celery", "-A", "bench.dispatch.celery_app", "worker", *options, "--loglevel", "INFO"),
                errors=log,
                environment=environment,
            )
        self.address = redis.address
        try:
            _wait(lambda: " ready." in (directory / "celery-log").read_text(), "celery")
        except BaseException:
            self.end()
            raise

    def begun(self) -> dict[int, float]:
        content = self._file.read_bytes()[self._read :]
        content = content[: len(content) - len(content) % BEGUN.size]
        self._read += len(content)
        return dict(BEGUN.iter_unpack(content))

    def cpu_s(self) -> float:
        return self.cpu().family_s + self._redis.cpu().family_s


class Rulebook(System):
    kind = "webhook"

    def __init__(self, directory: Path) -> None:
        """Raises Missing."""
        program = _rulebook()
        port = _free_port()
        (directory / "rulebook.yml").write_text(_RULES.format(port=port))
        (directory / "inventory").write_text("localhost ansible_connection=local\n")
        path = f"{program.parent}:{os.environ['PATH']}"  # it calls ansible-galaxy
        super().__init__(
            [str(program), "-r", str(directory / "rulebook.yml"), "-i", str(directory / "inventory")],
            errors=STDOUT,
            environment={"PATH": path, "PYTHONUNBUFFERED": "1"},
        )
        self.address = f"127.0.0.1:{port}"
        self._begun: dict[int, float] = {}
        self._last_lines: list[str] = []
        self._reader = Thread(target=self._hear, daemon=True)
        self._reader.start()
        try:
            _wait(lambda: _is_open(port) or self.process.poll() is not None, _RULEBOOK)
            if self.process.poll() is not None:
                raise Missing(f"{_RULEBOOK} did not start: {''.join(self._last_lines)}")
        except BaseException:
            self.end()
            raise

    def begun(self) -> dict[int, float]:
        begun, self._begun = self._begun, {}
        return begun

    def _hear(self) -> None:
        assert self.process.stdout, "it is a pipe"
        for line in self.process.stdout:
            if match := _BEGAN.match(line):
                self._begun[int(match[1])] = time.monotonic()
            else:
                self._last_lines = [*self._last_lines[-20:], line]


_RULES = """\
- name: bench
  hosts: all
  sources:
    - eda.builtin.webhook: {{host: 127.0.0.1, port: {port}}}
  rules:
    - name: any
      condition: event.payload.number is defined
      action: {{debug: {{msg: "began {{{{ event.payload.number }}}}"}}}}
"""


def _rulebook() -> Path:
    """Where RULEBOOK says, in PATH, or beside this Python. Raises Missing."""
    beside = Path(sys.executable).parent / _RULEBOOK
    found = os.environ.get("RULEBOOK") or shutil.which(_RULEBOOK) or (str(beside) if beside.exists() else "")
    if not found or not shutil.which("java"):
        raise Missing(
            f"{_RULEBOOK} needs: apt-get install openjdk-17-jre-headless (as root), pip install {_RULEBOOK} ansible-core in a virtual"
            " environment of its own, and RULEBOOK=/path/to/bin/ansible-rulebook"
        )
    return Path(found)


def _wait(is_ready: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + _START_S
    while not is_ready():
        if time.monotonic() > deadline:
            raise RuntimeError(f"{what} did not start within {_START_S} s")
        time.sleep(_POLL_S)


def _is_open(port: int) -> bool:
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) == 0


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])
