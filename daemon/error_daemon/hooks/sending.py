"""The contract of what sends: one class for each way (senders/), given one delivery at a time for its hook."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from error_daemon.model.hook import Delivery

ReadSecret = Callable[[str, str], bytes]
"""(file, what is in it in words) → its content. Raises ConfigError."""


@dataclass(frozen=True, slots=True)
class Sent:
    """How it went. `detail`: what was answered, or why there was no answer, in words."""

    is_done: bool
    detail: str
    retry_after_s: float = 0.0  # the receiver asks for this, of all that comes
    is_final: bool = False  # sending this one again is useless
    is_gone: bool = False  # nothing more is to be sent there until a person says so


class Sender(Protocol):
    async def send(self, delivery: Delivery, at: float) -> Sent:
        """Send it now, at `at`. Does not raise what can be foreseen, and may take longer than it should: who calls sets the time limit."""

    async def close(self) -> None: ...
