"""RFC 9113, sections 3.4, 4, 5.5, 6 and 7: what each frame may be, and what is answered to one that it may not be.

Each row: what a client sends after the preface of both, and the frames that it hears. GOAWAY is an error of the connection, after which
nothing is taken; RST_STREAM one of the stream alone.
"""

from __future__ import annotations

import pytest

from error_daemon.rpc.wire.frames import (
    ACK,
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    HEADERS,
    PADDED,
    PING,
    PREFACE,
    PRIORITISED,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    Setting,
)
from tests.rpc.wire.peer import (
    LIMITS,
    Peer,
    block,
    call,
    continuation,
    data,
    fields,
    frame,
    goaway,
    headers,
    opened,
    padded,
    ping,
    priority,
    rst_stream,
    settings,
    text_of,
    window_update,
    words,
)

Rows = dict[str, tuple[bytes, list[str]]]
ANSWER = ["HEADERS 1", "DATA 1 5", "HEADERS 1 END_STREAM"]
ANSWER_OF_3 = ["HEADERS 1", "DATA 1 8", "HEADERS 1 END_STREAM"]
MALFORMED = ["RST_STREAM 1 PROTOCOL_ERROR"]
PROTOCOL = ["GOAWAY 0 PROTOCOL_ERROR"]
PROTOCOL_1 = ["GOAWAY 1 PROTOCOL_ERROR"]
SIZE = ["GOAWAY 0 FRAME_SIZE_ERROR"]
SIZE_1 = ["GOAWAY 1 FRAME_SIZE_ERROR"]
CALL = call(1, ends=True)
OPEN = call(1)
BLOCK = block(fields())
PUSH_PROMISE = 5
UNKNOWN = 0xBE

PREFACES: Rows = {  # 3.4
    "preface and empty settings": (PREFACE + settings(), ["SETTINGS ACK"]),
    "settings with values": (PREFACE + settings([(Setting.ENABLE_PUSH, 0)]), ["SETTINGS ACK"]),
    "a request in the same segment": (PREFACE + settings() + CALL, ["SETTINGS ACK", *ANSWER]),
    "another preface": (b"INVALID CONNECTION PREFACE\r\n\r\n", PROTOCOL),
    "HTTP/1.1": (b"POST / HTTP/1.1\r\nhost: here\r\n\r\n", PROTOCOL),
    "one byte that is wrong": (PREFACE[:-1] + b"x" + settings(), PROTOCOL),
    "one byte that no preface begins with": (b"G", PROTOCOL),
    "a ping first": (PREFACE + ping(), PROTOCOL),
    "headers first": (PREFACE + CALL, PROTOCOL),
    "an acknowledgement first": (PREFACE + settings(flags=ACK), PROTOCOL),
    "an unknown frame first": (PREFACE + frame(UNKNOWN), PROTOCOL),
    "nothing yet": (PREFACE, []),
    "half a preface": (PREFACE[:10], []),
}

FRAMES: Rows = {  # 4.1, 4.2, 5.5
    "unknown type": (frame(UNKNOWN, 0, b"abc", flags=0xFF) + CALL, ANSWER),
    "unknown type on a stream": (OPEN + frame(UNKNOWN, 1, b"abc") + data(1, ends=True), ANSWER),
    "unknown flags": (ping(flags=0xFE), ["PING ACK 12345678"]),
    "unknown flags of DATA": (OPEN + frame(DATA, 1, flags=0xF6 | END_STREAM), ANSWER),
    "unknown flags of RST_STREAM": (OPEN + frame(RST_STREAM, 1, b"\0\0\0\x08", flags=0xFF), []),
    "reserved bit": (frame(HEADERS, 1 | 1 << 31, BLOCK, flags=END_HEADERS | END_STREAM), ANSWER),
    "reserved bit of stream 0": (frame(PING, 1 << 31, b"12345678"), ["PING ACK 12345678"]),
    "of 2^14 bytes": (
        OPEN + data(1, bytes(1 << 14), ends=True),
        ["HEADERS 1", "DATA 1 16384", "DATA 1 5", "HEADERS 1 END_STREAM"],
    ),
    "as large as we said": (OPEN + data(1, bytes(LIMITS.frame_bytes)), ["WINDOW_UPDATE 1 262144"]),
    "DATA larger than we said": (OPEN + data(1, bytes(LIMITS.frame_bytes + 1)), SIZE_1),
    "HEADERS larger than we said": (headers(1, bytes(LIMITS.frame_bytes + 1)), SIZE),
    "unknown type larger than we said": (frame(UNKNOWN, 0, bytes(LIMITS.frame_bytes + 1)), SIZE),
}

