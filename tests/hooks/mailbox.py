"""A real SMTP server that keeps what it gets."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session


class Mailbox:
    """Refuses what is for `nobody@`; a `full@` one is full for now. `answer`: to the mail itself."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.answer = "250 kept"
        self.was_encrypted = False

    async def handle_RCPT(  # noqa: N802  as its library calls it
        self, _server: object, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if address.startswith("nobody@"):
            return "550 no such user"
        if address.startswith("full@"):
            return "452 is full"
        envelope.rcpt_tos.append(address)
        return "250 well"

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        assert server.transport is not None
        self.was_encrypted = server.transport.get_extra_info("ssl_object") is not None
        if self.answer.startswith("250"):
            self.mails.append(message_from_bytes(cast("bytes", envelope.content), policy=policy.default))
        return self.answer


class InClear(Controller):
    """On any port that is free."""

    def _trigger_server(self) -> None:
        """It connects, to see that somebody is there."""
        assert isinstance(self.server, asyncio.Server)
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()  # type: ignore[no-untyped-call]


@contextmanager
def mailbox_in_clear() -> Iterator[tuple[Mailbox, int]]:
    """On a port of this host, for whoever comes."""
    mailbox = Mailbox()
    server = InClear(mailbox, hostname="127.0.0.1", port=0)
    server.start()
    try:
        yield mailbox, server.port
    finally:
        server.stop()
