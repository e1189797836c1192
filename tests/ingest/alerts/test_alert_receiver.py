"""Alerts over real HTTP: who may, what is answered, what comes into the intake."""

from __future__ import annotations

import gzip
import hmac
import json
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import pytest

from error_daemon.errors import Denied, TransientError, Unidentified
from error_daemon.ingest.acceptance import Acceptance
from error_daemon.ingest.alerts.heard import Heard
from error_daemon.ingest.alerts.receiver import MOST_ALERTS, MOST_BYTES, AlertReceiver
from error_daemon.runtime.clock import SteadyClock
from error_recovery.v1 import fault_pb2
from tests.fakes.listed_intake import ListedIntake
from tests.fakes.open_gate import OpenGate
from tests.ingest.alerts.alerting import ENDED, notified, of_grafana, pushed, webhook
from tests.rpc.serving import run
from tests.web.serving_web import LIMITS, Serving, serving

TOKEN = "ert_grafana"


@dataclass
class Alerting:
    http: Serving
    intake: ListedIntake
    gate: OpenGate
    heard: Heard
    receiver: AlertReceiver
    acceptance: Acceptance

    def faults(self) -> list[fault_pb2.Fault]:
        return [fault_pb2.Fault.FromString(payload) for payload in self.intake.taken]


@asynccontextmanager
async def alerting(gate: OpenGate | None = None) -> AsyncIterator[Alerting]:
    gate, intake, heard = gate or OpenGate(), ListedIntake(), Heard()
    acceptance = Acceptance(intake, gate, is_durable=False)
    receiver = AlertReceiver(acceptance, heard, gate, SteadyClock(), lambda: ("other", TOKEN))
    limits = replace(LIMITS, held_bytes=4 * MOST_BYTES)
    async with serving(limits, gate, routes=receiver.routes()) as http:
        yield Alerting(http, intake, gate, heard, receiver, acceptance)


@pytest.mark.parametrize(
    ("path", "body", "source"),
    [
        ("/hooks/alertmanager", webhook(notified()), "alertmanager"),
        ("/hooks/grafana", of_grafana(notified()), "grafana"),
        ("/api/v2/alerts", json.dumps([pushed(ends="")]).encode(), "prometheus"),
        ("/behind/a/proxy/api/v2/alerts", json.dumps([pushed(ends="")]).encode(), "prometheus"),
    ],
)
def test_a_firing_alert_is_a_fault_that_says_who_told_of_it(path: str, body: bytes, source: str) -> None:
    async def test() -> None:
        async with alerting() as one:
            assert (await one.http.post(path, body))[0] == 200
            [fault] = one.faults()
            assert (fault.source, fault.context.component) == (source, "shop")
            assert [method for _, method in one.gate.seen] == ["http/alerts"]

    run(test())


def test_what_is_resolved_is_heard_and_is_no_fault() -> None:
    async def test() -> None:
        async with alerting() as one:
            await one.http.post("/hooks/alertmanager", webhook(notified()))
            assert one.heard.firing() == 1
            await one.http.post("/hooks/alertmanager", webhook(notified(is_resolved=True)))
            assert (len(one.heard), one.heard.firing()) == (1, 0)
            assert len(one.faults()) == 1
            assert (one.receiver.tally.resolved, one.acceptance.tally.passed_over) == (1, 1)

    run(test())


def test_sound_alerts_are_taken_beside_wrong_ones_of_which_the_sender_is_told() -> None:
    async def test() -> None:
        async with alerting() as one:
            alerts = [pushed(ends=""), pushed(labels={}), pushed(ends=ENDED)]
            status, _, body = await one.http.post("/api/v2/alerts", json.dumps(alerts).encode())
            assert status == 400
            assert "1 of them can't be taken, the others are: alerts[1]" in json.loads(body)["message"]
            assert (len(one.faults()), len(one.heard)) == (1, 1)

    run(test())


def test_what_its_sender_left_out_is_counted() -> None:
    async def test() -> None:
        async with alerting() as one:
            await one.http.post("/hooks/alertmanager", webhook(notified(), truncatedAlerts=7))
            assert one.receiver.tally.left_out == 7

    run(test())


def test_a_hundred_alerts_come_in_one_message() -> None:
    async def test() -> None:
        async with alerting() as one:
            many = [notified(fingerprint=f"{n}") for n in range(100)]
            assert (await one.http.post("/hooks/alertmanager", webhook(*many)))[0] == 200
            assert [fault.fingerprint for fault in one.faults()] == [f"alert:{n}" for n in range(100)]

    run(test())


def test_what_can_not_be_taken_now_is_to_come_again_in_words_that_an_alertmanager_understands() -> None:
    async def test() -> None:
        async with alerting(OpenGate(most_faults=1)) as one:
            status, headers, _ = await one.http.post("/hooks/alertmanager", webhook(notified(), notified()))
            assert (status, headers["retry-after"]) == (503, "2")
            one.gate.refusal = TransientError("too many calls", 0.1)
            assert (await one.http.post("/hooks/alertmanager", webhook()))[0] == 503

    run(test())


