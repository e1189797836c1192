"""How long the daemon could not act: counted whatever kept it from acting, and told to the engine before anything else that is due."""

from __future__ import annotations

import asyncio
from pathlib import Path

from error_daemon.core.effects import TimePassed
from error_daemon.runtime.standstill import Standstill
from tests.execute.test_deadlines import Host
from tests.runtime.joined import Joined, web_fault
from tests.waiting import soon


def test_what_a_quota_withholds_in_slices_is_counted(tmp_path: Path) -> None:
    host = Host(tmp_path)

    async def main() -> float:
        standstill = Standstill(host.counters())
        standstill.start()
        before_s = standstill.stood_s()
        host.throttle(0.5)
        await soon("it is counted", lambda: standstill.stood_s() > before_s)
        counted_s = standstill.stood_s()
        standstill.stop()
        return counted_s - before_s

    assert 0.4 < asyncio.run(main()) < 10.0


def test_nothing_is_counted_before_the_start(tmp_path: Path) -> None:
    standstill = Standstill(Host(tmp_path).counters())
    assert standstill.stood_s() == 0.0
    standstill.stop()


def test_the_engine_hears_of_it_before_what_is_due(tmp_path: Path) -> None:
    async def main() -> None:
        joined = Joined(tmp_path)
        stood_s = 0.0
        joined.loop.excuse(lambda: stood_s)
        try:
            joined.intake.take(web_fault())
            board = joined.loop.engine._board
            stood_s = 40.0
            joined.loop.feed(TimePassed())
            assert board.stood_s == 40.0
            joined.loop.feed(TimePassed())
            assert board.stood_s == 40.0
            stood_s = 41.5
            joined.loop.feed(TimePassed())
            assert board.stood_s == 41.5
        finally:
            joined.close()

    asyncio.run(main())
