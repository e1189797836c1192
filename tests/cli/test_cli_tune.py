"""`error-cli tune`: what it shows, and that it changes nothing unasked. tests/tuning has what it sets; tests/box does so for real."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import pytest

from error_cli.tune import AREAS, _what
from error_cli.tune_page import print_done, print_plans
from error_daemon.tuning import change

if TYPE_CHECKING:
    from tests.cli.conftest import Cli

FILE = "file:/etc/sysctl.d/61-error-recovery-tune.conf"


def a_change(knob: str, now: str | None, proposed: str | None, area: str = "sysctl") -> dict[str, Any]:
    return {
        "area": area,
        "knob": knob,
        "now": now,
        "proposed": proposed,
        "why": "it is short",
        "does": "set it",
        "then": "",
    }


def told(*changes: dict[str, Any], **more: Any) -> dict[str, Any]:
    plans = [
        {"area": area, "changes": [one for one in changes if one["area"] == area], "lacks": []}
        for area in ("sysctl", "nic")
    ]
    return {"plans": plans, "done": [], "kept": [], "only_by_name": ["firewall", "nic"], **more}


def came(knob: str, how: str, before: str | None = None, after: str | None = None, says: str = "") -> dict[str, Any]:
    return {"area": "sysctl", "knob": knob, "came": how, "before": before, "after": after, "says": says}


def test_it_shows_this_host_and_changes_nothing(cli_alone: Cli) -> None:
    before = Path("/proc/sys/net/core/somaxconn").read_text()
    done = cli_alone.run("tune")
    assert done.returncode == 0, done.stderr
    for area in AREAS:
        assert f"\n{area}\n" in done.stdout
    assert Path("/proc/sys/net/core/somaxconn").read_text() == before
    assert not Path("/etc/sysctl.d/61-error-recovery-tune.conf").exists()


def test_json_has_the_plans_of_the_areas_that_are_named(cli_alone: Cli) -> None:
    document = json.loads(cli_alone.run("tune", "show", "limits", "sysctl", "--json").stdout)
    assert [plan["area"] for plan in document["plans"]] == ["sysctl", "limits"]


def test_it_knows_the_areas_that_the_daemon_knows() -> None:
    assert AREAS == change.AREAS


def test_each_change_has_what_is_why_and_what_would_be_done(capsys: pytest.CaptureFixture[str]) -> None:
    print_plans(
        told(
            a_change("value:net.core.somaxconn", "128", "4096"),
            a_change("value:fs.file-max", "9", "9"),
            a_change(FILE, None, "a\nb\n"),
            a_change("ring:eth0:rx", "256", "4096", "nic"),
        )
    )
    assert capsys.readouterr().out == (
        "\nsysctl\n"
        "  net.core.somaxconn   128 → 4096\n      why: it is short\n      does: set it\n"
        "  /etc/sysctl.d/61-error-recovery-tune.conf   new\n      why: it is short\n      does: set it\n"
        "  good already: fs.file-max 9\n"
        "\nnic\n"
        "  eth0 rx ring   256 → 4096\n      why: it is short\n      does: set it\n"
        "\n3 changes proposed, nothing was done. To do it: sudo error-cli tune --apply\n"
        "nic may cut a connection, and is applied only by name: sudo error-cli tune nic --apply\n"
    )


def test_what_was_done_what_was_not_and_how_to_take_it_back_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    done = [
        came("value:net.core.somaxconn", "set", "128", "4096"),
        came(FILE, "failed", says="No space left on device"),
    ]
    ring = a_change("ring:eth0:rx", "256", "4096", "nic")
    print_done(told(ring, done=done, kept=[{"knob": "value:net.core.somaxconn"}]), "apply")
    assert capsys.readouterr().out == (
        "  set       net.core.somaxconn   128 → 4096\n"
        "  FAILED    /etc/sysctl.d/61-error-recovery-tune.conf\n      No space left on device\n"
        "nic was left out: it may cut a connection. error-cli tune nic --apply\n"
        "to take it back: error-cli tune --undo\n"
    )


def test_nothing_to_undo_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    print_done(told(), "undo")
    assert capsys.readouterr().out == "nothing to do: nothing was set by `error-cli tune --apply`\n"


def test_who_is_not_root_hears_so_before_anything_is_done(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(click.UsageError, match="needs root: write sudo before it"):
        _what((), applies=True, undoes=False)
    assert capsys.readouterr().err == "error-cli: nothing was changed\n"
    assert _what(("show", "nic"), applies=False, undoes=False) == "show"


@pytest.mark.parametrize("arguments", [["--apply", "--undo"], ["show", "--apply"], ["sysctls"]], ids=" ".join)
def test_a_wrong_command_line_changes_nothing(cli_alone: Cli, arguments: list[str]) -> None:
    done = cli_alone.run("tune", *arguments)
    assert done.returncode == 2
    assert done.stdout == ""
