"""Targets, scores and the host: what is asked of the daemon, and what a person reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from error_recovery.v1 import view_pb2

if TYPE_CHECKING:
    from tests.cli.conftest import CannedDaemon, Cli


def test_targets_say_how_they_are_and_what_they_need(cli: Cli) -> None:
    done = cli.run("targets")
    _, database, shop = done.stdout.splitlines()
    assert database.split()[:2] == ["db", "failing"]
    assert "75 %   99.995 %" in database
    assert database.endswith("beef (2 more) is parked: waits; PAUSED; breaker open")
    assert shop.endswith("; needs db")
    assert "are being worked out" in done.stderr


def test_one_target_is_shown_whole(cli: Cli, daemon: CannedDaemon) -> None:
    out = cli.run("targets", "db").stdout
    assert out.startswith("target db is failing\n")
    for said in (
        "  needed by       shop\n",
        "  errors          3 open, 1 of them failed, 2 waiting\n",
        "  target breaker  open until 2023-11-14 22:13:20",
        "  pause           paused: maintenance\n",
        "  24 hours        12 attempts, 75 % helped\n",
        "probe port not ok after 10 ms: refused",
    ):
        assert said in out
    [request] = daemon.requests
    assert isinstance(request, view_pb2.ListTargetsRequest)
    assert request.target == "db"


def test_scores_say_how_sure_they_are_and_draw_their_course(cli: Cli, daemon: CannedDaemon) -> None:
    done = cli.run("scores", "--by", "level", "--type", "network", "--level", "3", "--since", "30d")
    header, row = done.stdout.splitlines()
    assert header.split()[:4] == ["STRATEGY", "TYPE", "LEVEL", "ATTEMPTS"]
    assert row.split() == [
        "restart-db",
        "network",
        "3",
        "20",
        "100",
        "%",
        "0",
        "to",
        "100",
        "%",
        "0.800",
        "0.000",
        "▁▃▅▆█",
    ]
    assert "and 2 lines more" in done.stderr
    [request] = daemon.requests
    assert isinstance(request, view_pb2.ListScoresRequest)
    assert (request.by, request.error_type, request.level) == ("level", "network", 3)


def test_where_nothing_was_attempted_it_says_so(cli: Cli, daemon: CannedDaemon) -> None:
    daemon.answers["ListScores"] = view_pb2.ListScoresResponse()
    assert "nothing was attempted" in cli.run("scores").stderr
    daemon.answers["ListTargets"] = view_pb2.ListTargetsResponse()
    assert "no target is defined" in cli.run("targets").stderr
    daemon.answers["GetHost"] = view_pb2.GetHostResponse()
    assert "error-cli diagnose says why" in cli.run("host").stderr


def test_the_host_shows_each_figure_with_its_threshold(cli: Cli) -> None:
    out = cli.run("host").stdout
    assert "heat    unavailable  no thermal zone" in out
    steal, switches, margin, late, running = out.splitlines()[-5:]
    assert steal.split() == ["steal_ratio", "25", "%", "20", "%", "▁▄█"]
    assert switches.split() == ["context_switches_per_s", "1,234.5/s"]
    assert margin.split() == ["to_critical_celsius", "40", "°C", "≤", "5", "°C"]
    assert late.split() == ["loop_late_s", "0", "s"]
    assert running.split() == ["processes_running", "-"]


def test_only_some_figures_are_shown_without_the_sensors(cli: Cli, daemon: CannedDaemon) -> None:
    out = cli.run("host", "--figure", "steal", "--for", "5m").stdout
    assert "SENSOR" not in out
    [request] = daemon.requests
    assert isinstance(request, view_pb2.GetHostRequest)
    assert (request.figure, request.last_s) == ("steal", 300.0)


@pytest.mark.parametrize("name", ["targets", "scores", "host"])
def test_a_narrow_screen_loses_nothing_and_is_not_overrun(cli: Cli, name: str) -> None:
    _, seen = cli.run_on_terminal(name, COLUMNS="60", NO_COLOR="1")
    assert max(map(len, seen.splitlines())) <= 60
    assert "…" not in seen
