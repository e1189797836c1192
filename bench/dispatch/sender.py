"""Sends events at a fixed rate (open loop) to one of the others: a process on the load's core.

    python -m bench.dispatch.sender      a line of JSON in ({"kind", "address", "rate", "seconds", "first"}), a line of JSON out ({number:
                                         CLOCK_MONOTONIC just before it was sent}); the end of its input ends it

An event is as large as a fault.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

from bench import faults, machine

_TEXT = "x" * faults.FAULT_BYTES
_CONNECTIONS = 16
Send = Callable[[int], Awaitable[None]]


async def _celery(address: str) -> Send:
    """Its client blocks; it takes less than a millisecond."""
    os.environ["BENCH_BROKER"] = address
    from bench.dispatch.celery_app import TASK, app

    async def send(number: int) -> None:
        app.send_task(TASK, args=(number, _TEXT), ignore_result=True)

    return send


async def _webhook(address: str) -> Send:
    """HTTP/1.1 over connections that are kept."""
    host, _, port = address.partition(":")
    idle: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
    for _ in range(_CONNECTIONS):
        idle.put_nowait(await asyncio.open_connection(host, int(port)))

    async def send(number: int) -> None:
        reader, writer = await idle.get()
        body = json.dumps({"number": number, "text": _TEXT}).encode()
        head = f"POST /event HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        answer = await reader.readuntil(b"\r\n\r\n")
        if not answer.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"the webhook answered {answer!r}")
        length = next(
            int(line.partition(b":")[2]) for line in answer.splitlines() if line.lower().startswith(b"content-length")
        )
        await reader.readexactly(length)
        idle.put_nowait((reader, writer))

    return send


_KINDS: dict[str, Callable[[str], Awaitable[Send]]] = {"celery": _celery, "webhook": _webhook}


async def _send_all(plan: dict[str, Any], send: Send) -> dict[int, float]:
    started_at, sent_at, calls = time.monotonic(), {}, []
    for tick in range(int(plan["seconds"] * plan["rate"])):
        await asyncio.sleep(max(0.0, started_at + tick / plan["rate"] - time.monotonic()))
        number = plan["first"] + tick
        sent_at[number] = time.monotonic()
        calls.append(asyncio.ensure_future(send(number)))
    await asyncio.gather(*calls)
    return sent_at


async def serve() -> None:
    senders: dict[str, Send] = {}
    while line := await asyncio.to_thread(sys.stdin.readline):
        plan = json.loads(line)
        if plan["address"] not in senders:
            senders[plan["address"]] = await _KINDS[plan["kind"]](plan["address"])
        print(json.dumps(await _send_all(plan, senders[plan["address"]])), flush=True)


if __name__ == "__main__":
    os.sched_setaffinity(0, machine.load_core())
    asyncio.run(serve())
