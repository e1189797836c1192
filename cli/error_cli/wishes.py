"""What is asked for beside a command itself: the daemon, how long to wait, how to answer."""

from __future__ import annotations

from dataclasses import dataclass

import click

DEFAULT_ADDRESS = "127.0.0.1:50051"
DEFAULT_TIMEOUT_S = 5.0


@dataclass
class Wishes:
    """What was asked for beside the command itself."""

    address: str = DEFAULT_ADDRESS
    asked_timeout_s: float | None = None
    default_timeout_s: float = DEFAULT_TIMEOUT_S
    tls_ca: str = ""
    tls_cert: str = ""
    tls_key: str = ""
    tls_name: str = ""
    token_file: str = ""
    output: str = "table"

    @property
    def timeout_s(self) -> float:
        """How long to wait for an answer: as was asked, else as long as the command thinks right."""
        return self.default_timeout_s if self.asked_timeout_s is None else self.asked_timeout_s

    @property
    def for_programs(self) -> bool:
        """Whether a program reads the answer: it gets the whole of it, by `page.document` and its like, which know the format."""
        return self.output != "table"


wishing = click.make_pass_decorator(Wishes, ensure=True)
