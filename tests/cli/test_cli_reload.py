"""`error-cli reload`: what has changed, and what is wrong."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from error_recovery.v1 import recovery_pb2

if TYPE_CHECKING:
    from tests.cli.conftest import CannedDaemon, Cli


def test_what_has_changed_is_shown_with_what_it_was_and_what_it_did(cli: Cli, daemon: CannedDaemon) -> None:
    done = cli.run("reload", SUDO_USER="ann")
    assert done.stdout.splitlines() == [
        "added    target shop",
        "changed  rule web-down",
        '           ladder.3: ["restart"] → nothing',
        "2 changes, in force as 92bfc51dce7492ab; 2 tickets changed; 1 ticket ended; 1 attempt left to end",
    ]
    assert "the pause of postgres is dropped" in done.stderr
    assert "listen is another one in recovery.conf" in done.stderr
    assert daemon.requests == [recovery_pb2.ReloadRequest(by="ann")]


_ROUNDED_S = 0.1  # gRPC sends how long it waits rounded up, and takes it from a clock that was read before


@pytest.mark.parametrize(("asked", "least_s", "most_s"), [((), 30.0, 60.0), (("--timeout", "5"), 0.0, 5.0)])
def test_a_reload_waits_longer_unless_a_person_says_how_long(
    cli: Cli, daemon: CannedDaemon, asked: tuple[str, ...], least_s: float, most_s: float
) -> None:
    cli.run("reload", *asked)
    [waits_s] = daemon.callers_wait_s
    assert least_s < waits_s <= most_s + _ROUNDED_S


def test_a_dry_run_says_that_nothing_was_done(cli: Cli, daemon: CannedDaemon) -> None:
    daemon.answers["Reload"] = recovery_pb2.ReloadResponse()
    assert cli.run("reload", "--dry-run").stdout == "no change; nothing was done (dry run)\n"
    [request] = daemon.requests
    assert isinstance(request, recovery_pb2.ReloadRequest)
    assert request.dry_run


def test_what_is_wrong_is_refused_with_its_places_and_warnings_alone_are_not(cli: Cli, daemon: CannedDaemon) -> None:
    wrong = recovery_pb2.DefinitionProblem(file="a.yaml", line=3, column=5, message="no probe is called x", mend="y?")
    warning = recovery_pb2.DefinitionProblem(file="recovery.conf", line=1, column=1, message="odd", is_warning=True)
    daemon.answers["Reload"] = recovery_pb2.ReloadResponse(problems=[wrong, warning])
    refused = cli.run("reload")
    assert refused.returncode == 5
    assert "a.yaml:3:5: error: no probe is called x (y?)" in refused.stderr
    assert "recovery.conf:1:1: warning: odd" in refused.stderr
    as_json = cli.run("reload", "--json")
    assert (as_json.returncode, len(json.loads(as_json.stdout)["problems"])) == (5, 2)
    daemon.answers["Reload"] = recovery_pb2.ReloadResponse(is_in_force=True, problems=[warning])
    assert cli.run("reload").returncode == 0
