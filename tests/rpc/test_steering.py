"""Brakes, pauses, approvals, metrics and replays over the wire."""

from __future__ import annotations

import json
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message

from error_daemon.core.metrics import Span, recovery_metrics
from error_daemon.errors import ConfigError, Problem, Refused
from error_daemon.model import Alternative, Answer, Approval, ErrorType, Severity, Tried, Unanswered
from error_daemon.rpc.plain import plain
from error_recovery.v1 import recovery_pb2 as pb
from tests.core.metric_records import attempt, ticket
from tests.rpc.recovery_world import ID, Client, client_of
from tests.rpc.replayed import REPLAYED
from tests.rpc.serving import run, soon, until

WAITING = Approval(
    decision_id="d-1",
    error_id=ID,
    ticket_id=f"{ID}-1",
    message="it broke",
    component="shop",
    error_type=ErrorType.NETWORK,
    severity=Severity.HIGH,
    target="web",
    rule="web-died",
    strategy_id="restart",
    kind="exec",
    level=2,
    does="runs /bin/true",
    timeout_s=30.0,
    why=("Chosen: the best score.",),
    covers="this one",
    asked_at=2.0,
    expires_at=62.0,
    unanswered=Unanswered.RUN,
    on_expiry="it is done",
    times_asked=2,
    alternatives=(Alternative("other", 3, "runs /bin/false", "next"),),
    tried=(Tried("first", 1, "persisting", 1.0),),
    group=("db",),
    dependents=("shop",),
)


def test_a_pause_says_what_still_runs_and_how_many_tickets_wait() -> None:
    async def go() -> None:
        async with client_of() as client:
            request = pb.PauseRequest(for_s=60.0, reason="maintenance", by="ann")
            answer = await client.ask("Pause", request)
            assert client.control.asked == [("pause", ("", 60.0, "maintenance", "ann (as they say)"))]
            assert (answer.attempts_running, answer.tickets_waiting) == (6, 4)
            [pause] = answer.pauses
            assert (pause.brake, pause.state, pause.until, pause.waiting) == ("pause", "paused", 60.0, 4)

    run(go())


def test_of_a_paused_target_only_its_own_attempts_and_tickets_are_counted() -> None:
    async def go() -> None:
        async with client_of() as client:
            await client.ask("Pause", pb.PauseRequest())
            answer = await client.ask("Pause", pb.PauseRequest(target="web"))
            assert client.control.asked[1:] == [("pause", ("web", 0.0, "", ""))]
            assert (answer.attempts_running, answer.tickets_waiting) == (3, 4)
            assert [pause.subject for pause in answer.pauses] == ["", "web"]

    run(go())


def test_resuming_says_whether_it_was_paused_and_what_still_is() -> None:
    async def go() -> None:
        async with client_of() as client:
            await client.ask("Pause", pb.PauseRequest())
            await client.ask("Pause", pb.PauseRequest(target="web"))
            answer = await client.ask("Resume", pb.ResumeRequest(by="ann"))
            assert ("resume", ("", "ann (as they say)")) in client.control.asked
            assert answer.was_paused
            assert [pause.subject for pause in answer.pauses] == ["web"]
            assert not (await client.ask("Resume", pb.ResumeRequest())).was_paused

    run(go())


def test_every_brake_is_listed_with_its_figures() -> None:
    async def go() -> None:
        async with client_of() as client:
            [brake] = (await client.ask("ListBrakes", pb.ListBrakesRequest())).brakes
            assert (brake.brake, brake.state, dict(brake.figures)) == ("throttle", "closed", {"per_s": 300.0})

    run(go())


def test_a_breaker_is_reset_by_its_target() -> None:
    async def go() -> None:
        async with client_of() as client:
            assert (await client.ask("ResetBreaker", pb.ResetBreakerRequest(target="web", by="ann"))).was_open
            assert not (await client.ask("ResetBreaker", pb.ResetBreakerRequest())).was_open
            assert client.control.asked == [
                ("reset_breaker", ("web", "ann (as they say)")),
                ("reset_breaker", ("", "")),
            ]

    run(go())


def test_a_person_says_yes_or_no() -> None:
    async def go() -> None:
        async with client_of() as client:
            request = pb.ApproveRequest(error_id=ID[:4], by="ann", decision_id="d-1", note="I saw it")
            answer = await client.ask("Approve", request)
            assert (answer.error.error_id, answer.is_repeated, answer.is_kept) == (ID, True, True)
            assert not answer.HasField("approval"), "it is over"
            code, said = await client.refusal("Deny", pb.DenyRequest(error_id=ID))
            assert (code, said) == (grpc.StatusCode.FAILED_PRECONDITION, "nothing of it waits for an approval")
            yes = Answer("d-1", is_yes=True, by="ann (as they say)", note="I saw it")
            assert client.control.asked == [("answer", (ID[:4], yes)), ("answer", (ID, Answer("", False, "")))]

    run(go())


