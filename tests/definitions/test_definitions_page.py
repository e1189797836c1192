"""docs/definitions.md says what may be written: every key, and examples that load."""

from __future__ import annotations

import re
from pathlib import Path

from error_daemon.definitions.files.yaml_nodes import read_yaml
from error_daemon.model import Mode
from tests.definitions.reference import PAGE, TABLES, rendered
from tests.definitions.writing import load_definitions, write

EXAMPLES = Path(__file__).parents[2] / "etc" / "recovery" / "definitions"


def test_the_tables_of_the_page_are_those_of_the_models() -> None:
    page = PAGE.read_text()
    assert rendered(page) == page, "run python -m tests.definitions.reference"


def test_every_table_is_on_the_page_once() -> None:
    named = re.findall(r"<!-- keys: ([\w ]+) -->", PAGE.read_text())
    assert sorted(named) == sorted(TABLES)


def test_the_examples_of_the_page_load_together(tmp_path: Path) -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    for number, block in enumerate(blocks):
        _, problems = read_yaml("page", block)
        assert not problems
        text = block if block.startswith("version") else f"version: 1\n{block}"
        write(tmp_path / "definitions", {f"{number}.yaml": text.removeprefix("version: 1\n")})
    write(tmp_path, {"common/any.yaml": "", "definitions/shop/recovery.yaml": ""})
    definitions = load_definitions(tmp_path / "definitions")
    assert definitions.rules
    assert definitions.bulkheads


def test_the_shipped_examples_that_are_not_read_load_beside_the_one_that_is(tmp_path: Path) -> None:
    for path in EXAMPLES.iterdir():
        (tmp_path / path.name).with_suffix(".yaml" if path.suffix == ".example" else path.suffix).write_text(
            path.read_text()
        )
    definitions = load_definitions(tmp_path)
    assert {rule.mode for rule in definitions.rules} == {Mode.OBSERVE, Mode.APPROVE}
    assert definitions.bulkheads
