"""From what the recovery loop does to the spans of a trace, with the real engine, and on a clock that the test moves."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from error_daemon.core import effects as fx
from error_daemon.model import ReadingValue
from error_daemon.runtime.exporting.spans import Span
from error_daemon.runtime.exporting.stories import Stories
from tests.rpc.serving import run
from tests.runtime.joined import Joined, web_fault


class Told:
    """A joined middle that is listened to."""

    def __init__(self, directory: Path, ratio: float = 1.0) -> None:
        self.joined = Joined(directory)
        self.told: list[Sequence[Span]] = []
        self.left_out = 0
        self.stories = Stories(
            self.joined.engine,
            self.joined.clock,
            ratio,
            "this one",
            on_story=self.told.append,
            on_left_out=self._count,
        )
        self.stories.listen(self.joined.loop)

    def _count(self, spans: int) -> None:
        self.left_out += spans

    def recover(self) -> None:
        joined = self.joined
        joined.intake.take(web_fault())
        joined.clock.at += 1.0
        joined.end(joined.executor.attempts[-1])
        joined.clock.at += 1.0
        joined.see(joined.executor.rounds[-1])


async def _told() -> None:
    """What was noted is looked at in the next turns."""
    for _ in range(3):
        await asyncio.sleep(0)


def test_a_recovery_is_told_when_it_has_ended_and_the_loop_has_turned(tmp_path: Path) -> None:
    async def go() -> None:
        told = Told(tmp_path)
        told.recover()
        assert told.told == []
        await _told()
        [spans] = told.told
        assert [span.name for span in spans][:1] == ["recovery web"]
        assert {span.name.split()[0] for span in spans[1:]} == {"decide", "attempt", "verify", "probe"}
        took = {span.name.split()[0]: span.ended_at - span.begun_at for span in spans}
        assert (took["recovery"], took["verify"]) == (2.0, 1.0)
        assert told.left_out == 0
        told.joined.close()

    run(go())


def test_traces_that_are_not_sampled_are_not_told(tmp_path: Path) -> None:
    async def go() -> None:
        told = Told(tmp_path, ratio=0.0)
        told.recover()
        await _told()
        assert (told.told, told.left_out) == ([], 0)
        told.joined.close()

    run(go())


def test_a_look_before_anything_is_done_is_a_span_of_its_own(tmp_path: Path) -> None:
    async def go() -> None:
        told = Told(tmp_path)
        joined = told.joined
        joined.intake.take(web_fault(), is_trusted=False)  # a claim is looked at first
        joined.see(joined.executor.rounds[-1], ReadingValue.NOT_OK)
        joined.end(joined.executor.attempts[-1])
        joined.see(joined.executor.rounds[-1])
        await _told()
        [spans] = told.told
        names = [span.name.split()[0] for span in spans]
        assert names.index("look") < names.index("decide") < names.index("verify")
        joined.close()

    run(go())


def test_a_ticket_whose_end_was_not_heard_of_is_forgotten(tmp_path: Path) -> None:
    async def go() -> None:
        told = Told(tmp_path)
        told.joined.intake.take(web_fault())
        await _told()
        told.joined.loop._carry[fx.SaveTicket] = lambda _effect: None
        told.joined.end(told.joined.executor.attempts[-1])
        told.joined.see(told.joined.executor.rounds[-1])
        await _told()
        told.stories.look()
        assert told.told == []
        assert told.left_out > 0
        told.stories.look()
        before = told.left_out
        told.stories.look()
        assert told.left_out == before
        told.joined.close()

    run(go())
