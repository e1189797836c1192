"""An event in words, for people who read it in a chat, in a mail or on a pager. Made of its body alone (payload.py, digest.py)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from error_daemon.hooks.payload import cut
from error_daemon.model.hook import DIGEST, TEST

_WHAT = {
    "error.opened": "Opened",
    "error.state": "Changed",
    "error.escalated": "Needs a person",
    "error.failed": "Failed",
    "error.recovered": "Recovered",
    "error.resolved": "Resolved",
    "error.observed": "Observed",
    "error.cleared": "Over",
    "decision.made": "Decided",
    "attempt.ended": "Tried",
    "approval.asked": "Asks for approval",
    "approval.reminded": "Still asks for approval",
    "approval.approved": "Approved",
    "approval.denied": "Denied",
    "approval.expired": "Nobody answered",
    "approval.withdrawn": "Asks no more",
    "pause.paused": "Paused",
    "pause.resumed": "Resumed",
    "pause.ended": "Pause is over",
    "workflow.asked": "Asks to be led through a workflow",
    "workflow.changed": "Workflow",
    DIGEST: "Several events",
    TEST: "Test",
}
SEVERITIES = ("info", "low", "medium", "high", "critical")
_LONGEST_TITLE = 140


def title(body: Mapping[str, Any]) -> str:
    """One line: what it is, and of what."""
    data = body["data"]
    what = _WHAT.get(body["type"], body["type"])
    error = data.get("error")
    if error is None:
        return one_line(f"{what}: {data['text']}", _LONGEST_TITLE)
    about = error["target"] or error["component"] or error["type"]
    return one_line(f"{what}: {about}: {error['message'] or data['text']}", _LONGEST_TITLE)


def severity(body: Mapping[str, Any]) -> str:
    """The worst of it."""
    data = body["data"]
    if "error" in data:
        return str(data["error"]["severity"])
    return max((group["severity"] for group in data.get("groups", ())), key=SEVERITIES.index, default="info")


def facts(body: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What else there is to know, by name; the most important first."""
    data = body["data"]
    if "error" in data:
        yield from _of_error(data)
    yield "Host", str(body["host"])
    yield "Time", str(body["timestamp"])


def _of_error(data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    error = data["error"]
    if "approval" in data:
        yield from _of_approval(data["approval"])
    yield "Error", f"{error['error_id']} ({error['severity']} {error['type']}, {error['state']})"
    if error["target"]:
        yield "Target", error["target"]
    if error["component"] and error["component"] != error["target"]:
        yield "Component", error["component"]
    if error["count"] > 1:
        yield "Seen", f"{error['count']:,} times since {error['first_at']}"
    yield from _of_tries(data)
    if error["until"]:
        yield "Until", error["until"]
    if error["root"]:
        yield "Root", error["root"]


def _of_tries(data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    error, attempt = data["error"], data.get("attempt")
    decision = None if "approval" in data else data.get("decision")  # which says more of it
    if decision:
        yield "Decided", f"{decision['strategy']} at level {decision['level']}: {decision['reason']}"
    if attempt:
        yield "Tried", f"{attempt['strategy']}: {attempt['outcome']}, {attempt['verdict']}"
    elif error["attempts"]:
        yield (
            "Tried",
            f"{error['attempts']} attempt{'' if error['attempts'] == 1 else 's'}, at level {error['level']} last",
        )
    for reading in data.get("readings", ()):
        yield f"Probe {reading['probe']}", f"{reading['value']}: {reading['detail']}".rstrip(": ")


def _of_approval(approval: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "What", f"{approval['strategy']} at level {approval['level']} on {approval['target']}: {approval['does']}"
    if approval["touches"]:
        yield "Touches", ", ".join(approval["touches"])
    yield "Why", " ".join(approval["why"])
    if approval["answered_by"]:
        yield "By", f"{approval['answered_by']} {approval['note']}".strip()
    else:
        yield "Answer by", approval["expires_at"]
        yield "Else", approval["on_expiry"]


def groups(body: Mapping[str, Any]) -> list[str]:
    """Of a digest: a line for each group."""
    return [_group(group) for group in body["data"].get("groups", ())]


def _group(group: Mapping[str, Any]) -> str:
    of = ", ".join(f"{count:,} {kind}" for kind, count in sorted(group["types"].items(), key=lambda each: -each[1]))
    example = group["example"]
    text = one_line(example["message"] or example["text"], 120)
    return f"{group['severity']} {group['group']}: {of}; as {example['error_id']}: {text}"


def links(body: Mapping[str, Any]) -> dict[str, str]:
    """Where there is more, and what to type; the page first."""
    found = body["data"].get("links", {})
    return {name: found[name] for name in ("page", "approve", "deny", "command") if name in found}


def one_line(text: str, longest: int) -> str:
    """Without what would end the line or change how the rest is shown."""
    plain = "".join(character if character.isprintable() else " " for character in text)
    return cut(" ".join(plain.split()), longest)
