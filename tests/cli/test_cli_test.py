"""`error-cli test`: what is sent, that it asks, the table, what of the state differs, and the exit codes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from error_recovery.v1 import recovery_pb2
from tests.cli import canned

if TYPE_CHECKING:
    from tests.cli.conftest import CannedDaemon, Cli


def words(daemon: CannedDaemon) -> list[int]:
    """The passes that were said to begin."""
    return [one.number for one in daemon.requests if isinstance(one, recovery_pb2.ContinueTestRequest)]


def test_what_is_wished_is_sent_and_the_word_is_given(cli: Cli, daemon: CannedDaemon) -> None:
    options = ["--target", "shop", "--rule", "r", "--strategy", "s", "--repeat=3", "--within", "1m", "--triggers=0"]
    cli.run("test", *options, "--yes", "--break", "true")
    wish = daemon.requests[0]
    assert isinstance(wish, recovery_pb2.TestRecoveryRequest)
    assert (wish.target, wish.rule, wish.strategy, wish.repeat) == ("shop", "r", "s", 3)
    assert (wish.timeout_s, wish.triggers, wish.HasField("triggers"), wish.breaks) == (60.0, 0, True, True)
    assert wish.by
    assert daemon.requests[1] == recovery_pb2.ContinueTestRequest(test_id="test-1-shop", number=1)


def test_the_passes_are_a_table_and_a_deviation_is_readable_and_ends_with_1(cli: Cli) -> None:
    done = cli.run("test", "--target", "shop", "--yes")
    assert done.returncode == 1
    out = done.stdout
    assert "  runs      level 1: look-again; level 3: restart-shop, restart-hard\n" in out
    assert "PASS        STATE     LEVEL  STRATEGY      VERDICT      TIME  SAME\n" in out
    assert "1           watching      3  restart-shop  recovered  120 ms  the first\n" in out
    assert "2           watching      3  restart-shop  recovered  120 ms  no: 4 differ\n" in out
    assert "10 at once  watching      3  restart-shop  recovered  120 ms  yes\n" in out
    assert "\n10 equal faults at once: 1 ticket, 1 attempt, one recovery\n" in out
    assert "before pass 2 no probe saw that --break had broken anything" in out
    assert "after pass 2\n  files\n    /srv/a: 1 bytes, sha256 aa → 2 bytes, sha256 bb\n" in out
    assert "    /srv/new: new: 0 bytes\n    /srv/gone: gone: 0 bytes\n" in out
    assert "    output:\n       a\n      -b\n      +B\\x1b[31m\n       c\n" in out
    assert "    body: changes from look to look while nothing is done: have it ignored\n" in out
    assert "differs, and may\n  process: pid: 7 · 8 · 9\n" in out
    assert done.stderr == (
        "error-cli: the recovery is not idempotent\n  files: not as after the first pass, after pass 2\n"
    )


def test_other_errors_of_all_passes_are_named_once(cli: Cli, daemon: CannedDaemon) -> None:
    events = canned.repeat_events("idempotent")
    passes = [event.passed for event in events if event.HasField("passed")]
    passes[0].other_error_ids.append("aa00")
    passes[1].other_error_ids.extend(["aa00", "bb11"])
    daemon.answers["TestRecovery"] = events
    out = cli.run("test", "--target", "shop", "--yes").stdout
    assert "meanwhile other errors of the target were recovered: aa00, bb11\n" in out


def test_what_is_idempotent_ends_with_0(cli: Cli, daemon: CannedDaemon) -> None:
    daemon.answers["TestRecovery"] = canned.repeat_events("idempotent")
    done = cli.run("test", "--target", "shop", "--yes")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("\nidempotent\n  it was the same\n")


def test_json_is_every_event_as_a_line(cli: Cli) -> None:
    done = cli.run("test", "--target", "shop", "--yes", "--json")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 1
    assert events[0]["plan"]["rule"] == "shop-died"
    assert events[4]["passed"]["differences"][0]["fact"] == "/srv/a"
    assert events[-1]["end"]["verdict"] == "deviated"


def test_where_nobody_can_be_asked_nothing_is_done_without_yes(cli: Cli, daemon: CannedDaemon) -> None:
    done = cli.run("test", "--target", "shop")
    assert done.returncode == 2
    assert "nobody can be asked here whether to recover shop: say --yes" in done.stderr
    assert words(daemon) == []


def test_it_asks_first_and_a_no_is_a_no(cli: Cli, daemon: CannedDaemon) -> None:
    code, seen = cli.run_on_terminal("test", "--target", "shop", typed="n\n")
    assert code == 1
    assert "Recover shop 3 times? [y/N]" in seen
    assert "nothing was done" in seen
    assert words(daemon) == []
    code, seen = cli.run_on_terminal("test", "--target", "shop", typed="y\n", NO_COLOR="1")
    assert words(daemon) == [1]
    assert "░  25 %  pass 1 of 2" in seen


def test_the_command_of_break_is_run_by_the_shell_before_each_pass_and_its_failure_ends_the_test(
    cli: Cli, daemon: CannedDaemon, tmp_path: Path
) -> None:
    written = tmp_path / "broken"
    cli.run(
        "test", "--target", "shop", "--yes", "--break", f"echo $ER_TEST_TARGET $ER_TEST_PASS >> {written}; echo said"
    )
    assert written.read_text() == "shop 1\n"
    done = cli.run("test", "--target", "shop", "--yes", "--break", "exit 7")
    assert done.returncode == 1
    assert "the command of --break ended with 7 before pass 1" in done.stderr
    assert words(daemon) == [1]


def test_on_a_narrow_terminal_no_line_runs_over(cli: Cli) -> None:
    _, seen = cli.run_on_terminal("test", "--target", "shop", "--yes", COLUMNS="60", NO_COLOR="1")
    lines = seen[seen.index("PASS ") :].splitlines()
    assert max(len(line) for line in lines) <= 60
    assert "    restart-shop" in lines


def test_a_stream_that_ends_too_early_says_so(cli: Cli, daemon: CannedDaemon) -> None:
    daemon.answers["TestRecovery"] = canned.repeat_events()[:4]
    done = cli.run("test", "--target", "shop", "--yes")
    assert done.returncode == 6
    assert "the daemon has ended the test" in done.stderr
    assert "1     watching" in done.stdout, "what there was is shown"
