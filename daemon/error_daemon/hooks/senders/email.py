"""Mail, by SMTP. Plain text, with what a person needs to know before the first scroll; one thread for each error.

Its own library, smtplib, waits for the server, so it works in a thread; a connection is made for each mail. `tls`: `starttls` (the
default) and `tls` verify the server's certificate with those of the host, and nothing is sent where that fails; `none` is for a server on
this host. A password is never sent in clear.

A thread of mails is held together by References: every mail of an error refers to one that is never sent, `<error id@host>`. The
Message-ID is the delivery's, so a mail that came twice is shown once by most programs.

A mail has nine tenths of the hook's `timeout_s`, whatever the server says meanwhile: then its connection is cut, so that none goes on being
sent of which the outbox was told that it failed. Where the server had all of it and its answer did not come, nobody can know: it is sent
again, with the same Message-ID.

An answer of 5xx is final; all else is tried again. Where the server takes some of the recipients it has taken the mail: the others are
told in `detail`, and it is not sent again.
"""

from __future__ import annotations

import asyncio
import smtplib
import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import suppress
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate
from threading import Event, Thread
from typing import Any

from error_daemon.errors import ConfigError
from error_daemon.hooks import wording
from error_daemon.hooks.sending import ReadSecret, Sent
from error_daemon.model.hook import Delivery, Hook

_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_LONGEST_DETAIL = 300
_SHARE = 0.9  # of the time limit, so that how it went is known before it has passed
_CUT_AGAIN_S = 0.05
_TOO_LATE = "it took too long, and was cut off"


class EmailSender:
    def __init__(self, hook: Hook, read_secret: ReadSecret) -> None:
        self._hook, self._read_secret = hook, read_secret

    async def close(self) -> None:
        """There is nothing to close: each mail has its own connection."""

    async def send(self, delivery: Delivery, at: float) -> Sent:
        try:
            file = self._hook.secret_file
            password = self._read_secret(file, "password").decode("utf-8", "replace").strip() if file else ""
        except ConfigError as error:
            return Sent(is_done=False, detail="; ".join(str(problem) for problem in error.problems))
        mail = made_mail(self._hook, delivery, at)
        return await asyncio.to_thread(_sent, self._hook, mail, password)


def made_mail(hook: Hook, delivery: Delivery, at: float) -> EmailMessage:
    body = delivery.event.body
    domain = wording.one_line(str(body["host"]), 200).replace(" ", "-") or "localhost"
    mail = EmailMessage(policy=SMTP)
    mail["From"] = Address(display_name="error-recovery", addr_spec=hook.params["from"])
    mail["To"] = ", ".join(hook.params["to"])
    mail["Subject"] = f"[{domain}] {wording.title(body)}"
    mail["Date"] = formatdate(at)
    mail["Message-ID"] = f"<{delivery.delivery_id}@{domain}>"
    if delivery.event.error_id:
        mail["References"] = mail["In-Reply-To"] = f"<{delivery.event.error_id}@{domain}>"
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday message answers it
    mail["X-Error-Recovery-Event"] = body["type"]
    mail.set_content("\n".join(_lines(body)))
    return mail


def _lines(body: Mapping[str, Any]) -> Iterator[str]:
    data = body["data"]
    yield data["text"]
    error = data.get("error", {})
    if error.get("message") and error["message"] != data["text"]:
        yield f"\n{error['message']}"
    yield ""
    for line in wording.groups(body):
        yield f"* {line}"
    if data.get("groups"):
        yield ""
    for name, value in wording.facts(body):
        yield f"{name + ':':<11} {value}"
    yield ""
    yield from wording.links(body).values()


def _sent(hook: Hook, mail: EmailMessage, password: str) -> Sent:
    """In a thread."""
    try:
        return _given_to_server(hook, mail, password)
    except smtplib.SMTPResponseException as error:
        said = error.smtp_error.decode("utf-8", "replace") if isinstance(error.smtp_error, bytes) else error.smtp_error
        return _failed(f"{error.smtp_code} {said}", is_final=_is_no(error))
    except smtplib.SMTPRecipientsRefused as error:
        is_final = all(500 <= code < 600 for code, _ in error.recipients.values())
        return _failed(f"refused: {_said_of(error.recipients)}", is_final=is_final)
    except (smtplib.SMTPException, OSError) as error:
        return _failed(f"{type(error).__name__}: {error}")


def _is_no(error: smtplib.SMTPResponseException) -> bool:
    """A password that is not known may be mended; a mail that is not taken is not."""
    return 500 <= error.smtp_code < 600 and not isinstance(error, smtplib.SMTPAuthenticationError)


def _failed(detail: str, *, is_final: bool = False) -> Sent:
    return Sent(is_done=False, detail=wording.one_line(detail, _LONGEST_DETAIL), is_final=is_final)


def _given_to_server(hook: Hook, mail: EmailMessage, password: str) -> Sent:
    params = hook.params
    host, port, tls = params["server"], params["port"], params["tls"]
    if password and tls == "none" and host not in _LOOPBACK:
        return _failed("a password is not sent in clear: take tls: starttls")
    context = ssl.create_default_context(cafile=params.get("ca_file") or None)
    limit_s = _SHARE * hook.timeout_s
    with _Limit(limit_s) as limit:
        if tls == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(host, port, timeout=limit_s, context=context)
        else:
            server = smtplib.SMTP(host, port, timeout=limit_s)
        with server:
            limit.begin(server)
            if tls == "starttls":
                server.starttls(context=context)
            if password:
                server.login(params.get("user") or params["from"], password)
            refused = server.send_message(mail, params["from"], list(params["to"]))
    if refused:
        return Sent(is_done=True, detail=wording.one_line(f"but not to {_said_of(refused)}", _LONGEST_DETAIL))
    return Sent(is_done=True, detail=f"taken by {host}")


class _Limit:
    """Each wait of smtplib has a time limit, and together they have none. In a thread: nothing else can end such a wait."""

    def __init__(self, limit_s: float) -> None:
        self._server: smtplib.SMTP | None = None
        self._is_done, self._is_late = Event(), Event()
        self._watching = Thread(target=self._watch, args=(limit_s,), name="mail-limit", daemon=True)

    def __enter__(self) -> _Limit:
        self._watching.start()
        return self

    def begin(self, server: smtplib.SMTP) -> None:
        """It is connected. Raises TimeoutError where that alone took too long."""
        self._server = server
        if self._is_late.is_set():
            raise TimeoutError(_TOO_LATE)

    def _watch(self, left_s: float) -> None:
        while not self._is_done.wait(left_s):
            self._is_late.set()
            sock = self._server.sock if self._server is not None else None
            with suppress(OSError):  # while TLS begins it is nobody's, so once more
                if sock is not None:
                    socket.socket.shutdown(sock, socket.SHUT_RDWR)
            left_s = _CUT_AGAIN_S

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        self._is_done.set()
        self._watching.join()
        if self._is_late.is_set() and isinstance(error, (smtplib.SMTPServerDisconnected, OSError)):
            raise TimeoutError(_TOO_LATE) from error


def _said_of(refused: Mapping[str, tuple[int, bytes]]) -> str:
    return "; ".join(f"{to}: {code} {text.decode('utf-8', 'replace')}" for to, (code, text) in refused.items())