def test_what_waits_for_a_person_is_shown_with_all_that_they_need() -> None:
    async def go() -> None:
        async with client_of() as client:
            client.control.waiting = WAITING
            found = await client.ask("ListApprovals", pb.ListApprovalsRequest())
            assert (found.total, client.control.asked) == (7, [("approvals", 100)])
            [shown] = found.approvals
            assert (shown.decision_id, shown.error_id, shown.type, shown.severity) == ("d-1", ID, "network", 4)
            assert (shown.does, list(shown.why)) == ("runs /bin/true", ["Chosen: the best score."])
            assert (shown.unanswered, shown.on_expiry) == ("run", "it is done")
            assert (shown.asked_at, shown.expires_at, shown.times_asked) == (2.0, 62.0, 2)
            [other], [tried] = shown.alternatives, shown.tried
            assert (other.strategy_id, other.level, other.does, other.says) == ("other", 3, "runs /bin/false", "next")
            assert (tried.strategy_id, tried.level, tried.verdict, tried.at) == ("first", 1, "persisting", 1.0)
            assert (shown.state, shown.HasField("answer")) == ("waits", False)
            one = await client.ask("GetError", pb.GetErrorRequest(error_id=ID))
            assert one.error.approval == shown
            yes = await client.ask("Approve", pb.ApproveRequest(error_id=ID))
            assert (yes.approval, yes.is_repeated, yes.answer.is_yes) == (shown, False, True)

    run(go())

    run(go())


def test_metrics_are_asked_for_a_range_and_come_whole() -> None:
    async def go() -> None:
        async with client_of() as client:
            report = recovery_metrics([ticket()], [attempt()], Span(50.0, 150.0), weights={"web": 1.0})
            client.control.report = plain(report)
            answer = await client.ask("GetMetrics", pb.GetMetricsRequest(since=50.0, until=150.0))
            assert client.control.asked == [("metrics", (50.0, 150.0))]
            assert (answer.since, answer.until, answer.tickets, dict(answer.ended_as)) == (50, 150, 1, {"recovered": 1})
            assert [strategy.strategy_id for strategy in answer.strategies] == ["restart"]

    run(go())


# --- replay

FILES = [pb.DefinitionFile(name="a.yaml", text="version: 1")]


def _replay(client: Client, request: pb.ReplayRequest) -> Any:
    return client.stream("Replay", request, pb.ReplayEvent)


def test_a_replay_says_how_far_it_is_and_then_what_came_of_it() -> None:
    async def go() -> None:
        async with client_of() as client:
            client.control.steps = [
                {"phase": "reading the record", "done_ratio": 0.5},
                {"phase": "done", "done_ratio": 1.0, "result": plain(REPLAYED)},
            ]
            request = pb.ReplayRequest(files=FILES, since=5.0, until=9.0, seed=7)
            progress, end = [event async for event in _replay(client, request)]
            assert client.control.asked == [("replay", ({"a.yaml": "version: 1"}, 5.0, 9.0, 7))]
            assert (progress.phase, progress.done_ratio) == ("reading the record", 0.5)
            assert not progress.HasField("result")
            assert json.loads(end.result.result_json) == plain(REPLAYED)
            assert (end.result.same, end.result.different) == (3, 1)

    run(go())


def test_all_that_is_wrong_in_the_definitions_is_said() -> None:
    problems = [Problem("a.yaml", line, 1, "is wrong", "mend it") for line in range(1, 200)]

    async def go() -> None:
        async with client_of() as client:
            client.control.steps = [ConfigError(problems)]
            [event] = [event async for event in _replay(client, pb.ReplayRequest(files=FILES))]
            assert [problem.line for problem in event.problems] == list(range(1, 200))
            assert (event.problems[0].message, event.problems[0].mend) == ("is wrong", "mend it")

    run(go())


def test_a_second_replay_is_refused() -> None:
    async def go() -> None:
        async with client_of() as client:
            client.control.steps = [Refused("another replay is running")]
            with pytest.raises(grpc.aio.AioRpcError) as failed:
                await soon(_replay(client, pb.ReplayRequest(files=FILES)).read())
            assert failed.value.code() is grpc.StatusCode.FAILED_PRECONDITION

    run(go())


def test_a_replay_ends_when_nobody_waits_for_it() -> None:
    async def go() -> None:
        async with client_of() as client:
            call = _replay(client, pb.ReplayRequest(files=FILES))
            await until(lambda: client.control.replays == 1)
            call.cancel()
            await until(lambda: client.control.replays == 0)

    run(go())


