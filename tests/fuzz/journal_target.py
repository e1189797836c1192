"""Lines of the journal: each is no entry, no fault, or a fault that can be taken."""

from __future__ import annotations

import json

from error_daemon.ingest.decode import decode
from error_daemon.ingest.journal.entry import entry_of
from error_daemon.ingest.journal.faults import MESSAGE_IDS, Teller

NOW = 1_790_000_000.0
_ROOT = b'"_UID":"0","UNIT":"a.service","INVOCATION_ID":"1",'
_FRAMES = (
    (b"", b""),
    *((b"{" + _ROOT + f'"MESSAGE_ID":"{message_id}",'.encode(), b"}") for message_id in MESSAGE_IDS),
)


def check(data: bytes) -> None:
    if not data:
        return
    teller = Teller()
    before, after = _FRAMES[data[0] % len(_FRAMES)]
    for line in (before + data[1:] + after, _with_message(data[1:])):
        entry = entry_of(line)
        if entry is not None and (told := teller.feed(entry, NOW)) is not None:
            decode(told.payload("shop"), NOW)


def _with_message(text: bytes) -> bytes:
    """A core dump that says this."""
    said = f"Process 1 (a) dumped core.\n\nStack trace of thread 1:\n{text.decode('utf-8', 'replace')}"
    fields = {
        "_UID": "0",
        "MESSAGE_ID": MESSAGE_IDS[2],
        "COREDUMP_EXE": "/bin/a",
        "COREDUMP_SIGNAL": "11",
        "MESSAGE": said,
    }
    return json.dumps(fields).encode()
