"""AuditService: what people and the daemon did, over middle.AuditTrail."""

from __future__ import annotations

import re

from error_daemon.calls import Call, Service
from error_daemon.errors import InputError
from error_daemon.middle import After, AuditTrail
from error_daemon.model.audit import EntryFilter, Head
from error_daemon.rpc import paging, requests
from error_daemon.rpc.convert_audit import checked_message, entry_message, kept_message
from error_daemon.rpc.unary import unary
from error_recovery.v1 import audit_pb2

MOST_ENTRIES = 1000
_MOST_HEADS = 100
_MOST_SEQUENCE = (1 << 63) - 1
_HASH = re.compile(r"[0-9a-f]{64}")


class AuditService:
    def __init__(self, trail: AuditTrail) -> None:
        self._trail = trail

    def service(self) -> Service:
        pb = audit_pb2
        return Service(
            "error_recovery.v1.AuditService",
            (
                unary("ListAudit", self.list_audit, pb.ListAuditRequest),
                unary("GetAuditEntry", self.get_audit_entry, pb.GetAuditEntryRequest),
                unary("GetAuditHead", self.get_audit_head, pb.GetAuditHeadRequest),
                unary("VerifyAudit", self.verify_audit, pb.VerifyAuditRequest),
            ),
        )

    async def list_audit(self, request: audit_pb2.ListAuditRequest, _call: Call) -> audit_pb2.ListAuditResponse:
        limit = requests.limit(request.limit, 50, MOST_ENTRIES)
        since, until = requests.time_range(request.since, request.until)
        wanted = EntryFilter(
            actor=requests.short(request.actor, "actor"),
            action=requests.short(request.action, "action"),
            subject=requests.short(request.subject, "subject"),
            since=since,
            until=until,
            people=request.people,
        )
        after = paging.place_in(request)
        found = await self._trail.entries(wanted, limit + 1, int(after.at) if after else 0)
        entries, last = paging.page_of(found, limit)
        return audit_pb2.ListAuditResponse(
            entries=map(entry_message, entries),
            next_page_token=paging.token_for(request, After(last.sequence, "")) if last and last.sequence else "",
        )

    async def get_audit_entry(
        self, request: audit_pb2.GetAuditEntryRequest, _call: Call
    ) -> audit_pb2.GetAuditEntryResponse:
        if not 0 < request.sequence <= _MOST_SEQUENCE:
            raise InputError("sequence", f"{request.sequence} is none: entries are numbered from 1")
        return audit_pb2.GetAuditEntryResponse(entry=entry_message(await self._trail.entry(request.sequence)))

    def get_audit_head(self, _request: audit_pb2.GetAuditHeadRequest, _call: Call) -> audit_pb2.GetAuditHeadResponse:
        return kept_message(self._trail.kept())

    async def verify_audit(self, request: audit_pb2.VerifyAuditRequest, call: Call) -> audit_pb2.VerifyAuditResponse:
        if len(request.heads) > _MOST_HEADS:
            raise InputError("heads", f"there are {len(request.heads)}; at most {_MOST_HEADS}")
        heads = [_head(f"heads[{place}]", head) for place, head in enumerate(request.heads)]
        return checked_message(*await self._trail.verify(heads, requests.person(request.by, call.caller)))


def _head(field: str, head: audit_pb2.AuditHead) -> Head:
    if not 0 < head.sequence <= _MOST_SEQUENCE or not _HASH.fullmatch(head.hash):
        raise InputError(field, "is no head: a sequence from 1 on, and 64 hexadecimal digits")
    return Head(head.sequence, head.hash)
