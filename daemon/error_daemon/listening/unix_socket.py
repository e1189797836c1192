"""The unix socket on which a server listens: for its user and group alone, and never taken from a daemon that lives."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

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
    too busy to (EAGAIN), is another daemon's; and what is no socket is somebody's file, at a path that was mistyped: connecting to it is
    refused, too, and it is never removed. Raises OSError."""
    if not _may_be_removed(path):
        raise OSError("there is a file that is no socket; it is left alone")
    with socket.socket(socket.AF_UNIX, kind) as probe:
        probe.setblocking(False)
        try:
            probe.connect(path)
        except (ConnectionRefusedError, FileNotFoundError):
            return
    raise OSError("somebody listens there")


def remove_left_over(path: Path) -> None:
    """A socket that is there, and nothing else. Raises OSError."""
    if _may_be_removed(str(path)):
        path.unlink(missing_ok=True)


def _may_be_removed(path: str) -> bool:
    try:
        return stat.S_ISSOCK(os.lstat(path).st_mode)
    except FileNotFoundError:
        return True
