"""Every way in which the daemon can say no, or nothing: a sentence with the mend, an exit code, never a traceback."""

from __future__ import annotations

import signal
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2

from error_cli.connection import connect
from error_cli.failure import Failure
from error_cli.wishes import Wishes
from error_recovery.v1 import recovery_pb2

if TYPE_CHECKING:
    from tests.cli.conftest import CannedDaemon, Cli

ERROR_ID = "3f2a9c0d11e4b7aa"
ALL_COMMANDS = [
    ["status"],
    ["report", "disk full"],
    ["errors", "list"],
    ["errors", "show", "3f2a"],
    ["errors", "resolve", "3f2a"],
    ["errors", "watch"],
    ["brakes"],
    ["brakes", "reset"],
    ["pause"],
    ["resume"],
    ["approvals"],
    ["approve", "3f2a"],
    ["deny", "3f2a"],
    ["replay", "--definitions", str(Path(__file__).parents[2] / "etc" / "recovery" / "definitions")],
    ["explain", ERROR_ID],
    ["history"],
    ["metrics"],
    ["reset", "3f2a"],
    ["flush", "--all"],
]


@pytest.mark.parametrize("arguments", ALL_COMMANDS, ids=" ".join)
def test_no_daemon_is_a_sentence_with_the_mend(cli_alone: Cli, arguments: list[str]) -> None:
    done = cli_alone.run(*arguments)
    assert (done.returncode, done.stdout) == (3, "")
    first, mend = done.stderr.splitlines()
    assert first.startswith("error-cli: no daemon answers at unix:/")
    assert "is it running?" in first
    assert "start error_daemon there" in mend
    assert "--address" in mend


def test_no_daemon_on_a_port(cli_alone: Cli) -> None:
    with socket.socket() as taken:  # bound and not listening: nobody answers, and nobody else can take it
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        done = cli_alone.run("status", "--address", address)
    assert done.returncode == 3
    assert f"no daemon answers at {address}: is it running? (connection refused)" in done.stderr


@pytest.mark.parametrize(
    ("code", "exit_code", "sentence"),
    [
        (grpc.StatusCode.NOT_FOUND, 4, "error-cli: said by the daemon"),
        (grpc.StatusCode.INVALID_ARGUMENT, 5, "the daemon refused it: said by the daemon"),
        (grpc.StatusCode.FAILED_PRECONDITION, 5, "not possible now: said by the daemon"),
        (grpc.StatusCode.UNIMPLEMENTED, 5, "the daemon is older than this error-cli"),
        (grpc.StatusCode.INTERNAL, 5, "the daemon answered with an error: said by the daemon"),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, 6, "cannot take it now: said by the daemon"),
        (grpc.StatusCode.UNAVAILABLE, 6, "cannot answer now: said by the daemon"),
    ],
)
def test_every_status_code_has_a_sentence_and_an_exit_code(
    cli: Cli, daemon: CannedDaemon, code: grpc.StatusCode, exit_code: int, sentence: str
) -> None:
    daemon.refuse("Explain", code, "said by the daemon")
    done = cli.run("explain", ERROR_ID)
    assert (done.returncode, done.stdout) == (exit_code, "")
    assert sentence in done.stderr


def test_bad_input_names_each_field(cli: Cli, daemon: CannedDaemon) -> None:
    violation = error_details_pb2.BadRequest.FieldViolation
    bad = error_details_pb2.BadRequest(
        field_violations=[
            violation(field="fault.message", description="is longer than 16,384 bytes"),
            violation(field="fault.target", description="names no target"),
        ]
    )
    daemon.refuse("Report", grpc.StatusCode.INVALID_ARGUMENT, "2 fields are wrong", bad)
    done = cli.run("report", "disk full")
    assert done.returncode == 5
    assert done.stderr.splitlines() == [
        "error-cli: the daemon refused it: 2 fields are wrong",
        "  fault.message: is longer than 16,384 bytes",
        "  fault.target: names no target",
    ]


