"""What people see and steer, over the wire: every method, and what each refuses."""

from __future__ import annotations

from dataclasses import replace

import grpc
import pytest
from google.protobuf.message import Message

from error_daemon.middle import ErrorFilter
from error_daemon.model import (
    Notice,
    RecoveryClass,
    State,
    Summary,
)
from error_daemon.rpc.convert import decision_message, error_message, state_text
from error_recovery.v1 import fault_pb2
from error_recovery.v1 import recovery_pb2 as pb
from tests.rpc.recovery_world import DECISION, ID, PAYLOAD, READING, RECORD, VIEW, client_of
from tests.rpc.serving import run, soon, until


def test_the_status_comes_whole() -> None:
    async def go() -> None:
        async with client_of() as client:
            status = await client.ask("GetStatus", pb.GetStatusRequest())
            assert (status.version, status.pid, status.state, status.faults_received) == ("1.2.3", 42, "serving", 7)
            assert list(status.rings) == [pb.RingUse(priority="critical", used=1, slots=2)]
            assert status.store == pb.StoreState(available=True, rows_written=5, rows_waiting=1, detail="all well")
            assert status.lag == pb.LagFigures(samples=3, p50_us=1.0, p99_us=2.0, max_us=3.0)
            assert list(status.applications) == ["shop"]
            assert (list(status.brakes), status.approvals_waiting) == ([], 7)
            client.control.pause("web", 60.0, "maintenance", "ann")
            [brake] = (await client.ask("GetStatus", pb.GetStatusRequest())).brakes
            assert (brake.brake, brake.subject, brake.state) == ("pause", "web", "paused")

    run(go())


def test_a_diagnosis_comes_whole() -> None:
    async def go() -> None:
        async with client_of() as client:
            answer = await client.ask("Diagnose", pb.DiagnoseRequest())
            assert (answer.version, answer.pid) == ("1.2.3", 42)
            [one] = answer.diagnostics
            assert (one.area, one.name, one.standing, one.says, one.mend) == (
                "ring",
                "high",
                "notice",
                "half full",
                "look",
            )
            assert dict(one.figures) == {"used_ratio": 0.5}

    run(go())


def test_errors_are_listed_as_wanted() -> None:
    request = pb.ListErrorsRequest(
        status=pb.STATUS_RETRYING,
        type="network",
        component="shop",
        target="web",
        limit=7,
        min_severity=4,  # type: ignore[arg-type]
        held_by="approval",
        state="parked",
    )

    async def go() -> None:
        async with client_of() as client:
            answer = await client.ask("ListErrors", request)
            wanted = ErrorFilter("retrying", "network", "shop", "web", 4, "parked", "approval")
            assert client.control.asked == [("errors", (wanted, 8, None))]
            [error] = answer.errors
            assert (answer.total, error.error_id, error.count, error.level) == (17, ID, 41, 2)
            assert (error.status, error.state) == (pb.STATUS_RETRYING, "attempting")
            assert (error.type, error.severity) == (fault_pb2.ERROR_TYPE_NETWORK, fault_pb2.SEVERITY_HIGH)
            assert (list(error.grouped_because), list(error.related_error_ids)) == (["type: network"], ["beef"])

    run(go())


def test_without_wishes_a_hundred_errors_of_any_kind_are_listed() -> None:
    async def go() -> None:
        async with client_of() as client:
            await client.ask("ListErrors", pb.ListErrorsRequest())
            assert client.control.asked == [("errors", (ErrorFilter(), 101, None))]

    run(go())


def test_a_decision_comes_with_all_that_it_takes_to_make_it_again() -> None:
    message = decision_message(DECISION)
    assert (message.error_type, message.severity, message.rule) == ("network", fault_pb2.SEVERITY_HIGH, "web-died")
    assert (list(message.levels), message.may_explore, message.rng_state) == ([1, 2], True, "beef")
    assert message.timeout_basis == pb.TimeoutBasis(mean_s=7.0, deviation_s=5.75)
    assert message.timeout_bounds == pb.TimeoutBounds(shortest_s=1.0, longest_s=60.0)
    assert message.why_now == "the first attempt"
    unknown = decision_message(replace(DECISION, timeout_basis=None, timeout_bounds_s=None))
    assert not unknown.HasField("timeout_basis")
    assert not unknown.HasField("timeout_bounds")


