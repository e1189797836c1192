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
from collections.abc import Sequence
from hashlib import blake2b

from error_daemon.model import Fault, Fingerprint

_READ_LIMIT = 4096  # characters of the message that are masked
_MESSAGE_LIMIT = 1024  # characters of the masked message that take part
_UUID_REST = r"-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b"
# Where one may begin, first what kind of character stands there: to try all kinds everywhere takes twice as long.
_VARIABLE = re.compile(
    rf"""(?<![A-Za-z_0-9])(?:
    (?=[0-9])(?:
        \b(?:
            ([0-9a-fA-F]{{8}}{_UUID_REST})
        |   (0[xX][0-9a-fA-F]+\b)
        |   ([0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}
                (?:[Tt ][0-9]{{2}}:[0-9]{{2}}(?::[0-9]{{2}}(?:[.,][0-9]+)?)?(?:[Zz]|[+-][0-9]{{2}}:?[0-9]{{2}})?)?)
        |   ([0-9]{{1,3}}(?:\.[0-9]{{1,3}}){{3}}\b)
        |   ([0-9a-fA-F]{{8,}}\b)
        )
    |   ([0-9]+(?:\.[0-9]+)?)
    )
|   \b(?:
        (?:[Ss](?i:tatus|ignal)|[Cc](?i:ode)|[Ee](?i:rrno)|[Hh](?i:ttp)(?:/[0-9.]{{1,8}})?)(?i:\s+code)?
            [\s=:#(\[]*-?(?:0[xX][0-9a-fA-F]+|[0-9]+)\b
    |   ([A-Fa-f][0-9a-fA-F]{{7}}{_UUID_REST})
    |   ([A-Fa-f](?=[A-Fa-f]*[0-9])[0-9a-fA-F]{{7,}}\b)
    ))""",
    re.VERBOSE,
)
# By the group that matched. None: a number that names a kind of failure, which stays.
_MASKS = (None, "<uuid>", "<address>", "<time>", "<ip>", "<number>", "<number>", "<uuid>", "<number>")
_CACHE_LIMIT = 4096


def template(message: str) -> str:
    """The message with its variable parts masked: "timeout after 31 s" → "timeout after <number> s"."""
    return _VARIABLE.sub(_mask, message[:_READ_LIMIT])[:_MESSAGE_LIMIT]


def _mask(match: re.Match[str]) -> str:
    return _MASKS[match.lastindex or 0] or match.group()


def fingerprint(fault: Fault) -> Fingerprint:
    """The fingerprint of `fault`, worked out anew."""
    if fault.explicit_fingerprint:
        return _stated(fault.explicit_fingerprint, fault.target)
    return _Place(fault).fingerprint(fault.exception_message or fault.message)


def _stated(explicit: str, target: str) -> Fingerprint:
    parts = [("fingerprint of the sender", explicit), ("target", target)]
    return Fingerprint(_digest(_text(parts)), _because(parts))


class _Place:
    """All of a fault that takes part, but its message: where it happened, and as what."""

    __slots__ = ("_after", "_because_after", "_because_before", "_before")

    def __init__(self, fault: Fault) -> None:
        before = [
            ("type", fault.type._value_),
            ("component", fault.component),
            ("target", fault.target),
            ("exception", fault.exception_type),
        ]
        after = [("frames", " < ".join(reversed(fault.frames)))]
        self._before, self._because_before = f"{_text(before)}\x1emessage\x1f", _because(before)
        self._after, self._because_after = f"\x1e{_text(after)}", _because(after)

    def fingerprint(self, message: str) -> Fingerprint:
        masked = template(message)
        because = (f"message: {masked}",) if masked else ()
        digest = _digest(f"{self._before}{masked}{self._after}")
        return Fingerprint(digest, self._because_before + because + self._because_after)


def _text(parts: Sequence[tuple[str, str]]) -> str:
    return "\x1e".join([f"{name}\x1f{value}" for name, value in parts])


def _because(parts: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    return tuple([f"{name}: {value}" for name, value in parts if value])


def _digest(text: str) -> bytes:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


class Fingerprinter:
    """`fingerprint`, remembering the last few thousand places, and messages at each: a storm of equal faults costs two look-ups in
    dictionaries, and of a fault that is new where others were before only the message is to be worked out."""

    __slots__ = ("_known", "_places", "_stated")

    def __init__(self) -> None:
        self._places: dict[tuple[object, ...], _Place] = {}
        self._known: dict[tuple[_Place, str], Fingerprint] = {}
        self._stated: dict[tuple[str, str], Fingerprint] = {}

    def __call__(self, fault: Fault) -> Fingerprint:
        if fault.explicit_fingerprint:
            return self._of_sender((fault.explicit_fingerprint, fault.target))
        where = (fault.type, fault.component, fault.target, fault.exception_type, fault.frames)
        place = self._places.get(where)
        if place is None:
            if len(self._places) >= _CACHE_LIMIT:
                self._places.clear()
            place = self._places[where] = _Place(fault)
        key = (place, fault.exception_message or fault.message)
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= _CACHE_LIMIT:
                self._known.clear()  # a storm of distinct faults; whatever recurs is back at its next fault
            known = self._known[key] = place.fingerprint(key[1])
        return known

    def _of_sender(self, key: tuple[str, str]) -> Fingerprint:
        known = self._stated.get(key)
        if known is None:
            if len(self._stated) >= _CACHE_LIMIT:
                self._stated.clear()
            known = self._stated[key] = _stated(*key)
        return known