BLOCKS: Rows = {  # 4.3, 6.2, 6.10
    "in one frame": (CALL, ANSWER),
    "in two frames": (opened(1, BLOCK[:9]) + continuation(1, BLOCK[9:]) + data(1, ends=True), ANSWER),
    "in empty frames": (opened(1, BLOCK) + continuation(1, ends=False) + continuation(1) + data(1, ends=True), ANSWER),
    "END_STREAM stands in HEADERS": (headers(1, BLOCK, flags=END_STREAM) + continuation(1), ANSWER),
    "padded": (padded(HEADERS, 1, BLOCK, 7, flags=END_HEADERS | END_STREAM), ANSWER),
    "padded with nothing": (padded(HEADERS, 1, BLOCK, 0, flags=END_HEADERS | END_STREAM), ANSWER),
    "with a priority": (headers(1, b"\0\0\0\0\x10" + BLOCK, ends=True, flags=END_HEADERS | PRIORITISED), ANSWER),
    "with a priority of itself": (
        headers(1, b"\0\0\0\1\x10" + BLOCK, ends=True, flags=END_HEADERS | PRIORITISED),
        ANSWER,
    ),
    "padded, with a priority": (
        padded(HEADERS, 1, b"\0\0\0\0\x10" + BLOCK, 7, flags=END_HEADERS | END_STREAM | PRIORITISED),
        ANSWER,
    ),
    "padding as long as the frame": (frame(HEADERS, 1, b"\x03abc"[:3], flags=END_HEADERS | PADDED), PROTOCOL),
    "padding longer than the frame": (frame(HEADERS, 1, b"\xffabc", flags=END_HEADERS | PADDED), PROTOCOL),
    "padded and empty": (frame(HEADERS, 1, flags=END_HEADERS | PADDED), SIZE),
    "too short for its priority": (frame(HEADERS, 1, b"\0\0\0\0", flags=END_HEADERS | PRIORITISED), SIZE),
    "padding that leaves no priority": (
        frame(HEADERS, 1, b"\3" + bytes(7), flags=END_HEADERS | PADDED | PRIORITISED),
        SIZE,
    ),
    "HEADERS on stream 0": (headers(0), PROTOCOL),
    "HEADERS on stream 0, to be continued": (opened(0), PROTOCOL),
    "DATA in it": (opened(1) + data(1), PROTOCOL),
    "PRIORITY in it": (opened(1) + priority(1), PROTOCOL),
    "PING in it": (opened(1) + ping(), PROTOCOL),
    "SETTINGS in it": (opened(1) + settings(), PROTOCOL),
    "HEADERS of another stream in it": (opened(1) + headers(3), PROTOCOL),
    "HEADERS of the same stream in it": (opened(1) + headers(1), PROTOCOL),
    "unknown type in it": (opened(1) + frame(UNKNOWN, 1), PROTOCOL),
    "unknown type in it, after CONTINUATION": (opened(1) + continuation(1, ends=False) + frame(UNKNOWN, 1), PROTOCOL),
    "CONTINUATION of another stream": (opened(1) + continuation(3), PROTOCOL),
    "CONTINUATION on stream 0": (opened(1) + continuation(0), PROTOCOL),
    "CONTINUATION on stream 0, of nothing": (continuation(0), PROTOCOL),
    "CONTINUATION of nothing": (continuation(1, BLOCK), PROTOCOL),
    "CONTINUATION after the end": (OPEN + continuation(1, BLOCK), PROTOCOL_1),
    "CONTINUATION after continued HEADERS": (opened(1) + continuation(1) + continuation(1), PROTOCOL_1),
    "CONTINUATION after DATA": (OPEN + data(1) + continuation(1), PROTOCOL_1),
    "continued, not decodable": (opened(1, BLOCK) + continuation(1, b"\x80"), ["GOAWAY 1 COMPRESSION_ERROR"]),
    "not decodable": (headers(1, b"\x80"), ["GOAWAY 1 COMPRESSION_ERROR"]),
    "trailers that are not decodable": (OPEN + headers(1, b"\x80", ends=True), ["GOAWAY 1 COMPRESSION_ERROR"]),
    "a string that ends too late": (headers(1, b"\x40\x7f"), ["GOAWAY 1 COMPRESSION_ERROR"]),
    "table larger than we said": (headers(1, b"\x3f\xe2\x1f" + BLOCK), ["GOAWAY 1 COMPRESSION_ERROR"]),
    "more pieces than are usual": (
        opened(1, BLOCK) + continuation(1, ends=False) * LIMITS.continuations + continuation(1),
        ["GOAWAY 0 ENHANCE_YOUR_CALM"],
    ),
    "too large": (headers(1, bytes(LIMITS.header_block_bytes + 1)), ["GOAWAY 0 ENHANCE_YOUR_CALM"]),
    "too large together": (
        opened(1, bytes(LIMITS.header_block_bytes)) + continuation(1, b"x"),
        ["GOAWAY 0 ENHANCE_YOUR_CALM"],
    ),
}

