"""
Flow control as a property: whatever windows a peer gives, in whatever order, and whatever it resets,

    never     is more sent than a window allows, or a larger frame than the peer takes, or anything on a stream after its end
    always    does what is sent come whole, in order and with its end, once there is room: also for the last in the queue

The peer keeps its own books, as section 6.9 says, and answers are made as their servicers do: in one piece or in many.
"""

from __future__ import annotations

import hypothesis.strategies as st
from hypothesis import settings as settled
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from error_daemon.rpc.wire.frames import DATA, END_STREAM, HEADERS, RST_STREAM, SETTINGS, Setting
from tests.rpc.wire.peer import MESSAGE_PREFIX_BYTES, Peer, call, rst_stream, settings, window_update

SIZES = st.one_of(st.integers(0, 40), st.integers(0, 70_000))
INCREMENTS = st.one_of(st.integers(1, 40), st.integers(1, 70_000))


class Books(RuleBasedStateMachine):
    """What the peer has been sent, and what it may be sent."""

    def __init__(self) -> None:
        super().__init__()
        self.peer = Peer().greeted()
        self.window = self.initial = 65_535
        self.frame_bytes = 16_384
        self.windows: dict[int, int] = {}
        self.meant: dict[int, bytearray] = {}  # by stream: what the servicer has answered
        self.heard: dict[int, bytearray] = {}
        self.finishing: set[int] = set()  # its servicer has said all
        self.ended: set[int] = set()
        self.cancelled: set[int] = set()

    @property
    def running(self) -> list[int]:
        return sorted(self.meant.keys() - self.finishing - self.cancelled)

    def said(self, sent: bytes = b"") -> None:
        for kind, flags, number, content in self.peer.hear(sent):
            assert kind in (DATA, HEADERS, SETTINGS, RST_STREAM)
            if kind == DATA:
                self._data(number, content)
            if kind in (DATA, HEADERS) and flags & END_STREAM:
                self.ended.add(number)

    def _data(self, number: int, content: bytes) -> None:
        assert 0 < len(content) <= self.frame_bytes
        assert number not in self.ended | self.cancelled
        self.heard[number] += content
        self.windows[number] -= len(content)
        self.window -= len(content)
        assert self.window >= 0
        assert self.windows[number] >= 0

    @precondition(lambda self: len(self.meant) < 8)
    @rule()
    def begins(self) -> None:
        number = 2 * len(self.meant) + 1
        self.windows[number], self.meant[number], self.heard[number] = self.initial, bytearray(), bytearray()
        self.said(call(number, "/test/Hold", ends=True))

    @precondition(lambda self: self.running)
    @rule(which=st.integers(0, 7), size=SIZES, ends=st.booleans())
    def answers(self, which: int, size: int, ends: bool) -> None:
        number = self.running[which % len(self.running)]
        stream = self.peer.connection.streams[number]
        message = bytes((size + n) % 251 for n in range(min(size, 300))) + bytes(max(0, size - 300))
        self.meant[number] += b"\0" + len(message).to_bytes(4, "big") + message
        if ends:
            self.finishing.add(number)
        if ends and not stream.has_head:
            self.peer.connection.out.answer(stream, message)
        else:
            self.peer.connection.out.message(stream, message)
            if ends:
                self.peer.connection.out.trailers(stream, b"")
        self.said()

    @precondition(lambda self: self.meant)
    @rule(which=st.integers(0, 7))
    def cancels(self, which: int) -> None:
        number = list(self.meant)[which % len(self.meant)]
        if number not in self.ended:
            self.cancelled.add(number)
        self.said(rst_stream(number))

    @rule(increment=INCREMENTS)
    def widens(self, increment: int) -> None:
        self.window += increment
        self.said(window_update(0, increment))

    @precondition(lambda self: self.meant)
    @rule(which=st.integers(0, 7), increment=INCREMENTS)
    def widens_a_stream(self, which: int, increment: int) -> None:
        number = list(self.meant)[which % len(self.meant)]
        self.windows[number] += increment
        self.said(window_update(number, increment))

    @rule(size=SIZES)
    def sets_the_initial_window(self, size: int) -> None:
        for number in self.windows:
            self.windows[number] += size - self.initial
        self.initial = size
        self.said(settings([(Setting.INITIAL_WINDOW_SIZE, size)]))

    @rule(size=st.integers(16_384, 40_000))
    def sets_the_greatest_frame(self, size: int) -> None:
        self.frame_bytes = size
        self.said(settings([(Setting.MAX_FRAME_SIZE, size)]))

    @invariant()
    def nothing_waits_for_room_that_is_there(self) -> None:
        for number, meant in self.meant.items():
            if number not in self.cancelled and len(self.heard[number]) < len(meant):
                assert self.window == 0 or self.windows[number] <= 0

    @invariant()
    def what_has_come_is_how_it_was_sent(self) -> None:
        for number, meant in self.meant.items():
            assert meant.startswith(self.heard[number])
            is_whole = len(meant) == len(self.heard[number])
            assert (number in self.ended) is (number in self.finishing - self.cancelled and is_whole)
        waiting = (len(meant) - len(self.heard[n]) for n, meant in self.meant.items() if n not in self.cancelled)
        assert self.peer.connection.out.unsent_bytes == sum(waiting)

    def teardown(self) -> None:
        """With room enough everything ends."""
        for number in self.windows:
            self.windows[number] += 10_000_000
            self.said(window_update(number, 10_000_000))
        self.window += 10_000_000
        self.said(window_update(0, 10_000_000))
        self.nothing_waits_for_room_that_is_there()
        self.what_has_come_is_how_it_was_sent()
        assert self.peer.connection.out.unsent_bytes == 0
        assert all(len(heard) == len(self.meant[n]) for n, heard in self.heard.items() if n not in self.cancelled)
        assert MESSAGE_PREFIX_BYTES == 5


TestFlowControl = Books.TestCase
TestFlowControl.settings = settled(max_examples=150, stateful_step_count=40, deadline=None)
