"""
A fault made of somebody else's message, cut to what a fault may have (decode.py).

Our own clients are told what is too long, and mend it. Senders that know nothing of faults can't: their message is taken, with each text
cut at its end, and the fault says that it was shortened. Attributes go by their order: the first ones matter most to who wrote them down.

**What opens doors is withheld**, by the attribute's name (`DB_PASSWORD`, `userPassword`, `api_key`, `authorization`, `session.id`,
`db.query.text`): a fault is kept, shown, and told on, and none of these tells why it came. The name stays, and says that it was there.
Names and passwords in URLs (https://user:pw@host) are left out of every value. Both go by how such things are usually named: what a sender
calls otherwise, or writes into its messages, is not known for what it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from error_daemon.ingest.marks import MARKS
from error_recovery.v1 import fault_pb2

_TEXT_BYTES = 256
_ID_BYTES = 64
_MOST_ATTRIBUTES = 64
_KEY_BYTES = 64
_VALUE_BYTES = 1024
_MESSAGE_BYTES = 8 << 10  # of each message and stack trace; a slot of the ring keeps less
_TRACE_BYTES = 64 << 10
_MOST_FRAMES = 256
_CUT = "…"
WITHHELD = "[withheld]"
_TELLING = re.compile(
    r"passw(or)?d|passphrase|passcode|pwd|secret|token|credential|cookie|authori[sz]ation|(^|[._-])auth$"
    r"|(api|private|access|signing|encryption)[._-]?key|session[._-]?(id|key)|(^|[._-])(sid|dsn|jwt|otp|csrf|xsrf)($|[._-])"
    r"|db[._-](query[._-]text|statement|query[._-]parameter)|connection[._-]?string",
    re.IGNORECASE,
)
_USERINFO = re.compile(r"(?<=://)[^\s/?#\\\"'<>]*@")


def fitted(fault: fault_pb2.Fault, attributes: Iterable[tuple[str, str]] = ()) -> bytes:
    """`fault`, with `attributes` as those of its context, within all limits; `fault` itself is changed."""
    texts = _Texts()
    for holder, name, most_bytes in (
        (fault, "fault_id", _ID_BYTES),
        (fault, "source", _ID_BYTES),
        (fault, "fingerprint", _TEXT_BYTES),
        (fault, "target", _TEXT_BYTES),
        (fault, "message", _MESSAGE_BYTES),
        *((fault.context, name, _TEXT_BYTES) for name in _PLACES),
        (fault.exception, "type", _TEXT_BYTES),
        (fault.exception, "message", _MESSAGE_BYTES),
        (fault.exception, "stack_trace", _TRACE_BYTES),
    ):
        text = getattr(holder, name)
        if text:
            cut = texts.cut(text, most_bytes)
            if cut is not text:
                setattr(holder, name, cut)
    if len(fault.exception.frames) > _MOST_FRAMES:
        del fault.exception.frames[:-_MOST_FRAMES]
        texts.has_cut = True
    kept = fault.context.attributes
    for key, value in attributes:
        if len(kept) >= _MOST_ATTRIBUTES:
            texts.has_cut = True
            break
        if key and key not in MARKS:
            kept[texts.cut(key, _KEY_BYTES)] = texts.cut(withheld(key, value), _VALUE_BYTES)
    fault.shortened = fault.shortened or texts.has_cut
    return fault.SerializeToString()


def withheld(key: str, value: str) -> str:
    """What may be kept of an attribute's value."""
    if value and _TELLING.search(key):
        return WITHHELD
    return _USERINFO.sub("", value) if "://" in value else value


_PLACES = ("component", "operation", "node", "environment", "hardware_id")


class _Texts:
    def __init__(self) -> None:
        self.has_cut = False

    def cut(self, text: str, most_bytes: int) -> str:
        """The same text where it fits. What is no Unicode text (a lone surrogate, as JSON may have) is replaced."""
        if len(text) <= most_bytes and text.isascii():
            return text
        raw = text.encode("utf-8", "replace")
        if len(raw) <= most_bytes:
            return raw.decode()
        self.has_cut = True
        return raw[: most_bytes - len(_CUT.encode())].decode("utf-8", "ignore") + _CUT


def unicode(text: str) -> str:
    """The same text, with what is no character replaced: JSON may have lone surrogates, which no message of protobuf takes."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def flat(values: Mapping[str, object], prefix: str = "") -> Iterable[tuple[str, str]]:
    """Nested values as attributes: {"a": {"b": 1}} → ("a.b", "1"). Lists and empty values are left out."""
    for key, value in values.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            yield from flat(value, f"{name}.")
        elif isinstance(value, bool):
            yield name, str(value).lower()
        elif isinstance(value, str | int | float) and value != "":
            yield name, str(value)
