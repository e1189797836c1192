"""kill -9 of the daemon while people act: every act that was answered is in the chain, the chain is whole, and the table is the file."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import grpc

from error_recovery.v1 import audit_pb2, audit_pb2_grpc, recovery_pb2
from tests.e2e.daemon_process import SH, DaemonProcess, a_fault, journal_scripts
from tests.waiting import eventually

KILLS = 6
COLUMNS = ("sequence", "at", "actor", "action", "subject", "why", "before", "after", "detail", "previous", "hash")


SELECTED = ", ".join(f'"{name}"' for name in COLUMNS)
PARTS = ("before", "after", "detail")


def row_of(values: tuple[Any, ...]) -> dict[str, Any]:
    row = dict(zip(COLUMNS, values, strict=True))
    return {**row, **{part: json.loads(row[part] or "null") for part in PARTS}}


def definitions(directory: Path) -> str:
    scripts = journal_scripts(directory)
    return f"""
version: 1
targets: {{shop: {{kind: service, probes: [look]}}, bank: {{kind: service}}}}
probes: {{look: {{kind: exec, command: [{SH}, {scripts["look"]}, shop]}}}}
strategies: {{heal: {{kind: exec, command: [{SH}, {scripts["heal"]}]}}}}
rules: [{{id: shop, when: {{component: test}}, target: shop, ladder: {{3: [heal]}}, mode: auto}}]
"""


class Person(threading.Thread):
    """Pauses and resumes, one act after the other, until the daemon is gone. Knows what was answered."""

    def __init__(self, daemon: DaemonProcess, name: str) -> None:
        super().__init__(name=name)
        self._daemon = daemon
        self.answered: list[str] = []

    def run(self) -> None:
        for number in range(1_000_000):
            why = f"{self.name}-{number}"
            try:
                self._daemon.recovery.Pause(
                    recovery_pb2.PauseRequest(target="bank", reason=why, by=self.name), timeout=30
                )
            except (grpc.RpcError, ValueError):  # ValueError: the channel is closed
                return
            self.answered.append(why)


def in_the_file(daemon: DaemonProcess) -> list[dict[str, object]]:
    files = [*sorted(daemon.state.glob("audit.log.*")), daemon.state / "audit.log"]
    lines = (line for file in files for line in file.read_bytes().splitlines())
    return [json.loads(line) for line in lines if line.endswith(b"}")]


def cli(daemon: DaemonProcess, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "error_cli.main", *arguments]
    environment = {**os.environ, "ERROR_RECOVERY_ADDRESS": daemon.address}
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, env=environment)


def test_every_act_that_was_answered_is_in_the_chain_however_often_the_daemon_is_killed(tmp_path: Path) -> None:
    seed = random.randrange(1 << 32)
    chance = random.Random(seed)
    daemon = DaemonProcess(tmp_path / "daemon", definitions(tmp_path), "[audit]\nrotate_bytes = 65536\n")
    answered: list[str] = []
    for kill in range(KILLS):
        daemon.start()
        people = [Person(daemon, f"person-{kill}-{one}") for one in range(3)]
        for person in people:
            person.start()
        (tmp_path / "well" / "shop").unlink(missing_ok=True)
        daemon.report(a_fault(target="shop"))
        time.sleep(chance.uniform(0.05, 0.6))
        daemon.kill()
        for person in people:
            person.join()
            answered += person.answered
    daemon.start()
    verified = cli(daemon, "audit", "verify", "--json")
    assert verified.returncode == 0, (seed, verified)
    assert cli(daemon, "audit", "list", "--people", "--limit", "3").returncode == 0

    def is_copied() -> bool:
        stub = audit_pb2_grpc.AuditServiceStub(daemon.channel)
        return stub.GetAuditHead(audit_pb2.GetAuditHeadRequest(), timeout=30).uncopied == 0

    eventually("the table has come up with the file", is_copied)
    assert daemon.stop() == 0
    entries = in_the_file(daemon)
    assert len(answered) > KILLS, seed
    assert set(answered) <= {entry["why"] for entry in entries}, seed
    table = [row_of(values) for values in daemon.record(f"SELECT {SELECTED} FROM audit ORDER BY sequence")]
    assert table == entries, seed
    checked = cli(daemon, "audit", "verify", "--file", str(daemon.state))
    assert (checked.returncode, checked.stdout.startswith("whole: ")) == (0, True)


def test_a_daemon_says_where_its_chain_was_broken_and_who_asked_is_in_it(tmp_path: Path) -> None:
    daemon = DaemonProcess(tmp_path / "daemon", definitions(tmp_path)).start()
    daemon.recovery.Pause(recovery_pb2.PauseRequest(target="bank", reason="maintenance", by="ann"))
    head = cli(daemon, "audit", "head").stdout.strip()
    shown = cli(daemon, "audit", "show", head.partition(":")[0]).stdout
    assert all(word in shown for word in ("pause bank", "maintenance", head.partition(":")[2], "after"))
    assert daemon.stop() == 0
    log = daemon.state / "audit.log"
    log.write_bytes(log.read_bytes().replace(b"maintenance", b"malevolence"))
    daemon.start()
    verified = cli(daemon, "audit", "verify", "--head", head)
    assert (verified.returncode, verified.stdout.split()[0]) == (1, "changed")
    [act] = json.loads(cli(daemon, "audit", "list", "--action", "verify", "--json").stdout)["entries"]
    assert json.loads(act["after_json"])["ok"] is False
    assert cli(daemon, "audit", "verify", "--head", "nothing").returncode == 2
    assert cli(daemon, "audit", "show", "999999").returncode == 4
    assert daemon.stop() == 0
    log.write_bytes(b"".join(log.read_bytes().splitlines(keepends=True)[:1]))
    assert cli(daemon, "audit", "verify", "--file", str(log)).returncode == 0, "what is left fits together"
    cut = cli(daemon, "audit", "verify", "--file", str(log), "--head", head)
    assert (cut.returncode, cut.stdout.split()[0]) == (1, "cut")
