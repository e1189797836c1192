"""Brakes, pauses and approvals: what is asked of the daemon, and what a person reads."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import grpc
import pytest

from error_cli.failure import Exit
from error_recovery.v1 import recovery_pb2
from tests.cli import canned, canned_errors
from tests.waiting import eventually

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from tests.cli.conftest import CannedDaemon, Cli

ERROR_ID = "3f2a9c0d11e4b7aa"
WAITS = "waits for a person to approve failover-db at level 4 on postgres, until 2023-11-14 22:28:20 ("


def test_brakes_say_what_they_hold_why_and_until_when(cli: Cli) -> None:
    header, pause, global_breaker, breaker = cli.run("brakes").stdout.splitlines()
    assert header.split() == ["BRAKE", "SUBJECT", "STATE", "WAITING", "UNTIL", "WHY"]
    assert pause.split("  ")[0] == "pause"
    assert "until resumed" in pause
    assert pause.endswith("paused by ann (as they say) until resumed: maintenance")
    assert global_breaker.split()[:4] == ["global", "breaker", "everything", "closed"]
    assert "2023-11-14 22:13:50 (" in breaker
    assert breaker.endswith("5 failures on shop-web in 30 s")


def test_breakers_is_another_name_for_brakes(cli: Cli) -> None:
    assert cli.run("breakers").stdout == cli.run("brakes").stdout
    assert cli.run("breakers", "reset", "postgres").returncode == 0


def test_on_a_terminal_a_reason_stands_beneath_its_brake(cli: Cli) -> None:
    _, seen = cli.run_on_terminal("brakes", COLUMNS="60", NO_COLOR="1")
    assert "\n    recoveries of postgres are paused by ann (as they say)\n    until resumed: maintenance\n" in seen
    assert max(map(len, seen.splitlines())) <= 80


@pytest.mark.parametrize(
    ("target", "was_open", "said"),
    [
        (["postgres"], True, "the breaker of postgres is closed\n"),
        (["postgres"], False, "the breaker of postgres was closed already\n"),
        ([], True, "the global breaker is closed\n"),
    ],
)
def test_a_breaker_is_closed_by_hand(
    cli: Cli, daemon: CannedDaemon, target: list[str], was_open: bool, said: str
) -> None:
    daemon.answers["ResetBreaker"] = recovery_pb2.ResetBreakerResponse(was_open=was_open)
    assert cli.run("brakes", "reset", *target, SUDO_USER="ann").stdout == said
    assert daemon.requests == [recovery_pb2.ResetBreakerRequest(target="".join(target), by="ann")]


def test_a_pause_says_what_still_runs_how_many_wait_and_how_it_ends(cli: Cli, daemon: CannedDaemon) -> None:
    done = cli.run("pause", "postgres", "--for", "30m", "--reason", "maintenance", SUDO_USER="ann")
    assert done.stdout.splitlines() == [
        "recoveries of postgres are paused until they are resumed",  # as the daemon has answered
        "1 attempt still running, and left to end; 2 tickets wait",
    ]
    assert done.stderr == "let it go on with: error-cli resume postgres\n"
    assert daemon.requests == [recovery_pb2.PauseRequest(target="postgres", for_s=1800, reason="maintenance", by="ann")]


def test_a_pause_of_everything_with_an_end(cli: Cli, daemon: CannedDaemon) -> None:
    pause = recovery_pb2.Brake(brake="pause", state="paused", until=canned.LONG_AGO)
    daemon.answers["Pause"] = recovery_pb2.PauseResponse(pauses=[pause])
    done = cli.run("pause")
    assert done.stdout.startswith("all recoveries are paused until 2023-11-14 22:13:20 (")
    assert "no attempt is running; no ticket waits\n" in done.stdout
    [request] = daemon.requests
    assert isinstance(request, recovery_pb2.PauseRequest)
    assert (request.target, request.for_s) == ("", 0.0)
    assert request.by


def test_resuming_names_what_is_still_paused(cli: Cli, daemon: CannedDaemon) -> None:
    done = cli.run("resume")
    assert done.stdout == "recoveries go on\n"
    assert done.stderr == "still paused: postgres; let it go on with: error-cli resume postgres\n"
    daemon.answers["Resume"] = recovery_pb2.ResumeResponse()
    assert cli.run("resume").stdout == "recoveries were not paused as a whole\n"
    assert cli.run("resume", "web", SUDO_USER="ann").stdout == "recoveries of web were not paused\n"
    assert daemon.requests[-1] == recovery_pb2.ResumeRequest(target="web", by="ann")


def _one_waits(daemon: CannedDaemon) -> None:
    waiting = canned_errors.waiting_error()
    daemon.answers["ListErrors"] = recovery_pb2.ListErrorsResponse(errors=[waiting], total=1)
    daemon.answers["GetError"] = recovery_pb2.GetErrorResponse(error=waiting)


def test_approvals_list_what_would_be_done_and_until_when(cli: Cli, daemon: CannedDaemon) -> None:
    done = cli.run("approvals")
    header, row = done.stdout.splitlines()
    assert header.endswith("WHAT")
    assert row.startswith("77bb77bb77bb77bb  critical  postgres  2023-11-14 22:28:20 (")
    does = "failover-db runs /usr/local/bin/failover --cluster shop --token [redacted] | replication has stopped"
    assert row.endswith(f"ask again  {does}")
    assert "error-cli approve ERROR" in done.stderr
    assert daemon.requests == [recovery_pb2.ListApprovalsRequest(limit=500)]
    _, seen = cli.run_on_terminal("approvals", NO_COLOR="1", COLUMNS="80")
    assert "\n    failover-db runs /usr/local/bin/failover --cluster shop --token [redacted]\n" in seen
    assert all(len(line) <= 80 for line in seen.splitlines())


def test_one_approval_shows_all_that_is_to_be_known_before_the_answer(cli: Cli, daemon: CannedDaemon) -> None:
    waiting = canned_errors.waiting_error()
    waiting.approval.CopyFrom(canned_errors.approval())
    daemon.answers["GetError"] = recovery_pb2.GetErrorResponse(error=waiting)
    done = cli.run("approvals", "77bb")
    for line in (
        "error 77bb77bb77bb77bb: replication has stopped",
        "  would         runs /usr/local/bin/failover --cluster shop --token [redacted]",
        "                on postgres by failover-db (exec), level 4, at most 2 min",
        "  touches       pgbouncer",
        "  dependents    shop, till",
        "  why           Chosen: the only strategy of this level.",
        "  error         database, critical, shop-db (rule db-lag)",
        "  tried         restart-db at level 3: persisting",
        "  else          level 5, rebuild runs /usr/local/bin/rebuild: its turn comes if this does not help",
        "  silence       a person is told, and it is asked again",
    ):
        assert line in done.stdout.splitlines()
    assert ", for the 2. time" in done.stdout
    assert f"error-cli approve 77bb77bb77bb77bb --decision {waiting.approval.decision_id}, or deny" in done.stderr
    assert "decision_id" in cli.run("approvals", "77bb", "--json").stdout
    daemon.answers["GetError"] = recovery_pb2.GetErrorResponse(error=canned_errors.waiting_error())
    assert "nothing of error 77bb77bb77bb77bb waits for a person: it is parked" in cli.run("approvals", "77bb").stderr


def test_a_watch_of_approvals_is_open_before_they_are_listed_and_is_of_the_whole_id(
    cli: Cli, daemon: CannedDaemon
) -> None:
    def watched() -> list[recovery_pb2.WatchRequest]:
        return [one for one in daemon.requests if isinstance(one, recovery_pb2.WatchRequest)]

    listed = daemon.answers["ListApprovals"]
    assert isinstance(listed, recovery_pb2.ListApprovalsResponse)

    def once_watched(_request: Message) -> Message:
        eventually("the watch is open", watched)
        return listed

    daemon.answers["ListApprovals"] = once_watched
    daemon.refuse("Watch", grpc.StatusCode.PERMISSION_DENIED, "enough")
    done = cli.run("approvals", "--watch", "--timeout", "120s")
    assert done.returncode == Exit.REFUSED
    assert "77bb77bb77bb77bb" in done.stdout
    cli.run("approvals", "3f2a", "--watch")
    assert [one.error_id for one in watched()] == ["", ERROR_ID]


def test_no_approvals_is_a_note(cli: Cli, daemon: CannedDaemon) -> None:
    daemon.answers["ListApprovals"] = recovery_pb2.ListApprovalsResponse()
    done = cli.run("approvals")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "nothing waits for a person\n")


@pytest.mark.parametrize(
    ("command", "request_type", "said"),
    [
        ("approve", recovery_pb2.ApproveRequest, "is approved; see what comes of it"),
        ("deny", recovery_pb2.DenyRequest, "is denied: nothing is done"),
    ],
)
def test_a_person_answers_by_a_prefix(
    cli: Cli, daemon: CannedDaemon, command: str, request_type: type, said: str
) -> None:
    done = cli.run(command, "3f2a", SUDO_USER="ann")
    assert f"error {ERROR_ID} {said}" in done.stdout
    assert daemon.requests[-1] == request_type(error_id=ERROR_ID, by="ann")


def test_an_answer_names_what_was_seen_and_why_and_says_if_it_was_so_already(cli: Cli, daemon: CannedDaemon) -> None:
    given = recovery_pb2.Answer(by="bob", is_yes=True, at=canned.LONG_AGO)
    error = recovery_pb2.Error(error_id=ERROR_ID)
    daemon.answers["Approve"] = recovery_pb2.ApproveResponse(error=error, answer=given, is_repeated=True, is_kept=True)
    done = cli.run("approve", "3f2a", "--note", "seen", "--decision", "d-1", SUDO_USER="ann")
    assert daemon.requests[-1] == recovery_pb2.ApproveRequest(
        error_id=ERROR_ID, by="ann", note="seen", decision_id="d-1"
    )
    assert "that was so already: bob said it at 2023-11-14 22:13:20" in done.stderr
    one = canned_errors.approval()
    daemon.answers["Approve"] = recovery_pb2.ApproveResponse(error=error, answer=given, approval=one)
    done = cli.run("approve", "3f2a")
    assert "  failover-db runs /usr/local/bin/failover" in done.stdout
    assert "the record does not have the answer yet" in done.stderr


def test_a_list_shows_what_an_error_waits_for(cli: Cli, daemon: CannedDaemon) -> None:
    _one_waits(daemon)
    done = cli.run("errors", "list", "--held-by", "approval", "--state", "parked")
    assert f"replication has stopped | {WAITS}" in done.stdout
    assert daemon.requests == [recovery_pb2.ListErrorsRequest(held_by="approval", state="parked", limit=100)]
    _, seen = cli.run_on_terminal("errors", "list", NO_COLOR="1")
    assert f"\n    {WAITS}" in seen
    assert (
        "\n    answer: error-cli approve 77bb77bb77bb77bb, or deny; error-cli approvals 77bb77bb77bb77bb shows what is asked\n"
        in seen
    )


def test_an_error_shows_what_it_waits_for_how_bad_it_is_and_what_is_behind_it(cli: Cli, daemon: CannedDaemon) -> None:
    _one_waits(daemon)
    out = cli.run("errors", "show", "77bb").stdout
    assert "  status     open (parked)\n" in out
    assert f"  waits      {WAITS}" in out
    assert (
        "answer: error-cli approve 77bb77bb77bb77bb, or deny; error-cli approvals 77bb77bb77bb77bb shows what is asked\n"
        in out
    )
    assert "  behind     error 00aa00aa00aa00aa, of something that its target depends on\n" in out
    assert "  severity   3 targets depend on postgres\n" in out
    assert "  recovery   emergency class\n" in out


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            {"state": "parked", "held_by": "throttle", "reason": "300 in a second"},
            "waits for throttle: 300 in a second",
        ),
        ({"state": "parked", "held_by": "flap suppression"}, "waits for flap suppression"),
        ({"state": "parked", "parked_until": canned.LONG_AGO}, "waits until 2023-11-14 22:13:20 ("),
        ({"state": "failed", "parked_until": canned.LONG_AGO, "reason": "blind"}, "is tried again 2023-11-14 22:13:20"),
        ({"state": "queued", "held_by": "pause", "reason": "maintenance"}, "waits for pause: maintenance"),
    ],
)
def test_whatever_waits_says_so(cli: Cli, daemon: CannedDaemon, error: dict[str, object], said: str) -> None:
    waiting = recovery_pb2.Error(error_id=ERROR_ID, **error)  # type: ignore[arg-type]
    daemon.answers["GetError"] = recovery_pb2.GetErrorResponse(error=waiting)
    assert f"  waits   {said}" in cli.run("errors", "show", ERROR_ID).stdout.replace("  waits       ", "  waits   ")


def test_the_status_shows_the_brakes_that_hold_and_the_approvals_that_wait(cli: Cli, daemon: CannedDaemon) -> None:
    status = daemon.answers["GetStatus"]
    assert isinstance(status, recovery_pb2.GetStatusResponse)
    status.brakes.extend(canned.brakes()[:1])
    status.approvals_waiting = 2
    out = cli.run("status").stdout
    assert "  approvals     2 errors wait for a person to say yes or no: error-cli approvals\n" in out
    assert "  brake         pause postgres: paused, 2 tickets waiting (recoveries of postgres are paused by ann" in out


def test_brakes_as_json_have_their_figures(cli: Cli) -> None:
    brakes = json.loads(cli.run("brakes", "--json").stdout)["brakes"]
    assert brakes[2]["figures"] == {"failures": 5.0, "threshold": 5.0}
