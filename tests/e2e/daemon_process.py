"""A real daemon process on a directory of its own, and what a test does with one."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, cast

import duckdb
import grpc
import psutil
from google.rpc import status_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc

from error_recovery.v1 import fault_pb2, fault_pb2_grpc, recovery_pb2, recovery_pb2_grpc
from tests.waiting import eventually

PATIENCE_S = 60.0  # for what takes well under a second; only a daemon that is stuck comes near it
T = TypeVar("T")


class DaemonProcess:
    """`definitions`: YAML. `settings`: more lines for recovery.conf, as TOML. Without `has_sensors`, what happens to the host that the
    tests run on is no fault. `listen`: a unix socket of its own where it is empty. `http`: where HTTP is served; empty: nowhere.
    `connect`: how the test reaches it."""

    def __init__(
        self,
        directory: Path,
        definitions: str,
        settings: str = "",
        *,
        has_sensors: bool = False,
        listen: str = "",
        http: str = "",
        connect: Callable[[str], grpc.Channel] | None = None,
    ) -> None:
        self.directory = directory
        self.address = listen or f"unix:{directory}/d.sock"
        self.http = http
        self._connect = connect or _in_clear
        self.state = directory / "state"
        self.log = directory / "daemon.log"
        (directory / "definitions").mkdir(parents=True)
        (directory / "definitions" / "test.yaml").write_text(definitions)
        (directory / "recovery.conf").write_text(
            f"listen = {json.dumps(self.address)}\n"
            f"state_dir = {json.dumps(str(self.state))}\n"
            f"definitions_dir = {json.dumps(str(directory / 'definitions'))}\n"
            f"worker_threads = 2\nhttp.listen = {json.dumps(self.http)}\n"
            f"{'' if has_sensors else 'sensors.enabled = false'}\njournal.enabled = false\n{settings}\n"
        )
        self.environment = {"LOG_LEVEL": "INFO"}
        self.process: subprocess.Popen[bytes] | None = None
        self._channel: grpc.Channel | None = None

    # --- life

    def start(self) -> DaemonProcess:
        command = [sys.executable, "-m", "error_daemon", "--config", str(self.directory / "recovery.conf")]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, stderr=log, stdout=log, env={**os.environ, **self.environment})
        self._channel = self._connect(self.address)
        eventually("the daemon serves", self._is_serving)
        return self

    def _is_serving(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (
            f"the daemon ended with {self.process.returncode}: {self.log.read_text()[-3000:]}"
        )
        try:
            health = health_pb2_grpc.HealthStub(self.channel)
            answer = health.Check(health_pb2.HealthCheckRequest(), timeout=1, wait_for_ready=True)
        except grpc.RpcError:
            return False
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)

    def kill(self) -> None:
        """kill -9, and wait until the process and its workers are gone."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        return self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> int:
        process, self.process = self.process, None
        if process is None:
            return 0
        children = psutil.Process(process.pid).children()
        process.send_signal(number)
        code = process.wait(PATIENCE_S)
        _, alive = psutil.wait_procs(children, timeout=PATIENCE_S)
        assert not alive, f"outlived the daemon: {alive}"
        if self._channel:
            self._channel.close()
        return code

    def workers(self) -> list[psutil.Process]:
        assert self.process is not None
        return [
            child
            for child in psutil.Process(self.process.pid).children()
            if "error_daemon.execute.worker" in child.cmdline()
        ]

    # --- calls

    @property
    def channel(self) -> grpc.Channel:
        assert self._channel is not None
        return self._channel

    @property
    def faults(self) -> fault_pb2_grpc.FaultServiceStub:
        return fault_pb2_grpc.FaultServiceStub(self.channel)

    @property
    def recovery(self) -> recovery_pb2_grpc.RecoveryServiceStub:
        return recovery_pb2_grpc.RecoveryServiceStub(self.channel)

    def report(self, fault: fault_pb2.Fault) -> fault_pb2.Receipt:
        return self.faults.Report(fault_pb2.ReportRequest(fault=fault), timeout=PATIENCE_S).receipt

    def status(self) -> recovery_pb2.GetStatusResponse:
        return self.recovery.GetStatus(recovery_pb2.GetStatusRequest(), timeout=PATIENCE_S)

    def error(self, error_id: str) -> recovery_pb2.Error:
        return self.recovery.GetError(recovery_pb2.GetErrorRequest(error_id=error_id), timeout=PATIENCE_S).error

    def history(self, error_id: str = "") -> list[recovery_pb2.Attempt]:
        """Oldest first."""
        request = recovery_pb2.ListHistoryRequest(limit=10_000, error_id=error_id)
        return list(self.recovery.ListHistory(request, timeout=PATIENCE_S).attempts)[::-1]

    def explained(self, error_id: str) -> str:
        """What a person is told of its newest decision."""
        request = recovery_pb2.ExplainRequest(id=error_id)
        return "\n".join(self.recovery.Explain(request, timeout=PATIENCE_S).sentences)

    def wait_for_state(self, error_id: str, *states: str) -> recovery_pb2.Error:
        def look() -> recovery_pb2.Error | None:
            error = self.error(error_id)
            return error if error.state in states else None

        return eventually(f"{error_id} is {' or '.join(states)}", look)

    def wait_until_recorded(self) -> None:
        """Everything that has happened so far is in the record, and the ring holds only open tickets."""

        def look() -> bool:
            status = self.status()
            return status.store.rows_waiting == 0 and sum(ring.used for ring in status.rings) == status.tickets_open

        eventually("all is recorded", look)

    # --- the record, once the daemon has stopped

    def acts_of_people(self, columns: str) -> list[tuple[Any, ...]]:
        """Of the audit, oldest first. After it has stopped."""
        return self.record(f"SELECT {columns} FROM audit WHERE actor <> 'error_daemon' ORDER BY sequence")

    def record(self, sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.state / "recovery.duckdb"), read_only=True) as connection:
            return connection.execute(sql).fetchall()


