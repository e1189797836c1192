"""One POST for each delivery, by httpx, which is loaded with the first one.

Redirects are not followed: a URL is what the operator wrote. Certificates are verified with those of the host. At most 4 KiB of an answer
are read. A proxy is used only where the hook names one. The file of a secret is read for each delivery, so a new one is in force at once.

    answer              what follows
    ------------------  ---------------------------------------------------------------------------------
    2xx                 sent
    410                 nothing more is sent there until a person says so (Standard Webhooks)
    429, 503            tried again, and not before Retry-After; so does all else of this hook
    anything else       tried again; where the service says that it never will be taken (`final`), given up
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from error_daemon.errors import ConfigError, InputError
from error_daemon.hooks.sending import ReadSecret, Sent
from error_daemon.hooks.wording import one_line
from error_daemon.model.hook import Delivery, Hook

if TYPE_CHECKING:
    import httpx

_MOST_ANSWER_BYTES = 4096
_LONGEST_DETAIL = 300
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_ASKS_TO_WAIT = (429, 503)
_GONE = 410


@dataclass(frozen=True, slots=True)
class Request:
    url: str
    content: bytes
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Way:
    """A kind of service. `request(hook, delivery, secret, at)`: raises InputError where none can be made; `secret` is empty where the
    hook has no file of one. `is_final(status)`: sending the same again is useless."""

    secret: str  # what is in the file, in words
    request: Callable[[Hook, Delivery, bytes, float], Request]
    is_final: Callable[[int], bool]


class HttpSender:
    def __init__(self, hook: Hook, way: Way, read_secret: ReadSecret) -> None:
        self._hook, self._way, self._read_secret = hook, way, read_secret
        self._client: httpx.AsyncClient | None = None

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()

    async def send(self, delivery: Delivery, at: float) -> Sent:
        try:
            file = self._hook.secret_file
            secret = self._read_secret(file, self._way.secret) if file else b""
            request = self._way.request(self._hook, delivery, secret, at)
            _check_is_private(request.url, has_secret=bool(secret))
        except ConfigError as error:
            return Sent(is_done=False, detail="; ".join(str(problem) for problem in error.problems))
        except InputError as error:
            return Sent(is_done=False, detail=str(error))
        if self._client is None:
            self._client = await asyncio.to_thread(_made_client, self._hook)
        return await self._post(self._client, request, at)

    async def _post(self, client: httpx.AsyncClient, request: Request, at: float) -> Sent:
        import httpx

        headers = {"content-type": "application/json", "user-agent": "error-recovery", **request.headers}
        try:
            async with client.stream("POST", request.url, content=request.content, headers=headers) as answer:
                return self._judged(answer, await _start_of(answer), at)
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            return Sent(
                is_done=False, detail=one_line(f"{type(error).__name__}: {error}".rstrip(": "), _LONGEST_DETAIL)
            )

    def _judged(self, answer: httpx.Response, content: bytes, at: float) -> Sent:
        status = answer.status_code
        said = one_line(content.decode("utf-8", "replace"), _LONGEST_DETAIL)
        detail = f"{status} {said}".strip()
        if answer.is_success:
            return Sent(is_done=True, detail=detail)
        if answer.has_redirect_location:
            to = one_line(answer.headers["location"], _LONGEST_DETAIL)
            return Sent(is_done=False, detail=f"{status}: it is elsewhere, at {to}; redirects are not followed")
        if status == _GONE:
            return Sent(is_done=False, detail=f"{detail} (gone: it wants nothing more)", is_gone=True)
        wait_s = retry_after_s(answer.headers.get("retry-after", ""), at) if status in _ASKS_TO_WAIT else 0.0
        return Sent(is_done=False, detail=detail, retry_after_s=wait_s, is_final=self._way.is_final(status))


def _check_is_private(url: str, *, has_secret: bool) -> None:
    """A URL that is a secret itself comes from a file: definitions could not look at it."""
    parts = urlsplit(url)
    if has_secret and parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        raise InputError("url", "a secret is sent over https, or to this host")


def _made_client(hook: Hook) -> httpx.AsyncClient:
    """In a thread: the library, and the host's certificates, take a while to load."""
    import httpx

    return httpx.AsyncClient(
        verify=ssl.create_default_context(),
        timeout=hook.timeout_s,
        follow_redirects=False,
        trust_env=False,
        proxy=hook.params.get("proxy") or None,
        limits=httpx.Limits(max_connections=2, max_keepalive_connections=1),
    )


async def _start_of(answer: httpx.Response) -> bytes:
    """As it came, packed or not: only people read it."""
    content = b""
    async for piece in answer.aiter_raw(_MOST_ANSWER_BYTES):
        content += piece
        if len(content) >= _MOST_ANSWER_BYTES:
            break
    return content[:_MOST_ANSWER_BYTES]


def retry_after_s(header: str, at: float) -> float:
    """Seconds, or a date of HTTP; 0 for what is neither, or past."""
    if header.strip().isdigit():
        return float(header)
    try:
        return max(0.0, parsedate_to_datetime(header).timestamp() - at)
    except (TypeError, ValueError):
        return 0.0


def as_json(content: Any) -> bytes:
    import json

    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def is_refusal(status: int) -> bool:
    """What a service of others says no to: it will say no to the same again."""
    return 400 <= status < 500 and status not in (408, 425, 429)
