"""Definitions written for a test."""

from __future__ import annotations

from pathlib import Path

import pytest

from error_daemon.definitions.files.written import Directory, files_of, read_files
from error_daemon.definitions.loader import sound
from error_daemon.errors import ConfigError
from error_daemon.model import Definitions


def read_directory(directory: Path) -> Directory:
    return read_files(files_of(directory))


def load_definitions(directory: Path) -> Definitions:
    return sound(read_directory(directory))


def write(directory: Path, files: dict[str, str]) -> None:
    """Files by their names, below `version: 1`."""
    for name, text in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"version: 1\n{text}")


def loaded(directory: Path, text: str, **others: str) -> Definitions:
    """What a.yaml says, and the others, by their names without suffix."""
    write(directory, {"a.yaml": text, **{f"{name}.yaml": other for name, other in others.items()}})
    return load_definitions(directory)


def refused(directory: Path, text: str, **others: str) -> list[str]:
    """What is said instead: "a.yaml:3:7: message (mend)", as if `version: 1` were line 0."""
    with pytest.raises(ConfigError) as caught:
        loaded(directory, text, **others)
    return [
        f"{Path(problem.file).relative_to(directory)}:{problem.line - 1}:{problem.column}: {problem.message}"
        + (f" ({problem.mend})" if problem.mend else "")
        for problem in caught.value.problems
    ]
