"""What is other in definitions, as people are shown it, and the digest by which two sets are told apart."""

from __future__ import annotations

from pathlib import Path

import pytest

from error_daemon.definitions.difference import difference, digest
from error_daemon.model import DefinitionChange, Definitions, KeyChange
from tests.definitions.writing import load_definitions

BASE = """
version: 1
targets:
  web: {kind: service, probes: [port], weight: 2}
probes:
  port: {kind: tcp, host: 127.0.0.1, port: 80}
strategies:
  again: {kind: retry}
  post: {kind: http, method: POST, url: "http://127.0.0.1/fix", headers: {Authorization: Bearer one}}
rules:
  - {id: first, when: {component: "shop-*", type: [network, data]}, target: web, mode: auto, ladder: {1: [again]}}
  - {id: second, when: {message: {regex: "a|b"}}, target: web, mode: auto, ladder: {1: [again], 3: [post]}}
bulkheads:
  - {id: narrow, max_concurrency: 2, when: {priorities: [low]}}
"""


def loaded(directory: Path, text: str = BASE) -> Definitions:
    file = directory / "a.yaml"
    file.write_text(text)
    file.chmod(0o600)  # it has secrets
    return load_definitions(directory)


def changed(directory: Path, *edits: tuple[str, str]) -> list[DefinitionChange]:
    text = BASE
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    old_ones, new_ones = loaded(directory), loaded(directory, text)
    found = list(difference(old_ones, new_ones))
    assert (digest(old_ones) == digest(new_ones)) == (not found), "one tells what the other does"
    return found


def test_how_it_is_written_is_no_difference(tmp_path: Path) -> None:
    assert (
        changed(
            tmp_path,
            ("version: 1", "version: 1 # a comment"),
            ("kind: tcp, host: 127.0.0.1", "host: 127.0.0.1, kind: tcp"),
        )
        == []
    )


def test_each_key_is_shown_as_it_was_and_as_it_is(tmp_path: Path) -> None:
    edits = (
        ("port: 80", "port: 81"),
        ("weight: 2", "weight: 2.5"),
        ('"shop-*"', '"shop-?"'),
        ("a|b", "a|c"),
        ("3: [post]", "4: [post]"),
    )
    assert changed(tmp_path, *edits) == [
        DefinitionChange("target", "web", "changed", (KeyChange("weight", "2", "2.5"),)),
        DefinitionChange("probe", "port", "changed", (KeyChange("port", "80", "81"),)),
        DefinitionChange("rule", "first", "changed", (KeyChange("when.component", "shop-*", "shop-?"),)),
        DefinitionChange(
            "rule",
            "second",
            "changed",
            (
                KeyChange("when.message", "a|b", "a|c"),
                KeyChange("ladder.3", '["post"]', ""),
                KeyChange("ladder.4", "", '["post"]'),
            ),
        ),
    ]


def test_what_looks_like_a_secret_is_compared_and_not_shown(tmp_path: Path) -> None:
    [change] = changed(tmp_path, ("Bearer one", "Bearer two"))
    assert [key.old for key in change.keys] == ["***"]
    assert "Bearer" not in repr(change)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("http://127.0.0.1/fix", "http://u:hunter2@127.0.0.1/fix"),
        ("{Authorization: Bearer one}", "{X-Auth: one-5f3c}"),
        ("http, method: POST, url", "http, method: POST, body: '--password=hunter2', url"),
    ],
)
def test_a_secret_is_known_by_the_rules_for_files(old: str, new: str, tmp_path: Path) -> None:
    [change] = changed(tmp_path, (old, new))
    assert {text for key in change.keys for text in (key.old, key.new)} == {"***"}


@pytest.mark.parametrize("program", ["[a, --pass, one]", "[a], environment: {DB_PWD: one}", "[a, 'http://u:one@h/']"])
def test_a_secret_of_a_program_is_not_shown(program: str, tmp_path: Path) -> None:
    [change] = changed(tmp_path, ("  again: {kind: retry}", f"  again: {{kind: exec, command: {program}}}"))
    assert "one" not in repr(change).replace("environment", "")


def test_a_name_that_only_has_a_secret_in_it_is_shown(tmp_path: Path) -> None:
    [change] = changed(tmp_path, ('"shop-*"', '"token-service"'))
    assert change.keys == (KeyChange("when.component", "shop-*", "token-service"),)


def test_no_figure_of_a_number_is_lost(tmp_path: Path) -> None:
    [change] = changed(tmp_path, ("weight: 2", "weight: 2.0000001"))
    assert change.keys == (KeyChange("weight", "2", "2.0000001"),)


def test_an_empty_text_is_something(tmp_path: Path) -> None:
    [change] = changed(
        tmp_path, ("headers: {Authorization: Bearer one}", "headers: {Authorization: Bearer one, X-A: ''}")
    )
    assert change.keys == (KeyChange("headers.X-A", "", '""'),)


def test_what_is_added_and_what_is_removed_is_named(tmp_path: Path) -> None:
    found = changed(
        tmp_path, ("  port: {", "  other: {kind: tcp, host: 127.0.0.1, port: 1}\n  port: {"), ("id: narrow", "id: wide")
    )
    assert [(change.how, change.kind, change.name) for change in found] == [
        ("added", "probe", "other"),
        ("added", "bulkhead", "wide"),
        ("removed", "bulkhead", "narrow"),
    ]


def test_another_order_of_rules_is_a_difference(tmp_path: Path) -> None:
    swapped = changed(tmp_path, ("id: first", "id: x"), ("id: second", "id: first"), ("id: x", "id: second"))
    assert swapped[-1] == DefinitionChange(
        "rule", "", "changed", (KeyChange("order", "first, second", "second, first"),)
    )


def test_nothing_beside_nothing_is_no_difference() -> None:
    assert difference(Definitions(), Definitions()) == ()
    assert digest(Definitions()) == digest(Definitions())


def test_an_observer_is_shown_by_its_keys(tmp_path: Path) -> None:
    observed = (
        "weight: 2, observe: [{kind: files, paths: [/srv/a]}, {kind: http, url: 'http://h/', headers: {Cookie: abc}}]"
    )
    [change] = changed(tmp_path, ("weight: 2", observed))
    assert change.keys == (
        KeyChange("observe.files.kind", "", "files"),
        KeyChange("observe.files.paths", "", '["/srv/a"]'),
        KeyChange("observe.files.timeout_s", "", "5"),
        KeyChange("observe.http.kind", "", "http"),
        KeyChange("observe.http.url", "", "http://h/"),
        KeyChange("observe.http.headers.Cookie", "***", "***"),
        KeyChange("observe.http.timeout_s", "", "5"),
    )
