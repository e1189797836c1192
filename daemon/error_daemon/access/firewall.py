"""Rules of nftables that keep from the daemon's ports whom `access.allow` does not have: `error_daemon --print-firewall | nft -f -`.

What it prints is one table of its own, `inet error_recovery`, and takes the place of the one that was there: the first line makes it, so
that the second can delete it, and all of it is one transaction. Loading it twice is loading it once; `nft delete table inet
error_recovery` is all there is to undo. It concerns the daemon's ports only, and can close them but never open them: what is accepted here
is seen by the tables of others, too.

The daemon itself refuses whom the list does not have; but only once a connection is there, and TLS has been spoken.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network

TABLE = "inet error_recovery"


def firewall_rules(addresses: Sequence[str], allow: Sequence[str], dscp: str) -> str:
    """nftables text; empty where the settings ask for no rules. `addresses`, on which the daemon listens: host:port, or unix:/path.
    `dscp`: a name, or empty."""
    ports = sorted({int(one.rpartition(":")[2]) for one in addresses if one and not one.startswith("unix:")})
    if not ports or not (allow or dscp):
        return ""
    head = (
        "# Made by error_daemon --print-firewall. To load: nft -f FILE. To undo: nft delete table inet error_recovery"
    )
    lines = [head, f"table {TABLE}", f"delete table {TABLE}"]
    lines += _table(_ports(ports), allow, dscp.lower())
    return "\n".join(lines) + "\n"


def _ports(ports: Sequence[int]) -> str:
    return str(ports[0]) if len(ports) == 1 else f"{{ {', '.join(map(str, ports))} }}"


def _table(ports: str, allow: Sequence[str], dscp: str) -> Iterator[str]:
    networks = [ip_network(text) for text in allow]
    v4 = list(collapse_addresses(network for network in networks if isinstance(network, IPv4Network)))
    v6 = list(collapse_addresses(network for network in networks if isinstance(network, IPv6Network)))
    yield f"table {TABLE} {{"
    yield from _set("allowed4", "ipv4_addr", v4)
    yield from _set("allowed6", "ipv6_addr", v6)
    if allow:
        yield "\tchain callers {"
        yield '\t\tiifname "lo" accept'
        yield from ["\t\tip saddr @allowed4 accept"] if v4 else []
        yield from ["\t\tip6 saddr @allowed6 accept"] if v6 else []
        yield "\t\tcounter drop"
        yield "\t}"
        yield "\tchain input {"
        yield "\t\ttype filter hook input priority filter; policy accept;"
        yield f"\t\ttcp dport {ports} jump callers"
        yield "\t}"
    else:
        yield "\t# access.allow is empty: calls are taken from everywhere"
    if dscp:
        yield "\tchain output {"
        yield "\t\ttype filter hook output priority mangle; policy accept;"
        yield f"\t\tmeta nfproto ipv4 tcp sport {ports} ip dscp set {dscp}"
        yield f"\t\tmeta nfproto ipv6 tcp sport {ports} ip6 dscp set {dscp}"
        yield "\t}"
    yield "}"


def _set(name: str, kind: str, networks: Sequence[IPv4Network | IPv6Network]) -> Iterator[str]:
    if networks:
        yield f"\tset {name} {{"
        yield f"\t\ttype {kind}"
        yield "\t\tflags interval"
        yield f"\t\telements = {{ {', '.join(map(str, networks))} }}"
        yield "\t}"