def test_an_error_says_how_bad_it_is_and_why_and_what_it_waits_for() -> None:
    view = replace(
        VIEW,
        state=State.PARKED,
        reason="shop-db is failing",
        recovery_class=RecoveryClass.EMERGENCY,
        severity_because="3 targets depend on it",
        held_by="root",
        root="feedfeedfeedfeed",
        parked_until=1_700_000_000.0,
    )
    message = error_message(view)
    assert (message.recovery_class, message.severity_because) == ("emergency", "3 targets depend on it")
    assert (message.held_by, message.root) == ("root", "feedfeedfeedfeed")
    assert message.state_text == "waits for root until 2023-11-14 22:13:20 UTC; shop-db is failing"


@pytest.mark.parametrize("state", State)
def test_every_state_is_said_in_words(state: State) -> None:
    said = state_text(replace(VIEW, state=state))
    assert said.endswith("; trying")
    assert state_text(replace(VIEW, state=state, reason="")) == said.removesuffix("; trying")


@pytest.mark.parametrize("payload", [PAYLOAD, None])
def test_an_error_comes_with_its_fault_attempts_and_decisions(payload: bytes | None) -> None:
    async def go() -> None:
        async with client_of(payload=payload) as client:
            answer = await client.ask("GetError", pb.GetErrorRequest(error_id=ID[:5]))
            assert answer.error.error_id == ID
            assert answer.error.HasField("fault") is (payload is not None)
            assert answer.error.fault.message == ("it broke" if payload else "")
            [attempt], [decision] = answer.attempts, answer.decisions
            assert (attempt.attempt_id, attempt.verdict, attempt.stability_score) == ("a-1", "persisting", -1.0)
            assert attempt.withheld_s == 0.125
            assert list(attempt.readings) == [
                pb.Reading(probe="port", value="not_ok", detail="refused", at=5.0, duration_s=0.25)
            ]
            [candidate] = decision.candidates
            assert candidate.success_mean == 0.75
            assert 0 < candidate.success_low < 0.75 < candidate.success_high < 1
            assert list(candidate.evidence) == [
                pb.Evidence(scope="type", attempts=5, helped=4, weight=2.0, successes=1.5),
                pb.Evidence(scope="context", attempts=9, helped=4, weight=2.0, successes=1.5, recent=0),
            ]
            assert [one.HasField("recent") for one in candidate.evidence] == [False, True]

    run(go())


def test_without_the_record_an_error_is_shown_all_the_same_and_says_what_is_missing() -> None:
    async def go() -> None:
        async with client_of() as client:
            client.control.is_away = True
            answer = await client.ask("GetError", pb.GetErrorRequest(error_id=ID))
            assert answer.error.error_id == ID
            assert answer.incomplete == "the record cannot be read now: its writer is away"

    run(go())


def test_a_person_resolves_an_error() -> None:
    async def go() -> None:
        async with client_of() as client:
            answer = await client.ask(
                "ResolveError", pb.ResolveErrorRequest(error_id=ID, note="replaced the disk", by="ann")
            )
            assert answer.error.error_id == ID
            assert client.control.asked == [("resolve", (ID, "replaced the disk", "ann (as they say)"))]

    run(go())


@pytest.mark.parametrize("wanted", ["", ID, ID[:4]])
def test_a_watcher_hears_what_happens_until_it_goes(wanted: str) -> None:
    async def go() -> None:
        async with client_of() as client:
            call = client.watch(wanted)
            notice = Notice(9.0, "verdict", "it persists", VIEW, DECISION, RECORD, (READING,))
            client.control.notices.put_nowait(notice)
            client.control.notices.put_nowait(Notice(10.0, "state", "on", VIEW))
            event = await soon(call.read())
            assert (event.at, event.kind, event.text) == (9.0, "verdict", "it persists")
            assert (event.error.error_id, event.decision.decision_id, event.attempt.attempt_id) == (ID, "d-1", "a-1")
            assert len(event.readings) == 1
            event = await soon(call.read())
            assert not event.HasField("decision")
            assert client.control.asked == [("watch", (ID if wanted else None, 0))]
            call.cancel()
            await until(lambda: client.control.watchers == 0)

    run(go())


