"""A stream of syslog in two pieces: messages and faults that are taken; whichever way it is cut, the same."""

from __future__ import annotations

from error_daemon.ingest.decode import decode
from error_daemon.ingest.syslog.fault import fault_of
from error_daemon.ingest.syslog.framing import Framing, FramingError
from error_daemon.ingest.syslog.message import parse

NOW = 1_790_000_000.0


def check(data: bytes) -> None:
    if not data:
        return
    cut, stream = data[0], data[1:]
    whole, cut_in_two = _messages([stream]), _messages([stream[:cut], stream[cut:]])
    assert whole == cut_in_two, (whole, cut_in_two)
    for raw in (stream, *whole):
        said = parse(raw)
        if said is not None:
            decode(fault_of(said, sender="192.0.2.1", now=NOW), NOW)


def _messages(pieces: list[bytes]) -> list[bytes]:
    framing = Framing()
    whole: list[bytes] = []
    try:
        for piece in pieces:
            whole += framing.feed(piece)
    except FramingError as error:
        return whole + list(error.args[0])
    return whole + framing.end()
