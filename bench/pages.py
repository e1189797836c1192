"""Open dashboards without their browsers: a process of its own that holds streams of events open, and asks as a page does.

    python -m bench.pages     for each line "ADDRESS STREAMS ASKING": opens them, says "open"; at the next line closes them, says what came

Each stream is read as it comes. With ASKING, each page also asks for /api/now once a second, as one does on which things change.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections import Counter
from dataclasses import dataclass, field

from bench import machine

_ASKS_EVERY_S = 1.0


@dataclass
class Came:
    """What all pages were sent."""

    bytes: int = 0
    answers: int = 0
    answer_bytes: int = 0
    events: Counter[str] = field(default_factory=Counter)


async def _stream(address: str, came: Came, opened: asyncio.Event) -> None:
    reader, writer = await _opened(address)
    opened.set()
    try:
        while data := await reader.read(1 << 16):
            came.bytes += len(data)
            for line in data.split(b"\n"):
                if line.startswith(b"event: "):
                    came.events[line[7:].decode()] += 1
    finally:
        writer.close()


async def _ask(address: str, wait_s: float, came: Came) -> None:
    await asyncio.sleep(wait_s)
    reader, writer = await asyncio.open_connection(*address.split(":"))
    try:
        while True:
            writer.write(b"GET /api/now HTTP/1.1\r\nHost: localhost\r\n\r\n")
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = int(head.partition(b"content-length: ")[2].partition(b"\r")[0])
            await reader.readexactly(length)
            came.answers += 1
            came.answer_bytes += length
            await asyncio.sleep(_ASKS_EVERY_S)
    finally:
        writer.close()


async def _opened(address: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    while True:
        reader, writer = await asyncio.open_connection(*address.split(":"))
        writer.write(b"GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        head = await reader.readuntil(b"\r\n\r\n")
        if b" 200 " in head:
            return reader, writer
        writer.close()
        if b" 429 " not in head:
            raise RuntimeError(f"no stream: {head.decode()}")
        await asyncio.sleep(0.1)  # those of the round before are not all gone yet


async def _hold(address: str, streams: int, *, asks: bool) -> Came:
    came = Came()
    opened = [asyncio.Event() for _ in range(streams)]
    tasks = [asyncio.ensure_future(_stream(address, came, one)) for one in opened]
    tasks += [
        asyncio.ensure_future(_ask(address, number / streams * _ASKS_EVERY_S, came)) for number in range(streams * asks)
    ]
    while not all(one.is_set() for one in opened):
        for task in tasks:
            if task.done():
                task.result()  # none ends by itself
        await asyncio.sleep(0.01)
    print("open", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    ended = [task for task in tasks if task.done()]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    for task in ended:
        task.result()
    return came


def main() -> None:
    os.sched_setaffinity(0, machine.load_core())
    while line := sys.stdin.readline():
        address, streams, asks = line.split()
        came = asyncio.run(_hold(address, int(streams), asks=asks == "1"))
        said = {"bytes": came.bytes, "answers": came.answers, "answer_bytes": came.answer_bytes}
        print(json.dumps({**said, "events": dict(came.events)}), flush=True)


if __name__ == "__main__":
    main()
