"""Whatever is in a file: it loads, or every problem is said; nothing else happens."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from error_daemon.definitions.files.written import SECTIONS
from error_daemon.errors import ConfigError, Problem
from tests.definitions.writing import load_definitions

_BREAKS = ("", "- ", ": ", ", ", "? ", "\n", "\n  ", "\n    ", "\x00", "\ufeff")
_TOKENS = """
    version 1 targets probes rules ladders strategies bulkheads kind exec process group_restart when id command ladder mode auto
    type message regex depends_on weight max_concurrency fallback wait isolate approval
    timeout 5s operation include defaults instances variables shop-* ${port} ${fault.message} hooks workflows for steps *.yaml
    ( << &a *a !!x %YAML 9.9 --- { } [ ] ' " | > # \\ud800 \\U00110000
"""
_WORDS = st.sampled_from((*_BREAKS, *_TOKENS.split()))
_JSON = st.recursive(
    st.text(max_size=8) | _WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_WORDS | st.text(max_size=4), inner, max_size=5),
    max_leaves=20,
)


def loads_or_complains(directory: Path, raw: bytes) -> None:
    (directory / "a.yaml").write_bytes(raw)
    problems: tuple[Problem, ...] | None = None
    try:
        load_definitions(directory)
    except ConfigError as error:
        problems = error.problems
    assert problems != ()


@given(st.binary() | st.text().map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_arbitrary_bytes_load_or_are_a_config_error(directory: Path, raw: bytes) -> None:
    loads_or_complains(directory, raw)


@given(st.lists(_WORDS, max_size=40))
def test_arbitrary_heaps_of_the_right_words_load_or_are_a_config_error(directory: Path, words: list[str]) -> None:
    loads_or_complains(directory, "".join(words).encode())


@given(
    st.dictionaries(
        st.sampled_from([*SECTIONS, "version", "include", "defaults"]),
        _JSON | st.dictionaries(st.sampled_from(SECTIONS), _JSON, max_size=2),
    )
)
def test_arbitrary_data_in_the_right_sections_loads_or_is_a_config_error(
    directory: Path, data: dict[str, object]
) -> None:
    loads_or_complains(directory, json.dumps(data).encode())


@given(st.dictionaries(st.sampled_from(["shop-*", "a-*-b", "*", "shop-a"]), st.fixed_dictionaries({"kind": st.just("host")}, optional={
    "instances": _JSON, "variables": _JSON, "probes": _JSON, "depends_on": _JSON,
}), max_size=3))  # fmt: skip
def test_arbitrary_families_load_or_are_a_config_error(directory: Path, targets: dict[str, object]) -> None:
    loads_or_complains(directory, json.dumps({"version": "1", "targets": targets}).encode())


@given(
    st.text(alphabet="${}ab.fault", max_size=12),
    st.sampled_from(["host", "port", "url", "command", "environment", "cwd", "path"]),
)
def test_arbitrary_texts_with_variables_load_or_are_a_config_error(directory: Path, text: str, key: str) -> None:
    value: object = [text, text] if key == "command" else {"A": text} if key == "environment" else text
    probes = {
        kind: {"kind": kind, "host": "h", "port": "1", "url": "http://h", "command": ["x"], "path": "/", key: value}
        for kind in ("tcp", "exec")
    }
    sound = {"tcp": ("kind", "host", "port"), "exec": ("kind", "command", "environment", "cwd")}
    entries = {
        kind: {name: each for name, each in probe.items() if name in sound[kind]} for kind, probe in probes.items()
    }
    data = {
        "version": "1",
        "targets": {"t": {"kind": "host", "probes": ["tcp", "exec"], "variables": {"a": "1"}}},
        "probes": entries,
    }
    loads_or_complains(directory, json.dumps(data).encode())


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all examples: each writes its file anew."""
    return tmp_path_factory.mktemp("definitions")
