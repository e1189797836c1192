"""`error-cli audit`: what people and the daemon did, and whether it is still as it was written."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from error_cli.command import Group, examples
from error_cli.documents import document, document_text
from error_cli.failure import Exit
from error_cli.lines import line, note
from error_cli.phrase import instant_option
from error_cli.wishes import Wishes, wishing

if TYPE_CHECKING:
    from error_recovery.v1 import audit_pb2

_VERIFIED_WITHIN_S = 300.0


@click.group(
    cls=Group,
    epilog=examples("error-cli audit list --people", "error-cli audit show 1207", "error-cli audit verify"),
)
def command() -> None:
    """What was done, by whom, and whether that is untouched."""


@command.command(
    "list",
    epilog=examples(
        "error-cli audit list --people --since 7d",
        "error-cli audit list --action pause",
        "error-cli audit list --subject web",
    ),
)
@click.option("--actor", default="", metavar="TEXT", help="Only acts of who has this in their name.")
@click.option("--action", default="", metavar="ACTION", help="Only these acts, as in pause or attempt.")
@click.option(
    "--subject", default="", metavar="TEXT", help="Only acts on what has this in its name: a target, an error."
)
@click.option("--people", is_flag=True, help="None that the daemon did by itself.")
@click.option("--since", type=instant_option, metavar="WHEN", help="1h, 2d, or a time such as 2026-03-01 03:00.")
@click.option("--until", type=instant_option, metavar="WHEN", help="Likewise.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@wishing
def list_entries(
    wishes: Wishes,
    *,
    actor: str,
    action: str,
    subject: str,
    people: bool,
    since: float | None,
    until: float | None,
    limit: int,
) -> None:
    """List acts, the newest first."""
    from error_cli.audit_page import print_entries
    from error_cli.connection import connect
    from error_recovery.v1 import audit_pb2

    request = audit_pb2.ListAuditRequest(
        actor=actor,
        action=action,
        subject=subject,
        people=people,
        since=since or 0.0,
        until=until or 0.0,
        limit=limit,
    )
    with connect(wishes) as daemon:
        answer = daemon.ask(daemon.audit.ListAudit, request)
    if wishes.for_programs:
        document(answer)
        return
    print_entries(answer.entries)
    if not answer.entries:
        note("no act matches")
    elif answer.next_page_token:
        note(f"the newest {limit:,}; --limit shows more")


@command.command("show", epilog=examples("error-cli audit show 1207"))
@click.argument("sequence", type=click.IntRange(1, (1 << 64) - 1), metavar="SEQUENCE")
@wishing
def show(wishes: Wishes, sequence: int) -> None:
    """One act: who, what, why, and how it was before and after."""
    from error_cli.audit_page import print_entry
    from error_cli.connection import connect
    from error_recovery.v1 import audit_pb2

    with connect(wishes) as daemon:
        answer = daemon.ask(daemon.audit.GetAuditEntry, audit_pb2.GetAuditEntryRequest(sequence=sequence))
    if wishes.for_programs:
        document(answer)
    else:
        print_entry(answer.entry)


@command.command("head", epilog=examples("error-cli audit head", "error-cli audit head >> /mnt/elsewhere/heads"))
@wishing
def head(wishes: Wishes) -> None:
    """Where the chain has come to, as SEQUENCE:HASH.

    Keep it elsewhere: `verify --head` shows later that nothing up to there was cut off or written anew.
    """
    from error_cli.connection import connect
    from error_recovery.v1 import audit_pb2

    with connect(wishes) as daemon:
        answer = daemon.ask(daemon.audit.GetAuditHead, audit_pb2.GetAuditHeadRequest())
    if wishes.for_programs:
        document(answer)
        return
    line(f"{answer.head.sequence}:{answer.head.hash}")
    if answer.problem:
        note(f"error-cli: {answer.waiting:,} acts wait to be written: {answer.problem}")


@command.command(
    "verify",
    epilog=examples(
        "error-cli audit verify",
        "error-cli audit verify --head $(tail -1 /mnt/elsewhere/heads)",
        "error-cli audit verify --file /var/lib/error-recovery",
        "error-cli audit verify --file copy/audit.log.000000031207 --file copy/audit.log",
    ),
)
@click.option(
    "--head", "heads", multiple=True, metavar="SEQ:HASH", help="What was remembered elsewhere; more than one will do."
)
@click.option(
    "--file",
    "files",
    multiple=True,
    type=click.Path(exists=True, path_type=Path),
    help="Not by the daemon, but here: this file, or the directory that has all. More than one will do.",
)
@wishing
def verify(wishes: Wishes, *, heads: Sequence[str], files: Sequence[Path]) -> int:
    """Is every act as it was written, and in its place?

    The daemon reads all files of the audit, and looks for its own head too. With --file no daemon is asked.

    Exit codes: 0 it is, 1 it is not: the first broken place is shown.
    """
    from error_cli.audit_page import print_verified

    told = _verified_here(heads, files) if files else _verified_there(wishes, heads)
    if wishes.for_programs:
        document_text(json.dumps(told))
    else:
        print_verified(told)
    return Exit.DONE if told["ok"] else Exit.NO


def _verified_here(heads: Sequence[str], files: Sequence[Path]) -> dict[str, Any]:
    from error_cli.local import run_here

    arguments = [*(f"--head={head}" for head in heads), *map(str, files)]
    told = run_here("audit.verification", arguments, "the verification")
    if "usage" in told:
        raise click.UsageError(told["usage"])
    return told


def _verified_there(wishes: Wishes, heads: Sequence[str]) -> dict[str, Any]:
    from error_cli.caller import caller
    from error_cli.connection import connect
    from error_cli.documents import content
    from error_recovery.v1 import audit_pb2

    wishes.default_timeout_s = _VERIFIED_WITHIN_S
    request = audit_pb2.VerifyAuditRequest(heads=map(_head, heads), by=caller())
    with connect(wishes) as daemon:
        return content(daemon.ask(daemon.audit.VerifyAudit, request))


def _head(text: str) -> audit_pb2.AuditHead:
    from error_recovery.v1 import audit_pb2

    sequence, colon, digest = text.partition(":")
    if not colon or not sequence.isdecimal() or len(sequence) > len(str(1 << 63)):
        raise click.UsageError(f"--head: {text!r} is no head: SEQUENCE:HASH, as error-cli audit head prints it")
    return audit_pb2.AuditHead(sequence=int(sequence), hash=digest)