@pytest.mark.parametrize(
    ("request_message", "part"),
    [
        (pb.ReplayRequest(), "files: there are none"),
        (pb.ReplayRequest(files=FILES * 2), "files[1].name: 'a.yaml' is there twice"),
        (pb.ReplayRequest(files=[pb.DefinitionFile(text="x")]), "files[0].name: is empty"),
        *(
            (
                pb.ReplayRequest(files=[pb.DefinitionFile(name=name)]),
                "is not the plain name of a YAML file, as in shop.yaml or common/disk.yaml",
            )
            for name in (
                "../a.yaml",
                "/tmp/a.yaml",
                ".a.yaml",
                "a/../b.yaml",
                "a/.b.yaml",
                "a//b.yaml",
                "a/" * 8 + "b.yaml",
                "a.txt",
                "..",
                "a" * 200 + ".yaml",
            )
        ),
        (pb.ReplayRequest(files=[pb.DefinitionFile(name="a\n.yaml")]), "files[0].name: has control characters"),
        (pb.ReplayRequest(files=[pb.DefinitionFile(name=str(n)) for n in range(101)]), "there are 101; at most 100"),
        (pb.ReplayRequest(files=FILES, since=5.0, until=5.0), "until: is not after `since`"),
        (pb.ReplayRequest(files=FILES, since=float("inf")), "since: inf is not a time"),
        (pb.ReplayRequest(files=FILES, since=float("nan")), "since: nan is not a time"),
    ],
)
def test_a_replay_of_nothing_sensible_is_refused(request_message: pb.ReplayRequest, part: str) -> None:
    async def go() -> None:
        async with client_of() as client:
            with pytest.raises(grpc.aio.AioRpcError) as failed:
                await soon(_replay(client, request_message).read())
            assert failed.value.code() is grpc.StatusCode.INVALID_ARGUMENT
            assert part in str(failed.value.details())
            assert client.control.asked == []

    run(go())


STEERING: list[tuple[str, Any, dict[str, Any]]] = [
    ("Pause", pb.PauseRequest, {}),
    ("Resume", pb.ResumeRequest, {}),
    ("ResetBreaker", pb.ResetBreakerRequest, {}),
    ("Approve", pb.ApproveRequest, {"error_id": ID}),
    ("Deny", pb.DenyRequest, {"error_id": ID}),
    ("ResolveError", pb.ResolveErrorRequest, {"error_id": ID}),
    ("Reset", pb.ResetRequest, {"error_id": ID}),
    ("Flush", pb.FlushRequest, {"all": True}),
]


@pytest.mark.parametrize(
    ("method", "request_message", "part"),
    [
        ("Pause", pb.PauseRequest(for_s=-1.0), "for_s: -1 is not between 0"),
        ("Pause", pb.PauseRequest(for_s=float("nan")), "for_s: nan is not"),
        ("Pause", pb.PauseRequest(for_s=4e7), "(a year)"),
        ("Pause", pb.PauseRequest(target="x" * 257), "target: has 257 characters"),
        ("Pause", pb.PauseRequest(reason="x" * 1001), "reason: has 1001 characters"),
        *((method, request(by="x" * 257, **what), "by: has 257 characters") for method, request, what in STEERING),
        ("Approve", pb.ApproveRequest(), "error_id: is empty"),
        ("Deny", pb.DenyRequest(), "error_id: is empty"),
        ("GetMetrics", pb.GetMetricsRequest(since=9.0, until=8.0), "until: is not after `since`"),
    ],
)
def test_what_is_out_of_bounds_is_refused(method: str, request_message: Message, part: str) -> None:
    async def go() -> None:
        async with client_of() as client:
            code, said = await client.refusal(method, request_message)
            assert code is grpc.StatusCode.INVALID_ARGUMENT
            assert part in said
            assert client.control.asked == []

    run(go())


def test_a_reload_says_what_has_changed_and_what_it_did() -> None:
    async def go() -> None:
        async with client_of() as client:
            answer = await client.ask("Reload", pb.ReloadRequest(by="ann"))
            assert client.control.asked == [("reload", ("ann (as they say)", False))]
            assert (answer.is_in_force, answer.definitions_digest, answer.definitions_loaded_at) == (True, "abc", 5.0)
            [change] = answer.changes
            assert (change.kind, change.name, change.how) == ("rule", "web", "changed")
            assert change.keys[0] == pb.KeyChange(key="mode", old="observe", new="auto")
            assert (answer.tickets_changed, answer.tickets_ended, answer.attempts_running) == (1, 2, 3)
            assert (list(answer.settings_to_restart), list(answer.pauses_dropped)) == (["listen"], ["db"])
            assert not (await client.ask("Reload", pb.ReloadRequest(dry_run=True))).is_in_force

    run(go())
