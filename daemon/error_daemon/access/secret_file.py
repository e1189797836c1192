"""Files with secrets in them are read only when they are for their owner alone (A22)."""

from __future__ import annotations

import os
import stat

from error_daemon.errors import ConfigError, Problem

_OF_OTHERS = 0o077
_MOST_BYTES = 1 << 20


def read_secret(file: str, what: str) -> bytes:
    """What is in it. `what` is in there, in words. Raises ConfigError."""
    return read_file(file, what, is_secret=True)


def read_file(file: str, what: str, *, is_secret: bool = False) -> bytes:
    """What is in the file, of which the mode is taken from the very file that is read. Raises ConfigError."""
    try:
        with open(file, "rb", opener=_without_waiting) as opened:
            facts = os.fstat(opened.fileno())
            if not stat.S_ISREG(facts.st_mode):
                raise ConfigError([Problem(file, 0, 0, f"is not a file with {what}")])
            if is_secret and facts.st_mode & _OF_OTHERS:
                mode = stat.S_IMODE(facts.st_mode)
                message = f"holds the {what}, and its mode, {mode:o}, is not for its owner alone"
                raise ConfigError([Problem(file, 0, 0, message, f"chmod 600 {file}")])
            content = opened.read(_MOST_BYTES + 1)
    except OSError as error:
        mend = "its owner must be the daemon's user" if isinstance(error, PermissionError) else ""
        raise ConfigError([Problem(file, 0, 0, f"the {what} cannot be read: {error.strerror}", mend)]) from error
    if len(content) > _MOST_BYTES:
        raise ConfigError([Problem(file, 0, 0, f"is larger than {_MOST_BYTES} bytes")])
    return content


def _without_waiting(file: str, flags: int) -> int:
    return os.open(file, flags | os.O_NONBLOCK | os.O_CLOEXEC)  # a pipe with nobody at its end would wait for ever
