"""The unix socket on which a server listens: for its user and group alone, and never taken from a daemon that lives."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

_UMASK = 0o117  # srw-rw----


@contextmanager
def for_its_group() -> Iterator[None]:
    """Of what is bound meanwhile: connecting takes the right to write, from the moment that it is there."""
    usual = os.umask(_UMASK)
    try:
        yield
    finally:
        os.umask(usual)


def refuse_a_living(path: str, kind: socket.SocketKind = socket.SOCK_STREAM) -> None:
    """A socket that nobody listens on is left over from a daemon that was killed: whoever binds takes its place. One that answers, or is
    too busy to (EAGAIN), is another daemon's. Raises OSError."""
    with socket.socket(socket.AF_UNIX, kind) as probe:
        probe.setblocking(False)
        try:
            probe.connect(path)
        except (ConnectionRefusedError, FileNotFoundError):
            return
    raise OSError("somebody listens there")
