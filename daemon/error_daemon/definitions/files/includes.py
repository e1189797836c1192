"""Which files are read: those of the directory, and those that they include.

A file is read with what it includes directly after it, then the next of the directory: so its own rules come before those of what it
includes, and are tried first. Each file is read once, at the first of its places, whoever includes it again; so files that include
each other do no harm. Files are the same if their real paths are.

An included path counts from the directory of the file that says so. A glob (`*`, `?`, `[...]`) finds *.yaml and *.yml, in the
order of their names. What is not there, and a glob that finds nothing, is a problem at its place. All in all MAX_FILES are read.
"""

from __future__ import annotations

import glob
import os.path
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import yaml

from error_daemon.definitions.complaints import quoted
from error_daemon.definitions.files.yaml_nodes import Source, value_of
from error_daemon.errors import Problem

MAX_FILES = 1_000
SUFFIXES = (".yaml", ".yml")


@dataclass(slots=True)
class Reading:
    """The files that are still to be read, the next first, and the real paths of all so far. `within` bounds where files may be."""

    ahead: list[str]
    within: Path | None = None
    known: set[str] = field(default_factory=set)

    def files(self) -> Iterator[str]:
        """Each once. What is added meanwhile comes next."""
        while self.ahead:
            path = self.ahead.pop(0)
            real = os.path.realpath(path)
            if real not in self.known:
                self.known.add(real)
                yield path

    def add(self, source: Source) -> list[Problem]:
        """Puts what `source` includes next, and says what of it is not there."""
        problems: list[Problem] = []
        found: list[str] = []
        for node in _patterns(source):
            paths, problem = self._found(source, node)
            found += paths
            problems += [problem] if problem else []
            if len(self.known) + len(self.ahead) + len(found) > MAX_FILES:
                problems.append(source.problem_at(node, f"more than {MAX_FILES:,} files in all", "include fewer"))
                return problems
        self.ahead[:0] = found
        return problems

    def _found(self, source: Source, node: yaml.ScalarNode) -> tuple[list[str], Problem | None]:
        if node.value.startswith("~") or "\0" in node.value:
            return [], source.problem_at(node, f"{quoted(node.value)}: ~ is not expanded", "write the whole path")
        base = os.path.dirname(source.file)
        path = os.path.normpath(os.path.join(base, node.value))
        if self.within is not None and not Path(os.path.abspath(path)).is_relative_to(self.within):
            message = f"{quoted(node.value)} is not in the directory of the definitions"
            return [], source.problem_at(node, message, "here, only what is in it can be read")
        if not glob.has_magic(node.value):
            problem = (
                None if os.path.exists(path) else source.problem_at(node, f"there is no file {quoted(node.value)}")
            )
            return ([] if problem else [path]), problem
        pattern = os.path.normpath(os.path.join(glob.escape(base), node.value))
        matching = (each for each in glob.iglob(pattern) if each.endswith(SUFFIXES))
        paths = sorted(islice(matching, MAX_FILES + 1))
        mend = "a glob finds *.yaml and *.yml; paths count from the directory of this file"
        return paths, None if paths else source.problem_at(node, f"nothing matches {quoted(node.value)}", mend)


def _patterns(source: Source) -> list[yaml.ScalarNode]:
    """What stands behind `include`, as far as it is text; the shape of it is checked elsewhere."""
    written = value_of(source.root, "include")
    nodes = written.value if isinstance(written, yaml.SequenceNode) else [written]
    return [node for node in nodes if isinstance(node, yaml.ScalarNode) and node.value]
