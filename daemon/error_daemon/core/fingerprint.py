"""What makes two faults equal.

An explicit fingerprint of the sender wins, for each target that it names. Else the error type, component, target, exception
type, the message with its variable parts masked, and the in-application stack frames. Masked are: UUIDs, hexadecimal addresses
and digests, timestamps, IPv4 addresses, and numbers that do not belong to a word (`utf8`, `sha256` stay). Digests and numbers get
the same mask: some digests have no letter. Numbers that name a kind of failure stay, decimal or hexadecimal: what follows
"status", "code", "errno", "HTTP" or "signal". A long message is masked before it is cut, so that the width of a number does not
move the cut.

The parts that took part are kept as the reason ("grouped because ..."). The digest is BLAKE2b, so that nobody can craft a
fault that hides behind another one's fingerprint.
"""

from __future__ import annotations

import re
from hashlib import blake2b

from error_daemon.model import Fault, Fingerprint

_READ_LIMIT = 4096  # characters of the message that are masked
_MESSAGE_LIMIT = 1024  # characters of the masked message that take part
_VARIABLE = re.compile(
    r"(?<![A-Za-z_0-9])(?=[0-9a-fhs])(?:"  # where any of them may begin: to try them all everywhere takes twice as long
    r"(?P<keep>\b(?:status|code|errno|signal|HTTP(?:/[0-9.]{1,8})?)(?:\s+code)?[\s=:#(\[]*-?(?:0x[0-9a-f]+|[0-9]+)\b)"
    r"|(?P<uuid>\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b)"
    r"|(?P<address>\b0[xX][0-9a-fA-F]+\b)"
    r"|(?P<time>\b[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]+)?)?(?:Z|[+-][0-9]{2}:?[0-9]{2})?)?)"
    r"|(?P<ip>\b[0-9]{1,3}(?:\.[0-9]{1,3}){3}\b)"
    r"|(?P<digest>\b(?=[a-fA-F]*[0-9])[0-9a-fA-F]{8,}\b)"
    r"|(?P<number>(?<![A-Za-z_0-9])[0-9]+(?:\.[0-9]+)?))",
    re.IGNORECASE,
)
_MASKS = {
    "uuid": "<uuid>",
    "address": "<address>",
    "time": "<time>",
    "ip": "<ip>",
    "digest": "<number>",
    "number": "<number>",
}
_CACHE_LIMIT = 4096


def template(message: str) -> str:
    """The message with its variable parts masked: "timeout after 31 s" → "timeout after <number> s"."""
    return _VARIABLE.sub(_mask, message[:_READ_LIMIT])[:_MESSAGE_LIMIT]


def _mask(match: re.Match[str]) -> str:
    return _MASKS.get(match.lastgroup or "") or match.group()


def fingerprint(fault: Fault) -> Fingerprint:
    """The fingerprint of `fault`, worked out anew."""
    if fault.explicit_fingerprint:
        parts = [("fingerprint of the sender", fault.explicit_fingerprint), ("target", fault.target)]
    else:
        message = fault.exception_message or fault.message
        parts = [
            ("type", fault.type._value_),
            ("component", fault.component),
            ("target", fault.target),
            ("exception", fault.exception_type),
            ("message", template(message)),
            ("frames", " < ".join(reversed(fault.frames))),
        ]
    text = "\x1e".join([f"{name}\x1f{value}" for name, value in parts])
    digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
    return Fingerprint(digest, tuple([f"{name}: {value}" for name, value in parts if value]))


class Fingerprinter:
    """`fingerprint`, remembering the last few thousand different texts: a storm of equal faults costs a dictionary look-up."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[tuple[object, ...], Fingerprint] = {}

    def __call__(self, fault: Fault) -> Fingerprint:
        key = (
            fault.explicit_fingerprint,
            fault.message,
            fault.exception_message,
            fault.type,
            fault.component,
            fault.target,
            fault.exception_type,
            fault.frames,
        )
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= _CACHE_LIMIT:
                self._known.clear()  # a storm of distinct faults; whatever recurs is back at its next fault
            known = self._known[key] = fingerprint(fault)
        return known
