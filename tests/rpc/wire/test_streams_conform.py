"""RFC 9113, sections 5.1, 5.4, 6.8 and 8.7: what may come on a stream in each of its states, and what is known of it afterwards.

Closed comes in kinds, because what may still be on its way differs: `ended` by both, `cancelled` by the peer, `reset` for what the peer
did, `answered` before the peer had ended (which resets it with NO_ERROR), `skipped` by a higher number.
"""

from __future__ import annotations

import dataclasses

import pytest

from error_daemon.rpc.wire.frames import ACK, GREATEST_WINDOW, ErrorCode
from tests.rpc.wire.peer import (
    LIMITS,
    Peer,
    block,
    call,
    continuation,
    data,
    fields,
    frame,
    headers,
    opened,
    ping,
    priority,
    rst_stream,
    settings,
    window_update,
)

N = 3  # the stream that is looked at
ANSWER = ["HEADERS 3", "DATA 3 5", "HEADERS 3 END_STREAM"]
STATES: dict[str, tuple[bytes, list[str]]] = {
    "idle": (b"", []),
    "open": (call(N, "/test/Hold"), []),
    "half-closed": (call(N, "/test/Hold", ends=True), []),
    "ended": (call(N, ends=True), ANSWER),
    "cancelled": (call(N) + rst_stream(N), []),
    "reset": (call(N) + window_update(N, 0), ["RST_STREAM 3 PROTOCOL_ERROR"]),
    "answered": (call(N, "/test/Early"), [*ANSWER, "RST_STREAM 3 NO_ERROR"]),
    "skipped": (call(5), []),
}
SENT = {
    "HEADERS": call(N, "/test/Hold"),
    "HEADERS, ends": call(N, "/test/Hold", ends=True),
    "trailers": headers(N, [(b"x-end", b"1")], ends=True),
    "continued": opened(N, block(fields("/test/Hold"))) + continuation(N),
    "DATA": data(N, b"abc"),
    "DATA, ends": data(N, b"abc", ends=True),
    "PRIORITY": priority(N),
    "RST_STREAM": rst_stream(N),
    "WINDOW_UPDATE": window_update(N, 10),
}
CLOSED = ["RST_STREAM 3 STREAM_CLOSED"]
MALFORMED = ["RST_STREAM 3 PROTOCOL_ERROR"]
IDLE = ["GOAWAY 0 PROTOCOL_ERROR"]  # 5.1, idle
GONE = ["GOAWAY 3 STREAM_CLOSED"]  # 5.1, closed
BEHIND = ["GOAWAY 5 PROTOCOL_ERROR"]  # 5.1.1: a number that is not above all others
FINE: list[str] = []
TABLE: dict[str, dict[str, list[str]]] = {
    "HEADERS": {
        "idle": FINE,
        "open": MALFORMED,  # 8.1: a second HEADERS that does not end the stream
        "half-closed": CLOSED,
        "ended": GONE,
        "cancelled": GONE,
        "reset": FINE,
        "answered": FINE,
        "skipped": BEHIND,
    },
    "HEADERS, ends": {
        "idle": FINE,
        "open": MALFORMED,  # pseudo-header fields in trailers
        "half-closed": CLOSED,
        "ended": GONE,
        "cancelled": GONE,
        "reset": FINE,
        "answered": FINE,
        "skipped": BEHIND,
    },
    "trailers": {
        "idle": MALFORMED,
        "open": FINE,
        "half-closed": CLOSED,
        "ended": GONE,
        "cancelled": GONE,
        "reset": FINE,
        "answered": FINE,
        "skipped": BEHIND,
    },
    "continued": {
        "idle": FINE,
        "open": MALFORMED,
        "half-closed": CLOSED,
        "ended": GONE,
        "cancelled": GONE,
        "reset": FINE,
        "answered": FINE,
        "skipped": BEHIND,
    },
    "DATA": {
        "idle": IDLE,
        "open": FINE,
        "half-closed": CLOSED,
        "ended": CLOSED,  # 6.1
        "cancelled": CLOSED,
        "reset": FINE,
        "answered": FINE,
        "skipped": CLOSED,
    },
    "DATA, ends": {
        "idle": IDLE,
        "open": FINE,
        "half-closed": CLOSED,
        "ended": CLOSED,
        "cancelled": CLOSED,
        "reset": FINE,
        "answered": FINE,
        "skipped": CLOSED,
    },
    "PRIORITY": dict.fromkeys(STATES, FINE),
    "RST_STREAM": {**dict.fromkeys(STATES, FINE), "idle": IDLE},
    "WINDOW_UPDATE": {**dict.fromkeys(STATES, FINE), "idle": IDLE},
}


