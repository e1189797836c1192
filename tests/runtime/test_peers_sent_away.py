"""What is said of peers that were sent away: every one is counted, and no peer can flood the log by it."""

from __future__ import annotations

from structlog.testing import capture_logs

from error_daemon.rpc.wire.frames import ConnectionViolation, ErrorCode
from error_daemon.runtime.peers import PeersSentAway
from error_daemon.telemetry import Counters

CALM = ConnectionViolation(ErrorCode.ENHANCE_YOUR_CALM, "too many pings")
WRONG = ConnectionViolation(ErrorCode.PROTOCOL_ERROR, "a frame within a header block")


class Clock:
    def __init__(self) -> None:
        self.at = 1.0

    def now(self) -> float:
        return self.at

    def from_monotonic(self, monotonic_s: float) -> float:
        return monotonic_s


def test_each_is_counted_and_one_a_second_of_a_kind_is_logged_with_how_many_were_left_out() -> None:
    clock, counters = Clock(), Counters()
    away = PeersSentAway(counters, clock)
    with capture_logs() as logs:
        for _ in range(1000):
            away("ipv4:127.0.0.1:1", CALM)
        away("unix:", WRONG)
        clock.at += 1.0
        away("ipv4:127.0.0.1:2", CALM)
        away("unix:", WRONG)
    assert counters.peers_sent_away == 1003
    assert [(line["peer"], line["code"], line["left_out"]) for line in logs] == [
        ("ipv4:127.0.0.1:1", "ENHANCE_YOUR_CALM", 0),
        ("unix:", "PROTOCOL_ERROR", 0),
        ("ipv4:127.0.0.1:2", "ENHANCE_YOUR_CALM", 999),
        ("unix:", "PROTOCOL_ERROR", 0),
    ]
    assert {line["event"] for line in logs} == {"peer_sent_away"}
    assert logs[0]["reason"] == "too many pings"
