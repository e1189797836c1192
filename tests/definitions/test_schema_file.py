"""A schema that is none is told apart from definitions that do not fit it."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from error_daemon.definitions.examine import Against, examine_places
from error_daemon.definitions.schema.given import SchemaUnusable, read_schema
from error_daemon.definitions.schema.misfits import seen_by_editors
from tests.definitions.editor import as_an_editor_reads

ROOT = Path(__file__).parents[2]


def written(directory: Path, schema: Any) -> Path:
    file = directory / "schema.json"
    file.write_text(json.dumps(schema))
    return file


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is not JSON"),
        ("[]", "is not a JSON Schema: it is neither a mapping"),
        ('{"type": "thing"}', "is not a JSON Schema: at type: 'thing'"),
        ('{"properties": {"a": {"pattern": "("}}}', "is not a JSON Schema"),
        ("[" * 100_000, "is not JSON"),
    ],
)
def test_what_is_no_schema_is_said(content: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "schema.json").write_text(content)
    with pytest.raises(SchemaUnusable, match=message):
        read_schema(tmp_path / "schema.json")


def test_a_schema_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(SchemaUnusable, match="cannot be read: No such file"):
        read_schema(tmp_path / "schema.json")


@pytest.mark.parametrize("reference", ["absent.json", "https://example.org/other.json", "#/$defs/absent"])
def test_what_a_schema_refers_to_is_never_fetched_from_elsewhere(reference: str, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("version: 1\n")
    schema = read_schema(written(tmp_path, {"$ref": reference}))
    with pytest.raises(SchemaUnusable, match="refers to"):
        examine_places([tmp_path / "a.yaml"], Against(schema=schema))


def test_a_schema_may_refer_to_itself_by_where_it_is_published(tmp_path: Path) -> None:
    published = "https://example.org/recovery.json"
    document = {
        "$id": published,
        "required": ["rules"],
        "$defs": {"rules": {"maxItems": 0}},
        "properties": {"rules": {"$ref": f"{published}#/$defs/rules"}},
    }
    (tmp_path / "a.yaml").write_text("version: 1\n")
    examined = examine_places([tmp_path / "a.yaml"], Against(schema=read_schema(written(tmp_path, document))))
    assert [problem.message for problem in examined.problems] == ["`rules` is missing"]


def test_the_schema_of_the_page_is_stricter_than_the_shipped_one(tmp_path: Path) -> None:
    [block] = re.findall(r"```json\n(.*?)```", (ROOT / "docs/validate.md").read_text(), re.DOTALL)
    (tmp_path / "house.json").write_text(block)
    shutil.copyfile(ROOT / "etc/recovery/schema.json", tmp_path / "schema.json")
    (tmp_path / "a.yaml").write_text("version: 1\nrules: [{id: a, when: {}, ladder: {1: s}, mode: auto, tagret: x}]\n")
    examined = examine_places([tmp_path / "a.yaml"], Against(schema=read_schema(tmp_path / "house.json")))
    assert [problem.message for problem in examined.problems] == [
        "`severity` is missing",
        "`auto` is not known here (known: observe, approve)",
        "unknown key `tagret`",
    ]


@pytest.mark.parametrize("schema", [True, {}])
def test_a_schema_that_takes_everything_has_nothing_to_say(schema: Any, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("version: 1\n")
    examined = examine_places([tmp_path / "a.yaml"], Against(schema=read_schema(written(tmp_path, schema))))
    assert examined.problems == ()


def test_a_schema_that_takes_nothing_says_so_once_for_each_file(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("version: 1\n")
    examined = examine_places([tmp_path / "a.yaml"], Against(schema=read_schema(written(tmp_path, False))))
    assert len(examined.problems) == 1


SCALARS = """
    1 0 -1 +1 1.5 .5 1e3 -1.5E-3 true True TRUE tRue false null Null ~ yes no on 1_0 1:30 abc 1s '1' "true"
"""
scalars = st.sampled_from(SCALARS.split())


@given(st.lists(scalars, min_size=1, max_size=5))
def test_scalars_are_read_as_an_editor_reads_them(some: list[str]) -> None:
    text = f"[{', '.join(some)}]"
    assert seen_by_editors(yaml.compose(text, yaml.BaseLoader)) == as_an_editor_reads(text)
