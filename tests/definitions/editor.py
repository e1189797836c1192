"""YAML as an editor reads it: the core schema of YAML 1.2, in which a plain scalar is what it looks like."""

from __future__ import annotations

import re
from typing import Any

import yaml


class _Core(yaml.SafeLoader):
    yaml_implicit_resolvers = {}  # noqa: RUF012


for _tag, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", "~nN"),
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?[0-9]+", "-+0123456789"),
    ("float", r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", "-+.0123456789"),
):
    _Core.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(f"(?:{_pattern})$"), [*_first, *([""] * (_tag == "null"))]
    )


def _int(loader: _Core, node: yaml.ScalarNode) -> int:
    return int(node.value)


def _float(loader: _Core, node: yaml.ScalarNode) -> float:
    return float(node.value)


_Core.add_constructor("tag:yaml.org,2002:int", _int)
_Core.add_constructor("tag:yaml.org,2002:float", _float)


def as_an_editor_reads(text: str) -> Any:
    """Its data, with keys as text, as JSON has them."""
    return _with_text_keys(yaml.load(text, _Core))


def _with_text_keys(data: Any) -> Any:
    if isinstance(data, dict):
        return {_key(key): _with_text_keys(value) for key, value in data.items()}
    return [_with_text_keys(each) for each in data] if isinstance(data, list) else data


def _key(key: object) -> str:
    return str(key).lower() if isinstance(key, bool) else str(key)
