"""An intake that keeps what it takes in a list, and refuses what the test says."""

from __future__ import annotations

import asyncio

from error_daemon.errors import InputError, TransientError
from error_recovery.v1 import fault_pb2


class ListedIntake:
    """middle.Intake. A payload that begins with "wrong" or "full" is refused as such; "bug" breaks. Where `targets` are given, others are
    refused. `settle` lets `settled` return."""

    def __init__(self) -> None:
        self.taken: list[bytes] = []
        self.trusted: list[bool] = []
        self.targets: set[str] | None = None
        self.breaks = False
        self.is_full = False
        self.waiting = 0
        self.settle = asyncio.Event()

    def take(self, payload: bytes, *, is_trusted: bool = True, is_test: bool = False) -> tuple[str, bool]:
        self.trusted.append(is_trusted)
        if payload.startswith(b"wrong"):
            raise InputError("fault.message", "is wrong")
        if self.is_full or payload.startswith(b"full"):
            raise TransientError("the ring is full", 0.25)
        if self.breaks or payload.startswith(b"bug"):
            raise RuntimeError("a bug")
        if self.targets is not None and (target := fault_pb2.Fault.FromString(payload).target) not in self.targets | {
            ""
        }:
            raise InputError("fault.target", f"no target {target!r} is defined")
        self.taken.append(payload)
        return f"{len(self.taken):016x}", len(self.taken) == 1

    async def settled(self) -> None:
        self.waiting += 1
        await self.settle.wait()
        self.waiting -= 1