def test_too_much_to_do_names_the_delay(cli: Cli, daemon: CannedDaemon) -> None:
    later = error_details_pb2.RetryInfo(retry_delay=Duration(nanos=250_000_000))
    daemon.refuse("Report", grpc.StatusCode.RESOURCE_EXHAUSTED, "the ring of low faults is full", later)
    done = cli.run("report", "disk full")
    assert done.returncode == 6
    assert done.stderr.endswith("  try again in 250 ms\n")


def test_a_daemon_that_does_not_answer_in_time(cli: Cli, daemon: CannedDaemon) -> None:
    daemon.refuse("GetStatus", grpc.StatusCode.DEADLINE_EXCEEDED)
    done = cli.run("status", "--timeout", "300ms")
    assert done.returncode == 6
    assert "did not answer within 300 ms" in done.stderr
    assert "--timeout" in done.stderr


def test_what_may_take_longer_says_how_long_it_was_given(daemon: CannedDaemon) -> None:
    daemon.refuse("GetStatus", grpc.StatusCode.DEADLINE_EXCEEDED)
    with connect(Wishes(address=daemon.address, asked_timeout_s=0.1)) as there, pytest.raises(Failure) as refused:
        there.ask(there.recovery.GetStatus, recovery_pb2.GetStatusRequest(), at_least_s=0.3)
    assert "did not answer within 300 ms" in refused.value.sentences[0]


def test_a_number_that_no_act_can_have_is_refused_here(cli: Cli) -> None:
    done = cli.run("audit", "show", "99999999999999999999")
    assert done.returncode == 2
    assert "a whole number from 1 to" in done.stderr


def test_something_else_listens_at_the_address(cli_alone: Cli) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        done = cli_alone.run("status", "--timeout=300ms", f"--address=127.0.0.1:{other.getsockname()[1]}")
    assert done.returncode == 6
    assert "did not answer within 300 ms" in done.stderr


def test_a_unix_socket_works(cli_alone: Cli, unix_daemon: CannedDaemon) -> None:
    done = cli_alone.run("--address", unix_daemon.address, "status")
    assert done.returncode == 0, done.stderr
    assert f"is serving at {unix_daemon.address}" in done.stdout


def test_the_address_on_the_command_line_wins_over_the_environment(cli: Cli, daemon: CannedDaemon) -> None:
    nowhere = "unix:/nonexistent/daemon.sock"
    address = daemon.address
    assert cli.run("--address", address, "status", ERROR_RECOVERY_ADDRESS=nowhere).returncode == 0
    assert cli.run("status", "--address", address, ERROR_RECOVERY_ADDRESS=nowhere).returncode == 0
    assert cli.run("--address", nowhere, "status").returncode == 3


def test_a_proxy_in_the_environment_is_not_asked(cli: Cli) -> None:
    assert cli.run("status", http_proxy="http://127.0.0.1:1", https_proxy="http://127.0.0.1:1").returncode == 0


def test_ctrl_c_ends_a_watch_quietly(cli: Cli, daemon: CannedDaemon) -> None:
    daemon.streams_stay_open = True
    with cli.start("errors", "watch") as process:
        assert process.stdout is not None
        process.stdout.readline()  # it is in the midst of the stream
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, "")


def test_a_reader_that_goes_away_ends_it_quietly(cli: Cli, daemon: CannedDaemon, tmp_path: Path) -> None:
    daemon.answers["Watch"] = list(daemon.answers["Watch"]) * 20_000  # type: ignore[arg-type]
    with cli.start("errors", "watch") as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(60) == -signal.SIGPIPE
        assert process.stderr is not None
        assert process.stderr.read() == ""


def test_a_daemon_that_dies_in_the_middle_of_a_watch(cli: Cli, daemon: CannedDaemon) -> None:
    daemon.streams_stay_open = True
    with cli.start("errors", "watch", "--once") as process:
        assert process.stdout is not None
        process.stdout.readline()
        daemon.stop()
        _, err = process.communicate(timeout=60)
    assert process.returncode == 3
    assert "no daemon answers at" in err
