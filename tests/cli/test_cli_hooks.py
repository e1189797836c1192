"""Hooks on the terminal: who is told, whether that works, and telling it again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from error_recovery.v1 import hook_pb2

if TYPE_CHECKING:
    from tests.cli.conftest import CannedDaemon, Cli

LONG_AGO = 1_700_000_000.0  # 2023-11-14 22:13:20 UTC
READY = hook_pb2.Hook(hook_id="ops", kind="webhook", to="https://ops.example/hook", state="ready", sent=12_345)
FAILING = hook_pb2.Hook(
    hook_id="on-call",
    kind="pagerduty",
    to="https://events.pagerduty.com/v2/enqueue",
    state="failing",
    waiting=3,
    dead=2,
    failed=7,
    detail="503 later",
    until=LONG_AGO,
)
DEAD = hook_pb2.Delivery(
    delivery_id="msg_0123456789abcdef0123456789abcdef",
    hook_id="on-call",
    event_type="error.escalated",
    error_id="3f2a9c0d11e4b7aa",
    state="dead",
    at=LONG_AGO,
    attempts=8,
    ended_at=LONG_AGO,
    detail="503 later",
    events=1,
    text="restart-db did not help, and nothing is left above level 3",
)
WAITING = hook_pb2.Delivery(
    delivery_id="msg_1",
    hook_id="ops",
    event_type="digest",
    state="waiting",
    at=LONG_AGO,
    due_at=LONG_AGO,
    text="9 events",
)


@pytest.fixture(autouse=True)
def answers(daemon: CannedDaemon) -> None:
    daemon.answers |= {
        "ListHooks": hook_pb2.ListHooksResponse(hooks=[READY, FAILING]),
        "ListDeliveries": hook_pb2.ListDeliveriesResponse(deliveries=[DEAD, WAITING], total=70),
        "Redeliver": hook_pb2.RedeliverResponse(deliveries=2),
        "SendTest": hook_pb2.SendTestResponse(arrived=True, detail="202 Event processed", took_s=0.25),
    }


def test_hooks_say_whether_people_are_told_and_why_not(cli: Cli) -> None:
    header, ready, failing = cli.run("hooks").stdout.splitlines()
    assert header.split() == ["HOOK", "KIND", "STATE", "SENT", "WAITING", "DEAD", "TO"]
    assert ready.split()[:6] == ["ops", "webhook", "ready", "12,345", "0", "0"]
    assert failing.split()[:6] == ["on-call", "pagerduty", "failing", "0", "3", "2"]
    assert "503 later; tried again 2023-11-14 22:13:20" in failing


def test_without_hooks_that_is_said(cli: Cli, daemon: CannedDaemon) -> None:
    daemon.answers["ListHooks"] = hook_pb2.ListHooksResponse()
    assert "nobody is told" in cli.run("hooks").stderr


def test_what_would_not_survive_a_restart_is_said(cli: Cli, daemon: CannedDaemon) -> None:
    daemon.answers["ListHooks"] = hook_pb2.ListHooksResponse(hooks=[READY], problem="no space left on device")
    assert "what waits would not survive a restart: no space left on device" in cli.run("hooks").stderr


def test_deliveries_say_what_became_of_each(cli: Cli, daemon: CannedDaemon) -> None:
    done = cli.run("hooks", "deliveries", "--hook", "on-call", "--state", "dead", "--limit", "2")
    _, dead, waiting = done.stdout.splitlines()
    assert dead.split()[:3] == [DEAD.delivery_id, "on-call", "error.escalated"]
    assert dead.rstrip().endswith("ago)")
    assert "restart-db did not help" in dead
    assert "9 events | due 2023-11-14 22:13:20" in waiting
    assert "2 of 70 deliveries" in done.stderr
    assert daemon.requests[-1] == hook_pb2.ListDeliveriesRequest(hook_id="on-call", state="dead", limit=2)


def test_a_program_gets_what_was_sent_too(cli: Cli, daemon: CannedDaemon) -> None:
    found = json.loads(cli.run("hooks", "deliveries", "--json").stdout)
    assert found["deliveries"][0]["attempts"] == 8
    assert daemon.requests[-1] == hook_pb2.ListDeliveriesRequest(limit=50, with_body=True)


def test_sending_again_names_what_and_who(cli: Cli, daemon: CannedDaemon) -> None:
    assert "2 deliveries are due now" in cli.run("hooks", "redeliver", "--hook", "on-call").stdout
    request = daemon.requests[-1]
    assert isinstance(request, hook_pb2.RedeliverRequest)
    assert (request.hook_id, request.delivery_id) == ("on-call", "")
    assert request.by


def test_sending_again_nothing_is_a_wrong_command_line(cli: Cli, daemon: CannedDaemon) -> None:
    done = cli.run("hooks", "redeliver")
    assert done.returncode == 2
    assert "say which DELIVERY, or whose with --hook" in done.stderr
    assert daemon.requests == []


def test_a_test_that_arrives_says_how_soon(cli: Cli) -> None:
    assert cli.run("hooks", "test", "on-call").stdout == "it arrived after 250 ms: 202 Event processed\n"


def test_a_test_that_does_not_arrive_is_a_no(cli: Cli, daemon: CannedDaemon) -> None:
    daemon.answers["SendTest"] = hook_pb2.SendTestResponse(detail="no answer within 10 s", took_s=10)
    done = cli.run("hooks", "test", "on-call")
    assert done.returncode == 1
    assert "it did not arrive: no answer within 10 s" in done.stderr


@pytest.mark.parametrize("command", [["hooks"], ["hooks", "deliveries"]])
def test_on_a_terminal_it_is_read_at_80_columns(cli: Cli, command: list[str]) -> None:
    code, shown = cli.run_on_terminal(*command, COLUMNS="80", NO_COLOR="1")
    assert code == 0
    assert max(len(line.rstrip("\r")) for line in shown.splitlines()) <= 80
    assert "503 later" in shown, shown
