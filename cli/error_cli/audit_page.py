"""Acts of the audit for people."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from error_cli.lines import Cell, Styled, line
from error_cli.page import facts, heading, paragraph
from error_cli.phrase import count, instant, instant_and_ago
from error_cli.tables import Column, table

if TYPE_CHECKING:
    from error_recovery.v1 import audit_pb2

_COLUMNS = (
    Column("NO", right=True),
    Column("AT"),
    Column("ACTION"),
    Column("SUBJECT"),
    Column("ACTOR", beneath=True),
    Column("WHY", flexible=True, beneath=True),
)


def print_entries(entries: Sequence[audit_pb2.AuditEntry]) -> None:
    below: list[list[Cell]] = [[entry.actor, Styled(entry.why, "dim")] for entry in entries]
    table(_COLUMNS, [_row(entry) for entry in entries], below)


def _row(entry: audit_pb2.AuditEntry) -> list[Cell]:
    number = str(entry.sequence) if entry.sequence else "-"
    return [number, instant(entry.at), entry.action, entry.subject, entry.actor, Styled(entry.why, "dim")]


def print_entry(entry: audit_pb2.AuditEntry) -> None:
    line(Styled(f"{entry.action} {entry.subject}", "bold"))
    facts(
        [
            ("number", str(entry.sequence) if entry.sequence else "- (of before there was a chain)"),
            ("at", instant_and_ago(entry.at)),
            ("actor", entry.actor),
            ("why", entry.why),
            ("hash", entry.hash),
            ("follows", entry.previous),
        ]
    )
    for title, text in (("before", entry.before_json), ("after", entry.after_json), ("detail", entry.detail_json)):
        if text:
            heading(title)
            facts(_told(json.loads(text)))


def _told(value: Any) -> Iterator[tuple[str, Cell]]:
    if not isinstance(value, dict):
        yield "", _text(value)
        return
    for name, inner in value.items():
        yield name, _text(inner)


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_text, value)) or "none"
    return value if isinstance(value, str) else json.dumps(value)


def print_verified(told: Mapping[str, Any]) -> None:
    """`told`: a VerifyAuditResponse, as JSON has it."""
    entries, first, head = int(told["entries"]), int(told["first_sequence"]), told["head"]
    files = count(len(told["files"]), "file")
    if told["ok"]:
        begin = f", from {first} on" if first > 1 else ""
        line(Styled("whole", "good"), f": {count(entries, 'entry', 'entries')}{begin} in {files}")
        line(f"  head {head['sequence']}:{head['hash']}")
    else:
        broken = told["broken"]
        place = f"line {broken['line']} of {broken['file']}" if broken["file"] else "the begin"
        line(Styled(broken["what"], "bad"), f" at {place}, entry {broken['sequence']}")
        paragraph(broken["says"])
        line(f"  {count(entries, 'entry', 'entries')} before it are whole, in {files}")
    if int(told["repairs"]):
        line(f"  {count(int(told['repairs']), 'torn line')}: the chain accounts for it, as after a power cut")
