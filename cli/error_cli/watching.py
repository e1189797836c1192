"""The stream of events, kept up over a restart of the daemon.

The daemon must be there at the start. When it goes away later, that is said, and it is asked again and again until it is back; what
happened in between is in no stream, and that is said too. What the daemon refuses ends the watch.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from error_cli.failure import Exit, Failure
from error_cli.follow import stream_ended
from error_cli.lines import note

if TYPE_CHECKING:
    from error_cli.wishes import Wishes
    from error_recovery.v1 import recovery_pb2

_PAUSES_S = (0.2, 0.5, 1.0, 2.0)  # between two questions; the last one from then on
_AWAY = (Exit.NO_DAEMON, Exit.LATER)


def events(
    wishes: Wishes, error_id: str, *, again: bool, opened: Iterator[recovery_pb2.Event] | None = None
) -> Iterator[recovery_pb2.Event]:
    """Events of an error, or of all for "". Without `again` it ends with a Failure when the daemon goes away. `opened`: a stream that
    is open already, to begin with."""
    pid = _pid(wishes)
    while True:
        try:
            yield from opened or _stream(wishes, error_id)
            gone = stream_ended()
        except Failure as failure:
            if failure.code not in _AWAY:
                raise
            gone = failure
        if not again:
            raise gone
        note(f"error-cli: {gone.sentences[0]}; waiting for it to come back")
        opened = None
        pid = _wait(wishes, pid)


def _stream(wishes: Wishes, error_id: str) -> Iterator[recovery_pb2.Event]:
    from error_cli.connection import connect

    with connect(wishes) as daemon:
        yield from daemon.watch(error_id)


def _wait(wishes: Wishes, pid: int) -> int:
    """Until the daemon answers; its process id."""
    for attempt in range(1 << 62):
        time.sleep(_PAUSES_S[min(attempt, len(_PAUSES_S) - 1)])
        try:
            found = _pid(wishes)
        except Failure as failure:
            if failure.code not in _AWAY:
                raise
            continue
        what = f"has restarted (pid {found})" if found != pid else "is back"
        note(f"error-cli: the daemon {what}; what happened meanwhile is not shown here: see error-cli errors list")
        return found
    raise AssertionError("nobody waits for that long")


def _pid(wishes: Wishes) -> int:
    from error_cli.connection import connect
    from error_recovery.v1 import recovery_pb2

    with connect(wishes) as daemon:
        return daemon.ask(daemon.recovery.GetStatus, recovery_pb2.GetStatusRequest()).pid
