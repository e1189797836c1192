"""A gate that lets everybody in as the same caller, and keeps whom it saw."""

from __future__ import annotations

from error_daemon.model.access import Caller, Peer, Role

OPERATOR = Caller("", "test", frozenset({Role.OPERATOR}), is_limited=False, is_trusted=True)


class OpenGate:
    """calls.Gate. `most_faults`: how many are granted at a time."""

    def __init__(
        self,
        caller: Caller = OPERATOR,
        *,
        reads_tokens: bool = False,
        most_faults: int = 1 << 30,
        retry_after_s: float = 1.5,
    ) -> None:
        self.caller = caller
        self.reads_tokens = reads_tokens
        self.most_faults = most_faults
        self.retry_after_s = retry_after_s
        self.asked_for_faults: list[Caller] = []
        self.seen: list[tuple[Peer, str]] = []
        self.refusal: Exception | None = None
        self.refusal_of_addresses: Exception | None = None

    def admit(self, peer: Peer, method: str) -> Caller:
        self.seen.append((peer, method))
        if self.refusal is not None:
            raise self.refusal
        return self.caller

    def check_address(self, peer: Peer, method: str) -> None:
        if self.refusal_of_addresses is not None:
            raise self.refusal_of_addresses

    def grant_faults(self, caller: Caller, wanted: int) -> tuple[int, float]:
        self.asked_for_faults.append(caller)
        granted = min(wanted, self.most_faults)
        return granted, 0.0 if granted == wanted else self.retry_after_s
