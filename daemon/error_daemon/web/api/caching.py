"""
Whether who asks has the answer already (RFC 9110, sections 8.8.3 and 13.1.2).

The tag is of the body, so it is strong: equal tags, equal bytes. Answers are for their asker alone, and asked for anew each time.
"""

from __future__ import annotations

from dataclasses import replace
from hashlib import blake2b
from http import HTTPStatus

from error_daemon.exchange import Answer, Request

_CACHED = {"cache-control": "private, no-cache"}
_TAG_BYTES = 12
_MOST_TAGS = 64


def with_tag(answer: Answer, request: Request) -> Answer:
    """The answer to a GET or HEAD with its tag; without its body where the asker has it."""
    tag = f'"{blake2b(answer.body, digest_size=_TAG_BYTES).hexdigest()}"'
    headers = {**answer.headers, **_CACHED, "etag": tag}
    if _has(request.headers.get("if-none-match", ""), tag):
        return Answer(HTTPStatus.NOT_MODIFIED, headers=headers)
    return replace(answer, headers=headers)


def _has(wanted: str, tag: str) -> bool:
    """For If-None-Match a weak tag is as good as a strong one."""
    tags = [one.strip().removeprefix("W/") for one in wanted.split(",", _MOST_TAGS)]
    return tag in tags or "*" in tags
