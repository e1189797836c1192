"""Slack's incoming webhooks, and what takes the same: Mattermost, Rocket.Chat. The URL is the secret: it stands in the hook's
`secret_file`.

`blocks` are for Slack; `text` is what others show, and what Slack shows in a notification. Limits are Slack's: 150 characters in a header,
3,000 in a section, 10 fields of 2,000, 50 blocks. &, < and > are its markup, and escaped.

Its answers: 200 `ok` · 400, 403, 404 the message or the webhook is not taken, nor will be · 410 the channel is archived · 429 wait.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import islice
from typing import Any

from error_daemon.errors import InputError
from error_daemon.hooks import wording
from error_daemon.hooks.events import OVER
from error_daemon.hooks.payload import cut
from error_daemon.hooks.senders.http import Request, Way, as_json, is_refusal
from error_daemon.model.hook import Delivery, Hook

_SIGNS = {"critical": "🔴", "high": "🟠", "medium": "🟡", "low": "🔵", "info": "⚪"}
_WELL = "🟢"
_LONGEST_HEADER = 150
_LONGEST_SECTION = 3000
_LONGEST_FIELD = 2000
_MOST_FIELDS = 10


def request(hook: Hook, delivery: Delivery, secret: bytes, _at: float) -> Request:
    url = secret.decode("utf-8", "replace").strip()
    if not url.startswith(("https://", "http://")) or any(character.isspace() for character in url):
        raise InputError("secret_file", "it should hold the URL of an incoming webhook, in one line")
    return Request(url, as_json(message(delivery.event.body)), {})


def message(body: Mapping[str, Any]) -> dict[str, Any]:
    sign = _WELL if body["type"] in OVER else _SIGNS[wording.severity(body)]
    title = wording.title(body)
    text = escaped(str(body["data"]["text"]))
    lines = [escaped(line) for line in wording.groups(body)]
    fields = [
        {"type": "mrkdwn", "text": _within(_LONGEST_FIELD, f"*{escaped(name)}*\n{escaped(value)}")}
        for name, value in islice(wording.facts(body), _MOST_FIELDS)
    ]
    where = [
        f"<{link}|Open it>" if name == "page" else f"`{escaped(link)}`" for name, link in wording.links(body).items()
    ]
    blocks = [
        {"type": "header", "text": {"type": "plain_text", "text": cut(f"{sign} {title}", _LONGEST_HEADER)}},
        _section(text),
        *(_section(f"• {line}") for line in lines),
        {"type": "section", "fields": fields},
    ]
    if where:
        blocks.append({"type": "context", "elements": [{"type": "mrkdwn", "text": " · ".join(where)}]})
    plain = "\n".join([f"{sign} {escaped(title)}", text, *lines, *where])
    return {"text": _within(_LONGEST_SECTION, plain), "blocks": blocks}


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": _within(_LONGEST_SECTION, text)}}


def _within(longest: int, text: str) -> str:
    """Cut, and not in the middle of what an escaped character is written as."""
    return re.sub(r"&[a-z]{0,3}…$", "…", cut(text, longest))


def escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


WAY = Way("webhook's URL", request, is_refusal)