DATAS: Rows = {  # 6.1
    "with content": (OPEN + data(1, b"abc", ends=True), ANSWER_OF_3),
    "on stream 0": (data(0, b"abc"), PROTOCOL),
    "padded": (OPEN + padded(DATA, 1, b"abc", 255, flags=END_STREAM), ANSWER_OF_3),
    "padded with nothing": (OPEN + padded(DATA, 1, b"abc", 0, flags=END_STREAM), ANSWER_OF_3),
    "padding that is not zero": (OPEN + frame(DATA, 1, b"\2abcxy", flags=PADDED | END_STREAM), ANSWER_OF_3),
    "all padding": (OPEN + padded(DATA, 1, b"", 9, flags=END_STREAM), ANSWER),
    "padding as long as the frame": (OPEN + frame(DATA, 1, b"\3ab", flags=PADDED), PROTOCOL_1),
    "padding longer than the frame": (OPEN + frame(DATA, 1, b"\x04ab", flags=PADDED), PROTOCOL_1),
    "padded and empty": (OPEN + frame(DATA, 1, flags=PADDED), SIZE_1),
    "empty": (OPEN + data(1) + data(1, b"abc") + data(1, ends=True), ANSWER_OF_3),
}

OTHERS: Rows = {  # 6.3 to 6.9
    "PRIORITY of an idle stream": (priority(1), []),
    "PRIORITY of a closed stream": (CALL + priority(1), ANSWER),
    "PRIORITY of a stream of ours": (priority(2), []),
    "PRIORITY of itself": (priority(1, b"\0\0\0\1\x10"), []),
    "PRIORITY on stream 0": (priority(0), PROTOCOL),
    "PRIORITY of 4 bytes": (OPEN + priority(1, bytes(4)), ["RST_STREAM 1 FRAME_SIZE_ERROR"]),
    "PRIORITY of 6 bytes": (OPEN + priority(1, bytes(6)), ["RST_STREAM 1 FRAME_SIZE_ERROR"]),
    "PRIORITY of 4 bytes on an idle stream, which can't be reset": (priority(1, bytes(4)), SIZE),
    "PRIORITY of 4 bytes on an idle stream of ours": (CALL + priority(2, bytes(4)), [*ANSWER, *SIZE_1]),
    "RST_STREAM": (OPEN + rst_stream(1), []),
    "RST_STREAM with an unknown code": (OPEN + rst_stream(1, 0xFFFFFFFF), []),
    "RST_STREAM of a closed stream": (CALL + rst_stream(1), ANSWER),
    "RST_STREAM twice": (OPEN + rst_stream(1) + rst_stream(1), []),
    "RST_STREAM on stream 0": (rst_stream(0), PROTOCOL),
    "RST_STREAM of an idle stream": (rst_stream(1), PROTOCOL),
    "RST_STREAM of a stream of ours": (headers(5) + rst_stream(2), ["GOAWAY 5 PROTOCOL_ERROR"]),
    "RST_STREAM of 3 bytes": (OPEN + frame(RST_STREAM, 1, bytes(3)), SIZE_1),
    "RST_STREAM of 5 bytes": (OPEN + frame(RST_STREAM, 1, bytes(5)), SIZE_1),
    "SETTINGS": (settings([(Setting.MAX_CONCURRENT_STREAMS, 0), (Setting.MAX_HEADER_LIST_SIZE, 9)]), ["SETTINGS ACK"]),
    "SETTINGS of unknown names": (settings([(0xFF, 1), (0x8, 1), (0, 0)]), ["SETTINGS ACK"]),
    "SETTINGS, each is acknowledged": (settings() * 2, ["SETTINGS ACK"] * 2),
    "SETTINGS that are acknowledged": (settings(flags=ACK), []),
    "SETTINGS that are acknowledged with content": (settings([(1, 1)], flags=ACK), SIZE),
    "SETTINGS that are acknowledged with a byte": (frame(SETTINGS, 0, b"x", flags=ACK), SIZE),
    "SETTINGS on a stream": (settings(number=1), PROTOCOL),
    "SETTINGS that are acknowledged on a stream": (settings(number=1, flags=ACK), PROTOCOL),
    "SETTINGS of 3 bytes": (frame(SETTINGS, 0, bytes(3)), SIZE),
    "SETTINGS of 7 bytes": (frame(SETTINGS, 0, bytes(7)), SIZE),
    "ENABLE_PUSH of 1": (settings([(Setting.ENABLE_PUSH, 1)]), ["SETTINGS ACK"]),
    "ENABLE_PUSH of 2": (settings([(Setting.ENABLE_PUSH, 2)]), PROTOCOL),
    "INITIAL_WINDOW_SIZE of 2^31-1": (settings([(Setting.INITIAL_WINDOW_SIZE, (1 << 31) - 1)]), ["SETTINGS ACK"]),
    "INITIAL_WINDOW_SIZE of 2^31": (
        settings([(Setting.INITIAL_WINDOW_SIZE, 1 << 31)]),
        ["GOAWAY 0 FLOW_CONTROL_ERROR"],
    ),
    "MAX_FRAME_SIZE of 2^14": (settings([(Setting.MAX_FRAME_SIZE, 1 << 14)]), ["SETTINGS ACK"]),
    "MAX_FRAME_SIZE of 2^24-1": (settings([(Setting.MAX_FRAME_SIZE, (1 << 24) - 1)]), ["SETTINGS ACK"]),
    "MAX_FRAME_SIZE below 2^14": (settings([(Setting.MAX_FRAME_SIZE, (1 << 14) - 1)]), PROTOCOL),
    "MAX_FRAME_SIZE of 2^24": (settings([(Setting.MAX_FRAME_SIZE, 1 << 24)]), PROTOCOL),
    "PUSH_PROMISE": (OPEN + frame(PUSH_PROMISE, 1, b"\0\0\0\2" + BLOCK, flags=END_HEADERS), PROTOCOL_1),
    "PUSH_PROMISE on stream 0": (frame(PUSH_PROMISE, 0, b"\0\0\0\2" + BLOCK, flags=END_HEADERS), PROTOCOL),
    "PING": (ping(b"abcdefgh"), ["PING ACK abcdefgh"]),
    "PING that is an answer": (ping(flags=ACK), []),
    "PING on a stream": (ping(number=1), PROTOCOL),
    "PING of 6 bytes": (frame(PING, 0, bytes(6)), SIZE),
    "PING of 9 bytes that is an answer": (frame(PING, 0, bytes(9), flags=ACK), SIZE),
    "GOAWAY on a stream": (goaway(number=1), PROTOCOL),
    "GOAWAY of 7 bytes": (frame(GOAWAY, 0, bytes(7)), SIZE),
    "WINDOW_UPDATE": (window_update(0, 1), []),
    "WINDOW_UPDATE of 0": (window_update(0, 0), PROTOCOL),
    "WINDOW_UPDATE of 0, with the reserved bit": (window_update(0, 1 << 31), PROTOCOL),
    "WINDOW_UPDATE of 0 for a stream": (OPEN + window_update(1, 0), MALFORMED),
    "WINDOW_UPDATE of 3 bytes": (frame(WINDOW_UPDATE, 0, bytes(3)), SIZE),
    "WINDOW_UPDATE of 5 bytes for a stream": (OPEN + frame(WINDOW_UPDATE, 1, bytes(5)), SIZE_1),
    "WINDOW_UPDATE for a closed stream": (CALL + window_update(1, 5), ANSWER),
    "WINDOW_UPDATE for an idle stream": (window_update(1, 5), PROTOCOL),
    "WINDOW_UPDATE for a stream of ours": (headers(5) + window_update(2, 5), ["GOAWAY 5 PROTOCOL_ERROR"]),
}


