"""Every command: what it asks of the daemon, what it prints for people, what for programs."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest
from google.protobuf.json_format import ParseDict
from google.protobuf.message import Message

from error_recovery.v1 import fault_pb2, recovery_pb2

if TYPE_CHECKING:
    from tests.cli.conftest import CannedDaemon, Cli

ERROR_ID = "3f2a9c0d11e4b7aa"
COMMANDS = {
    "status": ("GetStatus", ["status"]),
    "report": ("Report", ["report", "disk full"]),
    "errors list": ("ListErrors", ["errors", "list"]),
    "errors show": ("GetError", ["errors", "show", ERROR_ID]),
    "errors resolve": ("ResolveError", ["errors", "resolve", ERROR_ID]),
    "explain": ("Explain", ["explain", ERROR_ID]),
    "history": ("ListHistory", ["history"]),
    "metrics": ("GetMetrics", ["metrics"]),
    "top": ("GetNow", ["top"]),
    "targets": ("ListTargets", ["targets"]),
    "scores": ("ListScores", ["scores"]),
    "host": ("GetHost", ["host"]),
    "reset": ("Reset", ["reset", ERROR_ID]),
    "flush": ("Flush", ["flush", "--all"]),
    "brakes": ("ListBrakes", ["brakes"]),
    "breakers": ("ListBrakes", ["breakers"]),
    "brakes reset": ("ResetBreaker", ["brakes", "reset", "postgres"]),
    "pause": ("Pause", ["pause"]),
    "resume": ("Resume", ["resume"]),
    "approvals": ("ListApprovals", ["approvals"]),
    "approve": ("Approve", ["approve", ERROR_ID]),
    "deny": ("Deny", ["deny", ERROR_ID]),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_json_is_the_whole_answer_as_one_document(cli: Cli, daemon: CannedDaemon, name: str) -> None:
    method, arguments = COMMANDS[name]
    done = cli.run(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    answer = daemon.answers[method]
    assert isinstance(answer, Message)
    assert ParseDict(json.loads(done.stdout), type(answer)()) == answer


def test_json_may_stand_before_the_command_and_prints_fields_that_are_zero(cli: Cli) -> None:
    status = json.loads(cli.run("--json", "status").stdout)
    assert status["workers_lost"] == 0
    assert status["tickets_open"] == 4
    assert json.loads(cli.run("errors", "--json", "list").stdout)["total"] == 2


def test_what_is_not_utf8_is_sent_with_its_place_marked(cli: Cli, daemon: CannedDaemon) -> None:
    words = [os.fsdecode(word) for word in (b"caf\xe9 is shut", b"-acity=Orl\xe9ans")]
    done = cli.run("report", *words)
    assert done.returncode == 0, done.stderr
    [request] = daemon.requests
    assert isinstance(request, fault_pb2.ReportRequest)
    assert request.fault.message == "caf\ufffd is shut"
    assert dict(request.fault.context.attributes) == {"city": "Orl\ufffdans"}


def test_an_address_that_is_not_utf8_is_a_mistake_of_usage(cli_alone: Cli) -> None:
    done = cli_alone.run("--address", os.fsdecode(b"unix:/caf\xe9"), "status")
    assert done.returncode == 2
    assert "is no" in done.stderr


def test_status_is_one_screen(cli: Cli) -> None:
    out = cli.run("status").stdout
    assert out.startswith("error-recovery 0.1.0 is serving at 127.0.0.1:")
    assert "  process       pid 4242, up 3 d 4 h (since 2023-11-14 22:13:20)\n" in out
    assert "  faults        12,345 received, 3 refused\n" in out
    assert "  tickets       4 open, 1 attempt running\n" in out
    assert "  store         available, 1,203 rows written, 4 waiting\n" in out
    assert "p50 245 µs, p99 914 µs, longest 3.2 ms (fault to strategy, 40 attempts)\n" in out
    assert "  applications  shop, coordinator\n" in out
    assert "RING       USED  SLOTS  FULL\ncritical      0  1,024   0 %\nhigh      3,072  4,096  75 %\n" in out
    assert len(out.splitlines()) < 24


def test_status_says_loudly_what_is_wrong(cli: Cli, daemon: CannedDaemon) -> None:
    status = daemon.answers["GetStatus"]
    assert isinstance(status, recovery_pb2.GetStatusResponse)
    status.store.available = False
    status.store.detail = "disk full"
    status.workers_lost = 2
    status.torn_slots = 1
    status.peers_sent_away = 1234
    out = cli.run("status").stdout
    assert "UNAVAILABLE (disk full): recoveries go on, the record waits in memory" in out
    assert "4 running, 2 lost and replaced" in out
    assert "1 torn slot skipped" in out
    assert "1,234 sent away for what they did on the wire" in out


def test_report_prints_the_error_id_alone_and_sends_every_option(cli: Cli, daemon: CannedDaemon) -> None:
    options = "--type resource --severity high --component backup --operation copy --target disk-1 --count 3"
    more = ["-a", "region=eu", "--attribute", "query=a=b", "--exception", "OSError: no space", "--fingerprint", "disk"]
    done = cli.run("report", "disk full", *options.split(), *more)
    assert done.stdout == f"{ERROR_ID}\n"
    assert done.stderr == "a new ticket was opened\n"
    (request,) = daemon.requests
    assert isinstance(request, fault_pb2.ReportRequest)
    fault = request.fault
    assert (fault.type, fault.severity) == (fault_pb2.ERROR_TYPE_RESOURCE, fault_pb2.SEVERITY_HIGH)
    assert (fault.message, fault.target, fault.count, fault.fingerprint) == ("disk full", "disk-1", 3, "disk")
    assert (fault.context.component, fault.context.operation) == ("backup", "copy")
    assert dict(fault.context.attributes) == {"region": "eu", "query": "a=b"}
    assert (fault.exception.type, fault.exception.message) == ("OSError", "no space")
    assert fault.source == "error-cli"
    assert fault.context.node
    assert fault.occurred_at_unix_ns > 1.7e18


def test_errors_list_aligns_columns_and_sends_the_filters(cli: Cli, daemon: CannedDaemon) -> None:
    filters = "--status failed --type network --component web --target db --min-severity high --limit 7"
    lines = cli.run("errors", "list", *filters.split()).stdout.splitlines()
    assert lines[0].split() == [
        "ERROR",
        "STATUS",
        "STATE",
        "SEVERITY",
        "TYPE",
        "LEVEL",
        "COUNT",
        "LAST",
        "COMPONENT",
        "TARGET",
        "MESSAGE",
    ]
    for line in lines[1:]:
        assert line[lines[0].index("COMPONENT") :].startswith(("shop-web", "backup"))
    assert daemon.requests == [
        recovery_pb2.ListErrorsRequest(
            status=recovery_pb2.STATUS_FAILED,
            type="network",
            component="web",
            target="db",
            min_severity=fault_pb2.SEVERITY_HIGH,
            limit=7,
        )
    ]


def test_a_message_with_terminal_codes_and_newlines_stays_one_harmless_line(cli: Cli) -> None:
    out = cli.run("errors", "list").stdout
    assert len(out.splitlines()) == 3
    assert "disk full sda1 \\x1b[31mred\\x1b[0m" in out
    assert "\x1b" not in out


def test_an_empty_list_prints_nothing_but_a_note(cli: Cli, daemon: CannedDaemon) -> None:
    daemon.answers["ListErrors"] = recovery_pb2.ListErrorsResponse()
    done = cli.run("errors", "list")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "no error matches\n")


def test_a_list_that_was_cut_says_so(cli: Cli, daemon: CannedDaemon) -> None:
    answer = daemon.answers["ListErrors"]
    assert isinstance(answer, recovery_pb2.ListErrorsResponse)
    answer.total = 1500
    assert cli.run("errors", "list").stderr == "2 of 1,500 errors; --limit shows more\n"


def test_errors_show_has_the_fault_and_the_timeline(cli: Cli) -> None:
    out = cli.run("errors", "show", "3f2a").stdout
    assert "status      retrying (verifying): the probes have to hold for 5 s\n" in out
    assert "kind        database, high, transient\n" in out
    assert "rule        db-down (mode auto)\n" in out
    assert "faults      1,400, first 2023-11-14 22:12:20, last 2023-11-14 22:13:20 (" in out
    assert "exception   psycopg.OperationalError: refused\n" in out
    assert '    Traceback (most recent call last):\n      File "shop.py", line 7, in pay\n' in out
    decision, attempt, detail, probe = out[out.index("timeline\n") :].splitlines()[1:]
    assert decision == "  2023-11-14 22:13:20  level 2  decision  restart-db: best score of 2 candidates"
    expected = "level 2  attempt   restart-db: completed after 230 ms, 20 ms of it withheld by the host, lag 245 µs → persisting"
    assert attempt == f"  2023-11-14 22:13:20  {expected}"
    assert detail.strip() == "exit 0"
    assert probe.strip() == "probe tcp-5432 not ok after 1.2 ms: refused"


def test_errors_show_of_an_error_that_nothing_was_done_about(cli: Cli, daemon: CannedDaemon) -> None:
    daemon.answers["GetError"] = recovery_pb2.GetErrorResponse(error=recovery_pb2.Error(error_id=ERROR_ID, count=1))
    out = cli.run("errors", "show", ERROR_ID).stdout
    assert "nothing was decided yet" in out
    assert "none matches: it is only recorded" in out


def test_errors_show_says_when_the_record_could_not_be_asked(cli: Cli, daemon: CannedDaemon) -> None:
    error = recovery_pb2.Error(error_id=ERROR_ID, count=1)
    daemon.answers["GetError"] = recovery_pb2.GetErrorResponse(error=error, incomplete="the record cannot be read now")
    out = cli.run("errors", "show", ERROR_ID).stdout
    assert "the record cannot be read now" in out
    assert "nothing was decided yet" not in out


def test_a_prefix_is_made_whole_before_something_is_changed(cli: Cli, daemon: CannedDaemon) -> None:
    done = cli.run("errors", "resolve", "3f2a", "--note", "disk replaced", SUDO_USER="ann")
    assert done.stdout == f"error {ERROR_ID} is resolved: no answer on 5432\n"
    assert daemon.requests == [
        recovery_pb2.GetErrorRequest(error_id="3f2a"),
        recovery_pb2.ResolveErrorRequest(error_id=ERROR_ID, note="disk replaced", by="ann"),
    ]


def test_watch_prints_a_line_for_each_event(cli: Cli) -> None:
    out = cli.run("errors", "watch", "--once").stdout
    assert out.splitlines() == [
        f"2023-11-14 22:13:20  {ERROR_ID}  decision    chose restart-db at level 2",
        f"2023-11-14 22:13:21  {ERROR_ID}  verdict     persisting: refused",
    ]


def test_watch_of_one_error_as_json_lines(cli: Cli, daemon: CannedDaemon) -> None:
    done = cli.run("errors", "watch", ERROR_ID, "--json", "--once")
    kinds = [json.loads(line)["kind"] for line in done.stdout.splitlines()]
    assert kinds == ["decision", "verdict"]
    assert daemon.requests == [recovery_pb2.GetStatusRequest(), recovery_pb2.WatchRequest(error_id=ERROR_ID)]
    assert done.returncode == 6  # the daemon has ended the stream
    assert "ended the stream" in done.stderr


def test_explain_marks_the_chosen_candidate_and_names_the_brakes(cli: Cli, daemon: CannedDaemon) -> None:
    out = cli.run("explain", "a1").stdout
    assert "  restart-db had the best score of 2.\n  Nothing held it back.\n" in out
    rows = out[out.index("candidates\n") : out.index("parts of the scores")].splitlines()[1:]
    assert rows[0].split("  ")[-1] == "SCORE"
    assert [row.split()[0] for row in rows if row.startswith("*")] == ["*"]
    assert any(row.startswith("*  restart-db") and "75 %" in row and "55 to 90 %" in row for row in rows)
    assert any("reconnect-db" in row and "0.41" in row and row.endswith("0.611") for row in rows)
    assert "  2 s, the strategy's own: nothing was learned yet\n" in out
    assert "  breaker postgres: closed\n" in out
    assert "attempt   restart-db: completed after 230 ms" in out


def test_explain_says_of_which_candidate_the_record_was_cut(cli: Cli, daemon: CannedDaemon) -> None:
    cut = [line.strip() for line in cli.run("explain", "a1").stdout.splitlines() if "was cut" in line]
    assert cut == [
        "reconnect-db: what was known of it in this component no longer held, and was cut; in full counts the last 2 attempts",
        "reconnect-db: what was known of it on this hardware no longer held, and was cut; in full counts no attempt since",
    ]


def test_explain_takes_a_prefix_of_an_error_id_and_leaves_other_ids_alone(cli: Cli, daemon: CannedDaemon) -> None:
    cli.run("explain", "3f2a")
    cli.run("explain", "3f2a-7-d")
    explained = [request for request in daemon.requests if isinstance(request, recovery_pb2.ExplainRequest)]
    assert [request.id for request in explained] == [ERROR_ID, "3f2a-7-d"]


def test_an_empty_history_says_whether_something_was_asked_for_or_nothing_was_done(
    cli: Cli, daemon: CannedDaemon
) -> None:
    daemon.answers["ListHistory"] = recovery_pb2.ListHistoryResponse()
    assert cli.run("history").stderr.startswith("nothing was attempted yet; error-cli errors list shows")
    assert cli.run("history", "--since", "1h").stderr == "no attempt matches\n"


def test_history_lists_attempts_and_sends_the_filters(cli: Cli, daemon: CannedDaemon) -> None:
    options = f"--limit 9 --error {ERROR_ID} --strategy restart-db --type database"
    out = cli.run("history", *options.split(), "--since", "2023-11-14 22:00").stdout
    header, row = out.splitlines()
    assert header.split()[:3] == ["STARTED", "AGO", "ERROR"]
    assert row.startswith("2023-11-14 22:13:20")
    assert row.split("  ")[-1] == "exit 0"
    assert daemon.requests == [
        recovery_pb2.ListHistoryRequest(
            limit=9, error_id=ERROR_ID, strategy_id="restart-db", error_type="database", since=1_699_999_200.0
        )
    ]


def test_reset_of_an_error(cli: Cli, daemon: CannedDaemon) -> None:
    assert (
        cli.run("reset", "3f2a", SUDO_USER="ann").stdout
        == f"error {ERROR_ID} is back at its first level; if it had failed, it is tried again now\n"
    )
    assert daemon.requests[-1] == recovery_pb2.ResetRequest(error_id=ERROR_ID, by="ann")


def test_forgetting_needs_a_yes_where_nobody_can_be_asked(cli: Cli, daemon: CannedDaemon) -> None:
    refused = cli.run("reset", "--learned")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "say --yes" in refused.stderr
    assert daemon.requests == []
    done = cli.run("reset", "--learned", "--strategy", "restart-db", "--yes", SUDO_USER="ann")
    assert done.stdout == "forgot 12 scores\n"
    assert daemon.requests == [recovery_pb2.ResetRequest(learned=True, strategy_id="restart-db", by="ann")]


def test_flush_says_how_many_were_purged_and_how_many_left_alone(cli: Cli, daemon: CannedDaemon) -> None:
    assert (
        cli.run("flush", "--all", SUDO_USER="ann").stdout == "purged 3 pending tickets; 1 running attempt left alone\n"
    )
    assert daemon.requests == [recovery_pb2.FlushRequest(all=True, by="ann")]
    cli.run("flush", ERROR_ID, SUDO_USER="ann")
    assert daemon.requests[-1] == recovery_pb2.FlushRequest(error_id=ERROR_ID, by="ann")
