"""Entries of the audit, and what was found of its chain, as messages."""

from __future__ import annotations

import json
from collections.abc import Sequence

from error_daemon.model import Json
from error_daemon.model.audit import Checked, Entry, Head, Kept
from error_recovery.v1 import audit_pb2


def entry_message(entry: Entry) -> audit_pb2.AuditEntry:
    return audit_pb2.AuditEntry(
        sequence=entry.sequence,
        at=entry.at,
        actor=entry.actor,
        action=entry.action,
        subject=entry.subject,
        why=entry.why,
        before_json=_json(entry.before),
        after_json=_json(entry.after),
        detail_json=_json(entry.detail),
        previous=entry.previous,
        hash=entry.hash,
    )


def _json(part: Json) -> str:
    return "" if part is None else json.dumps(part)


def head_message(head: Head) -> audit_pb2.AuditHead:
    return audit_pb2.AuditHead(sequence=head.sequence, hash=head.hash)


def kept_message(kept: Kept) -> audit_pb2.GetAuditHeadResponse:
    return audit_pb2.GetAuditHeadResponse(
        head=head_message(kept.head),
        at=kept.at,
        file=kept.file,
        problem=kept.problem,
        waiting=kept.waiting,
        uncopied=kept.uncopied,
    )


def checked_message(checked: Checked, files: Sequence[str]) -> audit_pb2.VerifyAuditResponse:
    broken = checked.broken
    return audit_pb2.VerifyAuditResponse(
        ok=broken is None,
        entries=checked.entries,
        first_sequence=checked.first,
        head=head_message(checked.head),
        repairs=checked.repairs,
        files=files,
        broken=None
        if broken is None
        else audit_pb2.AuditBreak(
            file=broken.file, line=broken.line, sequence=broken.sequence, what=broken.what, says=broken.says
        ),
    )
