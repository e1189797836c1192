"""PagerDuty, by its Events API v2. The integration key, 32 characters, stands in the hook's `secret_file`.

    event                                                     event_action
    --------------------------------------------------------  --------------------------------------------------------------
    error.cleared, error.recovered, error.resolved            resolve
    error.state, decision.made, attempt.ended of an error     acknowledge, where something is being done: it is worked on, and
      that is being attempted or verified                     nobody need hurry
    approval.approved, approval.denied                        acknowledge: somebody has seen it
    anything but a call for people, of an error that is       resolve, or acknowledge where it was flushed: neither reopens an
      over by then (a run of a workflow has ended)              incident that has ended
    digest, test, all else                                    trigger

`dedup_key` is the error's id, so an error is one incident from its first event to its end. A digest is an incident of its own, which a
person ends: it stands for many. Severity: critical → critical, high → error, medium → warning, low and info → info. Limits are
PagerDuty's: 1,024 characters of summary, 255 of a key.

Its answers: 202 taken · 400 the event is wrong, and will be · 429 and 5xx come again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from error_daemon.errors import InputError
from error_daemon.hooks import wording
from error_daemon.hooks.events import OVER, TELLING
from error_daemon.hooks.payload import cut
from error_daemon.hooks.senders.http import Request, Way, as_json, is_refusal
from error_daemon.model import State
from error_daemon.model.hook import Delivery, Hook

URL = "https://events.pagerduty.com/v2/enqueue"
_SEVERITIES = {"critical": "critical", "high": "error", "medium": "warning", "low": "info", "info": "info"}
_PROGRESS = ("error.state", "decision.made", "attempt.ended")
_ANSWERED = ("approval.approved", "approval.denied")
_AFTER = {State.WATCHING.value: "resolve", State.RESOLVED.value: "resolve", State.FLUSHED.value: "acknowledge"}
_LONGEST_SUMMARY = 1024
_LONGEST_KEY = 255
_KEY_CHARACTERS = 32


def request(hook: Hook, delivery: Delivery, secret: bytes, _at: float) -> Request:
    key = secret.decode("ascii", "replace").strip()
    if len(key) != _KEY_CHARACTERS:
        raise InputError(
            "secret_file", f"an integration key has {_KEY_CHARACTERS} characters; what is there has {len(key)}"
        )
    return Request(hook.params.get("url") or URL, as_json(event(delivery, key)), {})


def event(delivery: Delivery, routing_key: str) -> dict[str, Any]:
    body = delivery.event.body
    head = {
        "routing_key": routing_key,
        "event_action": _action(body),
        "dedup_key": cut(delivery.event.error_id or delivery.delivery_id, _LONGEST_KEY),
    }
    if head["event_action"] != "trigger":
        return head
    data = body["data"]
    error: Mapping[str, Any] = data.get("error", {})
    page = wording.links(body).get("page")
    return {
        **head,
        "client": "error-recovery",
        **({"client_url": page, "links": [{"href": page, "text": "Open it"}]} if page else {}),
        "payload": {
            "summary": cut(wording.title(body), _LONGEST_SUMMARY),
            "source": error.get("node") or body["host"],
            "severity": _SEVERITIES[wording.severity(body)],
            "timestamp": body["timestamp"],
            **({"component": error["component"]} if error.get("component") else {}),
            **({"group": error["target"]} if error.get("target") else {}),
            **({"class": error["type"]} if error.get("type") else {}),
            "custom_details": {"text": data["text"], **dict(wording.facts(body)), **_digest(body)},
        },
    }


def _digest(body: Mapping[str, Any]) -> dict[str, Any]:
    groups = wording.groups(body)
    return {"groups": groups} if groups else {}


def _action(body: Mapping[str, Any]) -> str:
    if body["type"] in OVER:
        return "resolve"
    if body["type"] not in TELLING and (action := _AFTER.get(_state(body))):
        return action
    is_worked_on = body["type"] in _PROGRESS and body["data"]["error"]["status"] == "retrying"
    return "acknowledge" if is_worked_on or body["type"] in _ANSWERED else "trigger"


def _state(body: Mapping[str, Any]) -> str:
    return str(body["data"].get("error", {}).get("state", ""))


WAY = Way("integration key", request, is_refusal)
