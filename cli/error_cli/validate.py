"""`error-cli validate`: what is wrong with definitions, before they are in force. Needs no daemon.

The daemon's own checks do it, in a process of their own (local.py): `python -m error_daemon.runtime.validation`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click

from error_cli.command import Command, examples
from error_cli.documents import document_text
from error_cli.failure import Exit
from error_cli.learned import learned
from error_cli.lines import line, note
from error_cli.local import run_here
from error_cli.phrase import count
from error_cli.problems_page import print_problems
from error_cli.wishes import Wishes, wishing


@click.command(
    cls=Command,
    epilog=examples(
        "error-cli validate",
        "error-cli validate --schema=/etc/recovery/schema.json --strict",
        "error-cli validate etc/recovery/definitions --no-host --json",
    ),
)
@click.argument("paths", nargs=-1, metavar="[PATH]...", type=click.Path(exists=True, path_type=Path))
@click.option("--strict", is_flag=True, help="Warnings count as errors.")
@click.option(
    "--schema",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A JSON Schema that every file must fit. [/etc/recovery/schema.json, if it is there]",
)
@click.option("--no-host", is_flag=True, help="Leave out what this host has: programs, directories, units.")
@click.option("--config", metavar="FILE", type=click.Path(path_type=Path), help="Settings. [/etc/recovery.conf]")
@wishing
def command(
    wishes: Wishes, paths: tuple[Path, ...], *, strict: bool, schema: Path | None, no_host: bool, config: Path | None
) -> int:
    """Check definitions. Needs no daemon.

    Every problem comes in one pass, each where it stands, with its mend.

    PATH is a directory or a file; several are checked as one set. Without it, the directory that /etc/recovery.conf or
    ERROR_RECOVERY_DEFINITIONS_DIR names.

    Exit codes: 0 sound, 1 errors (or, with --strict, warnings), 2 nothing could be checked.
    """
    arguments = [f"--definitions={path}" for path in paths]
    arguments += [f"--config={config}"] if config else []
    arguments += [f"--schema={schema}"] if schema else []
    arguments += ["--no-host"] if no_host else []
    timeouts, complaint = learned(wishes)
    told = _run(arguments, timeouts)
    told["notes"] = [complaint] if complaint else told["notes"]
    problems = [SimpleNamespace(**problem) for problem in told["problems"]]
    errors = [problem for problem in problems if not problem.is_warning]
    if wishes.for_programs:
        document_text(json.dumps({**told, "errors": len(errors), "warnings": len(problems) - len(errors)}))
    else:
        print_problems(problems)
        if not problems:
            line(_sound(told))
        for sentence in told["notes"]:
            note(sentence)
    return Exit.NO if errors or (strict and problems) else Exit.DONE


def _run(arguments: Sequence[str], learned: str) -> dict[str, Any]:
    given = [*arguments, "--learned=-"] if learned else arguments
    told = run_here("validation", given, "the check", learned.encode())
    if "usage" in told:
        raise click.UsageError(told["usage"])
    return told


def _sound(told: dict[str, Any]) -> str:
    rules, targets, files = (count(told[name], name[:-1], name) for name in ("rules", "targets", "files"))
    observing = told["observing"]
    idle = f" ({observing if observing < told['rules'] else 'all'} only observe)" if observing else ""
    return f"sound: {rules}{idle}, {targets}, {files}"
