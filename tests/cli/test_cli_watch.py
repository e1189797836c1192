"""`errors watch` over a restart of the daemon, and what it says of people's matters."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING

import grpc

from error_recovery.v1 import recovery_pb2
from tests.cli import canned

if TYPE_CHECKING:
    from tests.cli.conftest import CannedDaemon, Cli


def _event(kind: str, text: str, **error: object) -> recovery_pb2.Event:
    about = recovery_pb2.Error(error_id="77bb77bb77bb77bb", **error)  # type: ignore[arg-type]
    return recovery_pb2.Event(at=canned.LONG_AGO, kind=kind, error=about, text=text)


def test_an_escalation_is_a_line_of_its_own_and_a_wait_says_until_when(cli: Cli, daemon: CannedDaemon) -> None:
    daemon.answers["Watch"] = [
        _event("state", "parked: 5 failures in 30 s", state="parked", parked_until=canned.LONG_AGO + 30),
        _event("state", "parked: 300 begun", state="parked", held_by="throttle", parked_until=canned.LONG_AGO + 30),
        _event("state", "parked: no place", state="parked", held_by="bulkhead"),
        _event("escalation", "a person is needed: the ladder is exhausted"),
    ]
    waits, throttled, full, escalation = cli.run("errors", "watch", "--once").stdout.splitlines()
    assert "state       parked: 5 failures in 30 s | goes on 2023-11-14 22:13:50 (" in waits
    assert "parked: 300 begun | held by throttle until 2023-11-14 22:13:50 (" in throttled
    assert full.endswith("parked: no place | held by bulkhead")
    assert escalation.endswith("escalation  a person is needed: the ladder is exhausted")


def test_a_watch_goes_on_when_the_daemon_is_back(tmp_path: Path, daemon: CannedDaemon, cli: Cli) -> None:
    address = f"unix:{tmp_path}/daemon.sock"
    first = type(daemon)(address, streams_stay_open=True)
    status = first.answers["GetStatus"]
    assert isinstance(status, recovery_pb2.GetStatusResponse)
    status.pid = 4141
    with cli.start("errors", "watch", "--address", address) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert [process.stdout.readline() for _ in range(2)][1].endswith("persisting: refused\n")
        first.stop()
        assert "waiting for it to come back" in process.stderr.readline()
        second = type(daemon)(address, streams_stay_open=True)
        assert "the daemon has restarted (pid 4242); what happened meanwhile" in process.stderr.readline()
        assert process.stdout.readline().endswith("chose restart-db at level 2\n")
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
        second.stop()


def test_what_the_daemon_refuses_ends_the_watch(cli: Cli, daemon: CannedDaemon) -> None:
    daemon.refuse("Watch", grpc.StatusCode.NOT_FOUND, "no error 'feedfeedfeedfeed' is known")
    done = cli.run("errors", "watch", "feedfeedfeedfeed")
    assert (done.returncode, done.stdout) == (4, "")
    assert "no error 'feedfeedfeedfeed' is known" in done.stderr
