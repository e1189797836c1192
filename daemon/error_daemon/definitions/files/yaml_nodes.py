"""A YAML text as plain data, with the place of every key and value.

YAML 1.1 resolves plain scalars by their looks: `no` is false, `1e3` is text, `22:30` is 1350. Here every scalar is the text that
was written, and what it means is decided by the type that is expected at its place. Only mappings, lists and text exist: no tags,
one document a file, no key twice. Anchors and aliases work. What a text can make of itself is bounded: nesting by MAX_DEPTH, and
values with all aliases written out by MAX_VALUES, so that a few lines of aliases to aliases can't fill the memory.

What a file leaves to be written out (defaults.py, families.py) is written out in the nodes, before they become data: each node
keeps the place where it was written, so that whatever is found wrong is told there.
"""

from __future__ import annotations

import os.path
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import yaml

from error_daemon.definitions.complaints import Loc, quoted
from error_daemon.definitions.files.yaml_words import in_words
from error_daemon.errors import ConfigError, Problem

MAX_DEPTH = 32
MAX_VALUES = 100_000

_PLAIN_TAGS = frozenset(f"tag:yaml.org,2002:{kind}" for kind in ("str", "seq", "map"))


@dataclass(frozen=True, slots=True)
class Source:
    """One file. `data` is made of dict, list and str, and is an empty dict where nothing is written."""

    file: str
    root: yaml.Node | None = None
    data: Any = field(default_factory=dict)
    lines: tuple[str, ...] = ()
    skipped: tuple[int, ...] = ()  # lines from 1 where something is written that is no part of `data`

    @property
    def base(self) -> str:
        """The directory that relative paths in the file count from."""
        return os.path.dirname(os.path.abspath(self.file))

    def place(self, loc: Loc, *, key: bool = False) -> tuple[int, int]:
        """Line and column, from 1, of the value at `loc`, or of the key before it."""
        node = self._node(loc, key)
        return (node.start_mark.line + 1, node.start_mark.column + 1) if node else (1, 1)

    def lines_of(self, loc: Loc) -> range:
        """The numbers, from 1, of the lines that the value at `loc` stands in."""
        node = self._node(loc, key=False)
        if node is None:
            return range(0)
        start, end = node.start_mark, node.end_mark
        is_after = end.column == 0 and end.line > start.line  # the end of a block is the beginning of the next line
        return range(start.line + 1, min(end.line + 1 - is_after, len(self.lines)) + 1)

    def problem(self, message: str, mend: str, loc: Loc, *, key: bool = False, is_warning: bool = False) -> Problem:
        """A problem with the value at `loc`, or with the key before it."""
        node = self._node(loc, key)
        if node is None:
            return Problem(self.file, 1, 1, message, mend, is_warning=is_warning)
        return replace(self.problem_at(node, message, mend), is_warning=is_warning)

    def problem_at(self, node: yaml.Node, message: str, mend: str = "") -> Problem:
        place = node.start_mark.line + 1, node.start_mark.column + 1
        return Problem(self.file, *place, message, mend, *shown_of(self.lines, node))

    def _node(self, loc: Loc, key: bool) -> yaml.Node | None:
        """Parts of `loc` that nobody wrote (tags of unions, a missing key) are stepped over: what holds them is meant then."""
        node, before = self.root, self.root
        for part in loc:
            step = _step(node, part)
            if step is not None:
                before, node = step
        return before if key else node


def shown_of(lines: Sequence[str], node: yaml.Node) -> tuple[int, str]:
    """How many characters of its first line belong to the node, and that line."""
    start, end = node.start_mark, node.end_mark
    if start.line >= len(lines):
        return 0, ""
    text = lines[start.line]
    last = end.column if end.line == start.line else len(text.rstrip())
    return max(1, last - start.column), text


def read_yaml(file: str, text: str) -> tuple[Source, list[Problem]]:
    """The data of `text`, and the problems that leave the rest of it readable. Raises ConfigError where nothing is."""
    try:
        root = _composed(_Composer(text))
    except yaml.reader.ReaderError as error:
        place = text.count("\n", 0, error.position) + 1, error.position - text.rfind("\n", 0, error.position)
        raise ConfigError([Problem(file, *place, "a character that YAML does not allow")]) from error
    except yaml.MarkedYAMLError as error:
        raise ConfigError([_syntax_problem(file, text, error)]) from error
    source = Source(file, lines=tuple(text.splitlines()))
    return (source, []) if root is None else made_of(source, root)


def made_of(source: Source, root: yaml.Node) -> tuple[Source, list[Problem]]:
    """The same file with `root` as what it says, and what is wrong with single nodes. Raises ConfigError if there are too many."""
    reading = _Reading(source)
    data = reading.value(root, 0)
    return replace(source, root=root, data=data, skipped=tuple(reading.skipped)), reading.problems


