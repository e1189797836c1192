"""`defaults`: what the entries of one file have that do not write it themselves.

A default is one key with its value. An entry takes it if it may have that key (for targets, probes and strategies: if its kind
may) and does not write it. What it writes replaces the default whole: nothing is merged, however deep. `kind`, `id`, `when` and
`instances` are every entry's own. Defaults are for the entries of the same file only, so whoever reads a file sees all of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import yaml

from error_daemon.definitions.complaints import quoted
from error_daemon.definitions.files.yaml_nodes import Source, mapping_like, pairs, value_of
from error_daemon.definitions.shapes.defaulted import OWN_KEYS
from error_daemon.definitions.shapes.document import BulkheadEntry, RuleEntry
from error_daemon.definitions.shapes.entry import models_by_kind
from error_daemon.definitions.shapes.probes import ProbeEntry
from error_daemon.definitions.shapes.strategies import StrategyEntry
from error_daemon.definitions.shapes.targets import TargetEntry
from error_daemon.errors import Problem

Pair = tuple[yaml.ScalarNode, yaml.Node]

_KEYS_BY_KIND = {
    section: {kind: frozenset(model.model_fields) for kind, model in models_by_kind(entry).items()}
    for section, entry in (("targets", TargetEntry), ("probes", ProbeEntry), ("strategies", StrategyEntry))
}
_KEYS = {"rules": frozenset(RuleEntry.model_fields), "bulkheads": frozenset(BulkheadEntry.model_fields)}


def with_defaults(source: Source) -> tuple[yaml.Node, list[Problem]]:
    """The root with every entry written out, and the defaults that there can't be. The source must have a root."""
    assert source.root is not None
    written = value_of(source.root, "defaults")
    if not isinstance(written, yaml.MappingNode):
        return source.root, []
    problems = list(_own(source, written))
    by_section = {section.value: [*_allowed(node)] for section, node in pairs(written)}
    content: list[Pair] = []
    for key, node in pairs(source.root):
        if key.value == "defaults":
            kept = [
                (section, mapping_like(each, [*_allowed(each)]) if _is_mapping(each) else each)
                for section, each in pairs(node)
            ]
            content.append((key, mapping_like(node, kept)))
        else:
            content.append((key, _section(key.value, node, by_section)))
    return mapping_like(source.root, content), problems


def _own(source: Source, written: yaml.Node) -> Iterator[Problem]:
    for _, node in pairs(written):
        for key, _ in pairs(node):
            if key.value in OWN_KEYS:
                yield source.problem_at(key, f"{quoted(key.value)} can't have a default", "write it in every entry")


def _allowed(node: yaml.Node) -> Iterator[Pair]:
    return ((key, value) for key, value in pairs(node) if key.value not in OWN_KEYS)


def _is_mapping(node: yaml.Node) -> bool:
    return isinstance(node, yaml.MappingNode)


def _section(name: str, node: yaml.Node, by_section: Mapping[str, list[Pair]]) -> yaml.Node:
    defaults = by_section.get(name)
    if not defaults:
        return node
    if name in _KEYS_BY_KIND and _is_mapping(node):
        return mapping_like(node, [(key, _entry(name, entry, defaults)) for key, entry in pairs(node)])
    if name in _KEYS and isinstance(node, yaml.SequenceNode):
        entries = [_entry(name, entry, defaults) for entry in node.value]
        return yaml.SequenceNode(node.tag, entries, node.start_mark, node.end_mark)
    return node


def _entry(section: str, entry: yaml.Node, defaults: list[Pair]) -> yaml.Node:
    if not isinstance(entry, yaml.MappingNode):
        return entry
    keys = _KEYS.get(section) or _keys_of_kind(section, entry)
    own = {key.value for key, _ in pairs(entry)}
    taken = [(key, value) for key, value in defaults if key.value in keys and key.value not in own]
    return mapping_like(entry, [*entry.value, *taken])


def _keys_of_kind(section: str, entry: yaml.Node) -> frozenset[str]:
    kind = value_of(entry, "kind")
    return _KEYS_BY_KIND[section].get(kind.value, frozenset()) if isinstance(kind, yaml.ScalarNode) else frozenset()
