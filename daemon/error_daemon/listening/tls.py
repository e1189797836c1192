"""The TLS of a server.

A context is made for each set of certificates. Sessions of one are not resumed with another, so that whom a new set of authorities does
not vouch for cannot come back by an old ticket.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Sequence

from error_daemon.calls import ServerCredentials


def context_of(credentials: ServerCredentials, oldest: ssl.TLSVersion, protocols: Sequence[str]) -> ssl.SSLContext:
    """`protocols` are those that ALPN offers; none: it is not spoken. ssl reads keys from files only: it gets one that is in memory and
    has no name."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = oldest
    if protocols:
        context.set_alpn_protocols(list(protocols))
    file = os.memfd_create("credentials")
    try:
        with os.fdopen(file, "wb", closefd=False) as opened:
            opened.write(credentials.certificate + b"\n" + credentials.key)
        context.load_cert_chain(f"/proc/self/fd/{file}")
    finally:
        os.close(file)
    if credentials.client_ca is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=credentials.client_ca.decode("ascii", "replace"))
    return context
