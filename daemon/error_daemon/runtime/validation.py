"""The program behind `error-cli validate`: definitions are examined without a daemon.

`python -m error_daemon.runtime.validation [--definitions PATH ...] [--schema FILE] [--config FILE] [--no-host] [--learned FILE]`

Without `--definitions` it is the directory that the settings name, and the settings are checked with it. One JSON document goes to
standard output: the problems, how much there is of what, and notes on what could not be looked at. Exit code 2: there is no such
directory, file or schema, and `usage` says so; else 0, whatever was found.

Learned timeouts come from `--learned`, a JSON list of error_type, strategy_id and timeout_s (`-`: standard input), else from the record,
if no daemon has it open. Nothing depends on them but a few warnings.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from error_daemon.definitions.configuration import load_settings
from error_daemon.definitions.examine import Against, Examined, examine_places
from error_daemon.definitions.files.written import SECTIONS
from error_daemon.definitions.host.host import this_host
from error_daemon.definitions.meaning.learned import Learned
from error_daemon.errors import ConfigError, ErrorRecoveryError, Problem
from error_daemon.model import Json, Mode
from error_daemon.settings import Settings
from error_daemon.store.queries import QUERIES
from error_daemon.store.schema import RECORD_FILE

if TYPE_CHECKING:
    from error_daemon.definitions.schema.given import Schema

DEFAULT_SCHEMA = Path("/etc/recovery/schema.json")
USAGE = 2


class Unusable(Exception):
    """What was asked for cannot be examined. The text is for a person."""


def main(arguments: Sequence[str] | None = None) -> int:
    try:
        told = validate(_parsed(arguments), os.environ)
    except Unusable as unusable:
        print(json.dumps({"usage": str(unusable)}))
        return USAGE
    print(json.dumps(told))
    return 0


def validate(asked: argparse.Namespace, environment: Mapping[str, str]) -> dict[str, Json]:
    """What is printed. Raises Unusable."""
    if asked.config:
        _look_at(asked.config, "")
    settings, problems = _settings(asked, environment)
    places = asked.definitions or ([Path(settings.definitions_dir)] if settings else [])
    for place in places:
        _look_at(place, ": name a PATH, or the settings with --config FILE")
    learned, notes = _learned(asked.learned, settings)
    against = Against(
        host=None if asked.no_host else this_host(environment),
        schema=_schema(asked.schema),
        learned=learned,
    )
    try:
        examined = examine_places(places, against)
    except ErrorRecoveryError as unusable:
        raise Unusable(str(unusable)) from unusable
    return _document([*problems, *examined.problems], examined, notes)


def _look_at(path: Path, mend: str) -> None:
    """Raises Unusable where nothing is, or nobody lets us look."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        raise Unusable(f"there is no {path}{mend}") from None
    except OSError as error:
        raise Unusable(f"{path} cannot be read: {error.strerror}") from error


def _schema(path: Path | None) -> Schema | None:
    """The schema that was given, else the shipped one where it is installed: without it, our own checks say the same."""
    if path is None and not os.path.exists(DEFAULT_SCHEMA):
        return None
    from error_daemon.definitions.schema.given import read_schema  # its library takes long to import

    try:
        return read_schema(path or DEFAULT_SCHEMA)
    except ErrorRecoveryError as unusable:
        raise Unusable(str(unusable)) from unusable


def _learned(path: Path | None, settings: Settings | None) -> tuple[Learned, Sequence[str]]:
    """What a daemon has told, else what its record has, with a note where neither can be read."""
    if path is not None:
        try:
            rows = json.loads(path.read_bytes() if str(path) != "-" else sys.stdin.buffer.read())
            return {(row["error_type"], row["strategy_id"]): float(row["timeout_s"]) for row in rows}, ()
        except (OSError, ValueError, LookupError, TypeError) as error:
            raise Unusable(f"{path} has no learned timeouts: {error}") from error
    record = Path(settings.state_dir) / RECORD_FILE if settings else None
    if record is None or not os.path.exists(record):  # where it is may be closed to us
        return {}, ()
    return _recorded(record)


def _recorded(record: Path) -> tuple[Learned, Sequence[str]]:
    """From the record, where no daemon has it open."""
    import duckdb

    try:
        with duckdb.connect(str(record), read_only=True) as connection:
            rows = connection.execute(QUERIES["learned_timeouts"].sql).fetchall()
            names = [column[0] for column in connection.description or ()]
    except (duckdb.Error, OSError):
        return {}, ("what was learned could not be read: no daemon answers, and its record is not to be opened",)
    found = (dict(zip(names, row, strict=True)) for row in rows)
    return {(row["error_type"], row["strategy_id"]): row["timeout"] for row in found}, ()


def _settings(asked: argparse.Namespace, environment: Mapping[str, str]) -> tuple[Settings | None, Sequence[Problem]]:
    """The settings; None, and what is wrong with them. Where the definitions were named, wrong settings are nobody's business."""
    try:
        return load_settings(asked.config, environment), ()
    except ConfigError as error:
        return None, () if asked.definitions and asked.config is None else error.problems


def _document(problems: Sequence[Problem], examined: Examined, notes: Sequence[str]) -> dict[str, Json]:
    written = examined.written
    return {
        "problems": [asdict(problem) for problem in problems],
        "files": len(written.sources),
        **{section: len(getattr(written, section)) for section in SECTIONS},
        "observing": sum(rule.value.mode is Mode.OBSERVE for rule in written.rules),
        "notes": list(notes),
    }


def _parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m error_daemon.runtime.validation", description=__doc__)
    parser.add_argument("--definitions", type=Path, action="append", default=[], metavar="PATH")
    parser.add_argument("--schema", type=Path, metavar="FILE")
    parser.add_argument("--config", type=Path, metavar="FILE")
    parser.add_argument("--no-host", action="store_true")
    parser.add_argument("--learned", type=Path, metavar="FILE")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
