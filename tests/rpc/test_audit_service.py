"""AuditService: what a request must be, pages, and what is told of a chain."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from error_daemon.errors import InputError
from error_daemon.model.access import Caller
from error_daemon.model.audit import Broken, Checked, Entry, EntryFilter, Head, Kept
from error_daemon.rpc.audit_service import AuditService
from error_recovery.v1 import audit_pb2

HASH = "ab" * 32


class ToldTrail:
    """Has so many entries; a chain that is broken."""

    def __init__(self, entries: int) -> None:
        self._newest = entries
        self.asked: list[object] = []

    async def entries(self, wanted: EntryFilter, limit: int, before: int) -> Sequence[Entry]:
        self.asked.append(wanted)
        numbers = range((before or self._newest + 1) - 1, 0, -1)
        return [await self.entry(number) for number in numbers][:limit]

    async def entry(self, sequence: int) -> Entry:
        return Entry(sequence, 1.0, "ann", "pause", "web", "", None, {"a": [1]}, None, HASH, HASH)

    def kept(self) -> Kept:
        return Kept(Head(7, HASH), 1.0, "/x/audit.log", "it is full", 2, 3)

    async def verify(self, heads: Sequence[Head], by: str) -> tuple[Checked, Sequence[str]]:
        self.asked.append((tuple(heads), by))
        broken = Broken("audit.log", 3, 3, "changed", "its line is not what its hash is of")
        return Checked(2, 1, Head(2, HASH), 0, broken), ["audit.log"]


class _Call:
    peer = "here"
    caller = Caller("token ann", "token ann", frozenset())


def ask(trail: ToldTrail, name: str, request: Any) -> Any:
    async def go() -> Any:
        [method] = [method for method in AuditService(trail).service().methods if method.name == name]
        answer = method.serve(request, _Call())
        return await answer if asyncio.iscoroutine(answer) else answer

    return asyncio.run(go())


def test_pages_have_each_entry_once_and_the_last_has_no_token() -> None:
    trail, found, token = ToldTrail(7), [], ""
    for _ in range(4):
        request = audit_pb2.ListAuditRequest(limit=2, page_token=token, people=True, actor="ann")
        page = ask(trail, "ListAudit", request)
        found += [entry.sequence for entry in page.entries]
        token = page.next_page_token
    assert (found, token) == ([7, 6, 5, 4, 3, 2, 1], "")
    assert trail.asked == [EntryFilter(actor="ann", people=True)] * 4


def test_an_entry_has_its_parts_as_json() -> None:
    entry = ask(ToldTrail(1), "GetAuditEntry", audit_pb2.GetAuditEntryRequest(sequence=1)).entry
    assert (entry.before_json, entry.after_json, entry.hash) == ("", '{"a": [1]}', HASH)
    head = ask(ToldTrail(1), "GetAuditHead", audit_pb2.GetAuditHeadRequest())
    assert (head.head.sequence, head.problem, head.waiting, head.uncopied) == (7, "it is full", 2, 3)


def test_who_verifies_is_told_the_first_broken_place() -> None:
    trail = ToldTrail(1)
    request = audit_pb2.VerifyAuditRequest(heads=[audit_pb2.AuditHead(sequence=9, hash=HASH)], by="the boss")
    answer = ask(trail, "VerifyAudit", request)
    assert (answer.ok, answer.broken.what, answer.broken.line, list(answer.files)) == (
        False,
        "changed",
        3,
        ["audit.log"],
    )
    assert trail.asked == [((Head(9, HASH),), "token ann, as the boss (as they say)")]


@pytest.mark.parametrize(
    ("name", "request_", "field"),
    [
        ("ListAudit", audit_pb2.ListAuditRequest(limit=1001), "limit"),
        ("ListAudit", audit_pb2.ListAuditRequest(page_token="here"), "page_token"),
        ("ListAudit", audit_pb2.ListAuditRequest(since=2.0, until=1.0), "until"),
        ("ListAudit", audit_pb2.ListAuditRequest(actor="\x1b[31m"), "actor"),
        ("GetAuditEntry", audit_pb2.GetAuditEntryRequest(), "sequence"),
        ("GetAuditEntry", audit_pb2.GetAuditEntryRequest(sequence=1 << 63), "sequence"),
        ("VerifyAudit", audit_pb2.VerifyAuditRequest(heads=[audit_pb2.AuditHead(sequence=1, hash="no")]), "heads[0]"),
        ("VerifyAudit", audit_pb2.VerifyAuditRequest(heads=[audit_pb2.AuditHead(hash=HASH)] * 101), "heads"),
    ],
)
def test_what_is_wrong_with_a_request_is_named(name: str, request_: Any, field: str) -> None:
    with pytest.raises(InputError) as wrong:
        ask(ToldTrail(1), name, request_)
    assert wrong.value.field == field
