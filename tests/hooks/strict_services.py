"""What Slack and PagerDuty take, by their public documentation, in the strictest reading of it. They are fakes: the services themselves are
not asked by tests. Each answers as the service says that it does.

Slack: "Incoming webhooks", "Reference: blocks" and "Composition objects" (api.slack.com). PagerDuty: "Events API v2 overview", "Send an
event" (developer.pagerduty.com) and the JSON of its errors.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from tests.hooks.receiver import Answer, Got

_LONGEST = {"header": 150, "section": 3000, "field": 2000, "context": 2000}
ROUTING_KEY = "0123456789abcdef0123456789abcdef"
_SEVERITIES = {"critical", "error", "warning", "info"}
_OPTIONAL = {"timestamp", "component", "group", "class", "custom_details"}


def slack(got: Got) -> Answer:
    wrong = list(_wrong_for_slack(got))
    return (400, {}, ("invalid_payload: " + "; ".join(wrong)).encode()) if wrong else (200, {}, b"ok")


def _wrong_for_slack(got: Got) -> Iterator[str]:
    if got.headers["content-type"] != "application/json":
        yield "content-type"
    message = got.body
    if not message.get("text"):
        yield "no_text"
    blocks = message.get("blocks", [])
    if not 0 < len(blocks) <= 50:
        yield "blocks"
    for block in blocks:
        yield from _wrong_block(block)


def _wrong_block(block: Mapping[str, Any]) -> Iterator[str]:
    kind = block["type"]
    if kind == "header":
        yield from _wrong_text(block["text"], "plain_text", _LONGEST[kind])
    elif kind == "section":
        if "text" not in block and "fields" not in block:
            yield "an empty section"
        if "text" in block:
            yield from _wrong_text(block["text"], "mrkdwn", _LONGEST[kind])
        if len(block.get("fields", [])) > 10:
            yield "fields"
        for each in block.get("fields", []):
            yield from _wrong_text(each, "mrkdwn", _LONGEST["field"])
    elif kind == "context":
        if not 0 < len(block["elements"]) <= 10:
            yield "elements"
        for each in block["elements"]:
            yield from _wrong_text(each, "mrkdwn", _LONGEST[kind])
    else:
        yield f"block {kind}"


def _wrong_text(text: Mapping[str, Any], kind: str, longest: int) -> Iterator[str]:
    if set(text) != {"type", "text"} or text["type"] != kind:
        yield f"not {kind}: {text}"
    if not 0 < len(text["text"]) <= longest:
        yield f"{len(text['text'])} characters"
    if kind == "mrkdwn" and re.search(r"<(?!https?://[^<>|]+\|[^<>]+>)|&(?!amp;|lt;|gt;)", text["text"]):
        yield f"markup of its own: {text['text']}"


def pagerduty(got: Got) -> Answer:
    wrong = list(_wrong_for_pagerduty(got.body))
    if wrong:
        body = {"status": "invalid event", "message": "Event object is invalid", "errors": wrong}
        return 400, {"content-type": "application/json"}, json.dumps(body).encode()
    body = {"status": "success", "message": "Event processed", "dedup_key": got.body["dedup_key"]}
    return 202, {"content-type": "application/json"}, json.dumps(body).encode()


def _wrong_for_pagerduty(event: Mapping[str, Any]) -> Iterator[str]:
    if len(event.get("routing_key", "")) != 32:
        yield "Length of 'routing_key' is incorrect (should be 32 characters)"
    if event.get("event_action") not in ("trigger", "acknowledge", "resolve"):
        yield "event_action"
    if not 0 < len(event.get("dedup_key", "")) <= 255:
        yield "dedup_key"
    if unknown := set(event) - {
        "routing_key",
        "event_action",
        "dedup_key",
        "payload",
        "client",
        "client_url",
        "links",
        "images",
    }:
        yield f"unknown {unknown}"
    if any(set(link) != {"href", "text"} for link in event.get("links", [])):
        yield "links"
    if event.get("event_action") == "trigger":
        yield from _wrong_payload(event.get("payload", {}))


def _wrong_payload(payload: Mapping[str, Any]) -> Iterator[str]:
    if not {"summary", "source", "severity"} <= set(payload) <= {"summary", "source", "severity", *_OPTIONAL}:
        yield f"'payload' has {set(payload)}"
    if not 0 < len(payload.get("summary", "")) <= 1024:
        yield "summary"
    if not payload.get("source"):
        yield "source"
    if payload.get("severity") not in _SEVERITIES:
        yield "severity"
    if "\n" in payload.get("summary", ""):
        yield "summary of several lines"
