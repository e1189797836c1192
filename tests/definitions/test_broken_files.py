"""Each mistake of tests/definitions/broken/ is found, with the words and the carets that error-cli prints."""

from __future__ import annotations

from pathlib import Path

import pytest

from error_daemon.definitions.schema.given import read_schema
from error_daemon.errors import ConfigError
from tests.definitions.broken_files import BROKEN, CASES, findings, put
from tests.definitions.writing import load_definitions

SHIPPED = read_schema(Path(__file__).parents[2] / "etc/recovery/schema.json")


@pytest.mark.parametrize("case", CASES)
def test_a_mistake_is_found_where_it_stands(case: str, tmp_path: Path) -> None:
    assert findings(case, tmp_path) == (BROKEN / f"{case}.expected").read_text()


@pytest.mark.parametrize("case", [case for case in CASES if not case.startswith("schema-")])
def test_the_shipped_schema_has_nothing_to_add(case: str, tmp_path: Path) -> None:
    assert findings(case, tmp_path, SHIPPED) == (BROKEN / f"{case}.expected").read_text()


def test_there_are_a_hundred_mistakes_and_each_has_its_file() -> None:
    assert len(CASES) >= 100
    written = {path.stem for path in BROKEN.iterdir() if path.suffix != ".expected"} - {"host", "schemas"}
    assert written == set(CASES)


@pytest.mark.parametrize("case", ["night-five-mistakes", "night-a-probe-as-a-target", "secret-in-a-url"])
def test_what_keeps_the_daemon_from_starting_is_found_by_it_too(case: str, tmp_path: Path) -> None:
    place = put(case, tmp_path)
    place.chmod(0o644)
    with pytest.raises(ConfigError):
        load_definitions(tmp_path)


@pytest.mark.parametrize("case", ["shadow-everything-first", "unused-target", "early-rm", "host-not-in-the-path"])
def test_what_may_be_meant_or_is_about_this_host_keeps_no_daemon_from_starting(case: str, tmp_path: Path) -> None:
    put(case, tmp_path)
    assert load_definitions(tmp_path).rules
