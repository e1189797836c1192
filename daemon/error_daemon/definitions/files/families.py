"""Families: a target whose name has one `*` stands for several of its kind, one for each of its instances.

    shop-*: {kind: process, instances: [a, b], probes: ["*-answers", disk], ...}      shop-a, shop-b

- `instances` lists what the star stands for, or maps each to variables of its own, which replace those of the family by name.
- In the family's own `probes` and `depends_on`, the star of a name stands for the instance, too; a name without star is the same for
  all of them.
- A family is its members and nothing else: nothing can be said of `shop-*` elsewhere, but globs in `when` match its members.

What is wrong in the text of a family is wrong in each member; `said_once` leaves one of those problems.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

import yaml

from error_daemon.definitions.complaints import quoted
from error_daemon.definitions.files.yaml_nodes import Source, mapping_like, pairs, text_like, value_of
from error_daemon.definitions.shapes.fields import NAME_PATTERN
from error_daemon.errors import Problem

MAX_MEMBERS = 1_000  # of all families of a file
_STARRED = ("probes", "depends_on")


@dataclass(frozen=True, slots=True)
class Family:
    """`shop-*`, in which lines it stands, and what its star stands for."""

    file: str
    lines: range  # from 1
    name: str
    instances: tuple[str, ...]


@dataclass(slots=True)
class Members:
    """The root with each family's members in its place, and what they were made of."""

    root: yaml.Node
    families: list[Family] = field(default_factory=list)
    instances: dict[str, str] = field(default_factory=dict)  # of each member, by its name
    problems: list[Problem] = field(default_factory=list)
    is_whole: bool = True  # no family had to be left out


def with_members(source: Source, root: yaml.Node) -> Members:
    """`root` is that of the source, perhaps with more written out."""
    made = Members(root)
    targets = value_of(root, "targets")
    if not isinstance(targets, yaml.MappingNode):
        return made
    taken = {key.value: key.start_mark.line + 1 for key, _ in pairs(targets) if "*" not in key.value}
    content: list[tuple[yaml.Node, yaml.Node]] = []
    for key, entry in pairs(targets):
        instances = next((each for each, _ in pairs(entry) if each.value == "instances"), None)
        if "*" in key.value:
            members = _Family(source, key, entry, taken).members(made)
            content.extend(members)
        elif instances is not None:
            message = f"{quoted(key.value)} has instances, and no * in its name"
            made.problems.append(source.problem_at(instances, message, "a family is called shop-*, say"))
            content.append((key, mapping_like(entry, [pair for pair in pairs(entry) if pair[0].value != "instances"])))
        else:
            content.append((key, entry))
    if made.families or made.problems:
        new = mapping_like(targets, content)
        made.root = mapping_like(root, [(key, new if node is targets else node) for key, node in pairs(root)])
    return made


