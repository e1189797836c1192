"""
Units by what they are, without what is new with each start of them.

A template's instance usually says which of several services it is (postgresql@15-main.service), and stays. Some say only which start it
was: those are `*` here, so that equal faults are of one error.

    nightly@5-10.0.0.1:22-10.0.0.9:41222.service   nightly@*.service   one connection of a socket unit with Accept=yes
    nightly@5-1234-0.service                       nightly@*.service   as above, of a unix socket; and of core dumps
    run-u12.service, run-r4bf2....scope            run-*.service       made by systemd-run
    session-3.scope, session-c1.scope              session-*.scope     a login
"""

from __future__ import annotations

import re

_ADDRESS = r"(?:[0-9.]+|\[[0-9a-fA-F:.%a-z]+\]|[0-9a-fA-F:]+):\d+"
_CONNECTION = re.compile(rf"([^@]+@)\d+-(?:{_ADDRESS}-{_ADDRESS}|\d+-\d+|unknown)(\.[a-z]+)")
_MADE = re.compile(r"(run-|session-)(?:[urpc]?\d+(?:-i?\d+)*|r[0-9a-f]{16,})(\.[a-z]+)")
_LONGEST = 256  # as systemd has it


def steady(unit: str) -> str:
    for pattern in (_CONNECTION, _MADE):
        if match := pattern.fullmatch(unit, 0, _LONGEST):
            return f"{match[1]}*{match[2]}"
    return unit
