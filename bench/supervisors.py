"""Those that start a dead program again: ours, and the ones that people have. Each starts the same victim and keeps it running.

The victim (`Victim`) is a shell script that says its process id into a pipe as the very first thing, then sleeps: the time from its
death to that word is the supervisor's alone, and the kernel's. Each supervisor is as its manual has it for a quick restart; what it can't
do any quicker is said in `about`.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TypeVar

from bench.daemon_process import wait_until_served
from tests.box.systemd_box import Box

ROOT = Path(__file__).resolve().parent.parent
_START_S = 30.0
Self = TypeVar("Self", bound="Supervisor")


class Victim:
    """`directory` holds all of it: the script, its pid file, and the pipe."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.pid_file = directory / "victim.pid"
        self.script = directory / "victim"
        self._pipe = directory / "started"
        os.mkfifo(self._pipe)
        self.script.write_text(f"#!/bin/sh\necho $$ > {self.pid_file}\necho $$ > {self._pipe}\nexec sleep 1000000\n")
        self.script.chmod(0o755)
        self._reader = os.open(self._pipe, os.O_RDWR | os.O_NONBLOCK)  # also a writer: so it never ends

    def started(self, within_s: float) -> tuple[int, float]:
        """The process id of the next that starts, as it sees it, and when (CLOCK_MONOTONIC). Raises TimeoutError."""
        if not select.select([self._reader], [], [], within_s)[0]:
            raise TimeoutError(f"nothing was started within {within_s} s")
        at = time.monotonic()
        return int(os.read(self._reader, 64).split()[0]), at

    def close(self) -> None:
        os.close(self._reader)


class Supervisor:
    """A context manager: it runs, and the victim has started once. `pid`: of the victim now."""

    name = ""
    about = ""
    needs: tuple[str, ...] = ()  # programs

    def __init__(self, directory: Path) -> None:
        directory.mkdir()
        self.victim = Victim(directory)
        self.pid = 0

    def __enter__(self: Self) -> Self:
        try:
            self._start()
            self.pid, _ = self.victim.started(_START_S)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_error: object) -> None:
        self._stop()
        self.victim.close()

    def kill(self, within_s: float) -> float:
        """SIGKILL to the victim; seconds until the next one has begun."""
        killed_at = time.monotonic()
        os.kill(self.pid, signal.SIGKILL)
        self.pid, at = self.victim.started(within_s)
        return at - killed_at

    def _start(self) -> None:
        raise NotImplementedError

    def _stop(self) -> None:
        raise NotImplementedError


class _Program(Supervisor):
    """One whose own process we start and end."""

    _process: subprocess.Popen[bytes] | None = None

    def _command(self) -> Sequence[str]:
        raise NotImplementedError

    def _start(self) -> None:
        log = (self.victim.directory / "log").open("wb")
        with log:
            self._process = subprocess.Popen(
                self._command(), cwd=ROOT, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True
            )

    def _stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if self.pid:
            try:
                os.kill(self.pid, signal.SIGKILL)
            except ProcessLookupError:
                return


class ErrorRecovery(_Program):
    name = "error-recovery"
    about = "process target, process_restart; seen by pidfd, verified by a probe"

    def __init__(self, directory: Path, python: str) -> None:
        super().__init__(directory)
        self._python = python

    def _command(self) -> Sequence[str]:
        return [self._python, "-m", "error_daemon", "--config", str(self._configured())]

    def _configured(self) -> Path:
        directory, victim = self.victim.directory, self.victim
        definitions = directory / "definitions"
        definitions.mkdir()
        content = {
            "version": "1",
            "targets": {
                "victim": {
                    "kind": "process",
                    "command": [str(victim.script)],
                    "pid_file": str(victim.pid_file),
                    "log_file": str(directory / "victim.log"),
                    "probes": ["lives"],
                }
            },
            "probes": {"lives": {"kind": "process", "pid_file": str(victim.pid_file)}},
            "strategies": {"restart": {"kind": "process_restart", "timeout": "5s"}},
            "rules": [
                {
                    "id": "died",
                    "when": {"type": "system", "source": "sensor/pidfd", "target": "victim"},
                    "target": "victim",
                    "mode": "auto",
                    "ladder": {3: ["restart"]},
                    "verify": {"within": "1s"},
                    "stability_window": "100ms",  # killing it again is the next error here, and no relapse
                }
            ],
        }
        (definitions / "victim.yaml").write_text(json.dumps(content))
        config = directory / "recovery.conf"
        config.write_text(
            f'state_dir = "{directory}/state"\ndefinitions_dir = "{definitions}"\nlisten = "unix:{directory}/socket"\nhttp.listen = ""\n'
            'flap_threshold = "0s"\n'
        )
        return config

    def _start(self) -> None:
        self._first = subprocess.Popen(
            [self.victim.script], start_new_session=True
        )  # the daemon begins nothing by itself
        super()._start()
        assert self._process is not None
        wait_until_served(self._process, self.victim.directory / "log", time.monotonic() + _START_S)

    def kill(self, within_s: float) -> float:
        taken_s = super().kill(within_s)
        self._first.poll()  # reaps it
        return taken_s


