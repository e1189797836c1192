"""Plug-ins: called in a thread, and whatever they do nothing but their hook hears of it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from error_daemon.hooks.senders.plugin import GROUP, PluginSender
from error_daemon.hooks.sending import Sent
from error_daemon.model.hook import Delivery, Hook
from tests.hooks.events import an_event

SOURCE = """
import threading
called, threads, hanging = [], [], threading.Event()

def note(event):
    called.append(event)
    threads.append(threading.current_thread())

async def later(event):
    note(event)

def fail(event):
    raise SystemExit("of its own will")

def hang(event):
    hanging.wait(60)

class Counter:
    def __init__(self, start):
        self.count = int(start)

    def __call__(self, event):
        self.count += 1
        called.append(self.count)

value = 7
"""
ENTRY_POINTS = f"[{GROUP}]\n" + "".join(
    f"{name} = our_hooks:{name}\n" for name in ("note", "later", "fail", "hang", "Counter", "value", "absent")
)


@pytest.fixture
def ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """An installed package with these entry points, as a directory of the path."""
    (tmp_path / "our_hooks.py").write_text(SOURCE)
    info = tmp_path / "our_hooks-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: our-hooks\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert metadata.version("our-hooks") == "1.0"
    import our_hooks  # type: ignore[import-not-found]

    yield our_hooks
    our_hooks.hanging.set()
    del __import__("sys").modules["our_hooks"]


def calls(plugin: str, times: int = 1, timeout_s: float = 30.0, options: Mapping[str, str] | None = None) -> list[Sent]:
    async def go() -> list[Sent]:
        hook = Hook("mine", "plugin", params={"plugin": plugin, "options": options or {}}, timeout_s=timeout_s)
        sender = PluginSender(hook)
        return [await sender.send(Delivery(f"msg_{n}", "mine", an_event()), 1.0) for n in range(times)]

    return asyncio.run(go())


@pytest.mark.parametrize("plugin", ["note", "later"])
def test_a_function_gets_the_event_in_a_thread_of_its_own(ours: Any, plugin: str) -> None:
    assert calls(plugin) == [Sent(is_done=True, detail="called")]
    [event] = ours.called
    assert (event["id"], event["type"], event["data"]["error"]["error_id"]) == ("msg_0", "error.escalated", "e1")
    assert ours.threads[0] is not threading.main_thread()


def test_a_class_is_made_once_with_its_options(ours: Any) -> None:
    assert all(one.is_done for one in calls("Counter", 2, options={"start": "40"}))
    assert ours.called == [41, 42]


def test_what_it_raises_is_told_and_the_third_time_in_a_row_it_is_called_no_more(ours: Any) -> None:
    first, second, third = calls("fail", 3)
    assert first == second == Sent(is_done=False, detail="SystemExit: of its own will")
    assert third.is_gone


def test_one_that_hangs_is_left_behind(ours: Any) -> None:
    first, *_, last = calls("hang", 3, timeout_s=0.05)
    assert "it hangs" in first.detail
    assert last.is_gone


@pytest.mark.parametrize(
    ("plugin", "problem"),
    [
        (
            "unknown",
            "no plug-in is called 'unknown' in the group error_recovery.hooks of what is installed; there are: ",
        ),
        ("value", "TypeError: the plug-in 'value' cannot be called"),
        ("absent", "AttributeError"),
        ("Counter", "TypeError: "),
    ],
)
def test_what_cannot_be_called_is_told(ours: Any, plugin: str, problem: str) -> None:
    [one] = calls(plugin)
    assert problem in one.detail
