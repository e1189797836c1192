"""What hooks mean together. They are for a version to come: who defines one is warned that nothing calls it yet.

- No two have the same id.
- A hook that has a secret sends it to nobody who listens on the way: its URL is https, or leads to this host.
"""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from error_daemon.definitions.checks.names import twice
from error_daemon.definitions.complaints import quoted
from error_daemon.definitions.files.written import Directory
from error_daemon.errors import Problem

_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def check_hooks(directory: Directory) -> Iterator[Problem]:
    yield from twice(directory.hooks, "hooks")
    for hook in directory.hooks:
        yield hook.warning(f"the hook {quoted(hook.value.id)} is checked, and not called yet", at=("id",))
        url = urlsplit(hook.value.url)
        if hook.value.secret_file is not None and url.scheme == "http" and url.hostname not in _LOOPBACK:
            message = f"what is sent to {quoted(hook.value.url)} can be read and repeated on its way"
            yield hook.warning(message, "take https://", ("url",))