GOODBYES: Rows = {
    "without calls": (goaway() + ping(), []),
    "with an unknown code and words": (goaway(5, 0xFF, b"bye") + ping(), []),
    "twice, while a call runs": (OPEN + goaway() * 2 + data(1, ends=True), ANSWER),
    "while a call runs": (OPEN + goaway() + ping() + data(1, ends=True), ["PING ACK 12345678", *ANSWER]),
}


def _check(rows: Rows, row: str, peer: Peer) -> None:
    sent, heard = rows[row]
    assert peer.say(sent) == heard
    is_broken = any(said.startswith("GOAWAY") for said in heard)
    assert peer.connection.is_closing is is_broken
    assert (peer.connection.violation is not None) is is_broken
    if is_broken:
        assert peer.say(ping()) == []
        assert peer.connection.streams == {}


@pytest.mark.parametrize("row", PREFACES)
def test_a_connection_begins_with_the_preface_and_settings(row: str) -> None:
    peer = Peer()
    [settings_said, window_said] = peer.say()
    assert settings_said.startswith("SETTINGS MAX_CONCURRENT_STREAMS=256 INITIAL_WINDOW_SIZE=262144")
    assert window_said.startswith("WINDOW_UPDATE 0 ")
    _check(PREFACES, row, peer)