def _in(state: str) -> Peer:
    peer = Peer().greeted()
    sent, heard = STATES[state]
    assert peer.say(sent) == heard
    return peer


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("sent", SENT)
def test_each_state_takes_what_it_may_and_names_what_it_may_not(state: str, sent: str) -> None:
    peer = _in(state)
    heard = TABLE[sent][state]
    assert peer.say(SENT[sent]) == heard
    if any(said.startswith("GOAWAY") for said in heard):
        assert peer.connection.is_closing
    else:
        assert peer.say(call(7, ends=True)) == ["HEADERS 7", "DATA 7 5", "HEADERS 7 END_STREAM"]


@pytest.mark.parametrize("sent", [rst_stream(N), window_update(N, 0), data(0), priority(N, b"")])
@pytest.mark.parametrize("state", ["open", "half-closed"])
def test_a_servicer_hears_once_that_its_stream_is_gone(state: str, sent: bytes) -> None:
    peer = _in(state)
    peer.say(sent, rst_stream(N))
    peer.connection.lost()
    assert peer.servicer.gone_streams == [N]


def test_the_table_has_every_pair() -> None:
    assert TABLE.keys() == SENT.keys()
    assert all(row.keys() == STATES.keys() for row in TABLE.values())


@pytest.mark.parametrize("number", [2, 4])
def test_a_stream_with_an_even_number_is_no_clients(number: int) -> None:
    for sent in (call(number), opened(number), data(number), rst_stream(number), window_update(number, 1)):
        peer = Peer().greeted()
        peer.say(call(7))
        assert peer.say(sent) == ["GOAWAY 7 PROTOCOL_ERROR"]


