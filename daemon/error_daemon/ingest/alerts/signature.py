"""
Messages that show a token without sending it: Grafana's HMAC signatures. Pure.

    X-Grafana-Alerting-Signature    hexadecimal HMAC-SHA256 of the body, or of TIMESTAMP ":" BODY; its key is the token
    X-Grafana-Alerting-Timestamp    seconds since 1970, where the contact point has this as its timestamp header

With a timestamp, a message that somebody has overheard is good for a few minutes only. Without one it is good for ever, and it says no more
than it said the first time: that an alert fires, or is resolved.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence

SIGNATURE = "x-grafana-alerting-signature"
TIMESTAMP = "x-grafana-alerting-timestamp"
OLDEST_S = 300.0
_MOST_CHARACTERS = 200


def is_signed(headers: Mapping[str, str]) -> bool:
    return SIGNATURE in headers


def signing_token(headers: Mapping[str, str], body: bytes, tokens: Sequence[str], now: float) -> str:
    """The one of `tokens` that the body is signed with, now; else one that nobody has, for the gate to refuse, count and log."""
    signature, timestamp = headers[SIGNATURE][:_MOST_CHARACTERS].strip().lower(), headers.get(TIMESTAMP)
    signed = body
    if timestamp is not None:
        if not (timestamp.isascii() and timestamp.isdigit() and abs(now - int(timestamp[:20])) <= OLDEST_S):
            return "a signature that is too old"
        signed = timestamp.encode() + b":" + body
    for token in tokens:
        made = hmac.new(token.encode(), signed, "sha256").hexdigest()
        if hmac.compare_digest(made.encode(), signature.encode("latin-1", "replace")):
            return token
    return "a signature of nobody known"
