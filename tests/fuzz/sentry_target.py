"""An envelope, packed or not, in two pieces: items and faults that are taken, or a reason; whichever way it is cut, the same."""

from __future__ import annotations

from error_daemon.errors import InputError, TooLarge
from error_daemon.ingest.decode import decode
from error_daemon.ingest.sentry.check_in import CheckIns, read_check_in
from error_daemon.ingest.sentry.envelope import EnvelopeReader, Item
from error_daemon.ingest.sentry.event import fault_of, read_event
from error_daemon.web.unpacking import Unpacker

NOW = 1_790_000_000.0
_ENCODINGS = ("", "gzip", "deflate", "br", "zstd")
_HEAD = b'{}\n{"type":"event"}\n'


def check(data: bytes) -> None:
    if len(data) < 2:
        return
    encoding, cut, body = _ENCODINGS[data[0] % len(_ENCODINGS)], data[1], data[2:]
    if data[0] & 0x80 and not encoding:
        body = _HEAD + body
    whole, cut_in_two = _items([body], encoding), _items([body[:cut], body[cut:]], encoding)
    assert whole == cut_in_two, (whole, cut_in_two)
    for item in whole or ():
        if item.payload is not None:
            _understand(item)


def _items(pieces: list[bytes], encoding: str) -> list[Item] | None:
    reader, unpacker = EnvelopeReader(("event", "check_in")), Unpacker(encoding, 1 << 22)
    items: list[Item] = []
    try:
        for piece in pieces:
            for unpacked in unpacker.feed(piece):
                reader.feed(unpacked)
                items += reader.drain()
        unpacker.end()
        reader.end()
    except (InputError, TooLarge):
        return None
    return items + reader.drain()


def _understand(item: Item) -> None:
    assert item.payload is not None
    try:
        event = read_event(item.payload)
        if item.kind == "check_in":
            CheckIns().feed(read_check_in(event, "o", is_trusted=False), NOW)
    except InputError:
        return
    decode(fault_of(event, project="1", prefix="", now=NOW), NOW)
