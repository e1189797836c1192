"""Our own daemon as a supervisor, and where the time goes in it."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from bench.daemon_process import wait_until_served
from bench.supervisors import Program

_START_S = 30.0


class ErrorRecovery(Program):
    name = "error-recovery"
    about = "process target, process_restart; verified by a probe"

    def __init__(self, directory: Path, python: str, resident_mib: int = 0, *, has_notices: bool = True) -> None:
        """`has_notices`: it is told of deaths as they begin, where the kernel does that."""
        super().__init__(directory, resident_mib)
        self._python = python
        self._has_notices = has_notices
        self._log = directory / "log"
        self._kills: list[tuple[float, float]] = []  # on the daemon's clock, and what each took
        if not has_notices:
            self.name += ", pidfd"

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
            f'flap_threshold = "0s"\nsensors.early_deaths = {str(self._has_notices).lower()}\n'
        )
        return config

    def _start(self) -> None:
        before_s = time.time() - time.monotonic()
        self._first = subprocess.Popen(
            [self.victim.script], start_new_session=True
        )  # the daemon begins nothing by itself
        super()._start()
        assert self._process is not None
        wait_until_served(self._process, self._log, time.monotonic() + _START_S)
        self._offset_s = (before_s + time.time() - time.monotonic()) / 2  # as in daemon_process.py

    def kill(self, within_s: float) -> float:
        self.victim.wait_until_grown(self.pid, within_s)
        killed_at = time.monotonic()
        taken_s = super().kill(within_s)
        self._first.poll()  # reaps it
        self._kills.append((killed_at + self._offset_s, taken_s))
        return taken_s

    def stages(self) -> dict[str, list[float]]:
        """Seconds from the kill to the fault, from that to the strategy, from that to the next one, of each kill. Once it has stopped."""
        lines = [json.loads(line) for line in self._log.read_text().splitlines() if line.startswith("{")]
        lag_s = {line["ticket_id"]: line["lag_s"] for line in lines if line["event"] == "attempt"}
        faults = [line for line in lines if line["event"] == "fault" and line["ticket_id"] in lag_s]
        found: dict[str, list[float]] = {"kill → received": [], "received → strategy": [], "strategy → begun": []}
        for killed_at, taken_s in self._kills:
            of_this = [line for line in faults if 0 <= line["received_at"] - killed_at <= taken_s]
            if of_this:
                received_s, decided_s = of_this[0]["received_at"] - killed_at, lag_s[of_this[0]["ticket_id"]]
                each = (received_s, decided_s, taken_s - received_s - decided_s)
                for stage, span_s in zip(found.values(), each, strict=True):
                    stage.append(span_s)
        return found
