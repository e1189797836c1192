"""The certificate that the daemon shows, its key, and the authorities that vouch for callers: read, and seen to fit, before any of it is
in force.

Whether they fit is tried and not guessed: a handshake with ourselves, in memory, with the certificate as its own authority. It fails
where the key is another's or the certificate has expired, and says until when it is good. A certificate that has expired is not refused:
a daemon that does not start recovers nothing, and its callers are told by their own side. It is said, loudly.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass

from error_daemon.access.secret_file import read_file, read_secret
from error_daemon.calls import ServerCredentials
from error_daemon.errors import ConfigError, Problem
from error_daemon.settings import TlsSettings

_ENOUGH_TURNS = 20


@dataclass(frozen=True, slots=True)
class Loaded:
    """`expires_at`: seconds since 1970; 0 when that has passed."""

    credentials: ServerCredentials
    expires_at: float


class _HasExpired(Exception):
    """The daemon's own certificate."""


def load_certificates(settings: TlsSettings) -> Loaded:
    """Raises ConfigError with all problems of the files."""
    key_file = settings.key or settings.certificate
    problems: list[Problem] = []
    certificate = _read(settings.certificate, "certificate", problems)
    key = _read(key_file, "key of the certificate", problems, is_secret=True)
    client_ca = _read(settings.client_ca, "authorities of callers", problems) if settings.client_ca else None
    if problems:
        raise ConfigError(problems)
    server = _server_side(settings, key_file)
    if settings.client_ca:
        _try_authorities(settings.client_ca)
    try:
        expires_at = _seen_by_itself(server, certificate, settings.certificate)
    except _HasExpired:
        expires_at = 0.0
    return Loaded(ServerCredentials(certificate, key, client_ca), expires_at)


def _read(file: str, what: str, problems: list[Problem], *, is_secret: bool = False) -> bytes:
    try:
        return read_secret(file, what) if is_secret else read_file(file, what)
    except ConfigError as error:
        problems.extend(error.problems)
        return b""


def _server_side(settings: TlsSettings, key_file: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)

    def no_password() -> str:
        raise ValueError("is encrypted, and nobody is there to be asked for its password")

    try:
        context.load_cert_chain(settings.certificate, key_file, password=no_password)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            message, mend = f"is not the key of {settings.certificate}", "put the two that belong together there"
            raise ConfigError([Problem(key_file, 0, 0, message, mend)]) from None
        message = f"with the key of {key_file} it is not a certificate in PEM that can be used: {_reason(error)}"
        raise ConfigError([Problem(settings.certificate, 0, 0, message)]) from None
    except (OSError, ValueError) as error:
        raise ConfigError([Problem(key_file, 0, 0, f"the key cannot be used: {error}")]) from None
    return context


def _try_authorities(file: str) -> None:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=file)
    except (ssl.SSLError, OSError) as error:
        message = f"has no certificate of an authority in PEM: {_reason(error)}"
        raise ConfigError([Problem(file, 0, 0, message)]) from None


def _seen_by_itself(server: ssl.SSLContext, certificate: bytes, file: str) -> float:
    """Until when it is good, as a client sees it that trusts it by itself. Raises ConfigError, _HasExpired."""
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    try:
        client.load_verify_locations(cadata=certificate.decode("ascii", "replace"))
        seen = _handshake(client, server)
    except ssl.SSLCertVerificationError as error:
        if error.verify_code == 10:  # X509_V_ERR_CERT_HAS_EXPIRED
            raise _HasExpired from None
        raise ConfigError([Problem(file, 0, 0, f"callers would not take it: {error.verify_message}")]) from None
    except ssl.SSLError as error:
        raise ConfigError([Problem(file, 0, 0, f"a handshake with it fails: {_reason(error)}")]) from None
    return float(ssl.cert_time_to_seconds(str(seen["notAfter"])))


def _handshake(client: ssl.SSLContext, server: ssl.SSLContext) -> dict[str, object]:
    """The server's certificate, as the client sees it."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = client.wrap_bio(to_client, to_server)
    theirs = server.wrap_bio(to_server, to_client, server_side=True)
    is_done = {ours: False, theirs: False}
    for _ in range(_ENOUGH_TURNS):
        for side in (ours, theirs):
            try:
                side.do_handshake()
                is_done[side] = True
            except ssl.SSLWantReadError:
                pass
        if all(is_done.values()):
            break
    return dict(ours.getpeercert() or {})


def _reason(error: OSError) -> str:
    reason = error.reason if isinstance(error, ssl.SSLError) else error.strerror
    return (reason or "nothing of the kind is in it").lower().replace("_", " ")
