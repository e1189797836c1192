"""HookService over gRPC: what is asked, what comes back, and what is refused before anybody is asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message

from error_daemon.errors import NotFound
from error_daemon.model.hook import Delivery, Hook, HookView
from error_daemon.rpc.hook_service import HookService
from error_recovery.v1 import hook_pb2 as pb
from tests.hooks.events import an_event
from tests.rpc.serving import run, serving, soon

URL = "https://ann:hunter2@ops.example:8443/hook?token=hunter2"
HOOKS = (
    Hook("ops", "webhook", frozenset({"error.opened"}), params={"url": URL}),
    Hook("chat", "slack", secret_file="/etc/recovery/slack.url", params={"proxy": None}),
    Hook("mail", "email", params={"to": ("a@h.example", "b@h.example"), "user": "ann"}),
    Hook("key", "webhook", params={"url": "https://chat.example/bothunter2/send"}),
    Hook("bare", "webhook", params={"url": "http://127.0.0.1:9/"}),
    Hook("mine", "plugin", params={"plugin": "count", "options": {"token": "hunter2"}}),
)
DEAD = Delivery("msg_1", "ops", an_event(), "dead", 8, 5.0, 9.0, "500")


class Desk:
    """middle.HookDesk over hooks and one delivery; it writes down what it was asked."""

    problem = "no room"

    def __init__(self) -> None:
        self.asked: list[tuple[object, ...]] = []

    def views(self) -> Sequence[HookView]:
        return [HookView(hook, "ready", waiting=1, sent=2, failed=3, dead=4, folded=5) for hook in HOOKS]

    def deliveries(self, hook: str, state: str) -> Sequence[Delivery]:
        self.asked.append((hook, state))
        return [DEAD, DEAD]

    def redeliver(self, hook: str, delivery_id: str, by: str) -> int:
        self.asked.append((hook, delivery_id, by))
        return 3

    async def test(self, hook: str, by: str) -> tuple[bool, str, float]:
        if hook != "ops":
            raise NotFound(f"no hook is called {hook!r}")
        return True, "200", 0.5


def ask(method: str, request: Message, answer: type[Message], desk: Desk | None = None) -> Any:
    answers = []

    async def go() -> None:
        async with serving([HookService(desk or Desk()).service()]) as channel:
            path = f"/error_recovery.v1.HookService/{method}"
            call = channel.unary_unary(path, type(request).SerializeToString, answer.FromString)
            answers.append(await soon(call(request)))

    run(go())
    return answers[0]


def test_hooks_are_told_without_what_may_be_a_secret() -> None:
    answer = ask("ListHooks", pb.ListHooksRequest(), pb.ListHooksResponse)
    assert [hook.to for hook in answer.hooks] == [
        "https://ops.example:8443/...",
        "the URL in /etc/recovery/slack.url",
        "a@h.example, b@h.example",
        "https://chat.example/...",
        "http://127.0.0.1:9",
        "count",
    ]
    assert "hunter2" not in str(answer)
    assert answer.problem == "no room"
    ops = answer.hooks[0]
    assert (ops.waiting, ops.sent, ops.failed, ops.dead, ops.folded, list(ops.events)) == (
        1,
        2,
        3,
        4,
        5,
        ["error.opened"],
    )


def test_deliveries_have_their_body_only_where_it_is_asked_for() -> None:
    desk = Desk()
    request = pb.ListDeliveriesRequest(hook_id="ops", state="dead", limit=1)
    plain = ask("ListDeliveries", request, pb.ListDeliveriesResponse, desk)
    assert (len(plain.deliveries), plain.total) == (1, 2)
    [one] = plain.deliveries
    assert (one.delivery_id, one.attempts, one.due_at, one.ended_at, one.body) == ("msg_1", 8, 0.0, 9.0, "")
    assert desk.asked == [("ops", "dead")]
    whole = ask("ListDeliveries", pb.ListDeliveriesRequest(with_body=True), pb.ListDeliveriesResponse)
    assert whole.deliveries[0].body == DEAD.event.text


def test_who_sends_again_is_told() -> None:
    desk = Desk()
    answer = ask("Redeliver", pb.RedeliverRequest(hook_id="ops", by="ann"), pb.RedeliverResponse, desk)
    assert answer.deliveries == 3
    assert desk.asked == [("ops", "", "ann (as they say)")]


def test_a_test_says_how_it_went() -> None:
    answer = ask("SendTest", pb.SendTestRequest(hook_id="ops"), pb.SendTestResponse)
    assert (answer.arrived, answer.detail, answer.took_s) == (True, "200", 0.5)


@pytest.mark.parametrize(
    ("method", "request_", "answer", "code", "said"),
    [
        ("SendTest", pb.SendTestRequest(), pb.SendTestResponse, "INVALID_ARGUMENT", "hook_id"),
        ("SendTest", pb.SendTestRequest(hook_id="x"), pb.SendTestResponse, "NOT_FOUND", "no hook is called 'x'"),
        ("Redeliver", pb.RedeliverRequest(), pb.RedeliverResponse, "INVALID_ARGUMENT", "say which, or whose"),
        (
            "ListDeliveries",
            pb.ListDeliveriesRequest(state="x"),
            pb.ListDeliveriesResponse,
            "INVALID_ARGUMENT",
            "waiting, sent",
        ),
        ("ListDeliveries", pb.ListDeliveriesRequest(limit=1001), pb.ListDeliveriesResponse, "INVALID_ARGUMENT", "1001"),
    ],
)
def test_what_cannot_be_is_refused(method: str, request_: Message, answer: type[Message], code: str, said: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        ask(method, request_, answer)
    assert refused.value.code() is grpc.StatusCode[code]
    assert said in (refused.value.details() or "")
