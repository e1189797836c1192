"""`error-cli tune`: what this host should have for recoveries to be quick, and the way there and back. Needs no daemon.

The work is done by a program of the daemon's (local.py): `python -m error_daemon.runtime.tuning`.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import click

from error_cli.command import Command, examples
from error_cli.documents import document_text
from error_cli.failure import Exit, Failure
from error_cli.lines import note
from error_cli.local import run_here
from error_cli.tune_page import print_done, print_plans
from error_cli.wishes import Wishes, wishing

AREAS = ("sysctl", "nic", "limits", "firewall", "polkit")
SHOW = "show"


@click.command(
    cls=Command,
    epilog=examples(
        "error-cli tune",
        "sudo error-cli tune --apply",
        "sudo error-cli tune nic firewall --apply",
        "sudo error-cli tune --undo",
        "error-cli tune show sysctl --json | jq .plans[].changes",
    ),
)
@click.argument("areas", nargs=-1, metavar="[show] [AREA]...", type=click.Choice((SHOW, *AREAS)))
@click.option("--apply", "applies", is_flag=True, help="Do what is shown. Needs root.")
@click.option("--undo", "undoes", is_flag=True, help="Put back what was there before. Needs root.")
@click.option("--config", metavar="FILE", type=click.Path(path_type=Path), help="Settings. [/etc/recovery.conf]")
@wishing
def command(wishes: Wishes, areas: tuple[str, ...], *, applies: bool, undoes: bool, config: Path | None) -> int:
    """Tune this host for recoveries. Needs no daemon.

    Shows what is there, what is proposed, why, and what would be done for it. Nothing is changed without --apply.

    AREA is one of sysctl, nic, limits, firewall and polkit; without it all are shown. --apply without an AREA leaves out nic and
    firewall: they may cut a connection, and are applied only by name.

    Exit codes: 0 done or shown, 1 something could not be set or put back, 2 not root.
    """
    do = _what(areas, applies=applies, undoes=undoes)
    named = [area for area in dict.fromkeys(areas) if area != SHOW]
    arguments = [do, *named, *(["--config", str(config)] if config else [])]
    told = run_here("tuning", arguments, "the tuning")
    if "problem" in told:
        raise Failure(Exit.REFUSED, told["problem"])
    has_failed = any(one["came"] == "failed" for one in told["done"])
    if wishes.for_programs:
        document_text(json.dumps(told))
    elif do == SHOW:
        print_plans(told)
    else:
        print_done(told, do)
    return Exit.NO if has_failed else Exit.DONE


def _what(areas: tuple[str, ...], *, applies: bool, undoes: bool) -> str:
    """show, apply or undo. Raises UsageError before anything is done."""
    if applies and undoes:
        raise click.UsageError("--apply and --undo are opposites: name one of them")
    do = "apply" if applies else "undo" if undoes else SHOW
    if do != SHOW and SHOW in areas:
        raise click.UsageError(f"show changes nothing: leave it out, or --{do}")
    if do != SHOW and os.geteuid() != 0:
        note("error-cli: nothing was changed")
        raise click.UsageError(f"tune --{do} changes this host, and needs root: write sudo before it")
    return do
