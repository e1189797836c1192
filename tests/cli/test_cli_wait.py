"""`report --wait`: every step is printed, and only a resolved error is a success."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from error_recovery.v1 import recovery_pb2

if TYPE_CHECKING:
    from tests.cli.conftest import CannedDaemon, Cli

ERROR_ID = "3f2a9c0d11e4b7aa"


def _error(state: str, status: recovery_pb2.Status.ValueType, reason: str = "") -> recovery_pb2.Error:
    return recovery_pb2.Error(error_id=ERROR_ID, state=state, status=status, reason=reason)


def _event(error: recovery_pb2.Error, text: str) -> recovery_pb2.Event:
    return recovery_pb2.Event(at=1_700_000_000, kind="state", error=error, text=text)


def _now(daemon: CannedDaemon, state: str, status: recovery_pb2.Status.ValueType, reason: str = "") -> None:
    daemon.answers["GetError"] = recovery_pb2.GetErrorResponse(error=_error(state, status, reason))


def test_it_follows_the_events_to_a_good_end(cli: Cli, daemon: CannedDaemon) -> None:
    daemon.streams_stay_open = True
    _now(daemon, "queued", recovery_pb2.STATUS_OPEN)
    daemon.answers["Watch"] = [
        _event(_error("attempting", recovery_pb2.STATUS_RETRYING), "restart-db is running"),
        _event(_error("watching", recovery_pb2.STATUS_RESOLVED), "recovered: the probes hold"),
        _event(_error("resolved", recovery_pb2.STATUS_RESOLVED), "not waited for"),
    ]
    done = cli.run("report", "--wait", "no answer")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == ERROR_ID
    assert lines[-2].endswith("restart-db is running")
    assert lines[-1].endswith("recovered: the probes hold")


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("failed", recovery_pb2.STATUS_FAILED),
        ("observed", recovery_pb2.STATUS_OPEN),
        ("flushed", recovery_pb2.STATUS_OPEN),
    ],
)
def test_any_other_end_is_a_no(
    cli: Cli, daemon: CannedDaemon, state: str, status: recovery_pb2.Status.ValueType
) -> None:
    daemon.streams_stay_open = True
    daemon.answers["Watch"] = []
    _now(daemon, state, status, "nothing is left to try")
    done = cli.run("report", "no answer", "--wait=30")
    assert done.returncode == 1
    assert f"ended as {state}: nothing is left to try" in done.stderr
    assert f"error-cli errors show {ERROR_ID}" in done.stderr


def test_an_end_that_no_event_tells_is_found_by_looking(cli: Cli, daemon: CannedDaemon) -> None:
    daemon.streams_stay_open = True
    daemon.answers["Watch"] = []
    looks = iter(
        [_error("queued", recovery_pb2.STATUS_OPEN), _error("resolved", recovery_pb2.STATUS_RESOLVED, "a person")]
    )
    daemon.answers["GetError"] = lambda request: recovery_pb2.GetErrorResponse(error=next(looks))
    done = cli.run("report", "no answer", "--wait=30", "--json")
    assert done.returncode == 0, done.stderr
    receipt, *events = [json.loads(line) for line in done.stdout.splitlines()]
    assert receipt["receipt"]["error_id"] == ERROR_ID
    assert [event["error"]["state"] for event in events] == ["queued", "resolved"]


def test_time_running_out_is_a_no(cli: Cli, daemon: CannedDaemon) -> None:
    daemon.streams_stay_open = True
    daemon.answers["Watch"] = []
    _now(daemon, "parked", recovery_pb2.STATUS_OPEN)
    done = cli.run("report", "no answer", "--wait=200ms")
    assert done.returncode == 1
    assert "has not ended within 200 ms" in done.stderr


def test_a_daemon_that_stops_meanwhile_is_neither_yes_nor_no(cli: Cli, daemon: CannedDaemon) -> None:
    daemon.answers["Watch"] = []
    _now(daemon, "parked", recovery_pb2.STATUS_OPEN)
    done = cli.run("report", "no answer", "--wait=30")
    assert done.returncode == 6
    assert "ended the stream" in done.stderr
