"""What the pages say is what the program does."""

from __future__ import annotations

import re
import sys

from error_daemon.core.life import diagram
from error_daemon.model import State
from tests.docs.pages import ROOT, code, files, page, pages

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def test_the_diagram_of_an_errors_life_is_the_one_of_the_table() -> None:
    [drawn] = re.findall(r"```mermaid\n(.*?)```", page("docs/flow.md"), re.DOTALL)
    assert drawn == diagram()


def test_every_state_is_explained() -> None:
    explained = re.findall(r"^\| (\w+) \| (?:open|retrying|resolved|failed) \|", page("docs/flow.md"), re.MULTILINE)
    assert explained == [state.value for state in State]


def test_every_requirement_is_in_the_coverage_once() -> None:
    ids = re.findall(r"^\| ([A-E]\d+) \|", page("docs/coverage.md"), re.MULTILINE)
    expected = [
        f"{part}{number}"
        for part, last in zip("ABCDE", (23, 15, 17, 9, 7), strict=True)
        for number in range(1, last + 1)
    ]
    assert ids == expected


def test_what_is_in_the_coverage_has_a_proof_or_is_said_to_be_missing() -> None:
    for row in re.findall(r"^\| [A-E]\d+ \|.*$", page("docs/coverage.md"), re.MULTILINE):
        _, _, what, where, proof, _ = (cell.strip() for cell in row.split("|"))
        assert "not yet" in what.lower() or (where and proof), row


def test_every_path_in_the_coverage_is_written_from_the_root() -> None:
    for path in re.findall(r"`([\w./-]+/[\w./-]*)`", page("docs/coverage.md")):
        assert path.startswith("/") or (ROOT / path).exists(), f"docs/coverage.md names {path}"


def test_the_readme_leads_to_every_page() -> None:
    linked = set(re.findall(r"\]\((docs/[\w-]+\.md)", page("README.md")))
    assert sorted(name for name in pages() if name.count("/") == 1 and name.startswith("docs/")) == sorted(linked)


def test_the_areas_of_a_diagnosis_are_those_of_the_table() -> None:
    made = set(re.findall(r"\bArea\(\"(\w+)\"\)", code()))
    told = page("docs/diagnose.md")
    told_of = set(
        re.findall(r"^\| (\w+) \|", told[told.index("## The areas") : told.index("From outside")], re.MULTILINE)
    )
    assert made - {"daemon", "unit"} == told_of - {
        "area",
        "sensors",
    }  # these two from outside; each sensor makes its own


def _house() -> str:
    [house] = re.findall(r"^daemon/error_daemon/\n(.*?)^install/", page("CONTRIBUTING.md"), re.MULTILINE | re.DOTALL)
    return str(house)


def test_every_part_of_the_daemon_is_in_the_house() -> None:
    parts = {file.split("/")[2] for file in files() if file.startswith("daemon/error_daemon/") and file.endswith(".py")}
    names = {part.removesuffix(".py") for part in parts} - {"__init__"}
    assert names <= set(re.findall(r"\w+", _house()))


def test_the_islands_and_what_they_stand_on_are_those_that_are_checked() -> None:
    contracts = tomllib.loads(page("pyproject.toml"))["tool"]["importlinter"]["contracts"]
    _, _, _, islands, below, *_ = (set(re.findall(r"\.(\w+)", layer)) for layer in contracts[0]["layers"])
    told = page("CONTRIBUTING.md")
    [named] = re.findall(r"the islands \(`([\w\s]+)`\)", told)
    [under] = re.findall(r"never import each other → ([^→]+) → the floor", told)
    assert set(named.split()) == islands
    assert set(re.findall(r"`(\w+)`", under)) == below
