"""What hooks mean together.

- No two have the same id.
- A hook sends no secret to who listens on the way: its URL is https, its mail encrypted, or it leads to this host. What a key has signed
  can be read and repeated, so that is warned of.
"""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from error_daemon.definitions.checks.names import twice
from error_daemon.definitions.complaints import quoted
from error_daemon.definitions.files.written import Directory, Written
from error_daemon.definitions.shapes.hooks import EmailHook, HookEntry, PagerDutyHook, WebhookHook
from error_daemon.errors import Problem

_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def check_hooks(directory: Directory) -> Iterator[Problem]:
    yield from twice(directory.hooks, "hooks")
    for hook in directory.hooks:
        entry = hook.value
        if isinstance(entry, WebhookHook) and entry.secret and _is_in_the_open(entry.url):
            message = f"what is sent to {quoted(entry.url)} can be read and repeated on its way"
            yield hook.warning(message, "take https://", ("url",))
        if isinstance(entry, PagerDutyHook) and _is_in_the_open(entry.url):
            yield hook.problem(
                f"the integration key would be sent to {quoted(entry.url)} in clear", "take https://", ("url",)
            )
        if isinstance(entry, EmailHook) and entry.tls == "none" and entry.server not in _LOOPBACK:
            yield from _check_clear_mail(hook, entry)


def _is_in_the_open(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme == "http" and parts.hostname not in _LOOPBACK


def _check_clear_mail(hook: Written[HookEntry], entry: EmailHook) -> Iterator[Problem]:
    if entry.secret:
        yield hook.problem(
            f"the password would be sent to {quoted(entry.server)} in clear", "take tls: starttls", ("tls",)
        )
    else:
        yield hook.warning(f"mail to {quoted(entry.server)} can be read on its way", "take tls: starttls", ("tls",))
