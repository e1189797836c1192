"""
The journal, followed: what systemd writes there of failures, out of memory and core dumps becomes faults, once each, across restarts.

    cannot be read ──► (looked again every minute)
        │
        ▼
    followed ──► journalctl has ended ──► begun anew after 1 s, 2 s, ... 60 s, at the place that was reached
        │
        └► the ring is full: the fault waits, and nothing is read meanwhile

The place (place.py) moves on when the fault is in the ring. Where it is lost, the journal is read from now on, and that is said.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from error_daemon.ingest.acceptance import Acceptance
from error_daemon.ingest.journal.entry import FIELDS
from error_daemon.ingest.journal.faults import MESSAGE_IDS
from error_daemon.ingest.journal.found import Found, Host, found_on
from error_daemon.ingest.journal.handing_in import HandingIn, Watched
from error_daemon.ingest.journal.place import Place
from error_daemon.ingest.journal.reader import Reader
from error_daemon.model import Diagnostic, Standing
from error_daemon.ports import Clock

_LONGEST_AGAIN_S = 60.0
_LOOK_AGAIN_S = 60.0
_WAITS = "faults wait until there is room for them, and the journal is not read on meanwhile"


class JournalFollower:
    """`place`: a file in the state directory. `on_problem(text)` hears of what went wrong."""

    def __init__(
        self,
        desk: Acceptance,
        watched: Watched,
        clock: Clock,
        place: Path,
        on_problem: Callable[[str], None],
        *,
        host: Host = Host(),  # noqa: B008 it never changes
        again_s: float = 1.0,
    ) -> None:
        self._desk = desk
        self._handing_in = HandingIn(desk, watched, clock)
        self._clock = clock
        self._place = Place(place)
        self._on_problem = on_problem
        self._host = host
        self._again_s = again_s
        self._found = Found(why_not="it has not been looked for yet")
        self._task: asyncio.Task[None] | None = None
        self._trouble = ""
        self._is_place_told = False

    def start(self) -> None:
        try:
            if problem := self._place.open(self._clock.now()):
                self._on_problem(f"the journal is read from now on, and not from where it was left: {problem}")
        except OSError as error:
            self._place.value = f"@{self._clock.now():.6f}"
            self._tell_of_place(error)
        self._task = asyncio.ensure_future(self._run())
        self._task.add_done_callback(self._ended)

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
            self._task = None

    def _ended(self, task: asyncio.Task[None]) -> None:
        """It runs until it is stopped; if ever it does not, somebody has to know."""
        self._place.close()
        if not task.cancelled() and (error := task.exception()):
            self._trouble = f"it is not followed any more: {type(error).__name__}: {error}"
            self._on_problem(f"the journal: {self._trouble}")

    async def _run(self) -> None:
        again_s = self._again_s
        while True:
            self._found = found_on(self._host)
            if not self._found.program:
                await asyncio.sleep(_LOOK_AGAIN_S)
                continue
            has_read, self._trouble = await self._follow(self._found.program)
            if has_read:
                again_s = self._again_s
            if again_s == self._again_s:
                self._on_problem(f"the journal is followed anew: {self._trouble}")
            await asyncio.sleep(again_s)
            again_s = min(2 * again_s, _LONGEST_AGAIN_S)

    async def _follow(self, program: str) -> tuple[bool, str]:
        """One life of journalctl: whether anything was read, and what it ended with."""
        try:
            reader = Reader(program, self._options())
        except OSError as error:
            return False, f"{program} can't be run: {error.strerror}"
        try:
            has_read = await self._read(reader)
        except BaseException:
            reader.drop()
            raise
        code, said = await reader.end()
        if code and not has_read and "cursor" in said.lower():
            self._on_problem(f"the journal is read from now on, and not from where it was left: {said}")
            self._keep(f"@{self._clock.now():.6f}")
        return has_read, f"journalctl has ended with {code}{': ' if said else ''}{said}"

    async def _read(self, reader: Reader) -> bool:
        has_read, too_long = False, 0
        while lines := await reader.lines():
            has_read, self._trouble = True, ""
            for line in lines:
                if cursor := await self._handing_in.take(line):
                    self._keep(cursor)
            if reader.too_long > too_long:
                too_long = reader.too_long
                self._on_problem("an entry of the journal is longer than 1 MiB, and was passed over")
        return has_read

    def _options(self) -> list[str]:
        matches = [f"MESSAGE_ID={message_id}" for message_id in MESSAGE_IDS]
        fields = f"--output-fields={','.join(FIELDS)}"
        return ["--follow", "--no-tail", "--quiet", "--all", "--output=json", fields, self._place.as_option(), *matches]

    def _keep(self, cursor: str) -> None:
        try:
            self._place.write(cursor)
        except OSError as error:
            self._tell_of_place(error)
        else:
            self._is_place_told = False

    def _tell_of_place(self, error: OSError) -> None:
        if not self._is_place_told:
            self._on_problem(f"how far the journal was read can't be kept: a restart reads some of it again: {error}")
        self._is_place_told = True

    def diagnostic(self) -> Diagnostic:
        found, tally = self._found, self._desk.tally
        if found.why_not:
            return Diagnostic("receivers", "journal", Standing.UNAVAILABLE, found.why_not, found.mend)
        says = f"followed; {tally.accepted:,} faults taken, {tally.refused:,} refused"
        says += f"; {tally.passed_over:,} others were no faults, or are told elsewhere" if tally.passed_over else ""
        if trouble := _WAITS if self._handing_in.waits else self._trouble:
            return Diagnostic("receivers", "journal", Standing.NOTICE, f"{trouble}; {says}")
        return Diagnostic("receivers", "journal", Standing.GOOD, says, figures={"accepted": float(tally.accepted)})
