"""Other definitions are taken by all parts, whatever the record has room for; and a signal is never lost without a word."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import pytest

from error_daemon.core.brakes.pause import Pause
from error_daemon.errors import StoreUnavailable
from error_daemon.model import Definitions, Target
from error_daemon.runtime.pauses import PauseFile
from error_daemon.runtime.reload import Reloader, Takers
from error_daemon.runtime.systemd import Notifier
from error_daemon.settings import Settings
from tests.runtime.joined import Joined

DEFINITIONS = """
version: 1
targets: {shop: {kind: service}}
strategies: {fix: {kind: exec, command: [/bin/true]}}
rules: [{id: shop, when: {component: shop}, target: shop, ladder: {3: [fix]}}]
"""
PATIENCE_S = 60.0


class Reloading:
    def __init__(self, directory: Path) -> None:
        self.joined = Joined(directory)
        self.definitions = directory / "definitions"
        self.definitions.mkdir()
        (self.definitions / "shop.yaml").write_text(DEFINITIONS)
        self.pauses = PauseFile(directory / "pauses.json")
        self.told: list[Mapping[str, Target]] = []
        self.prepared = Definitions()
        takers = Takers(self.joined.loop, self.joined.audit, self.pauses, Notifier(), (self.take,), self)
        settings = Settings(definitions_dir=str(self.definitions))
        self.reloader = Reloader(settings, None, self.joined.clock, takers)

    def take(self, targets: Mapping[str, Target]) -> None:
        self.told.append(targets)

    async def prepare(self, definitions: Definitions) -> None:
        self.prepared = definitions

    def define(self, definitions: Definitions) -> None:
        assert definitions is self.prepared

    def rules(self) -> list[str]:
        return [rule.id for rule in self.joined.engine.definitions.rules]

    async def hang_up(self) -> None:
        self.reloader.open()
        self.reloader.signalled()
        assert self.reloader._signalled is not None
        await asyncio.wait_for(self.reloader._signalled, PATIENCE_S)


def reloading(directory: Path, body: Callable[[Reloading], Awaitable[None]]) -> None:
    async def go() -> None:
        one = Reloading(directory)
        await one.joined.audit.begin()
        try:
            await body(one)
            await one.joined.audit.close()
        finally:
            one.joined.close()

    asyncio.run(go())


def test_a_reload_is_taken_and_answered_although_the_record_has_no_room_for_its_row(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def body(one: Reloading) -> None:
        one.joined.engine.pause(Pause("web", one.joined.clock.now(), 0.0, "maintenance", "ann"))
        one.pauses.save(one.joined.engine.pauses())
        one.joined.store.refuse_table, one.joined.store.refusal = "audit", StoreUnavailable("no more are kept")
        said = await one.reloader.reload("ann")
        assert (said.is_in_force, said.pauses_dropped, one.rules()) == (True, ("web",), ["shop"])
        assert [sorted(targets) for targets in one.told] == [["shop"]]
        assert one.pauses.load(one.joined.clock.now()) == [], "what was dropped does not come back with a restart"
        (one.definitions / "shop.yaml").write_text(DEFINITIONS.replace("ladder", "lader"))
        refused = await one.reloader.reload("ann")
        assert (refused.is_in_force, one.rules()) == (False, ["shop"])
        assert any("lader" in problem.message for problem in refused.problems)

    reloading(tmp_path, body)
    assert "audit_not_copied" in capsys.readouterr().out
    acts = [json.loads(line)["action"] for line in (tmp_path / "audit.log").read_bytes().splitlines()]
    assert acts == ["resume", "reload", "reload"], "of the pause, of the reload, of the one refused"


def test_what_a_person_reloads_is_in_the_audit_with_their_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def body(one: Reloading) -> None:
        await one.reloader.reload("ann")
        await one.joined.audit.kept()
        [(_, row)] = [each for each in one.joined.store.rows if each[0] == "audit"]
        assert (row["action"], row["subject"], row["actor"]) == ("reload", "definitions", "ann")

    reloading(tmp_path, body)
    assert "[user_action] reload " in capsys.readouterr().out


def test_a_signal_that_cannot_be_answered_is_logged_and_the_next_one_is_answered(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def body(one: Reloading) -> None:
        with monkeypatch.context() as without:
            without.setattr("sys.executable", "/nowhere/python")
            await one.hang_up()
        assert one.rules() == ["web", "seen"]
        await one.hang_up()
        assert one.rules() == ["shop"]

    reloading(tmp_path, body)
    said = capsys.readouterr().out
    assert said.count("reload_failed") == 1
    assert "no process can be started for the examination of the definitions" in said
    assert "the definitions in force stay" in said


def test_one_that_breaks_when_the_engine_has_them_already_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def body(one: Reloading) -> None:
        monkeypatch.setattr(one, "told", None)
        await one.hang_up()
        assert one.rules() == ["shop"]

    reloading(tmp_path, body)
    assert "the engine has the new definitions all the same" in capsys.readouterr().out
