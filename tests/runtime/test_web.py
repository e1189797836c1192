"""HTTP is no condition of recovery: where its address is taken, the daemon goes on without, says so, and tries again."""

from __future__ import annotations

import asyncio
import socket

from error_daemon.calls import Transport
from error_daemon.model import Standing
from error_daemon.runtime.clock import SteadyClock
from error_daemon.runtime.web import Web
from error_daemon.web.server import WebServer
from tests.fakes.open_gate import OpenGate
from tests.rpc.serving import run, until
from tests.web.serving_web import LIMITS


def web(listen: str) -> Web:
    server = WebServer(LIMITS, lambda _action, _error: None, OpenGate(), Transport(), SteadyClock())
    return Web(server, listen, again_s=0.01)


def test_an_address_that_is_taken_is_tried_again_until_it_is_free() -> None:
    async def test() -> None:
        taken = socket.create_server(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        one = web(address)
        await one.start()
        assert one.address == ""
        [told] = one.diagnostics()
        assert told.standing is Standing.BAD
        assert f"cannot listen on {address}" in told.says
        assert "http.listen" in told.says
        taken.close()
        await until(lambda: one.address == address)
        [told] = one.diagnostics()
        assert (told.standing, told.says) == (Standing.GOOD, f"{address}: 0 requests at the moment")
        await one.stop(0)

    run(test())


def test_it_can_be_stopped_while_it_tries() -> None:
    async def test() -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            one = web(f"127.0.0.1:{taken.getsockname()[1]}")
            await one.start()
            await one.stop(0)

    run(test())


def test_an_empty_address_serves_nowhere_and_says_so() -> None:
    async def test() -> None:
        one = web("")
        await one.start()
        [told] = one.diagnostics()
        assert told.standing is Standing.UNAVAILABLE
        await asyncio.wait_for(one.stop(0), 1)

    run(test())
