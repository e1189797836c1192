"""A file with a secret in it must be for its owner alone (A22), else the daemon does not start with it. So must a file that is named
as holding one (`secret_file` of a hook)."""

from __future__ import annotations

import os
from collections.abc import Iterator

from error_daemon.definitions.complaints import quoted
from error_daemon.definitions.files.written import Directory
from error_daemon.definitions.secrets.found import Secret, secrets_in
from error_daemon.errors import Problem

_READ_BY_OTHERS = 0o044


def check_secret_files(directory: Directory) -> Iterator[Problem]:
    for source in directory.sources:
        mode = readable_by_others(source.file)
        for secret in secrets_in(source.data) if mode else ():
            yield source.problem(*said(secret, mode, source.file), secret.loc)
    for hook in directory.hooks:
        file = hook.value.secret
        if file and (mode := readable_by_others(file)):
            message = f"the mode of {quoted(file, 4096)}, {mode:o}, lets others read the secret in it"
            yield hook.problem(message, f"chmod 600 {file}", ("secret_file",))


def readable_by_others(file: str) -> int:
    """The mode of the file if it lets others than its owner read it, else 0."""
    try:
        mode = os.stat(file).st_mode & 0o7777
    except OSError:  # gone since it was read
        return 0
    return mode if mode & _READ_BY_OTHERS else 0


def said(secret: Secret, mode: int, file: str) -> tuple[str, str]:
    """Message and mend."""
    return f"{secret.what} is a secret, and the mode of the file, {mode:o}, lets others read it", f"chmod 600 {file}"
