"""A rule that is called unreachable never gets a fault: whatever the rules and faults are made of."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import yaml
from hypothesis import find, given, settings
from hypothesis import strategies as st

from error_daemon.core.rules import matches
from error_daemon.definitions.loader import sound
from error_daemon.definitions.meaning.shadows import check_shadows
from error_daemon.model import Definitions, ErrorType, Fault, Severity
from tests.definitions.writing import read_directory

NAMES = ("", "a", "b", "ab", "ba", "abb")
globs = st.lists(st.sampled_from("ab*?"), min_size=1, max_size=3).map("".join)
TYPES = (ErrorType.NETWORK, ErrorType.DATA, ErrorType.TIMEOUT)
whens = st.fixed_dictionaries(
    {},
    optional={
        "type": st.lists(st.sampled_from([one.value for one in TYPES]), min_size=1, max_size=3, unique=True),
        "min_severity": st.sampled_from(["low", "medium", "high"]),
        "component": globs,
        "target": globs,
        "message": globs | st.sampled_from([{"regex": "a.*"}, {"regex": ".*"}]),
        "attributes": st.dictionaries(st.sampled_from("xy"), globs, max_size=2),
    },
)
faults = st.builds(
    Fault,
    type=st.sampled_from(TYPES),
    message=st.sampled_from(NAMES),
    severity=st.sampled_from([None, *Severity]),
    component=st.sampled_from(NAMES),
    target=st.sampled_from(NAMES),
    attributes=st.dictionaries(st.sampled_from("xy"), st.sampled_from(NAMES), max_size=2),
)


some_conditions = st.lists(whens, min_size=2, max_size=5)


def rules_of(conditions: list[dict[str, object]]) -> tuple[Definitions, set[str]]:
    """The rules r0, r1 ... with these conditions, and those that are called unreachable."""
    rules = [{"id": f"r{number}", "when": when, "ladder": "l"} for number, when in enumerate(conditions)]
    document = {"version": "1", "strategies": {"s": {"kind": "retry"}}, "ladders": {"l": {"1": "s"}}, "rules": rules}
    with TemporaryDirectory() as directory:
        Path(directory, "a.yaml").write_text(yaml.safe_dump(document))
        written = read_directory(Path(directory))
        return sound(written), {problem.message.split("`")[1] for problem in check_shadows(written)}


@given(some_conditions, st.lists(faults, min_size=20, max_size=60))
def test_a_rule_that_is_called_unreachable_gets_no_fault(
    conditions: list[dict[str, object]], some: list[Fault]
) -> None:
    definitions, unreachable = rules_of(conditions)
    for fault in some:
        first = next((rule.id for rule in definitions.rules if matches(rule.when, fault)), None)
        assert first not in unreachable


def test_among_such_rules_are_some_that_are_called_unreachable() -> None:
    def is_shadowed(conditions: list[dict[str, object]]) -> bool:
        return bool(rules_of(conditions)[1]) and all(conditions)

    find(some_conditions, is_shadowed, settings=settings(max_examples=1000, derandomize=True))