@dataclass(frozen=True, slots=True)
class _Family:
    """A family as it is written; `taken` are the names of targets so far, with their lines."""

    source: Source
    key: yaml.ScalarNode
    entry: yaml.Node
    taken: dict[str, int]

    def members(self, made: Members) -> Iterator[tuple[yaml.Node, yaml.Node]]:
        """One pair of name and entry for each instance; everything else goes into `made`."""
        problem = self._problem()
        if problem is not None:
            made.problems.append(problem)
            made.is_whole = False
            return
        lines = range(self.key.start_mark.line + 1, self.entry.end_mark.line + 2)
        found: list[str] = []
        for instance, variables in _instances(self.entry):
            if len(made.instances) >= MAX_MEMBERS:
                message = f"more than {MAX_MEMBERS:,} members of families in one file"
                made.problems.append(self.source.problem_at(instance, message, "split it"))
                made.is_whole = False
                break
            wrong = self._wrong(instance)
            if wrong is not None:
                made.problems.append(wrong)
                made.is_whole = False
                continue
            name = self.key.value.replace("*", instance.value)
            self.taken[name] = instance.start_mark.line + 1
            made.instances[name] = instance.value
            found.append(instance.value)
            yield text_like(self.key, name), self._member(instance.value, variables)
        made.families.append(Family(self.source.file, lines, self.key.value, tuple(found)))

    def _problem(self) -> Problem | None:
        """Why there is no telling who belongs to it."""
        name, at = self.key.value, self.source.problem_at
        if name.count("*") > 1:
            return at(self.key, f"{quoted(name)} has more than one *", "the * of a family stands for one instance")
        if not isinstance(self.entry, yaml.MappingNode):
            return at(self.entry, f"the family {quoted(name)} is not a mapping", "write kind, instances ...")
        instances = value_of(self.entry, "instances")
        if instances is None:
            return at(self.key, f"{quoted(name)} is a family, and has no instances", "instances: [a, b]")
        if not isinstance(instances, yaml.SequenceNode | yaml.MappingNode):
            return at(instances, "instances are a list, or a mapping to their variables", "instances: [a, b]")
        if not instances.value:
            return at(instances, f"the family {quoted(name)} has no instances", "name one, or leave the family out")
        return None

    def _wrong(self, instance: yaml.Node) -> Problem | None:
        """Why this one can't be a member."""
        at = self.source.problem_at
        if not isinstance(instance, yaml.ScalarNode):
            return at(instance, "an instance is not text", "instances: [a, b], or {a: {port: 8081}, b: {}}")
        name = self.key.value.replace("*", instance.value)
        if not instance.value or not re.fullmatch(NAME_PATTERN, name):
            mend = "1 to 64 letters, digits, dots, dashes and underscores, a letter or digit first"
            return at(instance, f"{quoted(name)} can't be the name of a target", mend)
        if name in self.taken:
            return at(instance, f"{quoted(name)} is defined twice in targets", f"also in line {self.taken[name]}")
        return None

    def _member(self, instance: str, variables: yaml.Node | None) -> yaml.MappingNode:
        content: list[tuple[yaml.Node, yaml.Node]] = []
        own = (
            variables if variables is not None and variables.value else None
        )  # `a:` with nothing behind is no variables
        for key, value in pairs(self.entry):
            if key.value in _STARRED:
                content.append((key, _starred(value, instance)))
            elif key.value == "variables" and isinstance(own, yaml.MappingNode) and isinstance(value, yaml.MappingNode):
                own = mapping_like(own, [*_without(value, own), *own.value])
            elif key.value == "variables" and own is None:
                own = value
            elif key.value not in ("instances", "variables"):
                content.append((key, value))
        if own is not None:
            content.append((text_like(own, "variables"), own))
        return mapping_like(self.entry, content)


def _instances(entry: yaml.Node) -> Iterator[tuple[yaml.Node, yaml.Node | None]]:
    """Each instance, with its variables where it has some."""
    instances = value_of(entry, "instances")
    if isinstance(instances, yaml.MappingNode):
        yield from instances.value
    elif isinstance(instances, yaml.SequenceNode):
        yield from ((instance, None) for instance in instances.value)


def _without(family: yaml.Node, own: yaml.Node) -> Iterator[tuple[yaml.Node, yaml.Node]]:
    replaced = {key.value for key, _ in pairs(own)}
    return ((key, value) for key, value in pairs(family) if key.value not in replaced)


def _starred(value: yaml.Node, instance: str) -> yaml.Node:
    if isinstance(value, yaml.ScalarNode):
        return text_like(value, value.value.replace("*", instance))
    if isinstance(value, yaml.SequenceNode):
        inner = [_starred(each, instance) if isinstance(each, yaml.ScalarNode) else each for each in value.value]
        return yaml.SequenceNode(value.tag, inner, value.start_mark, value.end_mark)
    return value


def said_once(problems: Iterable[Problem], families: Iterable[Family]) -> list[Problem]:
    """Without those that say the same of another member of a family, or of another entry that took the same default."""
    by_file: dict[str, list[Family]] = {}
    for family in families:
        by_file.setdefault(family.file, []).append(family)
    first: dict[Problem, Problem] = {}
    for problem in problems:
        first.setdefault(_of_the_family(problem, by_file.get(problem.file, ())), problem)
    return list(first.values())


def _of_the_family(problem: Problem, families: Iterable[Family]) -> Problem:
    """The problem in words that hold for every member."""
    for family in families:
        if problem.line in family.lines:
            for instance in (each for each in family.instances if each in problem.message):
                message, mend = (_general(text, family.name, instance) for text in (problem.message, problem.mend))
                if message != problem.message:
                    return replace(problem, message=message, mend=mend)
    return problem


def _general(text: str, family: str, instance: str) -> str:
    text = re.sub(rf"(?<![\w.-]){re.escape(family.replace('*', instance))}(?![\w.-])", family, text)
    return re.sub("`[^`]*`", lambda found: re.sub(rf"(?<![^\W_]){re.escape(instance)}(?![^\W_])", "*", found[0]), text)
