"""Whether anybody listens at an address, asked of the socket itself: without grpc, whose import alone takes longer."""

from __future__ import annotations

import re
import socket


def problem_of_listening(address: str, within_s: float) -> OSError | None:
    """Why nobody can be reached at `address` (host:port or unix:/path); None when somebody can."""
    try:
        if address.startswith("unix:"):
            with socket.socket(socket.AF_UNIX) as probe:
                probe.settimeout(within_s)
                probe.connect(re.sub("^unix:(//)?", "", address))
        else:
            host, _, port = address.rpartition(":")
            socket.create_connection((host.strip("[]"), int(port)), within_s).close()
    except OSError as problem:
        return problem
    return None
