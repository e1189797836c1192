"""`error-cli reload`: other definitions for the daemon that runs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import click

from error_cli.command import Command, examples
from error_cli.documents import document
from error_cli.failure import Exit
from error_cli.lines import line, note
from error_cli.phrase import count
from error_cli.problems_page import print_problems, refused
from error_cli.wishes import Wishes, wishing

if TYPE_CHECKING:
    from error_recovery.v1 import recovery_pb2


_PATIENCE_S = 60.0  # the files are examined by a process that yields to all others


@click.command(
    cls=Command,
    epilog=examples("error-cli reload --dry-run", "error-cli reload", "error-cli reload --json | jq .changes"),
)
@click.option("--dry-run", is_flag=True, help="Only say what is wrong, and what would change.")
@wishing
def command(wishes: Wishes, dry_run: bool) -> int:
    """Read the definitions again, and take them.

    All of them or none: where anything would keep a daemon from starting, those in force stay, and every problem is shown with
    its place. Attempts that run are carried to their end by what they were begun with; tickets that wait go on by the new ones.

    recovery.conf is not read again: what is another there needs a restart, and is named.
    """
    from error_cli.caller import caller
    from error_cli.connection import connect
    from error_recovery.v1 import recovery_pb2

    with connect(replace(wishes, default_timeout_s=_PATIENCE_S)) as daemon:
        answer = daemon.ask(daemon.recovery.Reload, recovery_pb2.ReloadRequest(dry_run=dry_run, by=caller()))
    is_wrong = not all(problem.is_warning for problem in answer.problems)
    if wishes.for_programs:
        document(answer)
        return Exit.REFUSED if is_wrong else Exit.DONE
    if is_wrong:
        raise refused(
            answer.problems, "the definitions in force stay; a daemon that is started with these ends with 78"
        )
    print_problems(answer.problems)
    _show(answer, dry_run)
    return Exit.DONE


def _show(answer: recovery_pb2.ReloadResponse, dry_run: bool) -> None:
    for change in answer.changes:
        line(f"{change.how:8} {change.kind}{' ' + change.name if change.name else 's'}")
        for key in change.keys:
            line(f"           {key.key}: {key.old or 'nothing'} → {key.new or 'nothing'}")
    line(_sum(answer, dry_run))
    if any(key.key == "mode" and key.old == "observe" for change in answer.changes for key in change.keys):
        note(
            "what was only observed is decided anew when it is reported again: a process that is dead, within a minute"
        )
    for target in answer.pauses_dropped:
        note(f"the pause of {target} is dropped: that target is no longer defined")
    for setting in answer.settings_to_restart:
        note(f"{setting} is another one in recovery.conf, and not reloaded: restart the daemon for it")


def _sum(answer: recovery_pb2.ReloadResponse, dry_run: bool) -> str:
    changes = count(len(answer.changes), "change") if answer.changes else "no change"
    if dry_run:
        return f"{changes}; nothing was done (dry run)"
    moved = [
        f"{count(answer.tickets_changed, 'ticket')} changed" if answer.tickets_changed else "",
        f"{count(answer.tickets_ended, 'ticket')} ended" if answer.tickets_ended else "",
        f"{count(answer.attempts_running, 'attempt')} left to end" if answer.attempts_running else "",
    ]
    return "; ".join([f"{changes}, in force as {answer.definitions_digest}", *filter(None, moved)])
