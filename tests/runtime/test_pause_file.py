"""What people have paused, as it is kept over a restart."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from error_daemon.core.brakes.pause import ALL, Pause
from error_daemon.runtime.pauses import PauseFile

NOW = 1_800_000_000.0
ENTRY = {"target": "db", "at": NOW, "until": 0.0, "reason": "moving", "by": "ann"}


def test_what_was_paused_is_paused_again(tmp_path: Path) -> None:
    pauses = [Pause(ALL, NOW, NOW + 60.0, "deploy", "ann"), Pause("db", NOW, 0.0, "", "")]
    file = PauseFile(tmp_path / "pauses.json")
    assert file.load(NOW) == []
    file.save(pauses)
    assert file.load(NOW + 1.0) == pauses
    assert file.load(NOW + 60.0) == pauses[1:], "whose time was up meanwhile is over"
    file.save([])
    assert file.load(NOW) == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "null",
        "[1]",
        "[" * 100_000,
        "\x00\xff",
        json.dumps([{**ENTRY, "until": "NaN"}]),
        '[{"target": "db", "at": 1.0, "until": NaN, "reason": "", "by": ""}]',
        '[{"target": "db", "at": 1.0, "until": Infinity, "reason": "", "by": ""}]',
        json.dumps([{**ENTRY, "until": 1e300}]),
        json.dumps([{**ENTRY, "until": -1.0}]),
        json.dumps([{**ENTRY, "until": int("9" * 400)}]),
        json.dumps([{**ENTRY, "target": None}]),
        json.dumps([{**ENTRY, "more": 1}]),
        json.dumps([{"target": "db"}]),
    ],
)
def test_a_file_that_nobody_can_read_pauses_everything(tmp_path: Path, text: str) -> None:
    path = tmp_path / "pauses.json"
    path.write_bytes(text.encode("latin-1"))
    [pause] = PauseFile(path).load(NOW)
    assert (pause.target, pause.until) == (ALL, 0.0)
    assert str(path) in pause.reason


def test_a_directory_in_its_place_pauses_everything(tmp_path: Path) -> None:
    (tmp_path / "pauses.json").mkdir()
    assert [pause.target for pause in PauseFile(tmp_path / "pauses.json").load(NOW)] == [ALL]
