"""All files of the definitions directory and what they include, read: every entry of the right shape, with the place where it stands.

An entry of a wrong shape is a problem and is left out, and all others are still there, so that one pass finds everything. Its name
counts as defined, lest each use of it is reported, too. Where a whole section can't be read, `unreadable` says so: nobody knows
then which names it would have defined. Defaults and families are written out before (defaults.py, families.py).
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import ValidationError

from error_daemon.definitions.complaints import Complaint, Loc, complaints, quoted
from error_daemon.definitions.files.defaults import with_defaults
from error_daemon.definitions.files.families import Family, said_once, with_members
from error_daemon.definitions.files.includes import SUFFIXES, Reading
from error_daemon.definitions.files.yaml_nodes import Source, made_of, read_yaml
from error_daemon.definitions.shapes.document import BulkheadEntry, Document, RuleEntry, WorkflowEntry
from error_daemon.definitions.shapes.fields import LevelKey
from error_daemon.definitions.shapes.hooks import HookEntry
from error_daemon.definitions.shapes.probes import ProbeEntry
from error_daemon.definitions.shapes.strategies import StrategyEntry
from error_daemon.definitions.shapes.targets import TargetEntry
from error_daemon.definitions.shapes.values import Context
from error_daemon.errors import ConfigError, Problem

MAX_FILE_BYTES = 1 << 20
NAMED_SECTIONS = ("targets", "probes", "strategies", "ladders")  # name → entry
LISTED_SECTIONS = ("rules", "bulkheads", "hooks", "workflows")  # entries in their order, each with its id
SECTIONS = NAMED_SECTIONS + LISTED_SECTIONS

T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Written(Generic[T_co]):
    """An entry, and where it stands."""

    value: T_co
    source: Source
    loc: Loc

    @property
    def data(self) -> Any:
        """What was written, with defaults."""
        data = self.source.data
        for part in self.loc:
            data = data[part]
        return data

    def problem(self, message: str, mend: str = "", at: Loc = (), *, key: bool = False) -> Problem:
        """A problem with the part of the entry at `at`, or with the key before it."""
        return self.source.problem(message, mend, (*self.loc, *at), key=key)

    def warning(self, message: str, mend: str = "", at: Loc = (), *, key: bool = False) -> Problem:
        """As `problem`, for what may be meant as it is."""
        return self.source.problem(message, mend, (*self.loc, *at), key=key, is_warning=True)


@dataclass(slots=True)
class Directory:
    """What is written in a definitions directory. Rules and bulkheads are in their order: by file name, then as they stand.

    `sources` are the files just as they are written; those of entries have defaults and families written out."""

    targets: dict[str, Written[TargetEntry]] = field(default_factory=dict)
    probes: dict[str, Written[ProbeEntry]] = field(default_factory=dict)
    strategies: dict[str, Written[StrategyEntry]] = field(default_factory=dict)
    ladders: dict[str, Written[Mapping[LevelKey, tuple[str, ...]]]] = field(default_factory=dict)
    rules: list[Written[RuleEntry]] = field(default_factory=list)
    bulkheads: list[Written[BulkheadEntry]] = field(default_factory=list)
    hooks: list[Written[HookEntry]] = field(default_factory=list)
    workflows: list[Written[WorkflowEntry]] = field(default_factory=list)
    names: dict[str, dict[str, Written[None]]] = field(default_factory=lambda: {name: {} for name in SECTIONS})
    unreadable: set[str] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)
    families: list[Family] = field(default_factory=list)
    instances: dict[str, str] = field(default_factory=dict)  # of the members of families, by their names
    sources: list[Source] = field(default_factory=list)

    def is_process(self, target: str) -> bool:
        """Whether it is there, and the daemon can start and stop it."""
        return target in self.targets and self.targets[target].value.kind == "process"

    def ladder_of(self, rule: RuleEntry) -> Mapping[LevelKey, tuple[str, ...]]:
        """The levels of a rule, written in it or by name; none where the name is not defined."""
        if not isinstance(rule.ladder, str):
            return rule.ladder
        shared = self.ladders.get(rule.ladder)
        return shared.value if shared else {}


def files_of(directory: Path) -> list[Path]:
    """The definitions files of a directory, in their order. Raises ConfigError if it can't be listed."""
    try:
        return sorted(path for path in directory.iterdir() if path.suffix in SUFFIXES and path.name[0] != ".")
    except FileNotFoundError:
        raise ConfigError(
            [Problem(str(directory), 0, 0, "there is no such directory", "make it; it may be empty")]
        ) from None
    except OSError as error:
        raise ConfigError([Problem(str(directory), 0, 0, f"cannot be listed: {error.strerror}")]) from error


def read_files(paths: Sequence[Path], within: Path | None = None) -> Directory:
    """Everything written in these files and what they include, as if they were all of a directory.

    With `within`, an absolute path, nothing outside of that is read, whatever is included."""
    written = Directory()
    reading = Reading([str(path) for path in paths], within)
    for path in reading.files():
        try:
            _read(written, reading, path)
        except ConfigError as error:
            written.problems += error.problems
            written.unreadable.update(SECTIONS)
    return written


def _read(written: Directory, reading: Reading, path: str) -> None:
    """Adds what one file says. Raises ConfigError where nothing of it can be read."""
    source, problems = read_yaml(path, _text(Path(path)))
    written.sources.append(source)
    written.problems += problems
    absent = reading.add(source)
    if absent:
        written.problems += absent
        written.unreadable.update(SECTIONS)
    if isinstance(source.data, dict) and source.root is not None:
        source = _written_out(written, source)
    _add(written, source)


