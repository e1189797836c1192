"""Who can reach the daemon by the settings, and whether it would know them (A8).

An address that only this host can reach may be served as it is. Any other is refused unless what goes over it is encrypted, and whoever
calls must show a certificate or a token: a daemon that steers a host is never open to a network by mistake. What says one thing and
leaves the other out (a key without a certificate, roles for certificates that nobody is asked for) is a problem, too: half of a lock
is none.

Whether the files are right is seen where they are read (access/certificates.py, access/tokens.py).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

from error_daemon.definitions.complaints import Complaint, Loc, quoted
from error_daemon.setting_values import parse_syslog
from error_daemon.settings import Settings

_LISTEN: Loc = ("listen",)
_HTTP: Loc = ("http", "listen")
_CERTIFICATE: Loc = ("tls", "certificate")
_CLIENT_CA: Loc = ("tls", "client_ca")
_TOKENS: Loc = ("access", "tokens")
Found = tuple[set[Loc], Complaint]


def exposure_complaints(settings: Settings) -> Iterator[Found]:
    """Each with the settings concerned."""
    for loc, listen, example in (
        (_LISTEN, settings.listen, "127.0.0.1:50051"),
        (_HTTP, settings.http.listen, "127.0.0.1:8089"),
    ):
        if loc == _HTTP and not listen:
            continue
        if problem := _no_address(listen, example):
            yield {loc}, Complaint(loc, problem)
        elif not is_of_this_host(listen):
            yield from _open(settings, loc, listen)
    yield from _syslog(settings)
    yield from _halves(settings)
    yield from _nobody(settings)


def is_of_this_host(listen: str) -> bool:
    """Whether only this host can reach it. Of a name it is not known here where it leads."""
    host = listen.rpartition(":")[0].strip("[]")
    if listen.startswith("unix:") or host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _no_address(listen: str, example: str) -> str:
    if listen.startswith("unix:"):
        path = listen[len("unix:") :]
        if path.startswith("/") and len(path.encode("utf-8", "replace")) <= 107 and "\0" not in path:
            return ""
        return f"{quoted(listen)}: the path of a unix socket begins with / and has at most 107 bytes"
    match = re.fullmatch(r"(\[[0-9a-fA-F:.]+\]|[^:\[\]\s]+):([0-9]{1,5})", listen)
    if match is None or int(match[2]) > 65535:
        return f"{quoted(listen)} is not an address: write host:port (as in {example}) or unix:/path"
    return ""


def _open(settings: Settings, loc: Loc, address: str) -> Iterator[Found]:
    """An address that others can reach. `loc` is where it stands."""
    listen, port = quoted(address), address.rpartition(":")[2]
    if not settings.tls.certificate:
        message = f"{listen} is not a loopback address, and nothing would be encrypted: tls.certificate is not set"
        mend = f"set it, and tls.client_ca or access.tokens; or write 127.0.0.1:{port} or unix:/path"
        yield {loc, _CERTIFICATE}, Complaint(loc, message, mend)
    elif not settings.tls.client_ca and not settings.access.tokens:
        message = f"{listen} is not a loopback address, and nobody would be known: tls.client_ca and access.tokens are not set"
        mend = "set tls.client_ca, and names below [access.certificates]; or access.tokens"
        yield {loc, _CLIENT_CA, _TOKENS}, Complaint(loc, message, mend)


def _syslog(settings: Settings) -> Iterator[Found]:
    """Addresses of syslog that others can reach: with TLS, or from networks whose senders are believed."""
    loc: Loc = ("syslog", "listen")
    for text in settings.syslog.listen:
        address = parse_syslog(text)
        if address is None or address.scheme == "unix":
            continue
        if address.scheme == "tls" and not settings.tls.certificate:
            message = f"{quoted(text)} is encrypted, and tls.certificate is not set"
            yield {loc, _CERTIFICATE}, Complaint(loc, message, "set it, or write tcp:")
        elif not is_of_this_host(f"{address.host}:{address.port}") and not settings.syslog.networks:
            if address.scheme == "tls" and settings.tls.client_ca:
                continue
            message = f"{quoted(text)} is not a loopback address, and nobody would be known"
            mend = "set syslog.networks, whose senders are believed; or write tls: and set tls.client_ca; or 127.0.0.1"
            yield {loc, ("syslog", "networks")}, Complaint(loc, message, mend)


def _halves(settings: Settings) -> Iterator[Found]:
    tls = settings.tls
    for name in ("key", "client_ca"):
        if getattr(tls, name) and not tls.certificate:
            loc: Loc = ("tls", name)
            message = f"tls.{name} is set, and tls.certificate is not: nothing would be encrypted"
            yield {loc, _CERTIFICATE}, Complaint(loc, message, "set tls.certificate, too")
    if tls.certificate and settings.listen.startswith("unix:") and is_of_this_host(settings.http.listen or "unix:"):
        message = "tls.certificate is set, and a unix socket is not encrypted"
        yield {_LISTEN, _CERTIFICATE}, Complaint(_CERTIFICATE, message, "leave [tls] out, or listen on host:port")
    if tls.min_version == "1.3" and settings.rpc.server == "grpcio":
        oldest: Loc = ("tls", "min_version")
        message = "tls.min_version is 1.3, and rpc.server is grpcio, which cannot be told so: it takes 1.2 and 1.3"
        yield {oldest, ("rpc", "server")}, Complaint(oldest, message, 'leave it at "1.2", or rpc.server at "wire"')
    for role, names in settings.access.users:
        if names and settings.rpc.server == "grpcio":
            who: Loc = ("access", "users", role)
            message = (
                f"access.users.{role} has users, and rpc.server is grpcio, which cannot tell who opened a unix socket"
            )
            yield {who, ("rpc", "server")}, Complaint(who, message, 'leave rpc.server at "wire"')
    for role, names in settings.access.certificates:
        if names and not tls.client_ca:
            of_role: Loc = ("access", "certificates", role)
            message = (
                f"access.certificates.{role} has names, and tls.client_ca is not set: nobody is asked for a certificate"
            )
            yield {of_role, _CLIENT_CA}, Complaint(of_role, message, "set tls.client_ca, too")


def _nobody(settings: Settings) -> Iterator[Found]:
    """Nobody at all could call."""
    access = settings.access
    if access.tokens or any(names for _, names in access.users):
        return
    if settings.tls.client_ca and settings.tls.certificate and not any(names for _, names in access.certificates):
        certificates: Loc = ("access", "certificates")
        message = "tls.client_ca is set, and no name of a certificate has a role: nobody may do anything"
        yield {_CLIENT_CA, certificates}, Complaint(_CLIENT_CA, message, "write names below [access.certificates]")
    of_socket = "unix_socket" if settings.listen.startswith("unix:") else "loopback"
    if not settings.tls.certificate and getattr(access, of_socket) == "none":
        loc: Loc = ("access", of_socket)
        message = f"access.{of_socket} is none, and there are no tokens: nobody may do anything"
        yield {loc, _TOKENS}, Complaint(loc, message, "set access.tokens, or give it a role")
