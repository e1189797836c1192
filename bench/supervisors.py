"""Those that people have for starting a dead program again (ours: ours.py). Each starts the same victim (victim.py) and keeps it running.

Each supervisor is as its manual has it for a quick restart; what it can't do any quicker is said in `about`.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TypeVar

from bench.victim import Victim
from tests.box.systemd_box import Box

ROOT = Path(__file__).resolve().parent.parent
_START_S = 30.0
Self = TypeVar("Self", bound="Supervisor")


class Supervisor(ABC):
    """A context manager: it runs, and the victim has started once. `pid`: of the victim now."""

    name = ""
    about = ""
    needs: tuple[str, ...] = ()  # programs

    def __init__(self, directory: Path, resident_mib: int = 0) -> None:
        """`resident_mib`: what the victim has in memory when it is killed."""
        directory.mkdir()
        self.victim = Victim(directory, resident_mib)
        self.pid = 0
        if resident_mib:
            self.name = f"{self.name}, {resident_mib} MiB"

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
        self.victim.wait_until_grown(self.pid, _START_S)
        killed_at = time.monotonic()
        os.kill(self.pid, signal.SIGKILL)
        self.pid, at = self.victim.started(within_s)
        return at - killed_at

    @abstractmethod
    def _start(self) -> None: ...

    @abstractmethod
    def _stop(self) -> None: ...


class Program(Supervisor):
    """One whose own process we start and end."""

    _process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def _command(self) -> Sequence[str]: ...

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


class Supervisord(Program):
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


class Monit(Program):
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


class Runit(Program):
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
            is_it = len(numbers) > 1 and int(numbers[-1]) == self.pid and lines[0].split()[1] == "sleep"
            if is_it and f"\0{self.victim.mark}\0" in (status.parent / "cmdline").read_text():  # and no other box's
                return int(numbers[0])
        raise RuntimeError(f"process {self.pid} of the box is not to be seen from here")

    def _stop(self) -> None:
        self._running.close()
