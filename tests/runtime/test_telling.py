"""What systemd is told."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest

from error_daemon.runtime.systemd import Notifier


def test_systemd_hears_ready_then_beats_then_stopping(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(path)
        systemd.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", path)
        monkeypatch.setenv("WATCHDOG_USEC", "20000")
        notifier = Notifier()

        async def hear() -> str:
            return (await asyncio.wait_for(asyncio.get_running_loop().sock_recv(systemd, 4096), 20.0)).decode()

        async def go() -> None:
            notifier.ready("serving on 127.0.0.1:1")
            assert await hear() == "READY=1\nSTATUS=serving on 127.0.0.1:1"
            assert [await hear() for _ in range(3)] == ["WATCHDOG=1"] * 3
            notifier.stopping()
            heard = await hear()
            while heard == "WATCHDOG=1":
                heard = await hear()
            assert heard == "STOPPING=1\nSTATUS=draining"

        asyncio.run(go())
        assert notifier._systemd is not None
        notifier._systemd.socket.close()  # systemd hears of the daemon for as long as it lives


def test_without_systemd_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    monkeypatch.delenv("WATCHDOG_USEC", raising=False)

    async def go() -> None:
        notifier = Notifier()
        notifier.ready("serving")
        notifier.stopping()

    asyncio.run(go())
