"""
Alerts over HTTP: as a webhook of Alertmanager and of Grafana, and in the place of an Alertmanager, for those that push to one.

    POST /hooks/alertmanager            Alertmanager's webhook_configs
    POST /hooks/grafana                 a contact point of Grafana
    POST {prefix}/api/v2/alerts         Prometheus, Loki's ruler, vmalert, amtool, Grafana
    GET  {prefix}/api/v2/status         some ask whether an Alertmanager is there
    any  {prefix}/api/v1/alerts         gone, as it is in an Alertmanager, with a word of what to set

What they do with an answer, and so what is answered:

                              200     4xx                                     5xx, or none
    ------------------------  ------  --------------------------------------  ----------------------------------------
    Alertmanager's webhook    done    not again in this flush; the same at    again, with a backoff, until the flush
                                      the next group_interval                 ends; then at the next group_interval
    Grafana's webhook         done    as above                                as above, without the retries in between
    Prometheus, Loki,         done    dropped and counted; told again after   as 4xx
    vmalert                           the resend delay while it fires, and
                                      for 15 minutes once it is resolved

None of them understands 429: an Alertmanager takes it for a word that will never change. So "later" is 503, with Retry-After, and nobody
loses anything by it. 400 is for what is wrong in itself; the sound alerts of such a message are taken all the same, as Alertmanagers do.
vmalert takes nothing but 200 for done.

Sources: notify/util.go and notify/webhook/webhook.go of Alertmanager, notifier/notifier.go and rules/alerting.go of Prometheus,
app/vmalert/notifier/alertmanager.go of VictoriaMetrics, receivers/webhook/webhook.go of grafana/alerting.
"""

from __future__ import annotations

import asyncio
import json
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus

from error_daemon.calls import Gate
from error_daemon.errors import ErrorRecoveryError, InputError, TooLarge, TransientError
from error_daemon.exchange import NOBODY, Answer, Request, Route, Whole, bearer, retry_after, status_of
from error_daemon.ingest.acceptance import Acceptance
from error_daemon.ingest.alerts.alert import Message, notification, pushed
from error_daemon.ingest.alerts.fault import fault_of
from error_daemon.ingest.alerts.heard import Heard
from error_daemon.ingest.alerts.signature import is_signed, signing_token
from error_daemon.model.access import Caller
from error_daemon.ports import Clock

ACTION = "http/alerts"
MOST_BYTES = 4 << 20  # some 8,000 alerts, whose JSON costs the loop 15 ms
MOST_ALERTS = 20_000
_IN_A_TURN = 32  # alerts; a millisecond
_GONE = "alerts are taken at /api/v2/alerts: set api_version: v2 (in Loki, ruler.enable_alertmanager_v2: true)"

Read = Callable[[bytes], Message]


@dataclass(slots=True)
class Tally:
    """What has come since the start. `left_out`: by senders that put no more than so many alerts into a message."""

    resolved: int = 0
    wrong: int = 0
    left_out: int = 0


class AlertReceiver:
    """What is said of every alert is in `heard`, and then those that fire are handed in as faults."""

    def __init__(
        self,
        acceptance: Acceptance,
        heard: Heard,
        gate: Gate,
        clock: Clock,
        signing_tokens: Callable[[], Sequence[str]] = tuple,
    ) -> None:
        """`signing_tokens()`: those with which messages may be signed now."""
        self._acceptance = acceptance
        self._heard = heard
        self._gate = gate
        self._clock = clock
        self._signing_tokens = signing_tokens
        self.tally = Tally()

    def routes(self) -> list[Route]:
        made = [
            self._taking("/hooks/alertmanager", "alertmanager", notification),
            self._taking("/hooks/grafana", "grafana", notification),
        ]
        for prefix in ("", "/{prefix:path}"):
            made += [
                self._taking(f"{prefix}/api/v2/alerts", "prometheus", pushed),
                Route(("GET",), f"{prefix}/api/v2/status", ACTION, self._status, refused, 0, token_of),
                Route(("GET", "POST"), f"{prefix}/api/v1/alerts", ACTION, _gone, refused, MOST_BYTES, token_of),
            ]
        return made

    def _taking(self, place: str, source: str, read: Read) -> Route:
        def begin(request: Request, caller: Caller) -> Whole:
            if caller is NOBODY and not is_signed(request.headers):  # no token, nor anything that could still show one
                caller = self._gate.admit(request.peer, ACTION)
            return Whole(lambda body: take(body, request, caller))

        async def take(body: bytes, request: Request, caller: Caller) -> Answer:
            now = self._clock.now()
            if caller is NOBODY:
                token = signing_token(request.headers, body, self._signing_tokens(), now)
                caller = self._gate.admit(replace(request.peer, token=token), ACTION)
            return await self._take(read(body), caller, source)

        return Route(("POST",), place, ACTION, begin, refused, MOST_BYTES, token_of, says_who_later=True)

    async def _take(self, message: Message, caller: Caller, source: str) -> Answer:
        """Raises what the sender has to be told instead."""
        if len(message.said) > MOST_ALERTS:
            raise TooLarge(f"there are {len(message.said)} alerts; at most {MOST_ALERTS}")
        self.tally.left_out += message.left_out
        wrong: list[InputError] = []
        for start in range(0, len(message.said), _IN_A_TURN):
            if start:
                await asyncio.sleep(0)
            told = message.read(self._clock.now(), start, start + _IN_A_TURN)
            alerts = told.alerts
            self.tally.wrong += len(told.wrong)
            wrong += told.wrong
            for alert in alerts:  # first what is known, for whoever looks because of the fault
                self._heard.hear(alert, self._clock.now(), caller)
            firing = [fault_of(alert, source) for alert in alerts if alert.is_firing]
            resolved = len(alerts) - len(firing)
            self.tally.resolved += resolved
            self._acceptance.tally.passed_over += resolved
            if firing:
                accepted = await self._acceptance.take(firing, caller)
                if accepted.left:
                    raise TransientError("not all alerts could be taken", accepted.retry_after_s)
                wrong += accepted.refused
        if wrong:
            raise InputError("alerts", f"{len(wrong)} of them can't be taken, the others are: {wrong[0]}")
        return Answer(200)

    def _status(self, _request: Request, _caller: Caller) -> Whole:
        said = {
            "cluster": {"status": "disabled", "peers": []},
            "versionInfo": dict.fromkeys(("version", "revision", "branch", "buildUser", "buildDate", "goVersion"), ""),
            "config": {"original": ""},
            "uptime": "1970-01-01T00:00:00.000Z",
        }
        return Whole(lambda _body: Answer(200, json.dumps(said).encode()))


def _gone(_request: Request, _caller: Caller) -> Whole:
    said = json.dumps({"status": "deprecated", "error": _GONE}).encode()
    return Whole(lambda _body: Answer(410, said))


def token_of(request: Request) -> str:
    """A bearer's, or the password of basic authentication; the user's name says nothing."""
    if token := bearer(request):
        return token
    kind, _, credentials = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "basic":
        return ""
    try:
        return b64decode(credentials.strip(), validate=True).decode().partition(":")[2]
    except (NotBase64, ValueError):
        return ""


def refused(_request: Request, error: ErrorRecoveryError) -> Answer:
    """A bug of ours is 500: it may be mended by the time it comes again."""
    status = HTTPStatus.SERVICE_UNAVAILABLE if isinstance(error, TransientError) else status_of(error)
    return Answer(
        status, json.dumps({"code": status, "message": str(error)[:500]}).encode(), headers=retry_after(error)
    )
