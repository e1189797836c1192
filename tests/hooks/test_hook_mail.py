"""Mail of hooks, taken by a real SMTP server: encrypted, with a login, refused."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword, Session

from error_daemon.access.secret_file import read_secret
from error_daemon.hooks.digest import digest
from error_daemon.hooks.payload import event_of
from error_daemon.hooks.senders.made import made_sender
from error_daemon.hooks.sending import Sent
from error_daemon.model.hook import Delivery, Hook
from tests.fakes.authority import OPENSSL, Authority
from tests.hooks.events import ORIGIN, a_notice, an_event
from tests.hooks.mailbox import InClear, Mailbox
from tests.hooks.test_hook_shelf import ONE

pytestmark = pytest.mark.skipif(OPENSSL is None, reason="openssl issues the server's certificate")


class Server(InClear):
    """`is_tls`: from the start, and without a login, which this server does not have then; else by STARTTLS, with one."""

    def __init__(self, mailbox: Mailbox, context: ssl.SSLContext, *, is_tls: bool) -> None:
        by_starttls: dict[str, Any] = {
            "tls_context": context,
            "require_starttls": True,
            "authenticator": _known,
            "auth_required": True,
            "auth_require_tls": True,
        }
        super().__init__(mailbox, hostname="127.0.0.1", port=0, **({"ssl_context": context} if is_tls else by_starttls))


def _known(_server: object, _session: Session, _envelope: Envelope, _how: str, given: LoginPassword) -> AuthResult:
    return AuthResult(success=(given.login, given.password) == (b"recovery", b"open sesame"), handled=False)


@contextmanager
def serving(directory: Path, *, is_tls: bool = False) -> Iterator[tuple[Mailbox, Hook]]:
    authority = Authority(directory / "ca")
    issued = authority.issue("127.0.0.1", "IP:127.0.0.1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(issued.certificate, issued.key)
    password = directory / "password"
    password.write_text("open sesame\n")
    password.chmod(0o600)
    mailbox = Mailbox()
    server = Server(mailbox, context, is_tls=is_tls)
    server.start()
    params = {
        "server": "127.0.0.1",
        "port": server.port,
        "tls": "tls" if is_tls else "starttls",
        "ca_file": str(authority.certificate),
        "user": "recovery",
        "from": "recovery@example.org",
        "to": ("ops@example.org", "second@example.org"),
    }
    try:
        yield mailbox, Hook("mail", "email", params=params, secret_file="" if is_tls else str(password), timeout_s=20.0)
    finally:
        server.stop()


def with_params(hook: Hook, **params: object) -> Hook:
    return Hook(hook.id, hook.kind, params={**hook.params, **params}, secret_file=hook.secret_file, timeout_s=20.0)


def sent(hook: Hook, delivery: Delivery = ONE) -> Sent:
    return asyncio.run(asyncio.wait_for(made_sender(hook, read_secret).send(delivery, 1_700_000_000.0), 60))


@pytest.mark.parametrize("is_tls", [False, True])
def test_a_mail_arrives_encrypted_and_says_what_a_person_needs_first(tmp_path: Path, is_tls: bool) -> None:
    with serving(tmp_path, is_tls=is_tls) as (mailbox, hook):
        assert sent(hook) == Sent(is_done=True, detail="taken by 127.0.0.1")
    [mail] = mailbox.mails
    assert mailbox.was_encrypted
    assert mail["Subject"] == "[web-1] Needs a person: shop: the process of shop died"
    assert mail["To"] == "ops@example.org, second@example.org"
    assert mail["Auto-Submitted"] == "auto-generated"
    text = mail.get_content()
    assert text.startswith("it did not help\r\n" if "\r\n" in text else "it did not help\n")
    assert "error-cli errors show e1" in text
    assert "https://recovery.example/#/errors/e1" in text


def test_mails_of_one_error_are_one_thread_and_one_that_comes_twice_is_the_same(tmp_path: Path) -> None:
    with serving(tmp_path) as (mailbox, hook):
        for delivery in (ONE, ONE, Delivery("msg_9", "mail", an_event("e1", "error.cleared"))):
            assert sent(hook, delivery).is_done
    first, again, last = mailbox.mails
    assert first["Message-ID"] == again["Message-ID"] == "<msg_1@web-1>"
    assert last["Message-ID"] == "<msg_9@web-1>"
    assert {mail["References"] for mail in mailbox.mails} == {"<e1@web-1>"}


def test_a_digest_has_a_line_for_each_group(tmp_path: Path) -> None:
    many = [Delivery(f"msg_{n}", "mail", an_event(f"e{n}", root=f"r{n % 3}")) for n in range(300)]
    with serving(tmp_path) as (mailbox, hook):
        assert sent(hook, Delivery("msg_x", "mail", digest(many, ORIGIN, 1.0))).is_done
    [mail] = mailbox.mails
    assert mail["Subject"] == "[web-1] Several events: 300 events, in 3 groups"
    assert mail.get_content().count("\n* ") == 3


def test_a_wrong_password_is_told_and_tried_again(tmp_path: Path) -> None:
    with serving(tmp_path) as (_, hook):
        Path(hook.secret_file).write_text("wrong")
        result = sent(hook)
    assert (result.is_done, result.is_final) == (False, False)
    assert result.detail.startswith("535 ")


def test_nothing_is_sent_to_a_server_that_cannot_show_who_it_is(tmp_path: Path) -> None:
    with serving(tmp_path) as (mailbox, hook):
        result = sent(with_params(hook, ca_file=None))
    assert "CERTIFICATE_VERIFY_FAILED" in result.detail
    assert mailbox.mails == []


@pytest.mark.parametrize(("answer", "is_final"), [("554 spam", True), ("451 later", False)])
def test_a_refusal_for_good_is_final(tmp_path: Path, answer: str, is_final: bool) -> None:
    with serving(tmp_path) as (mailbox, hook):
        mailbox.answer = answer
        assert sent(hook) == Sent(is_done=False, detail=answer, is_final=is_final)


@pytest.mark.parametrize(("to", "is_final"), [("nobody@example.org", True), ("full@example.org", False)])
def test_recipients_that_are_all_refused_are_told(tmp_path: Path, to: str, is_final: bool) -> None:
    with serving(tmp_path) as (_, hook):
        result = sent(with_params(hook, to=(to,)))
    assert (result.is_done, result.is_final) == (False, is_final)
    assert to in result.detail


def test_one_that_is_refused_among_others_is_told_and_not_sent_again(tmp_path: Path) -> None:
    with serving(tmp_path) as (mailbox, hook):
        result = sent(with_params(hook, to=("ops@example.org", "nobody@example.org")))
    assert result == Sent(is_done=True, detail="but not to nobody@example.org: 550 no such user")
    assert len(mailbox.mails) == 1


def test_a_server_that_is_not_there_is_told() -> None:
    params = {"server": "127.0.0.1", "port": 1, "tls": "none", "from": "a@h.example", "to": ("b@h.example",)}
    assert "ConnectionRefusedError" in sent(Hook("mail", "email", params=params)).detail


def test_no_text_of_a_fault_can_be_a_line_of_the_head(tmp_path: Path) -> None:
    text = "it broke\r\nBcc: all@evil.example\r\n\r\nnot what was meant"
    nasty = event_of(a_notice(text=text, message=text, target="shop\nX: y"), "error.escalated", ORIGIN)
    with serving(tmp_path) as (mailbox, hook):
        assert sent(hook, Delivery("msg_1", "mail", nasty)).is_done
    [mail] = mailbox.mails
    assert "Bcc" not in mail
    assert mail["Subject"].startswith("[web-1] Needs a person: shop X: y: it broke Bcc: all@evil.example")


def _says_without_end(listening: socket.socket, is_cut: threading.Event) -> None:
    """It greets, and then has always one more line of its answer, each soon after the one before."""
    connection, _ = listening.accept()
    with connection:
        connection.sendall(b"220 here\r\n")
        with contextlib.suppress(OSError):
            while not is_cut.wait(0.02):
                connection.sendall(b"250-and more\r\n")
        is_cut.set()


def test_a_server_that_is_slow_in_all_it_says_is_cut_off_within_the_time_limit() -> None:
    is_cut = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = threading.Thread(target=_says_without_end, args=(listening, is_cut), daemon=True)
        server.start()
        address = {"server": "127.0.0.1", "port": listening.getsockname()[1], "tls": "none"}
        params = {**address, "from": "recovery@example.org", "to": ("ops@example.org",)}
        hook = Hook("mail", "email", params=params, timeout_s=0.5)
        try:
            said = sent(hook)
            assert (said.is_done, said.detail) == (False, "TimeoutError: it took too long, and was cut off")
            assert is_cut.wait(5)
        finally:
            is_cut.set()
            server.join()
