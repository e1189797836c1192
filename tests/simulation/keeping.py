"""What outlives the daemon: the ring, and the record. And what the simulator knows of them: how many faults each error has been given.

The ring keeps every fault from the moment it is put until its slot is released. The record takes rows in their order, some time after
they were written; the daemon hears of it a moment later. When the daemon dies, the rows on their way to the store's process may
still be committed, from the first to any one of them.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from heapq import heappop, heappush

from error_daemon.core import effects as fx
from error_daemon.model import (
    AttemptRecord,
    ErrorType,
    ErrorView,
    Fault,
    Fingerprint,
    LearnedTimeout,
    Priority,
    Progress,
    Score,
    SlotRef,
)
from tests.simulation.agenda import Agenda
from tests.simulation.dice import Dice

HEARD_S = 0.003  # from a commit until the daemon hears of it

Row = fx.SaveError | fx.SaveScore | fx.SaveTimeout | fx.SaveAttempt


@dataclass(slots=True)
class Kept:
    fingerprint: Fingerprint
    fault: Fault
    count: int
    progress: Progress = field(default_factory=Progress)


class Ring:
    def __init__(self, slots: int) -> None:
        self.kept: dict[SlotRef, Kept] = {}
        self.taken: Counter[str] = Counter()  # faults put or added, by error
        self.first: list[str] = []  # errors in the order in which they were first seen
        self._free = {priority: list(range(slots)) for priority in Priority}
        self._sequence = 0

    def put(self, priority: Priority, fingerprint: Fingerprint, fault: Fault) -> SlotRef | None:
        """None: that ring is full."""
        if not self._free[priority]:
            return None
        self._sequence += 1
        slot = SlotRef(priority, heappop(self._free[priority]), self._sequence)
        self.kept[slot] = Kept(fingerprint, fault, 0)
        self.add(slot, fault)
        return slot

    def add(self, slot: SlotRef, fault: Fault) -> None:
        kept = self.kept[slot]
        kept.count += fault.count
        error_id = kept.fingerprint.error_id
        if error_id not in self.taken:
            self.first.append(error_id)
        self.taken[error_id] += fault.count

    def release(self, slot: SlotRef) -> Kept:
        heappush(self._free[slot.priority], slot.index)
        return self.kept.pop(slot)

    def as_read(self) -> list[tuple[SlotRef, Kept]]:
        """As a daemon that starts reads it."""
        return sorted(self.kept.items(), key=lambda item: (item[0].priority, item[0].index))


class Record:
    def __init__(self, agenda: Agenda, dice: Dice) -> None:
        self._agenda, self._dice = agenda, dice
        self.lag_s: float | None = 0.1  # None: it stalls
        self.errors: dict[str, ErrorView] = {}
        self.scores: dict[tuple[ErrorType, str], Score] = {}
        self.timeouts: dict[tuple[ErrorType, str], LearnedTimeout] = {}
        self.attempts: dict[str, AttemptRecord] = {}
        self.waiting: list[Row] = []
        self.is_due = False

    def write(self, row: Row) -> bool:
        """Whether a commit must be arranged, for `lag_s` from now."""
        self.waiting.append(row)
        return self.arrange()

    def arrange(self) -> bool:
        if self.is_due or not self.waiting or self.lag_s is None:
            return False
        self.is_due = True
        return True

    def commit(self) -> list[ErrorView]:
        """Everything that waits. What the daemon is to hear of, a moment later."""
        self.is_due = False
        rows, self.waiting = self.waiting, []
        for row in rows:
            self._take(row)
        return [row.view for row in rows if isinstance(row, fx.SaveError) and row.view.slot_sequence]

    def cut(self, life: int) -> None:
        """The daemon died: some of the rows had left it."""
        until = int(self._dice.uniform("rows", life) * (len(self.waiting) + 1))
        for row in self.waiting[:until]:
            self._take(row)
        self.waiting, self.is_due = [], False

    def attempts_since(self, since: float) -> list[AttemptRecord]:
        """Those that began since then, in the order in which they did."""
        found = [record for record in self.attempts.values() if record.started_at >= since]
        return sorted(found, key=lambda record: (record.started_at, record.attempt_id))

    def forget(self, strategy_id: str | None) -> None:
        """A person had it forgotten."""
        self.scores = {key: score for key, score in self.scores.items() if strategy_id not in (None, key[1])}
        self.timeouts = {key: timeout for key, timeout in self.timeouts.items() if strategy_id not in (None, key[1])}

    def _take(self, row: Row) -> None:
        if isinstance(row, fx.SaveError):
            self.errors[row.view.error_id] = row.view
        elif isinstance(row, fx.SaveScore):
            self.scores[row.score.error_type, row.score.strategy_id] = row.score
        elif isinstance(row, fx.SaveAttempt):
            self.attempts[row.record.attempt_id] = row.record
        else:
            self.timeouts[row.timeout.error_type, row.timeout.strategy_id] = row.timeout
