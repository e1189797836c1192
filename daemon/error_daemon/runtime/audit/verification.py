"""The program behind `error-cli audit verify --file`: a chain is verified without a daemon.

`python -m error_daemon.runtime.audit.verification [--head SEQUENCE:HASH ...] FILE ...`

FILE is a file of the audit, or a directory that has them. One JSON document goes to standard output. Exit code 2: a file cannot be read, or
a head is none, and `usage` says so; else 0, whatever was found.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

from error_daemon.audit.entry import parse_head
from error_daemon.audit.verifying import verify_all, verify_some
from error_daemon.model import Json
from error_daemon.model.audit import Checked, Head

USAGE = 2


@dataclass(frozen=True, slots=True)
class VerifyJob:
    """For jobs.py: tells the result and the names of the files, or in words why they could not be read."""

    name: ClassVar[str] = "verifying the audit"
    mend: ClassVar[str] = "verify copies of the files: error-cli audit verify --file"
    path: Path
    heads: tuple[Head, ...]

    def run(self, _read: object) -> Iterator[tuple[Checked, list[str]] | str]:
        try:
            yield verify_all(self.path, self.heads)
        except OSError as error:
            yield str(error)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="error_daemon.runtime.audit.verification")
    parser.add_argument("--head", action="append", default=[])
    parser.add_argument("files", nargs="+", type=Path)
    asked = parser.parse_args(arguments)
    try:
        checked, files = verify_some(asked.files, [parse_head(text) for text in asked.head])
    except (OSError, ValueError) as error:
        print(json.dumps({"usage": str(error)}))
        return USAGE
    print(json.dumps(_told(checked, files)))
    return 0


def _told(checked: Checked, files: Sequence[str]) -> dict[str, Json]:
    """As VerifyAuditResponse has it."""
    told: dict[str, Any] = {
        "ok": checked.broken is None,
        "entries": checked.entries,
        "first_sequence": checked.first,
        "head": asdict(checked.head),
        "repairs": checked.repairs,
        "files": list(files),
    }
    return told if checked.broken is None else {**told, "broken": asdict(checked.broken)}


if __name__ == "__main__":
    sys.exit(main())
