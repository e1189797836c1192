"""Why there is no connection to a daemon at an address where somebody listens: found out by a handshake of our own, because what
grpc says of TLS differs from version to version, and is for those who know grpc.

    we          it           what is said
    ---------   ----------   ----------------------------------------------------------------------
    in clear    speaks TLS   that it does: --tls-ca
    over TLS    in clear     that it does not
    over TLS    speaks TLS   whose certificate is not taken, and why: ours, or the daemon's
"""

from __future__ import annotations

import socket
import ssl
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from error_recovery.security import Security

_WITHIN_S = 2.0
_MENDS = {  # by X509_V_ERR_...
    10: "have it renewed on the daemon's host",
    18: "name its authority with --tls-ca",
    19: "name the authority that issued it with --tls-ca",
    20: "name the authority that issued it with --tls-ca",
    62: "name the daemon as its certificate does: in --address, or with --tls-name",
    64: "name the daemon as its certificate does: in --address, or with --tls-name",
}
_ASKS = "the daemon asks for a certificate of yours", "name it with --tls-cert and --tls-key"
_NOT_TAKEN = (
    "the daemon does not take your certificate: it has expired, or is of another authority",
    "see tls.client_ca there",
)
_OF_OURS = {
    "tlsv13 alert certificate required": _ASKS,
    "sslv3 alert certificate expired": ("your certificate has expired", "have it renewed"),
    "tlsv1 alert unknown ca": _NOT_TAKEN,
    "sslv3 alert bad certificate": _NOT_TAKEN,
    "tlsv1 alert internal error": _NOT_TAKEN,
}


def problem_of_handshake(address: str, security: Security) -> tuple[str, ...]:
    """What is wrong, and how to mend it; empty where nothing is found."""
    if address.startswith("unix:"):
        return ()
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    try:
        with socket.create_connection((host, int(port)), _WITHIN_S) as plain:
            plain.settimeout(_WITHIN_S)
            return _over_tls(plain, host, security) if security.is_encrypted else _in_clear(plain)
    except OSError:
        return ()


def _in_clear(plain: socket.socket) -> tuple[str, ...]:
    """Whether somebody speaks TLS there."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    try:
        context.wrap_socket(plain).close()
    except (ssl.SSLError, OSError):
        return ()
    return (
        "the daemon speaks TLS",
        "name the authority that issued its certificate with --tls-ca, or ERROR_RECOVERY_TLS_CA",
    )


def _over_tls(plain: socket.socket, host: str, security: Security) -> tuple[str, ...]:
    system = not security.tls_ca or security.tls_ca == "system"
    try:
        context = ssl.create_default_context(cafile=None if system else security.tls_ca)
        if security.tls_cert:
            context.load_cert_chain(security.tls_cert, security.tls_key or None)
    except ssl.SSLError as error:
        return _of_our_files(error, security)
    context.set_alpn_protocols(["h2"])
    try:
        with context.wrap_socket(plain, server_hostname=security.tls_name or host) as secure:
            if not secure.recv(1):  # with TLS 1.3 the daemon judges our certificate after the handshake
                return _shut_out(security)
    except (ssl.SSLEOFError, ConnectionError):
        return _shut_out(security)
    except ssl.SSLCertVerificationError as error:
        mend = _MENDS.get(error.verify_code, "see tls.certificate in the daemon's recovery.conf")
        return f"the certificate of the daemon is not taken: {error.verify_message.rstrip('.')}", mend
    except ssl.SSLError as error:
        reason = (error.reason or "").lower().replace("_", " ")
        if reason in ("wrong version number", "record layer failure"):
            return "the daemon does not speak TLS", "leave --tls-ca and --tls-cert out; see [tls] in its recovery.conf"
        return _OF_OURS.get(reason, (f"the handshake with the daemon fails: {reason}",))
    return ()


def _shut_out(security: Security) -> tuple[str, ...]:
    """The daemon went away after the handshake, and did not say why."""
    return _NOT_TAKEN if security.tls_cert else _ASKS


def _of_our_files(error: ssl.SSLError, security: Security) -> tuple[str, ...]:
    if error.reason == "KEY_VALUES_MISMATCH":
        return (f"{security.tls_key or security.tls_cert} is not the key of {security.tls_cert}",)
    files = ", ".join(filter(None, (security.tls_ca, security.tls_cert, security.tls_key)))
    return (f"these are not all certificates and keys in PEM: {files}",)
