"""Is a chain of entries as it was written? Pure: lines go in, the first broken place comes out.

What may be: entries that follow each other without a gap, each with the hash of the one before, from the first (or from one of which a
later `audit_deleted` says that those before it were deleted for their age), and among them torn lines, each behind which an
`audit_repaired` says what it was.

What is wrong, at the first place where anything is:

    changed      the line is not what its hash is of, or is not the entry that the next one was chained to, or that a remembered head names
    missing      one or more entries are not there
    inserted     an entry stands where none belongs
    reordered    entries are there, at other places
    unreadable   a line is no entry, and nothing says that it was torn
    cut          the chain ends before a head that was remembered

Who may write to the file and knows this program can write all of a chain anew, hashes and all. A head that was remembered elsewhere is
what shows that: without one, only that the chain fits together can be said.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import islice

from error_daemon.audit.entry import NOTHING_YET, is_whole, read
from error_daemon.model.audit import Broken, Checked, Entry, Head

REPAIRED = "audit_repaired"
DELETED = "audit_deleted"
_LOOKED_AHEAD = 200_000  # lines, to tell what is missing from what stands elsewhere


@dataclass(frozen=True, slots=True)
class Line:
    """`number`: in its file, from 1. `text`: without its newline."""

    file: str
    number: int
    text: bytes


def check(lines: Iterable[Line], heads: Sequence[Head] = (), *, is_all: bool = True) -> Checked:
    """`is_all`: the lines should be all that there is, from the first entry or the oldest that is kept; else they may begin anywhere."""
    return _Check(heads, is_all).run(iter(lines))


class _Check:
    def __init__(self, heads: Sequence[Head], is_all: bool) -> None:
        self._remembered = {head.sequence: head for head in heads}
        self._is_all = is_all
        self._entries = self._first = self._repairs = 0
        self._head = NOTHING_YET
        self._torn: Line | None = None
        self._begin: tuple[Line, Entry] | None = (
            None  # where that is not the first entry of all, and nothing vouches for it yet
        )
        self._last: Line | None = None

    def run(self, lines: Iterator[Line]) -> Checked:
        broken = None
        for line in lines:
            broken = self._take(line, lines)
            if broken is not None:
                break
            self._last = line
        broken = broken or self._broken_end()
        return Checked(self._entries, self._first, self._head, self._repairs, broken)

    def _take(self, line: Line, rest: Iterator[Line]) -> Broken | None:
        entry = read(line.text)
        if entry is None:
            if self._torn is not None:
                return self._unreadable(self._torn)
            self._torn = line
            return None
        broken = self._unvouched(entry)
        if broken is None and not is_whole(line.text, entry):
            return _at(line, entry.sequence, "changed", "its line is not what its hash is of")
        broken = broken or self._misplaced(line, entry, rest) or self._unlike_remembered(line, entry)
        if broken is None:
            self._follow(entry)
        return broken

    def _unvouched(self, entry: Entry) -> Broken | None:
        """A line before this one is no entry, and this one does not say that it was torn."""
        torn, self._torn = self._torn, None
        if torn is None:
            return None
        if entry.action == REPAIRED and entry.detail == torn_facts(torn.text):
            self._repairs += 1
            return None
        return self._unreadable(torn)

    def _unreadable(self, torn: Line) -> Broken:
        says = "it is no entry, and none that follows says that it was torn"
        return _at(torn, self._head.sequence + 1, "unreadable", says)

    def _misplaced(self, line: Line, entry: Entry, rest: Iterator[Line]) -> Broken | None:
        due = self._head.sequence + 1
        if entry.sequence == due and entry.previous == self._head.hash:
            return None
        if not self._entries and (entry.sequence > 1 or not self._is_all):
            self._begin = (line, entry) if self._is_all else None
            return None
        if entry.sequence == due:
            before = "none" if due == 1 else f"another entry {due - 1}"
            says = f"it was chained to {before}: that was changed and hashed anew, or this entry was put in"
            return _at(line, due, "changed", says)
        if entry.sequence < due:
            says = f"entry {entry.sequence} has been already, and entry {due} should stand here"
            return _at(line, entry.sequence, "inserted", says)
        return _gap(line, entry, self._head, rest)

    def _unlike_remembered(self, line: Line, entry: Entry) -> Broken | None:
        remembered = self._remembered.get(entry.sequence)
        if remembered is None or remembered.hash == entry.hash:
            return None
        says = f"it fits its place, but {remembered} was remembered: the chain was written anew"
        return _at(line, entry.sequence, "changed", says)

    def _follow(self, entry: Entry) -> None:
        self._entries += 1
        self._first = self._first or entry.sequence
        self._head = entry.head
        if entry.action == DELETED and self._begin is not None and isinstance(entry.detail, dict):
            first = self._begin[1]
            deleted = entry.detail.get("last_sequence"), entry.detail.get("last_hash")
            if deleted == (first.sequence - 1, first.previous):
                self._begin = None

    def _broken_end(self) -> Broken | None:
        end = self._head.sequence
        if self._torn is not None:
            return self._unreadable(self._torn)
        if self._begin is not None:
            line, first = self._begin
            says = (
                f"the entries before {first.sequence} are not there, and none says that they were deleted for their age"
            )
            return _at(line, first.sequence, "missing", says)
        beyond = [head for head in self._remembered.values() if head.sequence > end]
        if beyond:
            furthest = max(beyond, key=lambda head: head.sequence)
            return _at(self._last, end + 1, "cut", f"the chain ends with entry {end}, and {furthest} was remembered")
        return None


def _gap(line: Line, entry: Entry, head: Head, rest: Iterator[Line]) -> Broken:
    """An entry stands where an earlier one is due: that is missing, stands elsewhere, or this one was put in."""
    due = head.sequence + 1
    ahead = deque(islice(rest, _LOOKED_AHEAD))
    found = next(
        (
            (number, each)
            for number, each in enumerate(ahead)
            if (other := read(each.text)) and other.sequence == due and other.previous == head.hash
        ),
        None,
    )
    if found is None:
        last = entry.sequence - 1
        what = f"entry {due} is" if due == last else f"entries {due} to {last} are"
        return _at(line, due, "missing", f"{what} not there: this is entry {entry.sequence}")
    number, elsewhere = found
    others = (read(each.text) for place, each in enumerate(ahead) if place > number)
    comes_again = any(other is not None and other.sequence == entry.sequence for other in others)
    if number == 0 and comes_again:
        return _at(line, entry.sequence, "inserted", f"entry {due} should stand here, and stands behind it")
    says = f"entry {due} should stand here: it stands in line {elsewhere.number} of {elsewhere.file}"
    return _at(line, due, "reordered", says)


def _at(line: Line | None, sequence: int, what: str, says: str) -> Broken:
    file, number = (line.file, line.number) if line is not None else ("", 0)
    return Broken(file, number, sequence, what, says)


def torn_facts(text: bytes) -> dict[str, object]:
    """What an `audit_repaired` says of the line before it."""
    return {"torn_bytes": len(text), "sha256": sha256(text).hexdigest()}


def lines_of(file: str, chunks: Iterable[bytes]) -> Iterator[Line]:
    """Whole lines only: what is behind the last newline is being written, or was torn, and no entry yet."""
    kept, number = b"", 0
    for piece in chunks:
        *whole, kept = (kept + piece).split(b"\n")
        for text in whole:
            number += 1
            yield Line(file, number, text)
