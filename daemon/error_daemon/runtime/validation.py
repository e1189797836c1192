"""The program behind `error-cli validate`: definitions are examined without a daemon.

`python -m error_daemon.runtime.validation [--definitions PATH ...] [--schema FILE] [--config FILE] [--no-host] [--learned FILE]`

Without `--definitions` it is the directory that the settings name, and the settings are checked with it. One JSON document goes to
standard output: the problems, how much there is of what, and notes on what could not be looked at. Exit code 2: there is no such
directory, file or schema, and `usage` says so; else 0, whatever was found.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from error_daemon.definitions.configuration import load_settings
from error_daemon.definitions.examine import Examined, examine_places
from error_daemon.errors import ConfigError, Problem
from error_daemon.model import Json
from error_daemon.settings import Settings

_SECTIONS = ("targets", "probes", "strategies", "ladders", "rules", "bulkheads")
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
    settings, problems = _settings(asked, environment)
    places = asked.definitions or ([Path(settings.definitions_dir)] if settings else [])
    for place in places:
        if not place.exists():
            raise Unusable(f"there is no {place}")
    examined = examine_places(places)
    return _document([*problems, *examined.problems], examined, [])


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
        **{section: len(getattr(written, section)) for section in _SECTIONS},
        "notes": list(notes),
    }


def _parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m error_daemon.runtime.validation", description=__doc__)
    parser.add_argument("--definitions", type=Path, action="append", default=[], metavar="PATH")
    parser.add_argument("--config", type=Path, metavar="FILE")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
