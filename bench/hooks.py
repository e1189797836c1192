"""hooks: what it costs the fault path that somebody hears what happens.

`own`, in one process and without the wire, for faults that are different from each other, each of them decided by a rule that observes (two
notices), and for equal ones (none): with nobody who hears (no hook is defined: as `own`), with somebody who does nothing with it, with a
hook that wants none of it (escalations and approvals), and with one that wants everything, each event kept in its file. Its sender arrives
at once, in the time of the same process. Medians of the rounds, in µs of CPU per fault.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median

from bench import own
from bench.faults import SORTS
from error_daemon import garbage
from error_daemon.hooks.hooks import Given, Hooks
from error_daemon.hooks.payload import Origin
from error_daemon.hooks.sending import Sent
from error_daemon.model.hook import Delivery, Hook
from error_daemon.ports import Clock
from error_daemon.runtime.logs import configure
from error_daemon.settings import LogSettings

_RARE = frozenset(("error.escalated", "error.cleared", "approval.asked"))


class _Arrives:
    async def send(self, _delivery: Delivery, _at: float) -> Sent:
        return Sent(is_done=True, detail="")

    async def close(self) -> None: ...


def _told(events: frozenset[str], directory: Path) -> own.Hearing:
    def hearing(clock: Clock) -> own.Hear:
        place = Path(tempfile.mkdtemp(dir=directory))
        hooks = Hooks(Given(clock, Origin("bench"), place, lambda _hook: _Arrives()))
        hooks.define([Hook("bench", "webhook", events)])
        return hooks.tell

    return hearing


def run(rounds: int, faults: int, say: Callable[[str], None]) -> dict[str, object]:
    """{"medians": {who hears: {sort: µs per fault}}}."""
    garbage.tame()
    taken: list[Mapping[str, Mapping[str, float]]] = []
    with tempfile.TemporaryDirectory(prefix="error-recovery-bench-") as name:
        directory = Path(name)
        logs = configure(LogSettings(file=f"{name}/recovery.log"), directory, {})
        who: Mapping[str, own.Hearing | None] = {
            "nobody": None,
            "somebody": lambda _clock: lambda _notice: None,
            "a hook, none of it": _told(_RARE, directory),
            "a hook, all of it": _told(frozenset(), directory),
        }
        for number in range(rounds):
            say(f"hooks, round {number + 1} of {rounds}")
            taken.append(
                {
                    title: {sort: asyncio.run(_one(kind, faults, hearing)) for sort, kind in SORTS.items()}
                    for title, hearing in who.items()
                }
            )
        logs.end()
    medians = {title: {sort: median(each[title][sort] for each in taken) for sort in SORTS} for title in who}
    return {"rounds": taken, "medians": medians}


async def _one(kind: str, faults: int, hearing: own.Hearing | None) -> float:
    cost = await own.one(kind, faults, hearing)
    for task in asyncio.all_tasks() - {asyncio.current_task()}:  # that of the hook
        task.cancel()
    return cost
