"""What the pages say is what the program does."""

from __future__ import annotations

import re
from pathlib import Path

from error_daemon.core.life import diagram
from error_daemon.model import State

ROOT = Path(__file__).parents[2]


def page(name: str) -> str:
    return (ROOT / name).read_text()


def test_the_diagram_of_an_errors_life_is_the_one_of_the_table() -> None:
    [drawn] = re.findall(r"```mermaid\n(.*?)```", page("docs/flow.md"), re.DOTALL)
    assert drawn == diagram()


def test_every_state_is_explained() -> None:
    explained = re.findall(r"^\| (\w+) \| (?:open|retrying|resolved|failed) \|", page("docs/flow.md"), re.MULTILINE)
    assert explained == [state.value for state in State]


def test_every_link_between_pages_leads_somewhere() -> None:
    for name in (
        "README.md",
        "CONTRIBUTING.md",
        "CHANGELOG.md",
        *(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")),
    ):
        for link in re.findall(r"\]\(([^)#:]+)\)", page(name)):
            assert ((ROOT / name).parent / link).exists(), f"{name} links to {link}"


def test_every_file_named_in_the_coverage_exists() -> None:
    for path in re.findall(
        r"`((?:daemon|client|cli|tests|bench|etc|docs|proto|examples)/[\w./-]+)`", page("docs/coverage.md")
    ):
        assert (ROOT / path).exists(), f"docs/coverage.md names {path}"


def test_every_requirement_is_in_the_coverage_once() -> None:
    ids = re.findall(r"^\| ([A-E]\d+) \|", page("docs/coverage.md"), re.MULTILINE)
    expected = [
        f"{part}{number}"
        for part, last in zip("ABCDE", (23, 15, 17, 9, 7), strict=True)
        for number in range(1, last + 1)
    ]
    assert ids == expected