@pytest.mark.parametrize("row", FRAMES)
def test_frames_of_every_type_flag_and_size(row: str) -> None:
    _check(FRAMES, row, Peer().greeted())


@pytest.mark.parametrize("row", BLOCKS)
def test_header_blocks_come_whole_and_in_one_go(row: str) -> None:
    _check(BLOCKS, row, Peer().greeted())


@pytest.mark.parametrize("row", DATAS)
def test_data_and_its_padding(row: str) -> None:
    _check(DATAS, row, Peer().greeted())


@pytest.mark.parametrize("row", OTHERS)
def test_all_other_frames(row: str) -> None:
    _check(OTHERS, row, Peer().greeted())


@pytest.mark.parametrize("row", GOODBYES)
def test_a_peer_that_leaves_is_served_what_it_has_asked_for_and_then_the_connection_ends(row: str) -> None:
    sent, heard = GOODBYES[row]
    peer = Peer().greeted()
    assert peer.say(sent) == heard
    assert peer.connection.is_closing
    assert peer.connection.violation is None


def test_what_comes_after_a_goaway_for_an_error_is_not_taken_even_in_the_same_segment() -> None:
    peer = Peer().greeted()
    assert peer.say(ping(number=1), CALL, ping()) == PROTOCOL
    assert peer.servicer.bodies == {}


def test_fields_above_the_limit_are_refused_as_a_call_and_the_connection_goes_on() -> None:
    peer = Peer().greeted()
    many = block([*fields(), *((b"x-%d" % n, b"a" * 100) for n in range(70))])
    assert peer.say(headers(1, many)) == ["HEADERS 1 END_STREAM", "RST_STREAM 1 NO_ERROR"]
    assert peer.say(headers(3, ends=True)) == ["HEADERS 3", "DATA 3 5", "HEADERS 3 END_STREAM"]


def test_a_frame_within_a_block_of_another_kind_of_frame_is_named_in_the_goaway() -> None:
    peer = Peer().greeted()
    [(kind, _, _, content)] = peer.hear(opened(1) + frame(CONTINUATION, 3, flags=END_HEADERS))
    assert kind == GOAWAY
    assert content[8:] == b"CONTINUATION without its HEADERS"


def test_a_header_block_larger_than_the_peers_frames_goes_on_in_others() -> None:
    peer = Peer().greeted()
    peer.say(call(1, "/test/Hold", ends=True))
    stream = peer.connection.streams[1]
    many = [(b"x-%d" % n, b"a" * 1000) for n in range(40)]
    peer.connection.out.response_head(stream, block(many))
    peer.connection.out.trailers(stream, block(many[:17]))
    heard = peer.drain()
    assert [words(*frame) for frame in heard] == [
        "HEADERS 1 ...",
        "CONTINUATION 1 ...",
        "CONTINUATION 1",
        "HEADERS 1 END_STREAM ...",
        "CONTINUATION 1",
    ]
    assert {len(content) for _, _, _, content in heard[:2]} == {1 << 14}
    first = b"".join(content for _, _, _, content in heard[:3])
    assert text_of(first)[2:] == [f"x-{n} {'a' * 1000}" for n in range(40)]


def test_a_peer_that_makes_its_table_smaller_hears_that_ours_is_empty() -> None:
    """RFC 9113, 4.3.1: with the first block after the acknowledgement, and once."""
    for size, begin in ((0, b"\x20\x88"), (100, b"\x20\x88"), (4096, b"\x88"), (65_536, b"\x88")):
        peer = Peer().greeted()
        assert peer.say(settings([(Setting.HEADER_TABLE_SIZE, size)])) == ["SETTINGS ACK"]
        blocks = [content for kind, _, _, content in peer.hear(CALL + call(3, ends=True)) if kind == HEADERS]
        assert blocks[0].startswith(begin)
        assert not any(content.startswith(b"\x20") for content in blocks[1:])
