"""A daemon's end: what is in memory is kept, whatever part fails on the way."""

from __future__ import annotations

import asyncio
from pathlib import Path

import duckdb
import pytest

from error_daemon.audit.files import FILE_NAME
from error_daemon.audit.verifying import verify_all
from error_daemon.model import Definitions
from error_daemon.runtime.daemon import Daemon
from error_daemon.runtime.early_deaths import early_deaths
from error_daemon.settings import Settings
from error_daemon.store.schema import RECORD_FILE


@pytest.mark.parametrize("broken", ["health.stop", "hooks.stop", "pool.stop", "own_acts.close", "upkeep.close"])
def test_what_fails_at_the_end_keeps_nothing_from_being_kept(
    broken: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails() -> None:
        raise TypeError("a bug")

    async def go() -> None:
        daemon = Daemon(Settings(state_dir=str(tmp_path)), Definitions(), dict, early_deaths(False))
        parts = daemon._parts
        await parts.store.start()
        await parts.audit.begin()
        parts.audit.acted("pause", "shop", {}, "ann")
        part, method = broken.split(".")
        monkeypatch.setattr(getattr(parts, part), method, fails)
        await daemon._stop_edges()

    asyncio.run(go())
    assert (tmp_path / FILE_NAME).read_text().count('"action":"stopped"') == 1
    assert verify_all(tmp_path / FILE_NAME, [])[0].broken is None
    with duckdb.connect(str(tmp_path / RECORD_FILE), read_only=True) as record:
        assert record.execute("SELECT action FROM audit ORDER BY sequence").fetchall() == [("pause",), ("stopped",)]
    assert capsys.readouterr().out.count("a bug") >= 1