class Supervisord(_Program):
    name = "supervisord"
    about = "autorestart, startsecs=0; it looks each second"
    needs = ("supervisord",)

    def _command(self) -> Sequence[str]:
        directory = self.victim.directory
        config = directory / "supervisord.conf"
        config.write_text(
            f"[supervisord]\nnodaemon=true\nlogfile={directory}/supervisord.log\npidfile={directory}/supervisord.pid\nchildlogdir={directory}\n"
            f"[program:victim]\ncommand={self.victim.script}\nautorestart=true\nstartsecs=0\nstartretries=1000000\n"
        )
        return ["supervisord", "-c", str(config)]


class Monit(_Program):
    name = "monit"
    about = "set daemon 1: it looks each second, and starts in the next cycle"
    needs = ("monit",)

    def _command(self) -> Sequence[str]:
        directory = self.victim.directory
        config = directory / "monitrc"
        config.write_text(
            f"set daemon 1\nset logfile {directory}/monit.log\nset pidfile {directory}/monit.pid\nset idfile {directory}/monit.id\n"
            f"set statefile {directory}/monit.state\ncheck process victim with pidfile {self.victim.pid_file}\n"
            f'  start program = "/bin/sh -c \'setsid {self.victim.script} >/dev/null 2>&1 &\'"\n  stop program = "/bin/true"\n'
        )
        config.chmod(0o600)
        return ["monit", "-I", "-c", str(config)]


class Runit(_Program):
    name = "runit"
    about = "runsv; it waits a second where a service ran for less than one"
    needs = ("runsv",)

    def _command(self) -> Sequence[str]:
        service = self.victim.directory / "service"
        service.mkdir()
        shutil.copy(self.victim.script, service / "run")
        return ["runsv", str(service)]

    def _stop(self) -> None:
        if self._process is not None:
            subprocess.run(
                ["sv", "-w", "5", "force-shutdown", str(self.victim.directory / "service")],
                check=False,
                stdout=subprocess.DEVNULL,
            )
        super()._stop()


class Systemd(Supervisor):
    """In a box: a host with a systemd of its own (tests/box)."""

    needs = ("systemctl", "nsenter")

    def __init__(self, directory: Path, restart_sec: str) -> None:
        super().__init__(directory)
        self.name = f"systemd, RestartSec={restart_sec}"
        self.about = "Restart=always" + (", its default" if restart_sec == "100ms" else "")
        self._restart_sec = restart_sec
        self._box = Box([str(directory)])
        self._running = ExitStack()

    def _start(self) -> None:
        self._running.enter_context(self._box)
        unit = (
            "[Unit]\nStartLimitIntervalSec=0\n"
            f"[Service]\nExecStart={self.victim.script}\nRestart=always\nRestartSec={self._restart_sec}\n"
        )
        put = "cat > /etc/systemd/system/victim.service && systemctl daemon-reload && systemctl start victim"
        self._box.run(["sh", "-c", put], text_in=unit, timeout_s=_START_S).check_returncode()

    def kill(self, within_s: float) -> float:
        """The process id that the victim knows is one of the box."""
        main = self._pid_outside()
        killed_at = time.monotonic()
        os.kill(main, signal.SIGKILL)
        self.pid, at = self.victim.started(within_s)
        return at - killed_at

    def _pid_outside(self) -> int:
        """The victim's process id here: that of the process which has the box's one as its innermost."""
        for status in Path("/proc").glob("[0-9]*/status"):
            try:
                lines = status.read_text().splitlines()
            except OSError:
                continue  # it has ended
            numbers = next((line.split()[1:] for line in lines if line.startswith("NSpid:")), [])
            if len(numbers) > 1 and int(numbers[-1]) == self.pid and lines[0].split()[1] == "sleep":
                return int(numbers[0])
        raise RuntimeError(f"process {self.pid} of the box is not to be seen from here")

    def _stop(self) -> None:
        self._running.close()
