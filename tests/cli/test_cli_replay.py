"""`error-cli replay`: what is sent, how far it is, what came of it, and what is too much."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from error_recovery.v1 import recovery_pb2
from tests.cli import canned

if TYPE_CHECKING:
    from tests.cli.conftest import CannedDaemon, Cli


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "b.yaml").write_text("version: 1\n")
    (tmp_path / "a.yaml").write_text("# é\n")
    (tmp_path / "notes.txt").write_text("not sent")
    (tmp_path / ".hidden").mkdir()
    (tmp_path / ".hidden" / "x.yaml").write_text("not sent")
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "c.yml").write_text("may be included")
    return tmp_path


def test_the_definitions_and_the_range_are_sent(cli: Cli, daemon: CannedDaemon, directory: Path) -> None:
    options = ["--since", "2023-11-14 22:00", "--until", "2023-11-14 23:00", "--seed", "7"]
    assert cli.run("replay", "--definitions", str(directory), *options).returncode == 0
    assert daemon.requests == [
        recovery_pb2.ReplayRequest(
            files=[
                recovery_pb2.DefinitionFile(name="a.yaml", text="# é\n"),
                recovery_pb2.DefinitionFile(name="b.yaml", text="version: 1\n"),
                recovery_pb2.DefinitionFile(name="lib/c.yml", text="may be included"),
            ],
            since=1_699_999_200.0,
            until=1_700_002_800.0,
            seed=7,
        )
    ]


def test_the_sums_stand_beside_each_other_and_estimates_show_their_interval(cli: Cli, directory: Path) -> None:
    done = cli.run("replay", "--definitions", str(directory))
    assert "downtime                  4 min 12 s  1 min 1 s  38 s and 2 min   -76 %\n" in done.stdout
    assert "3 decided as they were, 1 otherwise, 1 no more, 0 new\n" in done.stdout
    assert "of the tickets now 2 are known from the record, 1 estimated, 1 unknown\n" in done.stdout
    assert (
        "reconnect-db for database: taken to help in 80 % of cases (60 % to 95 %), from 12.0 samples\n" in done.stdout
    )
    assert "failover-db for database: never tried anywhere, nothing is known of it\n" in done.stdout
    assert "1 fault made up" in done.stdout
    assert done.stderr == ""


def test_each_ticket_that_goes_otherwise_is_told(cli: Cli, directory: Path) -> None:
    out = cli.run("replay", "--definitions", str(directory)).stdout
    assert "    then  restart-db → recovered after 5 s\n" in out
    assert "now   reconnect-db, restart-db → recovered after 1 s; 80 % of the drawn courses recover" in out
    assert "    reconnect-db at level 2 instead of restart-db at level 3\n" in out
    assert "    now   no ticket: it was well by then\n" in out


def test_json_is_the_whole_document_of_the_daemon(cli: Cli, directory: Path) -> None:
    done = cli.run("replay", "--definitions", str(directory), "--json")
    assert json.loads(done.stdout) == {"totals": {"same": 3}, "compared": []}


def test_a_bar_shows_how_far_it_is_and_is_gone_in_the_end(cli: Cli, directory: Path) -> None:
    _, seen = cli.run_on_terminal("replay", "--definitions", str(directory), NO_COLOR="1")
    assert "██████░░░░░░░░░░░░░░░░░░  25 %  reading the record" in seen
    assert seen.index("running it") < seen.index("\r\x1b[Kreplay of 2023-11-13")


def test_a_replay_in_which_all_is_known_says_that_nothing_is_estimated(
    cli: Cli, daemon: CannedDaemon, directory: Path
) -> None:
    result = recovery_pb2.ReplayResult(same=3, known=3, start_at=canned.LONG_AGO, until=canned.LONG_AGO + 1)
    daemon.answers["Replay"] = [recovery_pb2.ReplayEvent(done_ratio=1.0, result=result)]
    out = cli.run("replay", "--definitions", str(directory)).stdout
    assert "everything in it is in the record: nothing is estimated\n" in out
    assert "what would have gone otherwise" not in out


def test_every_problem_of_the_definitions_is_shown_where_it_stands(
    cli: Cli, daemon: CannedDaemon, directory: Path
) -> None:
    problem = recovery_pb2.DefinitionProblem
    text = "  - {id: r, taget: web}"
    problems = [
        problem(
            file="a.yaml",
            line=3,
            column=13,
            message="unknown key 'taget'",
            mend="did you mean target?",
            width=5,
            text=text,
        ),
        problem(file="b.yaml", message="defines nothing"),
    ]
    daemon.answers["Replay"] = [recovery_pb2.ReplayEvent(problems=problems)]
    done = cli.run("replay", "--definitions", str(directory))
    assert (done.returncode, done.stdout) == (5, "")
    assert done.stderr.splitlines() == [
        "error-cli: 2 errors in the definitions",
        "  a.yaml:3:13: error: unknown key 'taget' (did you mean target?)",
        "      3 |   - {id: r, taget: web}",
        "        |             ^^^^^",
        "  b.yaml: error: defines nothing",
    ]


def test_a_daemon_that_stops_meanwhile_is_no_result(cli: Cli, daemon: CannedDaemon, directory: Path) -> None:
    daemon.answers["Replay"] = [recovery_pb2.ReplayEvent(phase="reading", done_ratio=0.5)]
    done = cli.run("replay", "--definitions", str(directory))
    assert (done.returncode, done.stdout) == (6, "")
    assert "ended the replay" in done.stderr


def _many(directory: Path) -> None:
    for number in range(101):
        (directory / f"{number}.yaml").write_text("")


def _large(directory: Path) -> None:
    (directory / "large.yaml").write_text("#" * ((1 << 20) + 1))


def _large_together(directory: Path) -> None:
    for number in range(5):
        (directory / f"{number}.yaml").write_text("#" * (1 << 20))


def _binary(directory: Path) -> None:
    (directory / "binary.yaml").write_bytes(b"\xff\xfe")


def _nothing(directory: Path) -> None:
    for path in directory.rglob("*.y*ml"):
        path.unlink()


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_many, "files *.yaml; at most 100"),
        (_large, "large.yaml has more than 1,048,576 bytes"),
        (_large_together, "bytes of definitions; at most"),
        (_binary, "binary.yaml is not UTF-8"),
        (_nothing, "has no *.yaml"),
    ],
)
def test_what_is_too_much_or_nothing_is_told_before_anything_is_sent(
    cli: Cli, daemon: CannedDaemon, directory: Path, spoil: object, said: str
) -> None:
    spoil(directory)  # type: ignore[operator]
    done = cli.run("replay", "--definitions", str(directory))
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert daemon.requests == []
