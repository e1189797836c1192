"""Who calls, as the transport knows it, and as it was understood (access/gate.py)."""

from __future__ import annotations

from dataclasses import field
from enum import Enum
from ipaddress import IPv4Address, IPv6Address, ip_address

from error_daemon.model.value import value


class Role(Enum):
    """What a caller is to the daemon. access/methods.py says what each may call."""

    REPORTER = "reporter"
    APPLICATION = "application"
    AUDITOR = "auditor"
    OPERATOR = "operator"


@value
class Peer:
    """What a server knows of who calls, without judging it.

    `address` is an IP address, empty on a unix socket, or where it is not known. `certificate_names` are all names in the certificate
    that was shown and verified. `token` is what was sent as such, whether anybody knows it or not. `unix_uid`: None where the
    server cannot tell."""

    address: str = ""
    is_unix: bool = False
    is_encrypted: bool = False
    certificate_names: tuple[str, ...] = ()
    token: str = field(default="", repr=False)
    unix_uid: int | None = None


@value
class Caller:
    """Who calls. `name` is empty where nobody vouches for one: "certificate web-1.example", "token ann", "uid 1000".

    `key` is whose limits apply. `is_trusted`: what they report is acted on without a look."""

    name: str
    key: str
    roles: frozenset[Role]
    is_limited: bool = True
    is_trusted: bool = False


def parsed_address(text: str) -> IPv4Address | IPv6Address | None:
    """Of `Peer.address`; None: it is none. An IPv4 address in IPv6's clothes, as a socket for both has it, is the IPv4 address."""
    try:
        parsed = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return (parsed.ipv4_mapped or parsed) if isinstance(parsed, IPv6Address) else parsed
