"""Lines to the journal with their fields, through its own socket (systemd, "Native Journal Protocol").

Each field of a line is one of the journal's, in capitals with `ER_` before it, as in the environment of `exec` strategies:
`journalctl ER_ERROR_ID=5e98c2b7c21c8e91`. MESSAGE is the line for people. A field is `NAME=value`, or where the value has more than one
line `NAME`, its length in 8 bytes, little-endian, and the value. An entry that is too large for a datagram goes as a sealed memory file.
"""

from __future__ import annotations

import array
import errno
import fcntl
import json
import os
import re
import socket
import struct

from error_daemon.logs.levels import SYSLOG_SEVERITIES
from error_daemon.logs.outlet import Unsendable

SOCKET = "/run/systemd/journal/socket"
_NOT_IN_NAMES = re.compile(r"[^A-Z0-9]+")
_LENGTH = struct.Struct("<Q")
_NAME_BYTES = 64
_TOO_LARGE = (errno.EMSGSIZE, errno.ENOBUFS)
_HEAD = ("timestamp", "level", "event")


def entry(line: bytes) -> bytes:
    """What the journal is sent for one line of the log. Raises Unsendable where that is none."""
    try:
        values = json.loads(line)
        fields = {name: _text(value) for name, value in values.items()}
    except (ValueError, AttributeError) as error:
        raise Unsendable from error
    level = fields.get("level", "")
    said = " ".join(f"{name}={value}" for name, value in fields.items() if name not in _HEAD)
    parts = [
        _field("MESSAGE", f"{fields.get('event', '')} {said}".strip()),
        _field("PRIORITY", str(SYSLOG_SEVERITIES.get(level, 6))),
        _field("SYSLOG_IDENTIFIER", "error_daemon"),
    ]
    parts += [_field(_name(name), value) for name, value in fields.items() if value]
    return b"".join(parts)


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def _name(name: str) -> str:
    return ("ER_" + _NOT_IN_NAMES.sub("_", name.upper()).strip("_"))[:_NAME_BYTES]


def _field(name: str, value: str) -> bytes:
    raw = value.encode("utf-8", "replace")
    if b"\n" in raw:
        return name.encode() + b"\n" + _LENGTH.pack(len(raw)) + raw + b"\n"
    return name.encode() + b"=" + raw + b"\n"


class JournalLink:
    """outlet.Link."""

    def __init__(self, path: str = SOCKET) -> None:
        self._path = path
        self._socket: socket.socket | None = None

    @property
    def name(self) -> str:
        return "journal"

    def send(self, line: bytes) -> None:
        """See outlet.Link."""
        raw = entry(line)
        if self._socket is None:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            self._socket.sendto(raw, self._path)
        except OSError as error:
            if error.errno not in _TOO_LARGE:
                raise
            self._send_file(raw)

    def _send_file(self, raw: bytes) -> None:
        assert self._socket is not None, "it was tried in a datagram first"
        fd = os.memfd_create("journal-entry", os.MFD_ALLOW_SEALING | os.MFD_CLOEXEC)
        try:
            os.write(fd, raw)
            fcntl.fcntl(
                fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SEAL
            )
            rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))
            self._socket.sendmsg([b""], [rights], 0, self._path)
        finally:
            os.close(fd)

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None
