"""
What monitoring systems and those who start and stop daemons ask over HTTP.

    GET /metrics     as Prometheus wants it (exposition.py)     for who may see: auditor, operator
    GET /healthz     200 while it lives, else 503               for everybody who may connect, as gRPC health is
    GET /readyz      200 while faults should be sent, else 503  likewise

Both health pages say why in JSON: {"status": "ok" | "degraded" | "failed", "checks": [{"name", "ok", "says"}]}. What they say names no
target, no error and no file.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from error_daemon.errors import ErrorRecoveryError
from error_daemon.exchange import Answer, Request, Route, Whole
from error_daemon.model.access import Caller
from error_daemon.runtime.health import Check, Judgement
from error_daemon.runtime.monitoring.catalogue import CATALOGUE
from error_daemon.runtime.monitoring.exposition import Format, head, lines, wanted
from error_daemon.runtime.monitoring.scene import Monitored, Turns, scene_of
from error_daemon.web.problem import problem

_MOST_BYTES = 1024  # of a body that nobody needs
_FRESH = {"cache-control": "no-store"}


class MonitoringRoutes:
    def __init__(self, seen: Monitored, judge: Callable[[], Judgement]) -> None:
        self._seen = seen
        self._judge = judge

    def routes(self) -> Sequence[Route]:
        return [
            Route(("GET",), "/metrics", "http/metrics", self._metrics, _refused, _MOST_BYTES),
            Route(("GET",), "/healthz", "http/health", self._live, _refused, _MOST_BYTES),
            Route(("GET",), "/readyz", "http/health", self._ready, _refused, _MOST_BYTES),
        ]

    def _metrics(self, request: Request, _caller: Caller) -> Whole:
        form = wanted(request.headers.get("accept", ""))
        return Whole(lambda _body: self._answer(form))

    async def _answer(self, form: Format) -> Answer:
        return Answer(200, (await exposed(self._seen, form)).encode(), form.content_type, _FRESH)

    def _live(self, _request: Request, _caller: Caller) -> Whole:
        return Whole(lambda _body: _health(self._judge(), lambda judgement: judgement.is_live))

    def _ready(self, _request: Request, _caller: Caller) -> Whole:
        return Whole(lambda _body: _health(self._judge(), lambda judgement: judgement.is_ready))


async def exposed(seen: Monitored, form: Format) -> str:
    """All metrics. Others have their turns meanwhile, so it is not one moment: each metric is whole by itself."""
    scene = await scene_of(seen)
    turns = Turns(seen.clock)
    pieces: list[str] = []
    for metric in CATALOGUE:
        pieces.append(head(metric, form))
        for labels, value in metric.read(scene):
            pieces.append(lines(metric, labels, value))
            await turns.share()
        await turns.share()
    if form.is_open_metrics:
        pieces.append("# EOF\n")
    return "".join(pieces)


def _health(judgement: Judgement, is_well: Callable[[Judgement], bool]) -> Answer:
    if not is_well(judgement):
        status, word = 503, "failed"
    else:
        status, word = 200, "degraded" if judgement.is_degraded else "ok"
    body = json.dumps({"status": word, "checks": [_told(check) for check in judgement.checks]})
    return Answer(status, body.encode(), headers=_FRESH)


def _told(check: Check) -> dict[str, object]:
    return {"name": check.name, "ok": check.is_good, "says": check.says}


def _refused(_request: Request, error: ErrorRecoveryError) -> Answer:
    return problem(error)
