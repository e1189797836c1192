"""Who is asking, as the daemon sees it."""

from __future__ import annotations

from error_daemon.model.access import Caller, Role
from error_daemon.rpc.caller_service import caller_service
from error_daemon.web.api.api import routes
from tests.fakes.open_gate import OpenGate
from tests.rpc.serving import run
from tests.web.serving_web import serving


def test_a_caller_hears_their_name_and_their_roles() -> None:
    ann = Caller("token ann", "token:ann", frozenset({Role.OPERATOR, Role.AUDITOR}))

    async def test() -> None:
        async with serving(gate=OpenGate(ann), routes=routes([caller_service()])) as http:
            told = await http.ask("GET", "/api/caller")
            assert told.content == {"name": "token ann", "roles": ["auditor", "operator"]}

    run(test())


def test_whom_nobody_vouches_for_has_no_name() -> None:
    async def test() -> None:
        async with serving(routes=routes([caller_service()])) as http:
            assert (await http.ask("GET", "/api/caller")).content == {"name": "", "roles": ["operator"]}

    run(test())
