"""What systemd hears, on a real notification socket."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from error_daemon.runtime.systemd import Notifier, given_fd

Hear = Callable[[], Awaitable[str]]


@pytest.fixture
def ear(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(str(tmp_path / "notify"))
        ear.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.delenv("WATCHDOG_USEC", raising=False)
        yield ear


async def hear(ear: socket.socket) -> str:
    return (await asyncio.wait_for(asyncio.get_running_loop().sock_recv(ear, 4096), 30)).decode()


def test_it_hears_that_the_daemon_is_ready_and_what_it_does_now(ear: socket.socket) -> None:
    async def scene() -> list[str]:
        notifier, status = Notifier(status_every_s=0.001), ["idle"]
        notifier.ready(lambda: status[0])
        heard = [await hear(ear)]
        status[0] = "busy"
        heard.append(await hear(ear))
        notifier.stopping(10.0)
        heard.append(await hear(ear))
        return heard

    assert asyncio.run(scene()) == [
        "READY=1\nSTATUS=idle",
        "STATUS=busy",
        "STOPPING=1\nSTATUS=draining\nEXTEND_TIMEOUT_USEC=25000000",
    ]


def test_it_hears_the_watchdog_again_and_again_while_the_loop_turns(
    ear: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "2000")

    async def scene() -> list[str]:
        notifier = Notifier()
        notifier.ready(lambda: "idle")
        heard = [await hear(ear) for _ in range(4)]
        notifier.stopping(0.0)
        return heard

    assert asyncio.run(scene())[1:] == ["WATCHDOG=1"] * 3


def test_it_hears_when_a_reload_begins_and_ends(ear: socket.socket) -> None:
    async def scene() -> list[str]:
        notifier = Notifier()
        notifier.ready(lambda: "idle")
        notifier.reloading()
        notifier.reloaded()
        heard = [await hear(ear) for _ in range(3)]
        notifier.stopping(0.0)
        return heard

    _, reloading, reloaded = asyncio.run(scene())
    assert reloading.startswith("RELOADING=1\nMONOTONIC_USEC=")
    assert reloaded == "READY=1\nSTATUS=idle"


def test_outside_of_systemd_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)

    async def scene() -> None:
        notifier = Notifier()
        notifier.ready(lambda: "idle")
        notifier.stopping(1.0)

    asyncio.run(scene())


def test_a_descriptor_that_systemd_has_opened_is_found_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    os.set_inheritable(reading, True)
    monkeypatch.setenv("LISTEN_PID", str(os.getpid()))
    monkeypatch.setenv("LISTEN_FDS", "2")
    monkeypatch.setenv("LISTEN_FDNAMES", "other:kernel-log")
    assert given_fd("kernel-log", reading - 1) == reading
    assert not os.get_inheritable(reading)
    assert given_fd("unknown") is None
    monkeypatch.setenv("LISTEN_PID", "1")  # meant for another
    assert given_fd("kernel-log") is None
    monkeypatch.delenv("LISTEN_PID")
    assert given_fd("kernel-log") is None
    os.close(reading)
    os.close(writing)
