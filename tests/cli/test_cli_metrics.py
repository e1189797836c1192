"""The metrics page: what is not met stands first, and what is not known is not said to be bad or good."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from error_cli import figures
from error_recovery.v1 import recovery_pb2

if TYPE_CHECKING:
    from tests.cli.conftest import CannedDaemon, Cli


def test_the_first_lines_say_what_is_not_met(cli: Cli) -> None:
    lines = cli.run("metrics").stdout.splitlines()
    assert lines[:3] == [
        "3 goals NOT MET, 3 met, 1 not known",
        "42 tickets ended: 40 recovered, 2 failed",
        "2023-11-13 22:13:20 to 2023-11-14 22:13:20",
    ]
    marks = [line.split("  ")[0] for line in lines[5:10]]
    assert marks == ["NOT MET", "NOT MET", "NOT MET", "met", "met"]
    assert lines[5].split("  ")[1:2] == ["availability"]
    assert lines[5].split()[-4:] == ["%", ">", "99.99", "%"] or lines[5].endswith("> 99.99 %        2")
    assert lines[10] == "met also by 1 component"


def test_downtime_attempts_learning_and_scores_follow(cli: Cli) -> None:
    out = cli.run("metrics").stdout
    assert "downtime, the worst first\n" in out
    assert "postgres     99.8 %  2 min 28 s     25 s\n" in out
    assert "\nweb " not in out  # it was not down
    assert "restart-db          30   25 of 28  89.3 % (76 % to 95 %)\n" in out
    assert "reconnect-db         1          -              not known\n" in out
    assert "database  70 % → 95 %      4 s → 1.5 s   2 x 20  yes" in out
    assert out.splitlines()[-1].split()[:6] == ["database", "restart-db", "0.812", "12", "75", "%"]
    assert "attempts by level" not in out


def test_everything_is_there_when_it_is_asked_for(cli: Cli) -> None:
    out = cli.run("metrics", "--all").stdout
    assert "met      availability of component shop-web" in out
    assert "not known, for want of samples: mean time to detect\n" in out
    assert "attempts by level\n" in out
    assert "2023-11-14 22:00:00" in out
    assert "\nweb           100 %" in out


@pytest.mark.parametrize(
    ("arguments", "since", "until"),
    [
        (["--since", "all"], 0.0, 0.0),
        (["--since", "2023-11-14 22:00"], 1_699_999_200.0, 0.0),
        (["--since", "2023-11-14 22:00", "--until", "2023-11-14 23:00"], 1_699_999_200.0, 1_700_002_800.0),
    ],
)
def test_the_range_is_sent(cli: Cli, daemon: CannedDaemon, arguments: list[str], since: float, until: float) -> None:
    assert cli.run("metrics", *arguments).returncode == 0
    assert daemon.requests == [recovery_pb2.GetMetricsRequest(since=since, until=until)]


def test_the_last_day_is_shown_unless_something_else_is_said(cli: Cli, daemon: CannedDaemon) -> None:
    cli.run("metrics")
    [request] = daemon.requests
    assert isinstance(request, recovery_pb2.GetMetricsRequest)
    assert request.since > 1_700_000_000.0


def test_a_daemon_that_has_seen_nothing_says_so(cli: Cli, daemon: CannedDaemon) -> None:
    goal = recovery_pb2.Figure(name="success_ratio", unit="ratio", goal=0.95, goal_kind="above")
    daemon.answers["GetMetrics"] = recovery_pb2.GetMetricsResponse(figures=[goal], until=1.0)
    lines = cli.run("metrics").stdout.splitlines()
    assert lines[0] == "whether the goals are met is not known: nothing has happened"
    assert lines[1] == "no ticket has ended"


@pytest.mark.parametrize(
    ("ratio", "said"),
    [(1.0, "100 %"), (0.999999, "99.999 %"), (0.9995, "99.95 %"), (0.955, "95.5 %"), (0.5, "50 %"), (0.0, "0 %")],
)
def test_a_share_is_never_rounded_up_to_everything(ratio: float, said: str) -> None:
    assert figures.share(ratio) == said


def test_a_figure_that_is_newer_than_error_cli_has_its_own_name() -> None:
    newer = recovery_pb2.Figure(name="mean_time_to_panic_s", scope="host", subject="web-1", unit="s", value=2.0)
    assert (figures.name(newer), figures.value(newer), figures.goal(newer)) == (
        "mean time to panic of web-1",
        "2 s",
        "-",
    )