def test_a_watch_of_an_error_that_is_not_known_is_refused() -> None:
    async def go() -> None:
        async with client_of() as client:
            with pytest.raises(grpc.aio.AioRpcError) as failed:
                await soon(client.watch("feed").read())
            assert failed.value.code() is grpc.StatusCode.NOT_FOUND

    run(go())


def test_a_decision_is_explained_in_words() -> None:
    async def go() -> None:
        async with client_of() as client:
            answer = await client.ask("Explain", pb.ExplainRequest(id="d-1"))
            assert (answer.error.error_id, answer.attempt.attempt_id) == (ID, "a-1")
            assert list(answer.sentences) == ["chose restart", "it ran"]

    run(go())


def test_a_decision_that_was_only_observed_says_that_nothing_was_done() -> None:
    observed = replace(DECISION, attempt_id="", mode="observe")

    async def go() -> None:
        async with client_of(observed) as client:
            answer = await client.ask("Explain", pb.ExplainRequest(id="d-1"))
            assert not answer.HasField("attempt")
            assert list(answer.sentences) == ["chose restart", "nothing was done"]

    run(go())


def test_a_decision_is_explained_when_its_error_is_in_memory_no_more() -> None:
    async def go() -> None:
        async with client_of() as client:
            client.control.is_known = False
            answer = await client.ask("Explain", pb.ExplainRequest(id="d-1"))
            assert not answer.HasField("error")
            assert answer.decision.decision_id == "d-1"

    run(go())


def test_history_is_asked_for_as_wanted() -> None:
    async def go() -> None:
        async with client_of() as client:
            request = pb.ListHistoryRequest(error_id=ID, strategy_id="s", error_type="network", since=4.5)
            answer = await client.ask("ListHistory", request)
            assert [attempt.attempt_id for attempt in answer.attempts] == ["a-1"]
            assert answer.next_page_token == ""
            wanted = {
                "limit": 51,
                "after": None,
                "error_id": ID,
                "strategy_id": "s",
                "error_type": "network",
                "since": 4.5,
            }
            assert client.control.asked == [("history", wanted)]

    run(go())


ANN = "ann (as they say)"


def test_a_watch_is_paced_as_it_asks_and_a_summary_tells_what_it_did_not_get() -> None:
    async def go() -> None:
        async with client_of() as client:
            call = client.stream("Watch", pb.WatchRequest(most_per_s=7), pb.Event)
            client.control.notices.put_nowait(Summary(1.0, 2.0, {"state": 3, "decision": 2}))
            event = await soon(call.read())
            assert (event.at, event.kind, event.text) == (2.0, "summary", "5 more events were left out")
            assert (event.summary.since, dict(event.summary.left_out)) == (1.0, {"state": 3, "decision": 2})
            assert client.control.asked == [("watch", (None, 7))]
            call.cancel()
            too_many = client.stream("Watch", pb.WatchRequest(most_per_s=1001), pb.Event)
            with pytest.raises(grpc.aio.AioRpcError, match="1001 is more than 1000"):
                await soon(too_many.read())

    run(go())


