"""
Peers that were sent away for what they did on the wire: all are counted, and the log is told of at most one a second of each kind.

The line must not be what the peer can flood with. A kind is the code of the protocol; the next line of it says how many were left out.
"""

from __future__ import annotations

import structlog

from error_daemon.ports import Clock
from error_daemon.rpc.wire.frames import ConnectionViolation, ErrorCode
from error_daemon.telemetry import Counters

_log = structlog.get_logger()
_LINE_EVERY_S = 1.0


class PeersSentAway:
    """Call it with the peer's address and what it did."""

    def __init__(self, counters: Counters, clock: Clock) -> None:
        self._counters = counters
        self._clock = clock
        self._logged_at: dict[ErrorCode, float] = {}
        self._left_out: dict[ErrorCode, int] = {}

    def __call__(self, peer: str, violation: ConnectionViolation) -> None:
        self._counters.peers_sent_away += 1
        code, now = violation.code, self._clock.now()
        if now - self._logged_at.get(code, -_LINE_EVERY_S) < _LINE_EVERY_S:
            self._left_out[code] = self._left_out.get(code, 0) + 1
            return
        self._logged_at[code] = now
        left_out = self._left_out.pop(code, 0)
        _log.warning("peer_sent_away", peer=peer, code=code.name, reason=violation.says, left_out=left_out)
