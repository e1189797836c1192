"""The real daemon, with default settings but for the throttle, on a state directory and definitions of its own.

The definitions are what a host of some size has: 400 services, and ten rules, of which the last two are the ones that match. The
strategy is the most trivial one there is (`retry` without an operation), and the probe looks at a file that is there: what is measured
is the daemon, and not what it recovers. Every fault of the component `bench-recovered` is recovered; `bench-matched` is only observed.
"""

from __future__ import annotations

import json
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

import grpc

from bench import faults
from bench.contender import Contender, python
from error_recovery.v1 import recovery_pb2, recovery_pb2_grpc

_START_S = 30.0
_SETTLE_S = 60.0
_POLL_S = 0.05
_CALL_S = 30.0
_OTHER_RULES = 8


class DaemonProcess(Contender):
    """`offset_s`: what to add to this host's CLOCK_MONOTONIC to get the daemon's own steady clock, which is the wall clock at its
    start plus monotonic time since. Taken on both sides of its start, so that slewing of the wall clock during the run moves nothing."""

    def __init__(
        self, directory: Path, *, is_pinned: bool = True, known_errors: int = 100_000, has_http: bool = False
    ) -> None:
        self.http = f"127.0.0.1:{_free_port()}" if has_http else ""
        self.log_path = directory / "log"
        before_s = time.time() - time.monotonic()
        with self.log_path.open("wb") as log:
            super().__init__(
                python("error_daemon", "--config", str(_configure(directory, known_errors, self.http))), errors=log
            )
        try:
            self.address = wait_until_served(self.process, self.log_path, time.monotonic() + _START_S)
        except BaseException:
            self.end()
            raise
        self.offset_s = (before_s + time.time() - time.monotonic()) / 2
        self._channel = grpc.insecure_channel(self.address, options=[("grpc.max_receive_message_length", -1)])
        self._service = recovery_pb2_grpc.RecoveryServiceStub(self._channel)
        if is_pinned:
            self.pin()

    def end(self) -> None:
        if hasattr(self, "_channel"):
            self._channel.close()
        super().end()

    # --- what it says of itself

    def status(self) -> recovery_pb2.GetStatusResponse:
        return self._service.GetStatus(recovery_pb2.GetStatusRequest(), timeout=_CALL_S)

    def settle(self) -> recovery_pb2.GetStatusResponse:
        """Wait until every ticket has ended and every row is in the record. Raises TimeoutError."""
        deadline = time.monotonic() + _SETTLE_S
        while time.monotonic() < deadline:
            status = self.status()
            if not status.tickets_open and not status.attempts_running and not status.store.rows_waiting:
                return status
            time.sleep(_POLL_S)
        raise TimeoutError(f"the daemon has not come to rest within {_SETTLE_S} s: {self.status()}")

    def attempts(self, since: float, limit: int) -> list[recovery_pb2.Attempt]:
        """The newest ones from `since` (seconds on the daemon's clock) on."""
        request = recovery_pb2.ListHistoryRequest(limit=min(limit, 10_000), since=since)
        return list(self._service.ListHistory(request, timeout=_CALL_S).attempts)

    def newest_errors(self, limit: int) -> list[recovery_pb2.Error]:
        request = recovery_pb2.ListErrorsRequest(limit=min(limit, 1000), component="bench-recovered")
        return list(self._service.ListErrors(request, timeout=_CALL_S).errors)


def wait_until_served(process: subprocess.Popen[Any], log_path: Path, deadline: float) -> str:
    """The address that the daemon serves, as its log says. Raises RuntimeError."""
    while time.monotonic() < deadline and process.poll() is None:
        for line in log_path.read_text().splitlines():
            if '"serving"' in line:
                return str(json.loads(line)["address"])
        time.sleep(_POLL_S)
    raise RuntimeError(f"the daemon did not start: {log_path.read_text()[-2000:]}")


def _configure(directory: Path, known_errors: int, http: str) -> Path:
    definitions = directory / "definitions"
    definitions.mkdir()
    (definitions / "bench.yaml").write_text(json.dumps(_definitions(directory / "there")))  # JSON is YAML, too
    (directory / "there").touch()
    config = directory / "recovery.conf"
    config.write_text(
        f'state_dir = "{directory}/state"\ndefinitions_dir = "{definitions}"\nlisten = "127.0.0.1:{_free_port()}"\nhttp.listen = "{http}"\n'
        f"known_errors = {known_errors}\n"
        '[brakes]\nthrottle = 500\nslow_start = "0s"\n'  # the most that they let through: else lag would measure them
    )
    return config


def _definitions(flag: Path) -> dict[str, object]:
    others = [
        {
            "id": f"other-{number}",
            "when": {"component": f"service-{number}-*", "type": ["network", "timeout"]},
            "target": faults.target_name(number),
            "ladder": {1: ["look-again"]},
        }
        for number in range(_OTHER_RULES)
    ]
    return {
        "version": "1",
        "probes": {"there": {"kind": "file", "path": str(flag)}},
        "targets": {
            faults.target_name(number): {"kind": "service", "probes": ["there"]} for number in range(faults.TARGETS)
        },
        "strategies": {"look-again": {"kind": "retry"}},
        "rules": [
            *others,
            {
                "id": "observed",
                "when": {"component": "bench-matched"},
                "target": faults.target_name(0),
                "ladder": {1: ["look-again"]},
                "mode": "observe",
            },
            {
                "id": "recovered",
                "when": {"component": "bench-recovered"},
                "ladder": {1: ["look-again"]},
                "mode": "auto",
            },
        ],
    }


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])