@pytest.mark.parametrize(
    ("refusal", "status"), [(Unidentified("who", "NO_IDENTITY", {}), 401), (Denied("no", "ROLE_MISSING", {}), 403)]
)
def test_who_may_not_report_is_told_so(refusal: Exception, status: int) -> None:
    async def test() -> None:
        async with alerting() as one:
            one.gate.refusal = refusal
            assert (await one.http.post("/hooks/grafana", webhook(notified())))[0] == status
            assert (one.faults(), len(one.heard)) == ([], 0)

    run(test())


@pytest.mark.parametrize(
    ("authorization", "token"),
    [
        ("Bearer ert_x", "ert_x"),
        ("Basic " + b64encode(b"prometheus:ert_x").decode(), "ert_x"),
        ("Basic " + b64encode(b"no colon").decode(), ""),
        ("Basic \xff", ""),
        ("Basic ====", ""),
        ("Digest x", ""),
    ],
)
def test_a_token_comes_as_a_bearers_or_as_a_password(authorization: str, token: str) -> None:
    async def test() -> None:
        async with alerting(OpenGate(reads_tokens=True)) as one:
            await one.http.post("/hooks/alertmanager", webhook(), Authorization=authorization)
            [(peer, _)] = one.gate.seen
            assert peer.token == token

    run(test())


def test_what_is_wrong_or_too_large_is_not_to_come_again() -> None:
    async def test() -> None:
        async with alerting() as one:
            assert (await one.http.post("/hooks/alertmanager", b"{"))[0] == 400
            long = gzip.compress(b" " * (MOST_BYTES + 1))
            assert (await one.http.post("/hooks/alertmanager", long, Content_Encoding="gzip"))[0] == 413
            many = json.dumps([0] * (MOST_ALERTS + 1)).encode()
            assert (await one.http.post("/api/v2/alerts", many))[0] == 413

    run(test())


def test_those_who_ask_for_an_alertmanager_find_its_second_version_and_hear_that_the_first_is_gone() -> None:
    async def test() -> None:
        async with alerting() as one:
            said = await one.http.say(b"GET /api/v2/status HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            assert said.startswith(b"HTTP/1.1 200")
            assert b'"versionInfo"' in said
            status, _, body = await one.http.post("/api/v1/alerts", b"[]")
            assert status == 410
            assert b"v2" in body

    run(test())


def signature(body: bytes, token: str = TOKEN, timestamp: str = "") -> str:
    return hmac.new(token.encode(), (f"{timestamp}:".encode() if timestamp else b"") + body, "sha256").hexdigest()


@pytest.mark.parametrize(
    ("how", "is_known"),
    [
        ("signed", True),
        ("signed with the time", True),
        ("signed by another", False),
        ("signed long ago", False),
        ("signed at no time", False),
        ("no signature", False),
    ],
)
def test_a_signature_shows_the_token_that_it_was_made_with(how: str, is_known: bool) -> None:
    body = of_grafana(notified())
    now = f"{SteadyClock().now():.0f}"
    headers = {
        "signed": {"X_Grafana_Alerting_Signature": signature(body)},
        "signed with the time": {
            "X_Grafana_Alerting_Signature": signature(body, timestamp=now),
            "X_Grafana_Alerting_Timestamp": now,
        },
        "signed by another": {"X_Grafana_Alerting_Signature": signature(body, "ert_x")},
        "signed long ago": {
            "X_Grafana_Alerting_Signature": signature(body, timestamp="1700000000"),
            "X_Grafana_Alerting_Timestamp": "1700000000",
        },
        "signed at no time": {
            "X_Grafana_Alerting_Signature": signature(body, timestamp="x"),
            "X_Grafana_Alerting_Timestamp": "x",
        },
        "no signature": {"X_Grafana_Alerting_Signature": "\xff"},
    }[how]

    async def test() -> None:
        async with alerting(OpenGate(reads_tokens=True)) as one:
            assert (await one.http.post("/hooks/grafana", body, **headers))[0] == 200
            [(peer, action)] = one.gate.seen
            assert ((peer.token == TOKEN), action) == (is_known, "http/alerts")
            assert peer.token

    run(test())


def test_what_shows_neither_token_nor_signature_is_judged_before_its_body_is_read() -> None:
    async def test() -> None:
        async with alerting(OpenGate(reads_tokens=True)) as one:
            one.gate.refusal = Unidentified("who", "NO_IDENTITY", {})
            assert (await one.http.post("/hooks/grafana", b"{"))[0] == 401
            assert [peer.token for peer, _ in one.gate.seen] == [""]

    run(test())
