"""What nobody caught is in the log."""

from __future__ import annotations

import asyncio

import uvloop
from structlog.testing import capture_logs

from error_daemon.runtime.bugs import log_bugs


def test_what_the_loop_reports_is_logged_as_a_bug_and_the_loop_goes_on() -> None:
    async def main() -> str:
        loop = asyncio.get_running_loop()
        log_bugs(loop)
        gone_on = loop.create_future()
        loop.call_soon(lambda: 1 // 0)
        loop.call_soon(gone_on.set_result, "on")
        return str(await gone_on)

    with capture_logs() as said:
        assert uvloop.run(main()) == "on"
    [bug] = said
    assert (bug["event"], bug["log_level"]) == ("bug", "critical")
    assert isinstance(bug["exc_info"], ZeroDivisionError)
