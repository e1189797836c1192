"""What the audit keeps: acts, chained to entries (docs/audit.md)."""

from __future__ import annotations

from dataclasses import dataclass

from error_daemon.model.definitions import Json

DAEMON = "error_daemon"  # Act.actor: it acts by itself


@dataclass(frozen=True, slots=True)
class Act:
    """What somebody did. `before` and `after`: how what it was done to was, and is; None where that says nothing."""

    at: float
    actor: str
    action: str
    subject: str
    why: str = ""
    before: Json = None
    after: Json = None
    detail: Json = None


@dataclass(frozen=True, slots=True)
class Head:
    """Where a chain has come to: remembered elsewhere, it shows that what was up to there is still there."""

    sequence: int
    hash: str

    def __str__(self) -> str:
        return f"{self.sequence}:{self.hash}"


@dataclass(frozen=True, slots=True)
class Entry:
    """An act in its place. `hash`: of all the others; `previous`: that of the entry before."""

    sequence: int  # from 1, without a gap
    at: float
    actor: str
    action: str
    subject: str
    why: str
    before: Json
    after: Json
    detail: Json
    previous: str
    hash: str

    @property
    def head(self) -> Head:
        return Head(self.sequence, self.hash)


@dataclass(frozen=True, slots=True)
class EntryFilter:
    """Empty and 0 mean any. `actor` and `subject` are parts of theirs. `people`: none that the daemon did by itself."""

    actor: str = ""
    action: str = ""
    subject: str = ""
    since: float = 0.0
    until: float = 0.0
    people: bool = False


@dataclass(frozen=True, slots=True)
class Kept:
    """How far the audit has come. `head`: of what stands on the disk. `problem`: why nothing can be written; empty: it can. `waiting`:
    acts that are not on the disk; `uncopied`: entries that the table does not have yet."""

    head: Head
    at: float
    file: str
    problem: str
    waiting: int
    uncopied: int


@dataclass(frozen=True, slots=True)
class Broken:
    """The first place where a chain is not as it was written. `what`: changed, missing, inserted, reordered, unreadable or cut
    (audit/chain.py). `sequence`: of the entry that stands there, or should."""

    file: str
    line: int  # from 1
    sequence: int
    what: str
    says: str


@dataclass(frozen=True, slots=True)
class Checked:
    """`first`: the sequence that the chain begins with; 0: there is none. `head`: up to where it is whole. `repairs`: torn lines."""

    entries: int
    first: int
    head: Head
    repairs: int
    broken: Broken | None
