"""Follow one error until it has ended.

A stream of events can't show what happened before it was opened, and its first event may be long in coming. So the error itself
is looked at as well: at the start, and whenever the stream was silent for a while.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from error_cli.failure import Exit, Failure
from error_cli.words import STATUSES, word

if TYPE_CHECKING:
    from error_cli.connection import Daemon
    from error_recovery.v1 import recovery_pb2

_SILENCE_S = 2.0
_ENDED = ("resolved", "failed", "observed", "flushed")


def end_of(error: recovery_pb2.Error) -> str:
    """How the error has ended; "" where it has not. A resolved error whose stability is still being watched has ended."""
    status = word(STATUSES, error.status)
    if status in _ENDED:
        return status
    return error.state if error.state in _ENDED else ""


def follow(daemon: Daemon, error_id: str, within_s: float) -> Iterator[recovery_pb2.Event]:
    """What the error is now, then its events, for `within_s` seconds. Raises Failure when the daemon goes away."""
    events: queue.SimpleQueue[recovery_pb2.Event | Failure] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(daemon, error_id, events), daemon=True).start()
    until_s = time.monotonic() + within_s
    silence_s = 0.0
    told_state: str | None = None
    while (left_s := until_s - time.monotonic()) > 0:
        try:
            event = events.get(timeout=min(left_s, silence_s))
        except queue.Empty:
            silence_s = _SILENCE_S
            event = _look(daemon, error_id)
            if event.error.state == told_state:
                continue
        if isinstance(event, Failure):
            raise event
        told_state = event.error.state or told_state
        yield event


def _look(daemon: Daemon, error_id: str) -> recovery_pb2.Event:
    """The error itself, as an event."""
    from error_recovery.v1 import recovery_pb2

    error = daemon.ask(daemon.recovery.GetError, recovery_pb2.GetErrorRequest(error_id=error_id)).error
    text = f"{error.state}: {error.reason}" if error.reason else error.state
    return recovery_pb2.Event(at=time.time(), kind="state", error=error, text=text)


def _read(daemon: Daemon, error_id: str, events: queue.SimpleQueue[recovery_pb2.Event | Failure]) -> None:
    try:
        for event in daemon.watch(error_id):
            events.put(event)
        events.put(stream_ended())
    except Failure as failure:
        events.put(failure)


def stream_ended() -> Failure:
    return Failure(Exit.LATER, "the daemon has ended the stream of events: it is stopping", "see: error-cli status")