@pytest.mark.parametrize(
    ("method", "request_message", "asked", "answer"),
    [
        ("Reset", pb.ResetRequest(error_id=ID), ("reset_ladder", (ID, "")), pb.ResetResponse(errors_reset=1)),
        ("Reset", pb.ResetRequest(learned=True), ("forget", (None, "")), pb.ResetResponse(scores_reset=9)),
        (
            "Reset",
            pb.ResetRequest(learned=True, strategy_id="s", by="ann"),
            ("forget", ("s", ANN)),
            pb.ResetResponse(scores_reset=9),
        ),
        ("Flush", pb.FlushRequest(all=True), ("flush", (None, "")), pb.FlushResponse(purged=3, running=2)),
        (
            "Reset",
            pb.ResetRequest(error_id=ID, by="ann"),
            ("reset_ladder", (ID, ANN)),
            pb.ResetResponse(errors_reset=1),
        ),
        ("Flush", pb.FlushRequest(error_id=ID, by="ann"), ("flush", (ID, ANN)), pb.FlushResponse(purged=3, running=2)),
    ],
)
def test_resetting_and_flushing_do_what_is_said(
    method: str, request_message: Message, asked: tuple[str, object], answer: Message
) -> None:
    async def go() -> None:
        async with client_of() as client:
            assert await client.ask(method, request_message) == answer
            assert client.control.asked == [asked]

    run(go())


@pytest.mark.parametrize(
    ("method", "request_message", "code", "part"),
    [
        ("ListErrors", pb.ListErrorsRequest(status=9), "INVALID_ARGUMENT", "status: 9 is not a Status"),  # type: ignore[arg-type]
        ("ListErrors", pb.ListErrorsRequest(page_token="x"), "INVALID_ARGUMENT", "begin with the first page"),
        ("ListHistory", pb.ListHistoryRequest(since=-1.0), "INVALID_ARGUMENT", "since: -1 is not a time"),
        ("Reset", pb.ResetRequest(error_id=ID, strategy_id="s"), "INVALID_ARGUMENT", "set learned = true"),
        (
            "ListErrors",
            pb.ListErrorsRequest(type="netwrok"),
            "INVALID_ARGUMENT",
            "'netwrok' is none of unknown, network",
        ),
        ("ListErrors", pb.ListErrorsRequest(limit=1001), "INVALID_ARGUMENT", "limit: 1001 is more than 1000"),
        ("GetError", pb.GetErrorRequest(), "INVALID_ARGUMENT", "error_id: is empty"),
        ("GetError", pb.GetErrorRequest(error_id="feed"), "NOT_FOUND", "no error 'feed'"),
        ("ResolveError", pb.ResolveErrorRequest(), "INVALID_ARGUMENT", "error_id: is empty"),
        ("ResolveError", pb.ResolveErrorRequest(error_id=ID, note="x" * 1001), "INVALID_ARGUMENT", "note: has 1001"),
        ("ResolveError", pb.ResolveErrorRequest(error_id="feed"), "NOT_FOUND", "no error"),
        ("Explain", pb.ExplainRequest(), "INVALID_ARGUMENT", "id: is empty"),
        ("Explain", pb.ExplainRequest(id="d-2"), "NOT_FOUND", "no decision"),
        ("ListErrors", pb.ListErrorsRequest(state="lost"), "INVALID_ARGUMENT", "state: 'lost' is none of new, queued"),
        ("ListHistory", pb.ListHistoryRequest(limit=10_001), "INVALID_ARGUMENT", "limit: 10001"),
        ("ListHistory", pb.ListHistoryRequest(error_type="x"), "INVALID_ARGUMENT", "'x' is none of"),
        ("Reset", pb.ResetRequest(), "INVALID_ARGUMENT", "name an error, or set learned = true"),
        ("Reset", pb.ResetRequest(error_id=ID, learned=True), "INVALID_ARGUMENT", "not both"),
        ("Flush", pb.FlushRequest(), "INVALID_ARGUMENT", "name an error, or set all = true"),
        ("Flush", pb.FlushRequest(error_id=ID, all=True), "INVALID_ARGUMENT", "not both"),
    ],
)
def test_a_wrong_request_is_told_what_is_wrong(method: str, request_message: Message, code: str, part: str) -> None:
    async def go() -> None:
        async with client_of() as client:
            refused_with, detail = await client.refusal(method, request_message)
            assert refused_with is grpc.StatusCode[code]
            assert part in detail

    run(go())
