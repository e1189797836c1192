"""`error-cli diagnose`: how the daemon and its host are, worst first; and the support bundle.

Where no daemon answers, that is said first, and then what a program of the daemon's (local.py) sees from outside.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from error_cli.command import Command, examples
from error_cli.diagnose_page import print_bundle, print_diagnosis
from error_cli.documents import document_text
from error_cli.failure import Exit, Failure
from error_cli.local import run_here
from error_cli.wishes import Wishes, wishing

if TYPE_CHECKING:
    from error_recovery.v1 import recovery_pb2

Diagnosis = dict[str, Any]


@click.command(
    cls=Command,
    epilog=examples(
        "error-cli diagnose",
        "error-cli diagnose --all",
        "error-cli diagnose --json | jq '.diagnostics[] | select(.standing == \"bad\")'",
        "sudo error-cli diagnose --bundle support.tar.gz",
    ),
)
@click.option("--all", "-A", "all_of_it", is_flag=True, help="What is good too, one line each, with its figures.")
@click.option(
    "--bundle",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write all of it, with settings, definitions and the end of the log, into a .tar.gz; secrets are starred.",
)
@click.option("--config", metavar="FILE", type=click.Path(path_type=Path), help="Settings. [/etc/recovery.conf]")
@wishing
def command(wishes: Wishes, *, all_of_it: bool, bundle: Path | None, config: Path | None) -> int:
    """Say how the daemon and this host are, and how to mend them.

    What is bad harms recovery now (✗); a notice works, and could be better (!); what cannot be seen here is said to be so (?).

    Exit codes: 0 nothing is bad, or the bundle is written; 1 something is bad, or no daemon answers.
    """
    status: dict[str, Any] = {}
    try:
        found, status = _asked(wishes)
    except Failure as failure:
        found = _from_outside(wishes, config, failure)
    if bundle is not None:
        told = _bundled(bundle, config, {"diagnosis.json": found, "status.json": status})
        if wishes.for_programs:
            document_text(json.dumps(told))
        else:
            print_bundle(told)
        return Exit.DONE
    if wishes.for_programs:
        document_text(json.dumps(found))
    else:
        print_diagnosis(found, wishes.address, all_of_it=all_of_it)
    return Exit.NO if any(one["standing"] == "bad" for one in found["diagnostics"]) else Exit.DONE


def _asked(wishes: Wishes) -> tuple[Diagnosis, dict[str, Any]]:
    """What the daemon says, and its status. Raises Failure where it says nothing."""
    from google.protobuf.json_format import MessageToDict

    from error_cli.connection import connect
    from error_recovery.v1 import recovery_pb2

    with connect(wishes) as daemon:
        answer = daemon.ask(daemon.recovery.Diagnose, recovery_pb2.DiagnoseRequest())
        status = daemon.ask(daemon.recovery.GetStatus, recovery_pb2.GetStatusRequest())
    return _told(answer), MessageToDict(status, preserving_proto_field_name=True)


def _told(answer: recovery_pb2.DiagnoseResponse) -> Diagnosis:
    diagnostics = [
        {
            "area": one.area,
            "name": one.name,
            "standing": one.standing,
            "says": one.says,
            "mend": one.mend,
            "figures": dict(one.figures),
        }
        for one in answer.diagnostics
    ]
    return {"answers": True, "version": answer.version, "pid": answer.pid, "diagnostics": diagnostics}


def _from_outside(wishes: Wishes, config: Path | None, failure: Failure) -> Diagnosis:
    first, *others = failure.sentences
    answer = {
        "area": "daemon",
        "name": "answer",
        "standing": "bad",
        "says": first,
        "mend": "; ".join(others),
        "figures": {},
    }
    options = [f"--address={wishes.address}", *([f"--config={config}"] if config else [])]
    try:
        seen = run_here("diagnosis.outside", options, "the look from outside")["diagnostics"]
    except Failure as nothing:
        seen = [{**answer, "name": "outside", "standing": "unavailable", "says": nothing.sentences[0], "mend": ""}]
    return {"answers": False, "version": "", "pid": 0, "diagnostics": [answer, *seen]}


def _bundled(file: Path, config: Path | None, said: Mapping[str, Any]) -> dict[str, Any]:
    options = [str(file), *([f"--config={config}"] if config else [])]
    told = run_here("diagnosis.bundle", options, "the bundle", json.dumps(said).encode())
    if "problem" in told:
        raise Failure(Exit.REFUSED, f"there is no bundle: {told['problem']}")
    return told
