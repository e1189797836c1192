"""Whatever is in the files, they are examined to the end; and what a daemon starts with is what was examined."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from error_daemon.definitions.examine import Against, Examined, examine_places, starting
from error_daemon.definitions.host.host import Host
from error_daemon.definitions.schema.given import read_schema
from error_daemon.errors import ConfigError, Problem
from tests.definitions.broken_files import BROKEN
from tests.definitions.writing import load_definitions

SCHEMA = read_schema(Path(__file__).parents[2] / "etc/recovery/schema.json")
TEXTS = [path.read_text() for path in sorted(BROKEN.glob("*.yaml"))]
LINES = sorted({line for text in TEXTS for line in text.splitlines()})
edits = st.lists(
    st.tuples(
        st.sampled_from(["drop", "repeat", "swap", "indent", "insert", "cut"]),
        st.integers(0, 60),
        st.sampled_from(LINES),
    ),
    min_size=1,
    max_size=6,
)


def edited(text: str, some: list[tuple[str, int, str]]) -> str:
    lines = text.splitlines()
    for how, where, line in some:
        at = where % max(1, len(lines))
        if how == "insert" or not lines:
            lines.insert(at, line)
        elif how == "drop":
            del lines[at]
        elif how == "repeat":
            lines.insert(at, lines[at])
        elif how == "swap":
            lines[at], lines[-1] = lines[-1], lines[at]
        elif how == "indent":
            lines[at] = f"  {lines[at]}"
        else:
            lines[at] = lines[at][: where % (len(lines[at]) + 1)]
    return "\n".join(lines) + "\n"


def examined(text: str) -> Examined:
    with tempfile.TemporaryDirectory() as directory:
        (Path(directory) / "a.yaml").write_text(text)
        against = Against(Host(), SCHEMA, {("network", "restart-web"): 20.0})
        found = examine_places([Path(directory) / "a.yaml"], against)
        assert refused(Path(directory)) <= set(found.problems)
        assert (found.definitions is None) == bool(refused(Path(directory)))
    return found


def refused(directory: Path) -> set[Problem]:
    """What keeps a daemon from starting."""
    try:
        load_definitions(directory)
    except ConfigError as wrong:
        return set(wrong.problems)
    return set()


@settings(max_examples=300)
@given(st.sampled_from(TEXTS), edits)
def test_no_text_is_too_odd_to_be_examined(text: str, some: list[tuple[str, int, str]]) -> None:
    found = examined(edited(text, some))
    assert found.definitions is not None or any(not problem.is_warning for problem in found.problems)
    assert all(problem.message and problem.line >= 1 for problem in found.problems)


def test_a_directory_that_is_not_there_is_a_problem(tmp_path: Path) -> None:
    found = examine_places([tmp_path / "absent"], Against(Host()))
    assert [problem.message for problem in found.problems] == ["there is no such directory"]
    assert found.definitions is None
    with pytest.raises(ConfigError):
        starting(tmp_path / "absent")


def test_what_a_daemon_starts_with_is_what_was_examined(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("version: 1\ntargets: {a: {kind: host}}\n")
    definitions, lacking = starting(tmp_path)
    assert definitions == examine_places([tmp_path], Against()).definitions == load_definitions(tmp_path)
    assert lacking == []
