"""
One message of syslog, in whichever of its forms it comes.

    RFC 5424   <PRI>1 TIMESTAMP HOST APP PROCID MSGID [id name="value" ...]... MESSAGE         - is nothing
    RFC 3164   <PRI>Mmm dd hh:mm:ss HOST TAG[PID]: MESSAGE                                     as it is sent, so each part may lack
    the least  <PRI>MESSAGE                                                                     Python's SysLogHandler

What does not follow RFC 5424 is read as RFC 3164, and what is not even that is all message: senders have always done as they liked, and
none of it is refused. Only a message without a priority says nothing of how bad it is, and is none.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_PRIORITY = re.compile(rb"<(\d{1,3})>")
_HEAD_5424 = re.compile(rb"1 (\S{1,64}) (\S{1,255}) (\S{1,128}) (\S{1,128}) (\S{1,32}) (?=-|\[)", re.ASCII)
_ELEMENT = re.compile(rb'\[([!-~]{1,64}?)((?: [!-<>-~]{1,32}="(?:[^"\\\]]|\\.)*")*)\]')
_PARAMETER = re.compile(rb' ([!-<>-~]{1,32})="((?:[^"\\\]]|\\.)*)"')
_HEAD_3164 = re.compile(rb"[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d (?:(\S{1,255}) )?")
_TAG = re.compile(rb"([\w./@+-]{1,48}?)(?:\[(\d{1,10})\])?: ?")
_BOM = b"\xef\xbb\xbf"
_MOST_PARAMETERS = 32
SEVERITIES = ("emerg", "alert", "crit", "err", "warning", "notice", "info", "debug")


@dataclass(frozen=True, slots=True)
class SyslogMessage:
    """`severity`: 0 (the host is unusable) to 7. Texts are empty where they were not said. `timestamp` only as RFC 5424 has it."""

    facility: int
    severity: int
    text: str
    timestamp: str = ""
    host: str = ""
    program: str = ""
    pid: str = ""
    kind: str = ""
    data: tuple[tuple[str, str], ...] = ()


def parse(raw: bytes) -> SyslogMessage | None:
    """None: it has no priority, or one that there is not."""
    match = _PRIORITY.match(raw)
    if match is None or (priority := int(match[1])) > 191:
        return None
    rest = raw[match.end() :].rstrip(b"\0\r\n")
    facility, severity = divmod(priority, 8)
    head = _HEAD_5424.match(rest)
    if head is not None:
        return _of_5424(rest, head, facility, severity)
    return _of_3164(rest, facility, severity)


def _of_5424(rest: bytes, head: re.Match[bytes], facility: int, severity: int) -> SyslogMessage:
    timestamp, host, program, pid, kind = ("" if part == b"-" else _text(part) for part in head.groups())
    at = head.end()
    data: list[tuple[str, str]] = []
    if rest[at : at + 1] == b"-":
        at += 1
    else:
        while (element := _ELEMENT.match(rest, at)) is not None:
            at = element.end()
            name = _text(element[1])
            for key, value in _PARAMETER.findall(element[2])[: _MOST_PARAMETERS - len(data)]:
                data.append((f"{name}.{_text(key)}", _text(re.sub(rb"\\([\"\\\]])", rb"\1", value))))
    text = rest[at:].removeprefix(b" ").removeprefix(_BOM)
    return SyslogMessage(facility, severity, _text(text), timestamp, host, program, pid, kind, tuple(data))


def _of_3164(rest: bytes, facility: int, severity: int) -> SyslogMessage:
    head = _HEAD_3164.match(rest)
    at = head.end() if head else 0
    host = (head[1] or b"") if head else b""
    if host.endswith(b":") or (host and _TAG.fullmatch(host + b" ")):  # a program where a host is left out
        at, host = at - len(host) - 1, b""
    tag = _TAG.match(rest, at)
    if tag is None:
        return SyslogMessage(facility, severity, _text(rest[at:].removeprefix(_BOM)), host=_text(host))
    text = rest[tag.end() :].removeprefix(_BOM)
    pid = _text(tag[2] or b"")
    return SyslogMessage(facility, severity, _text(text), host=_text(host), program=_text(tag[1]), pid=pid)


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")
