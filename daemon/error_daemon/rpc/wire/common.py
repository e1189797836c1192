"""What all connections of a server share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from error_daemon.calls import Gate
from error_daemon.rpc.wire.limits import WireLimits
from error_daemon.rpc.wire.served import Served


@dataclass(slots=True)
class Common:
    """`methods`: by path. `now`: steady time in seconds. `held_bytes`: memory for what peers have sent and for what they do not take;
    `make_room()` is called when it is too much."""

    methods: Mapping[str, Served]
    limits: WireLimits
    on_bug: Callable[[str, BaseException], None]
    now: Callable[[], float]
    make_room: Callable[[], None]
    gate: Gate
    held_bytes: int = 0
