"""Sentry's protocol over real HTTP: who may, what is answered, what comes into the intake."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from error_daemon.errors import Denied
from error_daemon.ingest.acceptance import Acceptance
from error_daemon.ingest.sentry.check_in import read_check_in
from error_daemon.ingest.sentry.job_watch import JobWatch
from error_daemon.ingest.sentry.receiver import SentryReceiver
from error_daemon.runtime.clock import SteadyClock
from error_recovery.v1 import fault_pb2
from tests.fakes.listed_intake import ListedIntake
from tests.fakes.open_gate import OpenGate
from tests.ingest.sentry.test_sentry_envelope import HEAD, item
from tests.rpc.serving import run
from tests.web.serving_web import Serving, serving

EVENT = item("event", json.dumps({"event_id": "ab", "message": "it broke", "level": "error"}).encode())
ENVELOPE = HEAD + EVENT
PATH = "/api/1/envelope/"


class HandClock(SteadyClock):
    """Goes on when it is told to."""

    at = 1_790_000_000.0

    def now(self) -> float:
        return self.at


@dataclass
class Sentry:
    http: Serving
    intake: ListedIntake
    gate: OpenGate
    receiver: SentryReceiver
    problems: list[str]

    def faults(self) -> list[fault_pb2.Fault]:
        return [fault_pb2.Fault.FromString(payload) for payload in self.intake.taken]


@asynccontextmanager
async def sentry(state: Path, gate: OpenGate | None = None) -> AsyncIterator[Sentry]:
    gate, intake, clock, problems = gate or OpenGate(), ListedIntake(), SteadyClock(), list[str]()
    acceptance = Acceptance(intake, gate, is_durable=False)
    jobs = JobWatch(acceptance, clock, state, problems.append)
    receiver = SentryReceiver(acceptance, jobs, gate, clock)
    jobs.start()
    async with serving(gate=gate, routes=receiver.routes()) as http:
        yield Sentry(http, intake, gate, receiver, problems)
    jobs.stop()


@pytest.mark.parametrize("path", [PATH, "/api/1/envelope", "/shop-web/api/1/envelope/", "/a/b/api/1/envelope/"])
def test_an_event_is_a_fault_with_and_without_a_path_before_it(tmp_path: Path, path: str) -> None:
    async def test() -> None:
        async with sentry(tmp_path) as one:
            status, _, body = await one.http.post(path, gzip.compress(ENVELOPE), Content_Encoding="gzip")
            assert (status, json.loads(body)) == (200, {"id": "9ec79c33ec9942ab8353589fcb2e04dc"})
            [fault] = one.faults()
            prefix = path.partition("/api/")[0].rpartition("/")[2]
            assert (fault.message, fault.context.component) == ("it broke", prefix or "sentry-1")

    run(test())


def test_an_event_may_come_without_an_envelope_as_older_sdks_send_it(tmp_path: Path) -> None:
    async def test() -> None:
        async with sentry(tmp_path) as one:
            status, _, body = await one.http.post("/api/1/store/", b'{"event_id":"ab","message":"it broke"}')
            assert (status, json.loads(body)) == (200, {"id": "ab"})
            assert [fault.message for fault in one.faults()] == ["it broke"]

    run(test())


def test_what_is_no_fault_is_accepted_and_counted(tmp_path: Path) -> None:
    async def test() -> None:
        async with sentry(tmp_path) as one:
            body = (
                HEAD
                + item("session", b"{}")
                + item("client_report", b"{}")
                + item("transaction", b"{}")
                + item("of tomorrow", b"")
            )
            assert (await one.http.post(PATH, body))[0] == 200
            assert one.receiver.acceptance.tally.passed_over == 4
            assert one.intake.taken == []

    run(test())


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        (b"", 400, "envelope: is empty"),
        (b"nonsense", 400, "not JSON"),
        (HEAD + item("event", b"nonsense"), 400, "event: is not JSON"),
        (HEAD + item("event", b" " * (1 << 20) + b"{}"), 413, "more than 1048576 bytes"),
        (HEAD + item("check_in", b"{}"), 400, "check_in.monitor_slug: is missing"),
    ],
)
def test_what_can_never_be_taken_is_refused_with_the_reason(
    tmp_path: Path, body: bytes, status: int, says: str
) -> None:
    async def test() -> None:
        async with sentry(tmp_path) as one:
            told, headers, answer = await one.http.post(PATH, body)
            assert (told, says in json.loads(answer)["detail"], says.lower() in headers["x-sentry-error"]) == (
                status,
                True,
                True,
            )
            assert one.intake.taken == []

    run(test())


def test_an_attachment_larger_than_an_event_does_not_cost_the_event(tmp_path: Path) -> None:
    async def test() -> None:
        async with sentry(tmp_path) as one:
            status, _, _ = await one.http.post(PATH, HEAD + item("attachment", bytes(3 << 20)) + EVENT)
            assert (status, len(one.intake.taken)) == (200, 1)

    run(test())


def test_under_pressure_the_sender_is_told_in_its_own_words_and_never_5xx(tmp_path: Path) -> None:
    async def test() -> None:
        async with sentry(tmp_path, OpenGate(most_faults=0)) as one:
            status, headers, _ = await one.http.post(PATH, ENVELOPE)
            assert (status, headers["retry-after"]) == (429, "2")
            assert headers["x-sentry-rate-limits"] == "2:error;default;monitor:key:busy"

    run(test())


def test_a_bug_of_ours_is_no_5xx_either(tmp_path: Path) -> None:
    async def test() -> None:
        async with sentry(tmp_path) as one:
            one.intake.breaks = True
            assert (await one.http.post(PATH, ENVELOPE))[0] == 400
            assert [action for action, _ in one.http.bugs] == ["http/sentry"]

    run(test())


KEYS = [
    ({"X_Sentry_Auth": "Sentry sentry_version=7, sentry_key=abc, sentry_client=sentry.python/2"}, "", b"{}\n"),
    ({"Authorization": "Sentry sentry_key=abc"}, "", b"{}\n"),
    ({}, "?sentry_key=abc&sentry_version=7", b"{}\n"),
    ({}, "", b'{"dsn":"https://abc@here.example/1"}\n'),
    ({}, "?sentry_key=abc", b'{"dsn":"https://abc@here.example/prefix/1"}\n'),
]


@pytest.mark.parametrize(("headers", "query", "head"), KEYS)
def test_the_key_of_a_dsn_is_the_token_wherever_it_is_said(
    tmp_path: Path, headers: dict[str, str], query: str, head: bytes
) -> None:
    async def test() -> None:
        async with sentry(tmp_path, OpenGate(reads_tokens=True)) as one:
            assert (await one.http.post(PATH + query, head + EVENT, **headers))[0] == 200
            assert [peer.token for peer, _ in one.gate.seen] == ["abc"]

    run(test())


@pytest.mark.parametrize(
    ("headers", "query", "head"),
    [
        ({"X_Sentry_Auth": "Sentry sentry_key=abc"}, "?sentry_key=other", b"{}\n"),
        ({"X_Sentry_Auth": "Sentry sentry_key=abc"}, "", b'{"dsn":"https://other@here.example/1"}\n'),
        ({}, "", b'{"dsn":"https://abc@here.example/2"}\n'),
        ({}, "", b'{"dsn":"https://abc@[here/1"}\n'),
    ],
)
def test_keys_that_contradict_each_other_are_refused(
    tmp_path: Path, headers: dict[str, str], query: str, head: bytes
) -> None:
    async def test() -> None:
        for reads_tokens in (True, False):
            async with sentry(tmp_path, OpenGate(reads_tokens=reads_tokens)) as one:
                assert (await one.http.post(PATH + query, head + EVENT, **headers))[0] == 400
                assert one.intake.taken == []

    run(test())


def test_who_may_not_report_is_told_so_before_anything_is_kept(tmp_path: Path) -> None:
    async def test() -> None:
        gate = OpenGate(reads_tokens=True)
        gate.refusal = Denied("not for you", "ROLE_MISSING", {})
        async with sentry(tmp_path, gate) as one:
            assert (await one.http.post(PATH, b'{"dsn":"https://abc@here.example/1"}\n' + EVENT))[0] == 403
            assert (await one.http.post(PATH, ENVELOPE, X_Sentry_Auth="Sentry sentry_key=abc"))[0] == 403
            assert (await one.http.post(PATH, b'{"dsn":"https://abc@here.example/1"}'))[0] == 403

    run(test())


CHECK_IN = {
    "check_in_id": "1",
    "monitor_slug": "backup",
    "status": "error",
    "monitor_config": {"schedule": {"type": "crontab", "value": "* * * * *"}},
}


def test_a_job_that_failed_is_a_fault_and_is_known_after_a_restart(tmp_path: Path) -> None:
    async def test() -> None:
        async with sentry(tmp_path) as one:
            assert (await one.http.post(PATH, HEAD + item("check_in", json.dumps(CHECK_IN).encode())))[0] == 200
            assert [fault.message for fault in one.faults()] == ["the job backup has failed"]
        async with sentry(tmp_path) as one:
            assert one.receiver.jobs.expected() == ["backup"]
            assert one.problems == []

    run(test())


def test_a_file_of_jobs_that_cannot_be_read_is_said_and_harms_nothing(tmp_path: Path) -> None:
    async def test() -> None:
        (tmp_path / "check_ins.json").write_text("nonsense")
        async with sentry(tmp_path) as one:
            assert len(one.problems) == 1
            assert (await one.http.post(PATH, HEAD + item("check_in", json.dumps(CHECK_IN).encode())))[0] == 200

    run(test())


def test_a_job_whose_word_cannot_be_kept_is_told_to_say_it_again(tmp_path: Path) -> None:
    async def test() -> None:
        (tmp_path / "check_ins.new").mkdir()
        async with sentry(tmp_path) as one:
            assert (await one.http.post(PATH, HEAD + item("check_in", json.dumps(CHECK_IN).encode())))[0] == 429

    run(test())


def test_a_job_that_failed_is_told_to_have_been_heard_only_when_its_fault_is_taken(tmp_path: Path) -> None:
    async def test() -> None:
        async with sentry(tmp_path) as one:
            body = HEAD + item("check_in", json.dumps(CHECK_IN).encode())
            one.intake.is_full = True
            assert (await one.http.post(PATH, body))[0] == 429
            one.intake.is_full = False
            assert (await one.http.post(PATH, body))[0] == 200
            assert [fault.message for fault in one.faults()] == ["the job backup has failed"]

    run(test())


def test_a_job_that_is_missed_again_and_again_while_nothing_can_be_taken_is_told_once(tmp_path: Path) -> None:
    async def test() -> None:
        clock, intake = HandClock(), ListedIntake()
        jobs = JobWatch(Acceptance(intake, OpenGate(), is_durable=False), clock, tmp_path, lambda _text: None)
        each_minute = {"schedule": {"type": "interval", "value": 1, "unit": "minute"}}
        job = {**CHECK_IN, "status": "ok", "monitor_config": each_minute}
        await jobs.take(read_check_in(job, "ann/1", is_trusted=True))
        intake.is_full = True
        for _ in range(3):
            clock.at += 600
            jobs.look()
        intake.is_full = False
        jobs.look()
        assert [b"did not run" in payload for payload in intake.taken] == [True]
        jobs.stop()

    run(test())


def test_an_item_that_is_wrong_does_not_cost_the_others(tmp_path: Path) -> None:
    async def test() -> None:
        async with sentry(tmp_path) as one:
            wrong = item("event", b"nonsense") + item("check_in", b"{}") + item("event", b" " * (1 << 20) + b"{}")
            assert (await one.http.post(PATH, HEAD + wrong + EVENT))[0] == 200
            assert [fault.message for fault in one.faults()] == ["it broke"]
            assert one.receiver.acceptance.tally.refused == 2

    run(test())


def test_a_reporter_is_a_reporter(tmp_path: Path) -> None:
    async def test() -> None:
        gate = OpenGate(replace(OpenGate().caller, is_trusted=False))
        async with sentry(tmp_path, gate) as one:
            await one.http.post(PATH, ENVELOPE)
            await one.http.post(PATH, HEAD + item("check_in", json.dumps(CHECK_IN).encode()))
            assert one.intake.trusted == [False, False]

    run(test())


def test_check_ins_count_against_what_their_caller_may_report(tmp_path: Path) -> None:
    async def test() -> None:
        async with sentry(tmp_path, OpenGate(most_faults=2)) as one:
            body = HEAD + item("check_in", json.dumps(CHECK_IN).encode()) * 3
            assert (await one.http.post(PATH, body))[0] == 429
            assert len(one.intake.taken) == 2  # those that it may; and the rest is said to have to come again

    run(test())


def test_an_events_half_characters_are_no_bug_of_ours(tmp_path: Path) -> None:
    async def test() -> None:
        half = "\ud800"
        event = {"message": half, "event_id": half, "transaction": half, "platform": half, "release": half}
        event |= {"tags": {half: half, "component": half}, "fingerprint": [half]}  # type: ignore[dict-item]
        frame = {"filename": half, "function": half}
        event["exception"] = [{"type": half, "value": half, "stacktrace": {"frames": [frame]}}]  # type: ignore[assignment]
        job = {**CHECK_IN, "monitor_slug": f"backup{half}", "environment": half, "release": half}
        async with sentry(tmp_path) as one:
            body = HEAD + item("event", json.dumps(event).encode()) + item("check_in", json.dumps(job).encode())
            assert (await one.http.post(PATH, body))[0] == 200
            assert one.http.bugs == []
            assert [fault.message for fault in one.faults()] == ["?", "the job backup? in ? has failed"]

    run(test())


def test_a_thousand_events_of_one_envelope_leave_others_their_turns(tmp_path: Path) -> None:
    async def test() -> None:
        async with sentry(tmp_path) as one:
            turns = 0

            async def count() -> None:
                nonlocal turns
                while len(one.intake.taken) < 900:
                    turns += bool(one.intake.taken)
                    await asyncio.sleep(0)

            counting = asyncio.ensure_future(count())
            assert (await one.http.post(PATH, HEAD + EVENT * 999))[0] == 200
            await counting
            assert turns >= 20

    run(test())