def pairs(node: yaml.Node | None) -> Iterator[tuple[yaml.ScalarNode, yaml.Node]]:
    """The keys and values of a mapping; none where it is no mapping, or a key is no text."""
    if isinstance(node, yaml.MappingNode):
        yield from ((key, value) for key, value in node.value if isinstance(key, yaml.ScalarNode))


def value_of(node: yaml.Node | None, key: str) -> yaml.Node | None:
    """What stands behind `key` in a mapping; None where there is nothing."""
    return next((value for each, value in pairs(node) if each.value == key), None)


def mapping_like(node: yaml.Node, content: Sequence[tuple[yaml.Node, yaml.Node]]) -> yaml.MappingNode:
    """A mapping of these keys and values at the place of `node`."""
    return yaml.MappingNode("tag:yaml.org,2002:map", list(content), node.start_mark, node.end_mark)


def text_like(node: yaml.Node, text: str) -> yaml.ScalarNode:
    return yaml.ScalarNode("tag:yaml.org,2002:str", text, node.start_mark, node.end_mark)


class _Composer(yaml.BaseLoader):
    """Composes the node graph, as deep as MAX_DEPTH. BaseLoader leaves every scalar the text that it is."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        self._depth += 1
        if self._depth > MAX_DEPTH and parent is not None:
            raise yaml.composer.ComposerError(None, None, f"nested more than {MAX_DEPTH} deep", parent.start_mark)
        node: yaml.Node | None = super().compose_node(parent, index)
        self._depth -= 1
        return node


def _composed(composer: _Composer) -> yaml.Node | None:
    try:
        root: yaml.Node | None = composer.get_single_node()
    except (ValueError, OverflowError) as error:  # PyYAML on escapes and version numbers beyond all bounds
        raise yaml.MarkedYAMLError(problem="a number beyond all bounds", problem_mark=composer.get_mark()) from error
    return root


class _Reading:
    """Turns nodes into data, with the aliases written out."""

    def __init__(self, source: Source) -> None:
        self.problems: list[Problem] = []
        self.skipped: list[int] = []
        self._at = source.problem_at
        self._values = 0

    def value(self, node: yaml.Node, depth: int) -> Any:
        self._values += 1
        if self._values > MAX_VALUES:
            raise ConfigError([self._at(node, f"more than {MAX_VALUES} values, with all aliases written out")])
        if depth > MAX_DEPTH:  # beyond what the composer bounds only through aliases
            raise ConfigError([self._at(node, f"nested more than {MAX_DEPTH} deep, with all aliases written out")])
        if node.tag not in _PLAIN_TAGS:
            self.problems.append(
                self._at(node, f"the tag {quoted(node.tag)}: tags are not used here", "write the plain value")
            )
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, depth)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, depth + 1) for item in node.value]
        return self._text(node)

    def _text(self, node: yaml.Node) -> str:
        text: str = node.value
        try:
            text.encode()
        except UnicodeEncodeError:  # an escape such as "\\ud800": pydantic can't even name a key that has it
            self.problems.append(self._at(node, f"{quoted(text)} has half a character", "write the whole of it"))
            return text.encode(errors="replace").decode()
        return text

    def _mapping(self, node: yaml.MappingNode, depth: int) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        lines: dict[str, int] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                self.skipped.append(line)
                self.problems.append(self._at(key_node, "a list or a mapping is no key", "write text before the colon"))
                continue
            key = self._text(key_node)
            if key != key_node.value:
                self.skipped.append(line)
                continue
            if key in mapping:
                self.skipped.append(line)
                self.problems.append(
                    self._at(key_node, f"{quoted(key)} is written twice", f"the first one is in line {lines[key]}")
                )
                continue
            lines[key] = line
            mapping[key] = self.value(value_node, depth + 1)
        return mapping


def _step(node: yaml.Node | None, part: str | int) -> tuple[yaml.Node, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value == part:
                return key, value
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part], node.value[part]
    return None


def _syntax_problem(file: str, text: str, error: yaml.MarkedYAMLError) -> Problem:
    lines = text.splitlines()
    mark, message, mend = in_words(error, lines)
    if mark is None:
        return Problem(file, 1, 1, f"not YAML: {message}", mend)
    shown = (1, lines[mark.line]) if mark.line < len(lines) else (0, "")
    if shown[1][: mark.column + 1].endswith("${"):
        mend = 'within [...] and {...}, write a text with variables in quotes: "${port}"'
    return Problem(file, mark.line + 1, mark.column + 1, f"not YAML: {message}", mend, *shown)
