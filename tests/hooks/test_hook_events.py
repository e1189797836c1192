"""Which event a notice is, and which hook wants it."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

from error_daemon.hooks.digest import MOST_GROUPS, digest
from error_daemon.hooks.events import types_of, wanted_as
from error_daemon.hooks.payload import data_of, event_of
from error_daemon.model import BrakeView, ErrorType, Notice, Reading, ReadingValue, Severity, State
from error_daemon.model.approval import Answer, Approval, ApprovalState, Unanswered
from error_daemon.model.hook import EVENT_TYPES, Delivery, Hook, HookEvent
from tests.hooks.events import ORIGIN, a_notice, an_event
from tests.rpc.recovery_world import DECISION, RECORD

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "hook-event.schema.json").read_text())
FITS = jsonschema.Draft202012Validator(SCHEMA)
APPROVAL = Approval(
    decision_id="d-1",
    error_id="e1",
    ticket_id="t-1",
    message="it broke",
    component="shop",
    error_type=ErrorType.SYSTEM,
    severity=Severity.HIGH,
    target="db",
    rule="asks",
    strategy_id="failover",
    kind="exec",
    level=4,
    does="runs /usr/bin/failover db",
    timeout_s=30.0,
    why=("the only strategy of this level",),
    covers="one attempt",
    asked_at=1_700_000_000.0,
    expires_at=1_700_003_600.0,
    unanswered=Unanswered.FAIL,
    on_expiry="nothing is done, and a person is told",
    dependents=("shop",),
)
PAUSED = Notice(
    1.0, "pause", "recoveries of db are paused", None, event="paused", brake=BrakeView("pause", "db", "paused")
)


def asked(**fields: object) -> Notice:
    return replace(
        a_notice("approval", "waits for a person to approve failover"),
        event="asked",
        approval=APPROVAL,
        **fields,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    ("notice", "types"),
    [
        (a_notice("state", state=State.QUEUED, at=5.0, opened_at=5.0), ("error.opened", "error.state")),
        (a_notice("state", state=State.QUEUED, at=6.0, opened_at=5.0), ("error.state",)),
        (a_notice("state", state=State.WATCHING), ("error.recovered", "error.state")),
        (a_notice("state", state=State.RESOLVED), ("error.resolved", "error.state")),
        (a_notice("state", state=State.FAILED), ("error.failed", "error.state")),
        (a_notice("state", state=State.OBSERVED), ("error.observed", "error.state")),
        (a_notice("state", state=State.PARKED), ("error.state",)),
        (a_notice("decision"), ("decision.made",)),
        (a_notice("verdict"), ("attempt.ended",)),
        (a_notice("escalation"), ("error.escalated",)),
        (a_notice("workflow"), ("workflow.changed",)),
        (replace(a_notice("workflow"), event="asked"), ("workflow.asked", "workflow.changed")),
        (asked(), ("approval.asked",)),
        (PAUSED, ("pause.paused",)),
        (a_notice("of a version to come"), ()),
        (replace(PAUSED, event="of a version to come"), ()),
    ],
)
def test_a_notice_is_an_event_of_these_types(notice: Notice, types: tuple[str, ...]) -> None:
    assert types_of(notice) == types
    assert set(types) <= set(EVENT_TYPES)


def wanted(hook: Hook, notice: Notice, *, was_told: bool = False) -> str | None:
    return wanted_as(hook, types_of(notice), notice, was_told=was_told)


def hook(*events: str, **fields: object) -> Hook:
    return Hook("ops", "webhook", frozenset(events), **fields)  # type: ignore[arg-type]


def test_a_hook_is_told_a_thing_once_as_the_narrowest_type_that_it_wants() -> None:
    failed = a_notice("state", state=State.FAILED)
    assert wanted(hook(), failed) == "error.failed"
    assert wanted(hook("error.state", "error.failed"), failed) == "error.failed"
    assert wanted(hook("error.state"), failed) == "error.state"
    assert wanted(hook("error.opened"), failed) is None


def test_that_it_is_over_is_told_to_who_has_heard_of_it() -> None:
    recovered = a_notice("state", state=State.WATCHING)
    assert wanted(hook("error.cleared"), recovered) is None
    assert wanted(hook("error.cleared"), recovered, was_told=True) == "error.cleared"
    assert wanted(hook("error.cleared", "error.recovered"), recovered, was_told=True) == "error.recovered"


@pytest.mark.parametrize(
    ("fields", "is_wanted"),
    [
        ({"types": frozenset({ErrorType.SYSTEM})}, True),
        ({"types": frozenset({ErrorType.DATA})}, False),
        ({"min_severity": Severity.HIGH}, True),
        ({"min_severity": Severity.CRITICAL}, False),
        ({"target": re.compile("sh.*")}, True),
        ({"target": re.compile("db")}, False),
    ],
)
def test_a_hook_is_told_of_errors_that_it_is_for(fields: dict[str, object], is_wanted: bool) -> None:
    assert (wanted(hook(**fields), a_notice("escalation")) is not None) is is_wanted


def test_a_pause_concerns_those_who_hear_of_its_target() -> None:
    assert wanted(hook(types=frozenset({ErrorType.DATA})), PAUSED) == "pause.paused"
    assert wanted(hook(target=re.compile("db")), PAUSED) == "pause.paused"
    assert wanted(hook(target=re.compile("shop")), PAUSED) is None
    of_all = replace(PAUSED, brake=BrakeView("pause", "", "paused"))
    assert wanted(hook(target=re.compile("shop")), of_all) == "pause.paused"


READING = Reading("shop-sells", ReadingValue.NOT_OK, "status 500", 1.0, 0.1)


@pytest.mark.parametrize(
    "notice",
    [
        a_notice(),
        a_notice("state", state=State.WATCHING),
        replace(a_notice("decision"), decision=DECISION),
        replace(a_notice("verdict"), attempt=RECORD, readings=(READING,) * 20),
        asked(),
        replace(
            asked(),
            event="approved",
            approval=replace(
                APPROVAL, state=ApprovalState.APPROVED, answer=Answer("d-1", is_yes=True, by="ann", note="go")
            ),
        ),
        PAUSED,
        a_notice(text="x" * 5000, message="y" * 5000, component="z" * 5000),
    ],
    ids=lambda notice: f"{notice.kind} {notice.event}",
)
def test_what_is_told_fits_its_schema_and_is_small(notice: Notice) -> None:
    [kind, *_] = types_of(notice)
    told = event_of(notice, kind, ORIGIN)
    FITS.validate(json.loads(told.text))
    assert len(told.text) < 16 << 10


def test_who_is_asked_gets_the_commands_for_just_what_was_shown() -> None:
    links = data_of(asked(), ORIGIN)["links"]
    assert links["approve"] == "error-cli approve b3896dcf1661a517 --decision d-1"
    assert links["page"] == "https://recovery.example/#/errors/b3896dcf1661a517"


def deliveries(*events: HookEvent) -> list[Delivery]:
    return [Delivery(f"msg_{number}", "ops", event) for number, event in enumerate(events)]


def test_a_digest_is_grouped_by_root_and_counts_all() -> None:
    told = digest(
        deliveries(
            an_event("symptom", root="root", at=1.0),
            an_event("root", at=2.0),
            an_event("other", "error.opened", at=3.0),
            event_of(PAUSED, "pause.paused", ORIGIN),
        ),
        ORIGIN,
        4.0,
    )
    FITS.validate(json.loads(json.dumps(told.body)))
    data = told.body["data"]
    assert data["events"] == 4
    assert {group["group"]: group["events"] for group in data["groups"]} == {
        "root root": 2,
        "shop system": 1,
        "pause.paused": 1,
    }
    assert data["groups"][0]["example"]["error_id"] == "root"


def test_a_digest_of_digests_is_that_of_all_their_events() -> None:
    events = [an_event(f"e{number}", root=f"r{number % 40}", at=float(number)) for number in range(200)]
    whole = digest(deliveries(*events), ORIGIN, 200.0)
    first = replace(Delivery("a", "ops", digest(deliveries(*events[:100]), ORIGIN, 100.0)), events=100)
    folded = digest([first, *deliveries(*events[100:])], ORIGIN, 200.0)
    for one in (whole, folded):
        data = one.body["data"]
        assert len(data["groups"]) == MOST_GROUPS
        assert data["events"] == 200
        assert data["events_left_out"] + sum(group["events"] for group in data["groups"]) == 200
        FITS.validate(json.loads(json.dumps(one.body)))
    assert folded.body["data"]["first_at"] == whole.body["data"]["first_at"]
