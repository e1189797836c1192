"""
Alerts, from what their senders write to values. Pure.

An alert is named by its labels: two messages with the same labels speak of the same alert. It fires from `startsAt` until somebody says
that it is resolved; while it fires it is told of again and again, with the same `startsAt`.

    from                             a message is                           resolved is
    -------------------------------  -------------------------------------  ------------------------------------------
    Alertmanager's webhook           {"version": "4", "alerts": [...]}      its status
    Grafana's webhook                the same, "1", with values             its status
    Prometheus, Loki, vmalert: what  [...]                                  `endsAt` that has passed; while it fires,
    they push to an Alertmanager                                            `endsAt` is how long their word holds

One alert of a message that is wrong does not cost the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import islice
from typing import Any

from error_daemon.errors import InputError
from error_daemon.ingest import sent_at
from error_daemon.ingest.json_read import read_json

_MOST_NAMES = 64  # of labels, and of annotations
_NAME_CHARACTERS = 256
_VALUE_CHARACTERS = 4096
_FINGERPRINT_CHARACTERS = 64


@dataclass(frozen=True, slots=True)
class Alert:
    """`fingerprint`: the sender's name for these labels, or ours. `starts_ns`: nanoseconds since 1970, `ends_at` and `holds_until` seconds;
    0: not said. `ends_at` is of a resolved one, `holds_until` of one that fires. `values`: what Grafana has measured."""

    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    is_firing: bool
    fingerprint: str
    starts_ns: int = 0
    ends_at: float = 0.0
    holds_until: float = 0.0
    generator_url: str = ""
    values: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.labels.get("alertname", "")


@dataclass(frozen=True, slots=True)
class Told:
    """What (a part of) a message said. `wrong`: of those alerts that are none."""

    alerts: Sequence[Alert]
    wrong: Sequence[InputError]


@dataclass(frozen=True, slots=True)
class Message:
    """One message, whose alerts are read as they are asked for: there may be thousands. `left_out`: how many its sender did not put in."""

    said: Sequence[Any]
    is_pushed: bool
    left_out: int = 0

    def read(self, now: float, first: int = 0, end: int | None = None) -> Told:
        """The alerts from the one to the other."""
        alerts: list[Alert] = []
        wrong: list[InputError] = []
        for index, one in enumerate(self.said[first:end], first):
            try:
                alerts.append(_alert(one, now, is_pushed=self.is_pushed))
            except InputError as error:
                wrong.append(InputError(f"alerts[{index}]", str(error)))
        return Told(alerts, wrong)


def notification(body: bytes) -> Message:
    """Of a webhook. Raises InputError for what is no notification at all."""
    said = _parsed(body)
    alerts = said.get("alerts") if isinstance(said, dict) else None
    if not isinstance(alerts, list):
        raise InputError("alerts", "is missing: a notification is an object with a list of alerts")
    left_out = said.get("truncatedAlerts")
    return Message(alerts, is_pushed=False, left_out=left_out if isinstance(left_out, int) and left_out > 0 else 0)


def pushed(body: bytes) -> Message:
    """Of POST /api/v2/alerts. Raises InputError for what is no list at all."""
    said = _parsed(body)
    if not isinstance(said, list):
        raise InputError("body", "is not a list of alerts")
    return Message(said, is_pushed=True)


def _parsed(body: bytes) -> Any:
    try:
        return read_json(body)
    except (ValueError, RecursionError) as error:
        raise InputError("body", f"is not JSON: {str(error)[:200]}") from None


def _alert(said: Any, now: float, *, is_pushed: bool) -> Alert:
    if not isinstance(said, dict):
        raise InputError("alert", "is not an object")
    labels = _texts(said.get("labels"))
    if not labels:
        raise InputError("labels", "are missing: they are what names an alert")
    is_told_to_fire = said.get("status") == "firing" and not is_pushed  # then it has no end
    ends_at = 0.0 if is_told_to_fire else sent_at.of_text(_text(said.get("endsAt")), now) / 1e9
    is_firing = is_told_to_fire or _is_firing(said, ends_at, now, is_pushed=is_pushed)
    return Alert(
        labels,
        _texts(said.get("annotations")),
        is_firing,
        _fingerprint(said.get("fingerprint"), labels),
        sent_at.of_text(_text(said.get("startsAt")), now),
        0.0 if is_firing else min(ends_at, now),
        ends_at if is_firing and is_pushed else 0.0,
        _text(said.get("generatorURL")),
        _texts(said.get("values")),
    )


def _is_firing(said: Mapping[str, Any], ends_at: float, now: float, *, is_pushed: bool) -> bool:
    if is_pushed:
        return not 0.0 < ends_at <= now
    status = said.get("status")
    if status != "resolved":
        raise InputError("status", f"{_text(status)[:40]!r} is none: firing and resolved are")
    return False


def _texts(said: Any) -> dict[str, str]:
    """An empty value is as good as none, as Prometheus has it."""
    if not isinstance(said, dict):
        return {}
    found: dict[str, str] = {}
    for name, value in islice(said.items(), _MOST_NAMES):
        text = value if type(value) is str and value.isascii() else _text(value)
        if text:
            key = name if name.isascii() else _text(name)
            found[key[:_NAME_CHARACTERS]] = text[:_VALUE_CHARACTERS]
    return found


def _text(value: object) -> str:
    """Of a plain value; of anything else nothing. Half a character, as JSON may have, becomes a question mark."""
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "replace").decode()
    return str(value) if isinstance(value, float) or (isinstance(value, int) and not isinstance(value, bool)) else ""


def _fingerprint(said: object, labels: Mapping[str, str]) -> str:
    if isinstance(said, str) and 0 < len(said) <= _FINGERPRINT_CHARACTERS and said.isprintable() and said.isascii():
        return said
    named = "\0".join(f"{name}\1{labels[name]}" for name in sorted(labels))
    return blake2b(named.encode(), digest_size=8).hexdigest()
