"""RFC 9113, sections 5.2, 6.5.3 and 6.9: how much may be sent, both ways, at the edges. test_flow_control.py looks for holes between."""

from __future__ import annotations

import dataclasses

import pytest

from error_daemon.rpc.wire.frames import DATA, GREATEST_WINDOW, Setting
from tests.rpc.wire.peer import (
    LIMITS,
    MANY_BYTES,
    Peer,
    call,
    data,
    padded,
    rst_stream,
    settings,
    window_update,
)

SIZE = Setting.INITIAL_WINDOW_SIZE
MANY = call(1, "/test/Many", ends=True)
ALL_BYTES = MANY_BYTES + 5
SMALL = dataclasses.replace(LIMITS, stream_window=1000, connection_window=65_535)


def _sent(said: list[str], number: int = 1) -> int:
    """Bytes of DATA on a stream."""
    return sum(int(words.split()[2]) for words in said if words.startswith(f"DATA {number} "))


# --- what we send


def test_no_more_than_65535_bytes_are_sent_unasked() -> None:
    peer = Peer().greeted()
    assert _sent(peer.say(MANY)) == 65_535
    assert peer.say(window_update(1, 1_000_000)) == []  # the connection's is used up
    assert _sent(peer.say(window_update(0, 1000))) == 1000
    said = peer.say(window_update(0, 1_000_000))
    assert _sent(said) == ALL_BYTES - 66_535
    assert said[-1] == "HEADERS 1 END_STREAM"


def test_the_windows_of_a_stream_and_of_the_connection_count_apart() -> None:
    peer = Peer().greeted()
    peer.say(window_update(0, 1_000_000))
    assert _sent(peer.say(MANY)) == 65_535
    assert peer.say(window_update(0, 1_000_000)) == []
    assert _sent(peer.say(window_update(1, 5))) == 5


def test_a_window_of_one_byte_is_used() -> None:
    peer = Peer().greeted([(SIZE, 1)])
    assert peer.say(call(1, ends=True)) == ["HEADERS 1", "DATA 1 1"]
    assert peer.say(window_update(1, 1)) == ["DATA 1 1"]
    assert peer.say(window_update(1, 9)) == ["DATA 1 3", "HEADERS 1 END_STREAM"]


def test_frames_that_are_not_data_need_no_window() -> None:
    peer = Peer().greeted([(SIZE, 0)])
    assert peer.say(call(1), data(1, ends=True)) == ["HEADERS 1"]
    assert peer.say(call(3, "/test/Hold")) == []
    peer.connection.out.trailers(peer.connection.streams[3], b"")
    assert peer.say() == ["HEADERS 3 END_STREAM", "RST_STREAM 3 NO_ERROR"]


@pytest.mark.parametrize("size", [1 << 14, 20_000, LIMITS.frame_bytes])
def test_frames_are_no_larger_than_the_peer_takes_nor_than_we_make(size: int) -> None:
    peer = Peer().greeted([(SIZE, 1_000_000), (Setting.MAX_FRAME_SIZE, size)])
    peer.say(window_update(0, 1_000_000))
    sizes = [len(content) for kind, _, _, content in peer.hear(MANY) if kind == DATA]
    assert max(sizes) == min(size, ALL_BYTES)
    assert sum(sizes) == ALL_BYTES


def test_frames_of_the_size_that_every_peer_takes_until_it_says_more() -> None:
    sizes = [len(content) for kind, _, _, content in Peer().greeted().hear(MANY) if kind == DATA]
    assert sizes == [16_384] * 3 + [65_535 - 3 * 16_384]


def test_another_initial_window_changes_those_of_open_streams() -> None:
    peer = Peer().greeted([(SIZE, 0)])
    assert peer.say(MANY) == ["HEADERS 1"]
    assert peer.say(settings([(SIZE, 1)])) == ["SETTINGS ACK", "DATA 1 1"]
    assert peer.say(settings([(SIZE, 10)])) == ["SETTINGS ACK", "DATA 1 9"]
    assert peer.say(settings([(SIZE, 10)])) == ["SETTINGS ACK"]


def test_a_window_may_become_negative_and_is_filled_up_first() -> None:
    peer = Peer().greeted([(SIZE, 100)])
    assert _sent(peer.say(MANY)) == 100
    assert peer.say(settings([(SIZE, 60)])) == ["SETTINGS ACK"]  # now -40
    assert peer.say(window_update(1, 40)) == []
    assert peer.say(window_update(1, 2)) == ["DATA 1 2"]
    assert peer.say(settings([(SIZE, 0)])) == ["SETTINGS ACK"]
    assert peer.say(settings([(SIZE, 61)])) == ["SETTINGS ACK", "DATA 1 1"]


def test_settings_are_applied_in_order_and_nothing_is_sent_between_them() -> None:
    peer = Peer().greeted([(SIZE, 0)])
    peer.say(MANY)
    assert peer.say(settings([(SIZE, 1000), (SIZE, 7)])) == ["SETTINGS ACK", "DATA 1 7"]


