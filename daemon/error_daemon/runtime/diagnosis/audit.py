"""The audit: whether acts get to the disk, and into the table."""

from __future__ import annotations

from error_daemon.model import Diagnostic
from error_daemon.model.audit import Kept
from error_daemon.runtime.diagnosis.area import Area, some

_AREA = Area("audit")
_FAR_BEHIND = 1000


def audit(kept: Kept) -> list[Diagnostic]:
    return [_file(kept), _table(kept)]


def _file(kept: Kept) -> Diagnostic:
    entries = f"{some(kept.head.sequence, 'entry', 'entries')} in {kept.file}"
    figures = {"entries": float(kept.head.sequence), "waiting": float(kept.waiting)}
    if kept.problem:
        says = f"{entries}; {some(kept.waiting, 'act')} wait: {kept.problem}"
        mend = "acts are done all the same, and wait in memory: make room for state_dir, or mend its permissions"
        return _AREA.bad("file", says, mend, **figures)
    return _AREA.good(
        "file", f"{entries}: `error-cli audit verify` says whether they are as they were written", **figures
    )


def _table(kept: Kept) -> Diagnostic:
    if kept.uncopied > _FAR_BEHIND:
        says = f"{some(kept.uncopied, 'entry', 'entries')} are not in the table yet"
        return _AREA.notice("table", says, "by itself, when the record has room", uncopied=kept.uncopied)
    return _AREA.good("table", "it has what the file has", uncopied=kept.uncopied)
