"""One HTTP/1.1 request and its answer, over a connection of its own: h11 has the protocol, asyncio the bytes.

No redirects, no cookies, no proxies, no reuse: a probe has to look at the very thing that it names. https is verified with the
host's certificates. At most 1 MiB of the answer's body is read; the rest is not waited for.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import SplitResult, urlsplit

import h11

from error_daemon.errors import InputError
from error_daemon.execute.reach import Deadline, Unreached, connect, why

MAX_BODY_BYTES = 1 << 20
_READ_BYTES = 1 << 16
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Request:
    url: str
    method: str
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes


async def exchange(request: Request, deadline: Deadline, trust: ssl.SSLContext | None = None) -> Answer | Unreached:
    """`trust`: whose certificates are believed; None: those of the host. Raises InputError if no request can be made of what was given."""
    url, port = _split(request.url)
    connection, head = _head(request, url)  # before anything is connected: a bad header is the definition's fault
    connected = await connect(url.hostname or "", port, deadline)
    if isinstance(connected, Unreached):
        return connected
    place = f"{url.hostname}:{port}"
    try:
        return await asyncio.wait_for(_talk(connection, head, connected, url, trust), deadline.last_left_s())
    except asyncio.TimeoutError:
        return Unreached(f"no answer from {place} within {deadline.span_s:g} s", is_seen=True)
    except ssl.SSLCertVerificationError as error:
        return Unreached(f"{place}: the certificate is not valid: {error.verify_message}", is_seen=True)
    except ssl.SSLError as error:
        return Unreached(f"{place}: TLS failed: {error.reason or error}", is_seen=True)
    except h11.RemoteProtocolError as error:
        return Unreached(f"{place} gave no proper HTTP answer: {error}", is_seen=True)
    except OSError as error:
        return why(error, place)
    finally:
        connected.close()


def _split(text: str) -> tuple[SplitResult, int]:
    try:
        url = urlsplit(text)
        port = url.port
    except ValueError as error:
        raise InputError("url", f"{text!r}: {error}") from error
    if url.scheme not in _PORTS or not url.hostname:
        raise InputError("url", f"{text!r} is not of the form http://host:port/path or https://host/path")
    if url.username is not None:
        raise InputError("url", "holds a user name: send credentials in an Authorization header")
    return url, port if port is not None else _PORTS[url.scheme]


def _head(request: Request, url: SplitResult) -> tuple[h11.Connection, bytes]:
    """The request's bytes, and the connection that will read the answer to it."""
    headers = {"Host": url.netloc, "User-Agent": "error-recovery", "Accept": "*/*", "Connection": "close"}
    given = {name.title(): value for name, value in request.headers.items()}
    headers.update(given)
    if request.body or request.method.upper() in ("POST", "PUT", "PATCH"):
        headers["Content-Length"] = str(len(request.body))
    target = (url.path or "/") + (f"?{url.query}" if url.query else "")
    connection = h11.Connection(h11.CLIENT)
    try:
        head = h11.Request(method=request.method.upper(), target=target, headers=list(headers.items()))
        parts = [connection.send(head), connection.send(h11.Data(request.body)) if request.body else b""]
        parts.append(connection.send(h11.EndOfMessage()))
    except (h11.LocalProtocolError, UnicodeEncodeError) as error:
        raise InputError("http", f"no request can be made of it: {error}") from error
    return connection, b"".join(part or b"" for part in parts)


async def _talk(
    connection: h11.Connection, head: bytes, connected: socket.socket, url: SplitResult, trust: ssl.SSLContext | None
) -> Answer:
    is_tls = url.scheme == "https"
    reader, writer = await asyncio.open_connection(
        sock=connected, ssl=(trust or _trust()) if is_tls else None, server_hostname=url.hostname if is_tls else None
    )
    try:
        writer.write(head)
        return await _read_answer(connection, reader)
    finally:
        writer.transport.abort()


async def _read_answer(connection: h11.Connection, reader: asyncio.StreamReader) -> Answer:
    status = 0
    body = bytearray()
    while len(body) < MAX_BODY_BYTES:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(await reader.read(_READ_BYTES))
        elif isinstance(event, h11.Response):
            status = event.status_code
        elif isinstance(event, h11.Data):
            body += event.data
        elif not isinstance(event, h11.InformationalResponse):
            break
    return Answer(status, bytes(body[:MAX_BODY_BYTES]))


@lru_cache(maxsize=1)
def _trust() -> ssl.SSLContext:
    """Reading the host's certificates takes some 20 ms, so it is done once a worker."""
    return ssl.create_default_context()
