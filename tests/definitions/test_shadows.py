"""A rule that is called unreachable never gets a fault: whatever the rules and faults are made of."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import yaml
from hypothesis import given
from hypothesis import strategies as st

from error_daemon.core.rules import matches
from error_daemon.definitions.meaning.shadows import check_shadows
from error_daemon.model import ErrorType, Fault, Severity
from tests.definitions.writing import load_definitions, read_directory

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


@given(st.lists(whens, min_size=2, max_size=5), st.lists(faults, min_size=20, max_size=60))
def test_a_rule_that_is_called_unreachable_gets_no_fault(
    conditions: list[dict[str, object]], some: list[Fault]
) -> None:
    rules = [{"id": f"r{number}", "when": when, "ladder": "l"} for number, when in enumerate(conditions)]
    document = {"version": "1", "strategies": {"s": {"kind": "retry"}}, "ladders": {"l": {"1": "s"}}, "rules": rules}
    with TemporaryDirectory() as directory:
        Path(directory, "a.yaml").write_text(yaml.safe_dump(document))
        unreachable = {problem.message.split("`")[1] for problem in check_shadows(read_directory(Path(directory)))}
        definitions = load_definitions(Path(directory))
    for fault in some:
        first = next((rule.id for rule in definitions.rules if matches(rule.when, fault)), None)
        assert first not in unreachable