def _in_clear(address: str) -> grpc.Channel:
    return grpc.insecure_channel(address, options=[("grpc.use_local_subchannel_pool", 1)])


@contextlib.contextmanager
def running(daemon: DaemonProcess) -> Iterator[DaemonProcess]:
    """Started, and gone at the end whatever happens."""
    try:
        yield daemon.start()
    finally:
        if daemon.process is not None:
            daemon.kill()


def a_fault(message: str = "it broke", **fields: Any) -> fault_pb2.Fault:
    """A fault of type DATA and component "test"; `fields` are those of the message."""
    fields.setdefault("type", fault_pb2.ERROR_TYPE_DATA)
    fields.setdefault("context", fault_pb2.Context(component="test"))
    return fault_pb2.Fault(message=message, **fields)


def status_details(error: grpc.RpcError) -> status_pb2.Status:
    """The machine-readable part of a refusal."""
    metadata = cast("list[tuple[str, bytes]]", error.trailing_metadata())
    [details] = [value for key, value in metadata if key == "grpc-status-details-bin"]
    status: status_pb2.Status = status_pb2.Status.FromString(details)
    return status


SH = shutil.which("sh") or "/bin/sh"


def journal_scripts(directory: Path) -> Mapping[str, Path]:
    """Shell programs that write into `journal` what they do: "A target attempt" for an attempt, "P target" for a probe.

    A target is well while its file `well/TARGET` is there; `heal` makes it, `heal-slowly` waits for the file `go` first."""
    (directory / "well").mkdir(parents=True)
    journal = directory / "journal"
    journal.touch()
    scripts = {
        "heal": f'echo "A $ER_TARGET $ER_ATTEMPT_ID" >> {journal}\n: > {directory}/well/$ER_TARGET\n',
        "heal-slowly": (
            f'echo "A $ER_TARGET $ER_ATTEMPT_ID" >> {journal}\n'
            f"while [ ! -e {directory}/go ]; do sleep 0.05; done\n: > {directory}/well/$ER_TARGET\n"
        ),
        "look": f'echo "P $1" >> {journal}\n[ -e {directory}/well/$1 ]\n',
    }
    paths = {}
    for name, body in scripts.items():
        paths[name] = directory / f"{name}.sh"
        paths[name].write_text(body)
    return paths


def one_target(scripts: Mapping[str, Path], rules: Sequence[str], strategies: Sequence[str] = ("heal",)) -> str:
    """Definitions of the target `t`, which is well where `look` says so. `strategies`: names of these; `rules`: as YAML."""
    known = {
        "look-again": "{kind: retry}",
        "heal": f"{{kind: exec, command: [{SH}, {scripts['heal']}], timeout: 10s}}",
        "heal-slowly": f"{{kind: exec, command: [{SH}, {scripts['heal-slowly']}], timeout: 60s}}",
    }
    return "\n".join(
        (
            "version: 1",
            "targets: {t: {kind: service, probes: [look]}}",
            f"probes: {{look: {{kind: exec, command: [{SH}, {scripts['look']}, t]}}}}",
            "strategies:",
            *(f"  {name}: {known[name]}" for name in strategies),
            "rules:",
            *(f"  - {rule}" for rule in rules),
        )
    )


def journal(directory: Path) -> list[list[str]]:
    return [line.split() for line in (directory / "journal").read_text().splitlines()]