def test_what_new_settings_allow_is_sent_after_their_acknowledgement() -> None:
    """A peer may hold to the old ones until it hears that we know the new ones."""
    peer = Peer().greeted([(SIZE, 1_000_000)])
    assert _sent(peer.say(MANY)) == 65_535
    more = [(Setting.MAX_FRAME_SIZE, 50_000), (SIZE, 1_000_001)]
    peer.connection.out.window += 60_000
    assert peer.say(settings(more)) == ["SETTINGS ACK", "DATA 1 34470", "HEADERS 1 END_STREAM"]


def test_a_small_window_of_one_stream_keeps_no_other_waiting() -> None:
    peer = Peer().greeted([(SIZE, 0)])
    assert peer.say(call(1, "/test/Many", ends=True), call(3, ends=True)) == ["HEADERS 1", "HEADERS 3"]
    assert peer.say(window_update(3, 100)) == ["DATA 3 5", "HEADERS 3 END_STREAM"]


def test_streams_that_wait_for_the_connection_have_their_turns() -> None:
    peer = Peer().greeted([(SIZE, 1_000_000)])
    peer.say(*(call(number, "/test/Many", ends=True) for number in (1, 3, 5)))
    said = peer.say(window_update(0, 16_384 * 3))
    assert {_sent(said, number) for number in (1, 3, 5)} == {16_384}


def test_what_is_dropped_makes_room_for_those_that_wait() -> None:
    peer = Peer().greeted([(SIZE, 1_000_000)])
    peer.say(MANY, call(3, ends=True))
    assert peer.say(rst_stream(1), window_update(0, 5)) == ["DATA 3 5", "HEADERS 3 END_STREAM"]


ABOVE: dict[str, tuple[bytes, list[str]]] = {
    "of the connection": (window_update(0, GREATEST_WINDOW), ["GOAWAY 1 FLOW_CONTROL_ERROR"]),
    "of the connection, in two steps": (
        window_update(0, GREATEST_WINDOW - 65_535) + window_update(0, 1),
        ["GOAWAY 1 FLOW_CONTROL_ERROR"],
    ),
    "of a stream": (window_update(1, GREATEST_WINDOW), ["RST_STREAM 1 FLOW_CONTROL_ERROR"]),
    "of a stream, by settings": (
        window_update(1, GREATEST_WINDOW - 65_535) + settings([(SIZE, 65_536)]),
        ["GOAWAY 1 FLOW_CONTROL_ERROR"],
    ),
}


@pytest.mark.parametrize("row", ABOVE)
def test_no_window_is_wider_than_2_to_31_minus_1(row: str) -> None:
    sent, heard = ABOVE[row]
    peer = Peer().greeted()
    assert peer.say(call(1, "/test/Hold")) == []
    assert peer.say(sent) == heard


def test_windows_of_2_to_31_minus_1_are_fine() -> None:
    peer = Peer().greeted()
    assert (
        peer.say(call(1), window_update(0, GREATEST_WINDOW - 65_535), window_update(1, GREATEST_WINDOW - 65_535)) == []
    )


# --- what we take


def test_a_peer_may_fill_the_window_of_a_stream_and_no_more() -> None:
    for extra, heard in ((0, []), (1, ["RST_STREAM 1 FLOW_CONTROL_ERROR"])):
        peer = Peer(SMALL).greeted()
        peer.connection.consumed = lambda stream: None  # type: ignore[method-assign]
        assert peer.say(call(1), data(1, bytes(600)), data(1, bytes(400 + extra))) == heard


def test_padding_counts_and_its_credit_comes_back() -> None:
    peer = Peer(SMALL).greeted()
    for _ in range(100):
        said = peer.say(*([call(1)] if not peer.servicer.bodies else []), padded(DATA, 1, b"", 255))
        assert said == ["WINDOW_UPDATE 1 256"]
    assert peer.say(padded(DATA, 1, b"a", 255), padded(DATA, 1, b"a", 255)) == ["WINDOW_UPDATE 1 514"]


def test_the_window_of_the_connection_is_widened_whatever_becomes_of_its_streams() -> None:
    peer = Peer(SMALL).greeted()
    numbers = range(1, 141, 2)
    peer.say(*(call(number, "/test/Early") for number in numbers))
    said = [peer.say(data(number, bytes(1000))) for number in numbers]
    assert [words for words in said if words] == [["WINDOW_UPDATE 0 33000"], ["WINDOW_UPDATE 0 33000"]]


def test_a_peer_that_was_asked_to_stop_may_send_what_its_window_lets_and_no_more() -> None:
    peer = Peer(SMALL).greeted()
    peer.say(call(1, "/test/Early"))
    assert peer.say(data(1, bytes(1000))) == []
    assert peer.say(data(1, b"x")) == ["GOAWAY 1 FLOW_CONTROL_ERROR"]


def test_what_is_beyond_the_window_of_the_connection_ends_it() -> None:
    peer = Peer(dataclasses.replace(LIMITS, connection_window=65_535)).greeted()
    assert peer.say(call(1), data(1, bytes(65_536))) == ["GOAWAY 1 FLOW_CONTROL_ERROR"]


def test_what_the_servicer_has_taken_may_be_sent_again() -> None:
    peer = Peer(SMALL).greeted()
    assert peer.say(call(1), data(1, bytes(499))) == []
    assert peer.say(data(1, b"x")) == ["WINDOW_UPDATE 1 500"]
    assert peer.say(data(1, bytes(600), ends=True))[0] == "HEADERS 1"
