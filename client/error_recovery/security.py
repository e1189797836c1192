"""How to reach a daemon that is not open to everybody: over TLS, by a certificate or a token.

tls_ca       ERROR_RECOVERY_TLS_CA: PEM file with the authorities that may vouch for the daemon; "system": those of the host.
             Where it is empty, nothing is encrypted
tls_cert     ERROR_RECOVERY_TLS_CERT: PEM file with our certificate, for a daemon that asks for one
tls_key      ERROR_RECOVERY_TLS_KEY: PEM file with its key; empty: it is in the same file
tls_name     ERROR_RECOVERY_TLS_NAME: the name that the daemon's certificate must have; empty: that of the address
token_file   ERROR_RECOVERY_TOKEN_FILE: file whose first line is our token

The files are read whenever a channel is opened, so that renewed ones are used after the next loss of the connection. A token is never
sent in clear to another host.
"""

from __future__ import annotations

import ipaddress
import os
import ssl
import stat
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import grpc

SYSTEM = "system"
_VARIABLE = "ERROR_RECOVERY_"
_OF_ALL = 0o007
Metadata = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Security:
    """All empty: in clear, as a daemon on this host is reached."""

    tls_ca: str = ""
    tls_cert: str = ""
    tls_key: str = ""
    tls_name: str = ""
    token_file: str = ""

    @classmethod
    def of_environment(cls) -> Security:
        """What the environment says."""
        given = {field.name: os.environ.get(_VARIABLE + field.name.upper(), "") for field in fields(cls)}
        return cls(**given)

    @property
    def is_encrypted(self) -> bool:
        return bool(self.tls_ca or self.tls_cert)


class Insecure(ValueError):
    """It is not done, because a secret would be where others can see it. The text says what, and how to mend it."""


def open_channel(
    address: str, security: Security, options: Sequence[tuple[str, int]]
) -> tuple[grpc.Channel, Metadata | None]:
    """A channel, and the metadata of each call. Connects with the first call. Raises OSError for files that cannot be read, and
    Insecure."""
    import grpc

    metadata = (("authorization", f"Bearer {token(security.token_file)}"),) if security.token_file else None
    if not security.is_encrypted:
        if metadata and not is_of_this_host(address):
            raise Insecure(f"the token would go to {address} in clear: use TLS (tls_ca)")
        return grpc.insecure_channel(address, options=options), metadata
    named = (("grpc.ssl_target_name_override", security.tls_name),) if security.tls_name else ()
    certificate = Path(security.tls_cert).read_bytes() if security.tls_cert else None
    key = Path(security.tls_key or security.tls_cert).read_bytes() if certificate else None
    credentials = grpc.ssl_channel_credentials(_authorities(security.tls_ca), key, certificate)
    return grpc.secure_channel(address, credentials, options=(*options, *named)), metadata


def token(file: str) -> str:
    """The token in a file. Raises OSError, Insecure."""
    with open(file, encoding="utf-8", errors="replace") as opened:
        if os.fstat(opened.fileno()).st_mode & _OF_ALL:
            mode = stat.S_IMODE(os.fstat(opened.fileno()).st_mode)
            raise Insecure(
                f"the mode of {file}, {mode:o}, lets everybody of this host at the token in it: chmod 600 {file}"
            )
        found = opened.readline().strip()
    if not found or not found.isascii() or not found.isprintable():
        raise Insecure(f"the first line of {file} is not a token")
    return found


def is_of_this_host(address: str) -> bool:
    """Whether what goes there stays on this host."""
    host = address.rpartition(":")[0].strip("[]")
    if address.startswith("unix:") or host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _authorities(file: str) -> bytes:
    """PEM."""
    if file and file != SYSTEM:
        return Path(file).read_bytes()
    place = ssl.get_default_verify_paths().cafile
    if place is None:
        raise FileNotFoundError(2, "this host has no file of authorities: name one", SYSTEM)
    return Path(place).read_bytes()