def test_a_header_block_of_a_closed_stream_is_still_decoded_so_that_the_table_stays_in_step() -> None:
    indexed = block(fields()[:-1]) + b"\x40\x0ccontent-type\x10application/grpc"
    too_many = block([(b"x-%d" % n, b"a" * (LIMITS.header_list_bytes // 10)) for n in range(11)])
    for state in ("reset", "answered"):
        peer = _in(state)
        assert peer.say(headers(N, indexed), headers(N, too_many)) == []
        assert peer.say(headers(7, block(fields()[:-1]) + b"\xbe", ends=True))[0] == "HEADERS 7"
    refusing = Peer(dataclasses.replace(LIMITS, streams=1)).greeted()
    assert refusing.say(call(1), headers(3, indexed)) == ["RST_STREAM 3 REFUSED_STREAM"]
    assert refusing.say(rst_stream(1), headers(5, block(fields()[:-1]) + b"\xbe", ends=True))[0] == "HEADERS 5"


def test_a_stream_beyond_the_greatest_number_at_once_is_refused_and_room_is_made_by_any_end() -> None:
    peer = Peer(dataclasses.replace(LIMITS, streams=2)).greeted()
    assert peer.say(call(1), call(3), call(5), data(5, b"abc")) == ["RST_STREAM 5 REFUSED_STREAM"]
    assert list(peer.servicer.bodies) == [1, 3]
    assert peer.say(rst_stream(1), call(7, ends=True)) == ["HEADERS 7", "DATA 7 5", "HEADERS 7 END_STREAM"]
    assert peer.say(data(3, ends=True), call(9), call(11)) == ["HEADERS 3", "DATA 3 5", "HEADERS 3 END_STREAM"]
    assert peer.say(window_update(9, 0), call(13)) == ["RST_STREAM 9 PROTOCOL_ERROR"]


def test_the_highest_number_can_be_used_and_none_follows_it() -> None:
    highest = (1 << 31) - 1
    peer = Peer().greeted()
    assert peer.say(call(highest, ends=True))[0] == f"HEADERS {highest}"
    assert peer.say(call(5)) == [f"GOAWAY {highest} PROTOCOL_ERROR"]


def test_nothing_is_sent_on_a_stream_that_the_peer_has_reset() -> None:
    peer = Peer().greeted([(4, 0)])
    assert peer.say(call(1, "/test/Many", ends=True)) == ["HEADERS 1"]
    assert peer.say(rst_stream(1), window_update(1, 1000), settings([(4, 100_000)])) == ["SETTINGS ACK"]
    assert peer.connection.out.unsent_bytes == 0
    assert peer.servicer.gone_streams == [1]


def test_a_stream_that_is_given_up_is_reset_once_and_its_peer_may_still_send() -> None:
    peer = _in("open")
    stream = peer.connection.streams[N]
    peer.connection.reset(stream, ErrorCode.CANCEL)
    peer.connection.reset(stream, ErrorCode.CANCEL)
    assert peer.say(data(N, b"abc"), data(N, ends=True)) == ["RST_STREAM 3 CANCEL"]


def test_streams_that_were_reset_long_ago_are_forgotten_and_what_comes_on_them_is_an_error() -> None:
    peer = Peer(dataclasses.replace(LIMITS, nuisances=5000)).greeted()
    for number in range(1, 2 * 1024 + 3, 2):
        peer.say(call(number, "/test/Early"))
    assert peer.say(data(3)) == []
    assert peer.say(data(1)) == ["RST_STREAM 1 STREAM_CLOSED"]


# --- leaving (6.8)


def test_leaving_is_announced_first_and_calls_that_come_in_the_meantime_are_served() -> None:
    peer = Peer().greeted()
    peer.say(call(1, "/test/Hold"))
    peer.connection.announce_leave()
    assert peer.say(call(3, ends=True)) == [f"GOAWAY {GREATEST_WINDOW} NO_ERROR", "PING are you?", *ANSWER]
    assert not peer.connection.has_left
    pong = ping(b"are you?", flags=ACK)
    assert peer.say(pong, call(5)) == ["GOAWAY 3 NO_ERROR", "RST_STREAM 5 REFUSED_STREAM"]
    assert peer.connection.has_left
    assert list(peer.servicer.bodies) == [1, 3]
    assert peer.say(data(1, b"abc")) == []  # what was begun goes on


def test_we_leave_when_the_peer_has_heard_of_it_and_not_for_an_older_ping() -> None:
    peer = Peer().greeted()
    peer.connection.ping()
    peer.connection.announce_leave()
    peer.drain()
    pong = ping(b"are you?", flags=ACK)
    assert peer.say(pong) == []
    assert peer.say(pong) == ["GOAWAY 0 NO_ERROR"]


def test_an_error_after_leaving_never_names_a_later_stream() -> None:
    peer = Peer().greeted()
    peer.say(call(1))
    peer.connection.leave()
    assert peer.say(call(3), call(5)) == [
        "GOAWAY 1 NO_ERROR",
        "RST_STREAM 3 REFUSED_STREAM",
        "RST_STREAM 5 REFUSED_STREAM",
    ]
    peer.connection.leave()
    assert peer.say(rst_stream(9)) == ["GOAWAY 1 NO_ERROR", "GOAWAY 1 PROTOCOL_ERROR"]


def test_calls_that_come_after_leaving_are_no_nuisance() -> None:
    peer = Peer(dataclasses.replace(LIMITS, nuisances=3)).greeted()
    peer.say(call(1, "/test/Hold"))
    peer.connection.leave()
    peer.drain()
    assert peer.say(*(call(number) for number in range(3, 23, 2))) == [
        f"RST_STREAM {number} REFUSED_STREAM" for number in range(3, 23, 2)
    ]
    assert not peer.connection.is_closing


def test_the_calls_of_a_peer_that_leaves_are_answered_and_with_the_last_it_is_over() -> None:
    peer = _in("open")
    peer.say(frame(7, 0, bytes(8)))
    assert peer.say(call(5, ends=True))[0] == "HEADERS 5"
    assert not peer.connection.is_closing
    peer.say(rst_stream(N))
    assert peer.connection.is_closing


def test_trailers_may_be_spread_over_frames() -> None:
    peer = _in("open")
    assert peer.say(headers(N, b"", ends=True, flags=0), continuation(N, block([(b"x-end", b"1")]))) == []
    assert peer.servicer.ended == [N]
