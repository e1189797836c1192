"""What each kind of hook sends over HTTP, to real servers: one that answers as it is told, and strict fakes of Slack and PagerDuty."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from error_daemon.access.secret_file import read_secret
from error_daemon.hooks.digest import digest
from error_daemon.hooks.payload import event_of, made_event
from error_daemon.hooks.senders import slack
from error_daemon.hooks.senders.http import retry_after_s
from error_daemon.hooks.senders.made import made_sender
from error_daemon.hooks.sending import Sent
from error_daemon.model import Severity, State
from error_daemon.model.hook import Delivery, Hook, HookEvent
from tests.hooks.events import ORIGIN, a_notice, an_event
from tests.hooks.receiver import OK, Answer, Got, receiving, unheard_port
from tests.hooks.strict_services import ROUTING_KEY, pagerduty
from tests.hooks.strict_services import slack as strict_slack
from tests.hooks.test_hook_events import asked

ASKED = "b3896dcf1661a517"
NASTY = 'it <!channel> broke & "so" did <https://evil.example|this>\nand \u202ethat'


def sent(hook: Hook, *deliveries: Delivery) -> list[Sent]:
    async def go() -> list[Sent]:
        sender = made_sender(hook, read_secret)
        try:
            return [await asyncio.wait_for(sender.send(one, 1_700_000_000.0), 30) for one in deliveries]
        finally:
            await sender.close()

    return asyncio.run(go())


def a_delivery(event: HookEvent | None = None) -> Delivery:
    return Delivery("msg_1", "ops", event or an_event())


def secret(directory: Path, content: str) -> str:
    file = directory / "secret"
    file.write_text(content)
    file.chmod(0o600)
    return str(file)


def answered(answer: Answer, directory: Path) -> Sent:
    with receiving(lambda got: answer) as receiver:
        [one] = sent(Hook("ops", "webhook", params={"url": receiver.url}), a_delivery())
    return one


def test_2xx_is_an_arrival(tmp_path: Path) -> None:
    assert answered((204, {}, b""), tmp_path) == Sent(is_done=True, detail="204")


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ((500, {}, b"no\ndatabase"), Sent(is_done=False, detail="500 no database")),
        ((404, {}, b""), Sent(is_done=False, detail="404")),
        ((410, {}, b""), Sent(is_done=False, detail="410 (gone: it wants nothing more)", is_gone=True)),
        ((429, {"retry-after": "120"}, b""), Sent(is_done=False, detail="429", retry_after_s=120.0)),
        (
            (503, {"retry-after": "Tue, 14 Nov 2023 22:14:20 GMT"}, b""),
            Sent(is_done=False, detail="503", retry_after_s=60.0),
        ),
        ((500, {"retry-after": "120"}, b""), Sent(is_done=False, detail="500")),
        (
            (302, {"location": "http://169.254.169.254/"}, b""),
            Sent(is_done=False, detail="302: it is elsewhere, at http://169.254.169.254/; redirects are not followed"),
        ),
    ],
)
def test_what_else_is_answered_says_what_follows(answer: Answer, expected: Sent, tmp_path: Path) -> None:
    assert answered(answer, tmp_path) == expected


def test_of_a_long_answer_only_the_start_is_read(tmp_path: Path) -> None:
    one = answered((500, {}, b"x" * (50 << 20)), tmp_path)
    assert one.detail.startswith("500 xxx")
    assert len(one.detail) < 400


def test_nobody_there_is_told_and_tried_again(tmp_path: Path) -> None:
    with unheard_port() as port:
        [one] = sent(Hook("ops", "webhook", params={"url": f"http://127.0.0.1:{port}/"}), a_delivery())
    assert not one.is_done
    assert not one.is_final
    assert "ConnectError" in one.detail


def test_a_secret_that_others_may_read_is_not_used(tmp_path: Path) -> None:
    file = Path(secret(tmp_path, "a key that is long enough"))
    file.chmod(0o644)
    [one] = sent(Hook("ops", "webhook", params={"url": "http://127.0.0.1:1/"}, secret_file=str(file)), a_delivery())
    assert "644, is not for its owner alone" in one.detail


def test_a_url_in_a_file_is_for_https_or_this_host(tmp_path: Path) -> None:
    [one] = sent(Hook("ops", "slack", secret_file=secret(tmp_path, "http://hooks.example/T/B/x\n")), a_delivery())
    assert "a secret is sent over https" in one.detail
    assert "hooks.example" not in one.detail


def test_a_new_secret_is_in_force_at_once(tmp_path: Path) -> None:
    file = secret(tmp_path, "the key that was there first")
    with receiving() as receiver:
        hook = Hook("ops", "webhook", params={"url": receiver.url}, secret_file=file)

        async def go() -> None:
            sender = made_sender(hook, read_secret)
            await sender.send(a_delivery(), 1.0)
            secret(tmp_path, "the key that was there first\nand one that came later")
            await sender.send(a_delivery(), 1.0)
            await sender.close()

        asyncio.run(go())
        first, later = (got.headers["webhook-signature"].split() for got in receiver.got)
    assert later[0] == first[0]
    assert (len(first), len(later)) == (1, 2)


def test_one_that_does_not_answer_is_left(tmp_path: Path) -> None:
    go_on = threading.Event()

    def answer(_: Got) -> Answer:
        go_on.wait(30)
        return OK

    with receiving(answer) as receiver:
        [one] = sent(Hook("ops", "webhook", params={"url": receiver.url}, timeout_s=0.2), a_delivery())
        go_on.set()
    assert "ReadTimeout" in one.detail


@pytest.mark.parametrize("text", ["", "soon", "-5", "Mon, 99 Nov 2023", "1" * 400])
def test_a_retry_after_that_is_none_is_passed_over(text: str) -> None:
    assert retry_after_s(text, 0.0) in (0.0, float("inf"))


EVENTS = [
    an_event(),
    an_event("e1", "error.cleared"),
    an_event("e1", "error.opened", root="r1"),
    event_of(a_notice(text=NASTY, message=NASTY, error_id="e1"), "error.escalated", ORIGIN),
    event_of(a_notice("state", state=State.ATTEMPTING, error_id="e1"), "error.state", ORIGIN),
    event_of(asked(), "approval.asked", ORIGIN),
    event_of(asked(), "approval.approved", ORIGIN),
    digest([a_delivery(an_event(f"e{n}", root=f"r{n % 30}")) for n in range(100)], ORIGIN, 1.0),
    made_event("test", 1.0, ORIGIN, {"text": "a test", "hook": "ops", "links": {}}),
    event_of(
        a_notice(text="<" * 9000, message="&" * 9000, component="x" * 9000, error_id="e1"), "error.escalated", ORIGIN
    ),
]


def got_by(strict: Callable[[Got], Answer], hook: Hook, directory: Path, content: str) -> list[Any]:
    with receiving(strict) as receiver:
        hook = replace(
            hook, secret_file=secret(directory, content.format(url=receiver.url)), params={"url": receiver.url}
        )
        results = sent(hook, *(Delivery(f"msg_{n}", "ops", event) for n, event in enumerate(EVENTS)))
    assert [one.detail for one in results if not one.is_done] == []
    return [got.body for got in receiver.got]


def test_slack_takes_whatever_there_is_to_tell(tmp_path: Path) -> None:
    escalated, cleared, *_ = messages = got_by(strict_slack, Hook("ops", "slack"), tmp_path, "{url}\n")
    assert escalated["blocks"][0]["text"]["text"] == "🟠 Needs a person: shop: the process of shop died"
    assert cleared["blocks"][0]["text"]["text"].startswith("🟢 Over: shop")
    assert "&lt;!channel&gt;" in json.dumps(messages[3])
    assert "error-cli approve b3896dcf1661a517 --decision d-1" in json.dumps(messages[5])


def test_pagerduty_takes_whatever_there_is_to_tell_and_an_error_is_one_incident(tmp_path: Path) -> None:
    events = got_by(pagerduty, Hook("ops", "pagerduty"), tmp_path, ROUTING_KEY + "\n")
    actions = [(event["event_action"], event["dedup_key"]) for event in events]
    assert actions == [
        ("trigger", "e1"),
        ("resolve", "e1"),
        ("trigger", "e1"),
        ("trigger", "e1"),
        ("acknowledge", "e1"),
        ("trigger", ASKED),
        ("acknowledge", ASKED),
        ("trigger", "msg_7"),
        ("trigger", "msg_8"),
        ("trigger", "e1"),
    ]
    assert events[0]["payload"]["severity"] == "error"
    assert events[0]["links"] == [{"href": "https://recovery.example/#/errors/e1", "text": "Open it"}]


@pytest.mark.parametrize(
    ("severity", "expected"),
    [("CRITICAL", "critical"), ("HIGH", "error"), ("MEDIUM", "warning"), ("LOW", "info"), ("INFO", "info")],
)
def test_severities_are_mapped_to_those_of_pagerduty(severity: str, expected: str, tmp_path: Path) -> None:
    from error_daemon.hooks.senders.pagerduty import event

    notice = a_notice(severity=Severity[severity])
    told = event_of(notice, "error.escalated", ORIGIN)
    assert event(a_delivery(told), ROUTING_KEY)["payload"]["severity"] == expected


@pytest.mark.parametrize(
    "kind", ["workflow.changed", "approval.approved", "approval.over", "attempt.ended", "error.state"]
)
@pytest.mark.parametrize(
    ("state", "action"),
    [(State.WATCHING, "resolve"), (State.RESOLVED, "resolve"), (State.FLUSHED, "acknowledge")],
)
def test_what_comes_of_an_error_that_is_over_reopens_no_incident(kind: str, state: State, action: str) -> None:
    from error_daemon.hooks.senders.pagerduty import event

    told = event_of(a_notice("workflow", "the run has ended", state=state), kind, ORIGIN)
    assert event(a_delivery(told), ROUTING_KEY)["event_action"] == action


def test_a_call_for_people_is_an_incident_whatever_the_error_is_by_then() -> None:
    from error_daemon.hooks.senders.pagerduty import event

    told = event_of(a_notice(state=State.WATCHING), "error.escalated", ORIGIN)
    assert event(a_delivery(told), ROUTING_KEY)["event_action"] == "trigger"


def test_a_key_of_another_length_is_told_before_it_is_sent(tmp_path: Path) -> None:
    hook = Hook("ops", "pagerduty", secret_file=secret(tmp_path, "short"), params={"url": "http://127.0.0.1:1/"})
    assert "32 characters; what is there has 5" in sent(hook, a_delivery())[0].detail


@given(st.text(max_size=200))
def test_no_text_can_be_markup_of_slack(text: str) -> None:
    escaped = slack.escaped(text)
    assert "<" not in escaped
    assert ">" not in escaped
