"""RFC 5424 messages to a syslog server: over UDP (RFC 5426), TCP with octet counting (RFC 6587), TLS (RFC 5425), or a unix socket.

    <PRI>1 TIMESTAMP HOSTNAME error_daemon PID EVENT [meta sequenceId="7"][origin software="error-recovery" swVersion="0.1.0"] {JSON}

The message is the line of the log as it is, so a server that knows JSON has every field. UDP may lose messages, and so may TCP those
that were on their way when the server went: its protocol has no acknowledgement. `sequenceId` shows the gaps.
"""

from __future__ import annotations

import errno
import json
import re
import select
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from error_daemon.logs.levels import SYSLOG_SEVERITIES
from error_daemon.logs.outlet import Unsendable
from error_daemon.setting_values import SyslogAddress

FACILITIES = {
    "kern": 0,
    "user": 1,
    "mail": 2,
    "daemon": 3,
    "auth": 4,
    "syslog": 5,
    "cron": 9,
    "authpriv": 10,
    **{f"local{number}": 16 + number for number in range(8)},
}
_PATIENCE_S = 5.0
_MOST_SEQUENCE = 2_147_483_647  # RFC 5424, 7.3.1
_NOT_IN_NAMES = re.compile(r"[^!-~]")


@dataclass(frozen=True, slots=True)
class Origin:
    """Who speaks."""

    hostname: str
    pid: int
    version: str
    facility: str = "daemon"


def message(line: bytes, sequence: int, origin: Origin) -> bytes:
    """The syslog message of one line of the log."""
    fields: dict[str, Any] = {}
    with suppress(ValueError):
        read = json.loads(line)
        fields = read if isinstance(read, dict) else fields
    severity = SYSLOG_SEVERITIES.get(str(fields.get("level")), SYSLOG_SEVERITIES["info"])
    priority = 8 * FACILITIES[origin.facility] + severity
    timestamp = _name(fields.get("timestamp"), 32)
    head = f"<{priority}>1 {timestamp} {_name(origin.hostname, 255)} error_daemon {origin.pid} {_name(fields.get('event'), 32)}"
    meta = f'[meta sequenceId="{sequence}"][origin software="error-recovery" swVersion="{origin.version}"]'
    return f"{head} {meta} ".encode("ascii", "replace") + line


def _name(text: object, most: int) -> str:
    """PRINTUSASCII of at most so many characters; "-" for nothing."""
    return _NOT_IN_NAMES.sub("_", str(text or ""))[:most] or "-"


def framed(text: bytes) -> bytes:
    """Octet counting: MSG-LEN SP SYSLOG-MSG."""
    return b"%d %s" % (len(text), text)


class SyslogLink:
    """outlet.Link. `context` makes the TLS of a `tls:` address when it connects, so that a renewed certificate is read then."""

    def __init__(self, address: SyslogAddress, origin: Origin, context: Callable[[], ssl.SSLContext]) -> None:
        self._address = address
        self._origin = origin
        self._context = context
        self._socket: socket.socket | None = None
        self._is_stream = address.scheme in ("tcp", "tls")
        self._sequence = 0

    @property
    def name(self) -> str:
        return f"syslog:{self._address}"

    def send(self, line: bytes) -> None:
        """See outlet.Link."""
        if self._socket is not None and self._is_stream and _is_over(self._socket):
            self.close()
        if self._socket is None:
            self._socket = self._connected()
        sequence = self._sequence % _MOST_SEQUENCE + 1
        text = message(line, sequence, self._origin)
        try:
            self._socket.sendall(framed(text) if self._is_stream else text)
        except OSError as error:
            if error.errno == errno.EMSGSIZE:
                raise Unsendable from error
            raise
        self._sequence = sequence

    def _connected(self) -> socket.socket:
        address = self._address
        if address.scheme == "unix":
            return self._unix(address.host)
        if self._is_stream:
            plain = socket.create_connection((address.host, address.port), _PATIENCE_S)
            if address.scheme == "tcp":
                return plain
            try:
                return self._context().wrap_socket(plain, server_hostname=address.host)
            except BaseException:
                plain.close()
                raise
        family, kind, protocol, _, to = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_DGRAM)[0]
        return _connect(socket.socket(family, kind, protocol), to)

    def _unix(self, path: str) -> socket.socket:
        """Datagrams, as /dev/log wants them, or else a stream."""
        try:
            self._is_stream = False
            return _connect(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM), path)
        except OSError as error:
            if error.errno != errno.EPROTOTYPE:
                raise
        self._is_stream = True
        return _connect(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM), path)

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def _connect(made: socket.socket, to: Any) -> socket.socket:
    try:
        made.settimeout(_PATIENCE_S)
        made.connect(to)
    except BaseException:
        made.close()
        raise
    return made


def _is_over(connected: socket.socket) -> bool:
    """Whether the server has closed it: a write would still be taken, and lost."""
    waiting = select.poll()  # select() takes no descriptor above 1023
    waiting.register(connected, select.POLLIN)
    if not waiting.poll(0):
        return False
    if isinstance(connected, ssl.SSLSocket):
        connected.settimeout(0.0)
        try:
            return connected.recv(4096) == b""
        except (ssl.SSLWantReadError, BlockingIOError):
            return False  # a session ticket
        finally:
            connected.settimeout(_PATIENCE_S)
    return connected.recv(4096) == b""


def tls_context(ca: str, certificate: str, key: str) -> ssl.SSLContext:
    """The server is checked, by name, against `ca` or else against the host's authorities. Raises OSError."""
    context = ssl.create_default_context(cafile=ca or None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if certificate:
        context.load_cert_chain(certificate, key or None)
    return context
