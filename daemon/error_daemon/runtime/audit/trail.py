"""middle.AuditTrail: what is asked about the audit. From the table, and what is too new to be in it; verified from the files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from error_daemon.audit.entry import NOTHING_YET
from error_daemon.audit.journal import Journal
from error_daemon.errors import NotFound, TransientError
from error_daemon.model.audit import DAEMON, Checked, Entry, EntryFilter, Head, Kept
from error_daemon.ports import Clock, Store
from error_daemon.runtime.analysis import Analysis
from error_daemon.runtime.audit.audit import Audit
from error_daemon.runtime.audit.table import TableCopy
from error_daemon.runtime.audit.verification import VerifyJob

_TRY_AGAIN_S = 5.0
_FOREVER = 1e12


class Trail:
    def __init__(self, audit: Audit, journal: Journal, table: TableCopy, store: Store, clock: Clock) -> None:
        self._audit, self._journal, self._table = audit, journal, table
        self._store, self._clock = store, clock
        self._analysis = Analysis()

    async def entries(self, wanted: EntryFilter, limit: int, before: int) -> Sequence[Entry]:
        rows = await self._store.query(
            "audit",
            since=wanted.since,
            until=wanted.until or _FOREVER,
            limit=limit,
            before=before,
            action=wanted.action,
            actor=wanted.actor,
            subject=wanted.subject,
            not_by=DAEMON if wanted.people else "",
        )
        found = [_entry_of(row) for row in rows]
        newest = found[0].sequence if found else 0
        newer = [] if before else [entry for entry in self._audit.recent if entry.sequence > newest]
        return [*(entry for entry in reversed(newer) if _is_wanted(wanted, entry)), *found][:limit]

    async def entry(self, sequence: int) -> Entry:
        recent = next((entry for entry in self._audit.recent if entry.sequence == sequence), None)
        if recent is not None:
            return recent
        rows = await self._store.query("audit_entry", sequence=sequence)
        if not rows:
            raise NotFound(f"the audit has no entry {sequence}: `error-cli audit head` says how far it has come")
        return _entry_of(rows[0])

    def kept(self) -> Kept:
        audit = self._audit
        return Kept(
            head=audit.kept_head or NOTHING_YET,
            at=self._clock.now(),
            file=str(self._journal.path),
            problem=audit.problem or self._journal.problem,
            waiting=audit.waiting,
            uncopied=self._table.behind,
        )

    async def verify(self, heads: Sequence[Head], by: str) -> tuple[Checked, Sequence[str]]:
        kept = self._audit.kept_head
        everything = (*heads, kept) if kept is not None and kept.sequence else tuple(heads)
        async with self._analysis.begin(VerifyJob(self._journal.path, everything)) as session:
            told: tuple[Checked, list[str]] | str = await session.hear()
        if isinstance(told, str):
            raise TransientError(f"the files of the audit cannot be read: {told}", _TRY_AGAIN_S)
        checked, files = told
        broken = checked.broken
        why = f"{broken.what} at line {broken.line} of {broken.file}: {broken.says}" if broken else ""
        detail = {"entries": checked.entries, "repairs": checked.repairs, "files": len(files)}
        after = {"ok": broken is None, "sequence": checked.head.sequence, "hash": checked.head.hash}
        self._audit.acted("verify", self._journal.path.name, detail, by, why=why, after=after)
        await self._audit.kept()
        return told


def _entry_of(row: Mapping[str, Any]) -> Entry:
    """Rows of before there was a chain have no place in it."""
    return Entry(
        sequence=row["sequence"] or 0,
        at=row["at"],
        actor=row["actor"],
        action=row["action"],
        subject=row["subject"],
        why=row["why"] or "",
        before=row["before"],
        after=row["after"],
        detail=row["detail"],
        previous=row["previous"] or "",
        hash=row["hash"] or "",
    )


def _is_wanted(wanted: EntryFilter, entry: Entry) -> bool:
    """As the query `audit` has it."""
    return (
        wanted.since <= entry.at < (wanted.until or _FOREVER)
        and wanted.action in ("", entry.action)
        and wanted.actor.lower() in entry.actor.lower()
        and wanted.subject.lower() in entry.subject.lower()
        and not (wanted.people and entry.actor == DAEMON)
    )
