"""Many events as one: what a storm of ten thousand errors says in a single message.

Events are grouped by what is behind them: those of an error that waited for a root, and of that root, by the root; others by target and
type of error. Each group says how many events of which types, how severe the worst is, and shows one of them. Groups are few (20, the
worst first, then the largest); what is left out is counted.

Digests add up: a digest of a digest and more events is the digest of all of them, whichever way they were put together. So a queue that is
full can be folded again and again, and the counts stay true.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from error_daemon.hooks.payload import Origin, cut, links, made_event, written_time
from error_daemon.model import Severity
from error_daemon.model.hook import DIGEST, Delivery, HookEvent

MOST_GROUPS = 20
_SEVERITIES = {severity.name.lower(): int(severity) for severity in Severity}
_LONGEST_EXAMPLE = 300
_NO_ERROR = {"target": "", "component": "", "type": "", "severity": "info", "message": ""}


def digest(deliveries: Sequence[Delivery], origin: Origin, at: float) -> HookEvent:
    """Of at least one delivery. Its order is that of its events."""
    events = [one.event for one in deliveries]
    roots = {event.root for event in events if event.root}
    groups: dict[str, dict[str, Any]] = {}
    left_out = 0
    for event in events:
        if event.type == DIGEST:
            left_out += event.body["data"]["events_left_out"]
            for group in event.body["data"]["groups"]:
                _add(groups, group)
        else:
            _add(groups, _group_of(event, roots))
    shown, dropped = _first(groups.values())
    left_out += sum(group["events"] for group in dropped)
    count = sum(one.events for one in deliveries)
    data = {
        "text": _text(count, shown, len(dropped), left_out),
        "events": count,
        "groups": shown,
        "events_left_out": left_out,
        "first_at": min(filter(None, (_first_at(event) for event in events)), default=""),
        "last_at": written_time(max(event.at for event in events)),
        "links": links("", origin),
    }
    return made_event(DIGEST, at, origin, data)


def _first_at(event: HookEvent) -> str:
    return str(event.body["data"]["first_at"]) if event.type == DIGEST else written_time(event.at)


def _group_of(event: HookEvent, roots: set[str]) -> dict[str, Any]:
    error = event.body["data"].get("error", _NO_ERROR)
    root = event.root or (event.error_id if event.error_id in roots else "")
    return {
        "group": f"root {root}"
        if root
        else f"{error['target'] or error['component']} {error['type']}".strip() or event.type,
        "root": root,
        "target": error["target"],
        "error_type": error["type"],
        "severity": error["severity"],
        "events": 1,
        "types": {event.type: 1},
        "example": {
            "error_id": event.error_id,
            "text": cut(event.body["data"]["text"], _LONGEST_EXAMPLE),
            "message": cut(error["message"], _LONGEST_EXAMPLE),
        },
    }


def _add(groups: dict[str, dict[str, Any]], group: dict[str, Any]) -> None:
    """The root itself is the example of its group, if it is there; else the first that came."""
    known = groups.get(group["group"])
    if known is None:
        groups[group["group"]] = group
        return
    is_root = group["root"] and group["example"]["error_id"] == group["root"] != known["example"]["error_id"]
    groups[group["group"]] = {
        **(group if is_root else known),
        "severity": max(known["severity"], group["severity"], key=_SEVERITIES.__getitem__),
        "events": known["events"] + group["events"],
        "types": dict(Counter(known["types"]) + Counter(group["types"])),
    }


def _first(groups: Iterable[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    ordered = sorted(groups, key=lambda group: (-_SEVERITIES[group["severity"]], -group["events"]))
    return ordered[:MOST_GROUPS], ordered[MOST_GROUPS:]


def _text(count: int, shown: Sequence[dict[str, Any]], dropped: int, left_out: int) -> str:
    groups = f"{len(shown)} group{'' if len(shown) == 1 else 's'}"
    more = f", and {left_out:,} in smaller ones" if dropped or left_out else ""
    return f"{count:,} events, in {groups}{more}"
