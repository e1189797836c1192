"""Messages of syslog: in whichever form, out of whichever stream, as faults."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from error_daemon.ingest.decode import decode
from error_daemon.ingest.syslog.fault import fault_of
from error_daemon.ingest.syslog.framing import MOST_BYTES, Framing, FramingError
from error_daemon.ingest.syslog.message import SyslogMessage, parse
from error_recovery.v1 import fault_pb2

NOW = 1_790_000_000.0


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"<11>it broke\0", SyslogMessage(1, 3, "it broke")),
        (
            b"<34>Oct 11 22:14:15 web-1 su[77]: 'su root' failed",
            SyslogMessage(4, 2, "'su root' failed", "", "web-1", "su", "77"),
        ),
        (b"<34>Oct  1 22:14:15 web-1 su: failed", SyslogMessage(4, 2, "failed", "", "web-1", "su")),
        (
            b"<27>Oct 11 22:14:15 shop[9]: no host is named",
            SyslogMessage(3, 3, "no host is named", "", "", "shop", "9"),
        ),
        (b"<27>shop.py[9]: only a tag", SyslogMessage(3, 3, "only a tag", "", "", "shop.py", "9")),
        (b"<27>no tag: but a colon", SyslogMessage(3, 3, "no tag: but a colon")),
        (
            b"<165>1 2026-09-21T10:00:00.003Z web-1 shop 77 ID47 - \xef\xbb\xbfit br\xc3\xb6ke\n",
            SyslogMessage(20, 5, "it bröke", "2026-09-21T10:00:00.003Z", "web-1", "shop", "77", "ID47"),
        ),
        (
            b'<165>1 - - shop - - [meta@1 a="1" b="say \\"\\]\\\\"][empty@1] text',
            SyslogMessage(20, 5, "text", "", "", "shop", "", "", (("meta@1.a", "1"), ("meta@1.b", 'say "]\\'))),
        ),
        (b'<165>1 - - - - - [meta@1 a="1"]', SyslogMessage(20, 5, "", data=(("meta@1.a", "1"),))),
        (b"<165>1 - - - - - -", SyslogMessage(20, 5, "")),
        (b"<165>1 is a number of something", SyslogMessage(20, 5, "1 is a number of something")),
    ],
)
def test_every_form_is_understood(raw: bytes, message: SyslogMessage) -> None:
    assert parse(raw) == message


@pytest.mark.parametrize("raw", [b"", b"no priority", b"<192>too much", b"<>", b"<1234>x", b"<-1>x"])
def test_what_has_no_priority_is_no_message(raw: bytes) -> None:
    assert parse(raw) is None


@given(priority=st.integers(0, 191), rest=st.binary(max_size=300))
def test_whatever_comes_with_a_priority_is_a_message_and_a_fault_that_is_taken(priority: int, rest: bytes) -> None:
    said = parse(b"<%d>%s" % (priority, rest))
    assert said is not None
    assert 8 * said.facility + said.severity == priority
    decode(fault_of(said, sender="192.0.2.1", now=NOW), NOW)


def test_a_message_becomes_a_fault_with_all_that_rules_ask_for() -> None:
    said = parse(
        b'<35>1 2026-09-21T10:00:00Z web-1 shop 77 ORDER [x@1 order="7"][o@1 error_recovery.target="shop"] no stock'
    )
    assert said is not None
    fault = fault_pb2.Fault.FromString(fault_of(said, sender="192.0.2.1", now=NOW))
    assert (fault.message, fault.context.component, fault.context.node) == ("no stock", "shop", "web-1")
    assert (fault.target, fault.source, fault.severity) == ("shop", "syslog", fault_pb2.SEVERITY_UNSPECIFIED)
    assert fault.occurred_at_unix_ns == 1_789_984_800 * 10**9
    attributes = {"facility": "auth", "level": "err", "pid": "77", "kind": "ORDER", "data.x@1.order": "7"}
    assert dict(fault.context.attributes) == attributes


def test_a_traceback_of_python_becomes_the_exception() -> None:
    text = 'order 7 failed\nTraceback (most recent call last):\n  File "shop.py", line 3\nredis.exceptions.ConnectionError: it is gone\n'
    said = parse(b"<11>" + text.encode() + b"\0")
    assert said is not None
    fault = fault_pb2.Fault.FromString(fault_of(said, sender="", now=NOW))
    assert fault.message == "order 7 failed"
    assert (fault.exception.type, fault.exception.message) == ("redis.exceptions.ConnectionError", "it is gone")
    assert fault.type == fault_pb2.ERROR_TYPE_DATABASE
    assert fault.exception.stack_trace.startswith("Traceback")


@pytest.mark.parametrize(
    ("level", "severity"),
    [(0, "HIGH"), (1, "HIGH"), (2, "HIGH"), (3, "UNSPECIFIED"), (4, "LOW"), (5, "INFO"), (7, "INFO")],
)
def test_levels_become_severities_and_none_is_critical(level: int, severity: str) -> None:
    fault = fault_pb2.Fault.FromString(fault_of(SyslogMessage(1, level, "x"), sender="", now=NOW))
    assert fault_pb2.Severity.Name(fault.severity) == f"SEVERITY_{severity}"


# --- streams


def framed(message: bytes, way: str) -> bytes:
    return b"%d %s" % (len(message), message) if way == "counted" else message + {"newline": b"\n", "nul": b"\0"}[way]


WAYS = st.sampled_from(["counted", "newline", "nul"])
MESSAGES = st.binary(min_size=1, max_size=40).map(lambda raw: b"<1>" + raw.replace(b"\n", b"_").replace(b"\0", b"_"))


@given(parts=st.lists(st.tuples(MESSAGES, WAYS), max_size=8), step=st.integers(1, 50))
def test_messages_come_out_of_a_stream_as_they_went_in_however_it_is_cut(
    parts: list[tuple[bytes, str]], step: int
) -> None:
    stream = b"".join(framed(message, way) for message, way in parts)
    framing, whole = Framing(), list[bytes]()
    for at in range(0, len(stream), step):
        whole += framing.feed(stream[at : at + step])
    assert whole + framing.end() == [message for message, _ in parts]
    assert framing.held_bytes == 0


@given(raw=st.binary(max_size=400), step=st.integers(1, 50))
def test_whatever_comes_it_ends_and_holds_no_more_than_a_message(raw: bytes, step: int) -> None:
    framing = Framing()
    try:
        for at in range(0, len(raw), step):
            framing.feed(raw[at : at + step])
            assert framing.held_bytes <= MOST_BYTES
    except FramingError:
        return
    framing.end()


@pytest.mark.parametrize("way", ["counted", "newline"])
def test_one_that_is_too_long_is_cut_and_the_next_is_whole(way: str) -> None:
    framing = Framing()
    long = b"<1>" + b"x" * (2 * MOST_BYTES)
    stream, whole = framed(long, way) + framed(b"<1>next", way), list[bytes]()
    for at in range(0, len(stream), 1000):
        whole += framing.feed(stream[at : at + 1000])
        assert framing.held_bytes <= MOST_BYTES + 1000
    assert whole == [long[:MOST_BYTES], b"<1>next"]


@pytest.mark.parametrize("stream", [b"12x <1>", b"99999999 <1>a", b"123456789"])
def test_a_count_that_is_none_ends_the_stream_with_what_was_whole(stream: bytes) -> None:
    with pytest.raises(FramingError) as caught:
        Framing().feed(b"<1>before\n" + stream)
    assert caught.value.args[0] == [b"<1>before"]


def test_what_has_no_end_when_the_stream_does_is_a_message_and_a_broken_count_is_none() -> None:
    for stream, last in ((b"<1>a\n<1>b", [b"<1>b"]), (b"9 <1>", [])):
        framing = Framing()
        framing.feed(stream)
        assert framing.end() == last