def _written_out(written: Directory, source: Source) -> Source:
    """The file with its defaults and families written out. What is wrong with single nodes was said before."""
    root, problems = with_defaults(source)
    members = with_members(source, root)
    written.problems += problems + members.problems
    written.families += members.families
    written.instances.update(members.instances)
    if not members.is_whole:
        written.unreadable.add("targets")
    return source if members.root is source.root else made_of(source, members.root)[0]


def _text(path: Path) -> str:
    try:
        with open(path, "rb", opener=_open_at_once) as opened:
            if not stat.S_ISREG(os.fstat(opened.fileno()).st_mode):
                raise ConfigError([Problem(str(path), 0, 0, "is not a regular file")])
            raw = opened.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise ConfigError([Problem(str(path), 0, 0, f"cannot be read: {error.strerror}")]) from error
    if len(raw) > MAX_FILE_BYTES:
        raise ConfigError([Problem(str(path), 0, 0, f"is larger than {MAX_FILE_BYTES} bytes", "split it")])
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        column = len(raw[raw.rfind(b"\n", 0, error.start) + 1 : error.start].decode("utf-8")) + 1
        raise ConfigError([Problem(str(path), line, column, "is not UTF-8 from here on")]) from error


def _open_at_once(path: str, flags: int) -> int:
    """A FIFO in the directory would else hold us until somebody writes to it."""
    return os.open(path, flags | os.O_NONBLOCK)


def _add(written: Directory, source: Source) -> None:
    data = source.data
    if not isinstance(data, dict):
        written.problems.append(source.problem("a definitions file is a mapping: version, targets, rules ...", "", ()))
        written.unreadable.update(SECTIONS)
        return
    if not data:
        if not any(line.strip() for line in source.lines):
            problem = source.problem("this file is empty", "remove it, or write version: 1", (), is_warning=True)
            written.problems.append(problem)
        return
    # `rules:` with nothing but comments below is empty text to YAML, and no rules to people
    data = {key: value for key, value in data.items() if value or key not in Document.model_fields}
    document, kept = _shaped(written, source, data)
    for section in NAMED_SECTIONS:
        for name in data[section] if isinstance(data.get(section), dict) else ():
            _name(written, section, Written(None, source, (section, name)), name)
        for name, value in getattr(document, section).items():
            getattr(written, section).setdefault(name, Written(value, source, (section, name)))
    for section in LISTED_SECTIONS:
        for index, entry in enumerate(data[section] if isinstance(data.get(section), list) else ()):
            _note_id(written, Written(None, source, (section, index)), entry)
        getattr(written, section).extend(
            Written(entry, source, (section, index))
            for index, entry in zip(kept[section], getattr(document, section), strict=True)
        )


def _name(written: Directory, section: str, entry: Written[None], name: str) -> None:
    first = written.names[section].setdefault(name, entry)
    if first is not entry:
        mend = f"the first one is in {first.source.file}:{first.source.place(first.loc, key=True)[0]}"
        written.problems.append(entry.problem(f"{quoted(name)} is defined twice in {section}", mend, key=True))


def _note_id(written: Directory, place: Written[None], entry: object) -> None:
    """Remembers the id of an entry of a list, whatever else is wrong with it."""
    section = str(place.loc[0])
    if isinstance(entry, dict) and isinstance(entry.get("id"), str):
        written.names[section].setdefault(entry["id"], place)
    else:
        written.unreadable.add(section)


def _shaped(written: Directory, source: Source, data: dict[str, Any]) -> tuple[Document, dict[str, list[int]]]:
    """The entries of the right shape, and the positions in the file of those in lists."""
    listed = {section: data[section] if isinstance(data.get(section), list) else [] for section in LISTED_SECTIONS}
    kept = {section: list(range(len(entries))) for section, entries in listed.items()}
    try:
        return Document.model_validate(data, context=Context(source.base)), kept
    except ValidationError as error:
        found = complaints(error, Document)
    written.problems += [_placed(source, complaint) for complaint in found]
    wrong = {complaint.loc[:2] for complaint in found}
    sound = {**data, "version": "1"}
    for key in {str(loc[0]) for loc in wrong if loc}:
        section = sound.get(key)
        if isinstance(section, dict) and (key,) not in wrong and key in NAMED_SECTIONS:
            sound[key] = {name: value for name, value in section.items() if (key, name) not in wrong}
        elif isinstance(section, list) and key in LISTED_SECTIONS:
            kept[key] = [index for index in kept[key] if (key, index) not in wrong]
            sound[key] = [section[index] for index in kept[key]]
        elif key in (
            "include",
            "defaults",
        ):  # entries say for themselves what is wrong with the defaults that they took
            del sound[key]
        elif key != "version":
            sound.pop(key, None)
            written.unreadable.update(SECTIONS)
    return Document.model_validate(sound, context=Context(source.base)), kept


def _placed(source: Source, complaint: Complaint) -> Problem:
    return source.problem(complaint.message, complaint.mend, complaint.loc, key=complaint.about_key)


def in_order(written: Directory, problems: Iterable[Problem]) -> list[Problem]:
    """Each once, by file and place."""
    found = sorted(problems, key=lambda problem: (problem.file, problem.line, problem.column, problem.message))
    return said_once(found, written.families)
