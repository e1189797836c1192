"""Files against a JSON Schema that was given: the shipped one, or a stricter one of the house (every rule needs a description, ...).

An editor reads YAML by its core schema: a plain `80` is a number, `true` a boolean, `~` nothing, and what stands in quotes is text. The
same data goes to the schema here, whereas to our own checks every scalar is text.

What the own checks have found wrong with the shape of a place is not said again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import yaml

from error_daemon.definitions.files.written import Directory
from error_daemon.definitions.schema.given import Schema
from error_daemon.definitions.schema.words import found_by
from error_daemon.errors import Problem
from error_daemon.model import Json

_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_WORDS = {"true": True, "false": False, "null": None, "~": None, "": None}

Place = tuple[str, int, int]


def check_schema(directory: Directory, schema: Schema) -> Iterator[Problem]:
    """What `schema` has against each file. Raises SchemaUnusable."""
    said: dict[Place, list[str]] = {}
    for problem in directory.problems:
        said.setdefault(_place(problem), []).append(problem.message)
    for source in directory.sources:
        for complaint in schema.complaints(seen_by_editors(source.root)) if source.root else ():
            for found in found_by(source, complaint):
                before = said.get(_place(found.problem), [])
                if not any(found.missing in message for message in before):
                    yield found.problem


def _place(problem: Problem) -> Place:
    return problem.file, problem.line, problem.column


def seen_by_editors(node: yaml.Node | None) -> Json:
    """The data of a YAML text by the core schema of YAML 1.2. Keys are always text."""
    if isinstance(node, yaml.MappingNode):
        return {str(key.value): seen_by_editors(value) for key, value in node.value if isinstance(key, yaml.ScalarNode)}
    if isinstance(node, yaml.SequenceNode):
        return [seen_by_editors(item) for item in node.value]
    return _scalar(node) if isinstance(node, yaml.ScalarNode) else None


def _scalar(node: yaml.ScalarNode) -> Json:
    text: str = node.value
    if node.style is not None:  # in quotes, or a block
        return text
    if text.lower() in _WORDS and text in (text.lower(), text.capitalize(), text.upper()):
        return _WORDS[text.lower()]
    if _INT.fullmatch(text) and len(text) < 1000:
        return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
    if _FLOAT.fullmatch(text):
        number = float(text)
        return text if number in (float("inf"), float("-inf")) else number
    return text
