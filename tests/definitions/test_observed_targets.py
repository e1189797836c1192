"""`observe` of targets: its default by kind, and that families, defaults and variables are for it as for the rest of a target."""

from __future__ import annotations

from pathlib import Path

import pytest

from error_daemon.model import Observer
from tests.definitions.writing import loaded, refused

EIGHT = ", ".join(["{kind: process, program: x}"] * 8)


def observers(directory: Path, target: str) -> tuple[Observer, ...]:
    return loaded(directory, f"targets: {{t: {target}}}\n").targets["t"].observers


def test_a_target_without_observers_has_what_its_kind_offers(tmp_path: Path) -> None:
    assert observers(tmp_path, "{kind: process, command: [/x], pid_file: p}") == (Observer("process", "process"),)
    assert observers(tmp_path, "{kind: service, unit: 'web@${target}.service'}") == (Observer("unit", "unit"),)
    for target in ("{kind: service}", "{kind: host}", "{kind: database}"):
        assert observers(tmp_path, target) == ()


def test_each_observer_of_a_target_has_a_name_of_its_own(tmp_path: Path) -> None:
    named = "{kind: process, program: a}, {kind: process, program: b}, {kind: unit, unit: a.service, name: it}"
    found = observers(tmp_path, f"{{kind: host, observe: [{named}]}}")
    assert [each.id for each in found] == ["process", "process 2", "it"]


def test_the_variables_of_a_target_are_filled_in_its_observers(tmp_path: Path) -> None:
    text = """\
targets:
  shop-*:
    kind: service
    instances: {a: {port: 81}, b: {port: 82}}
    observe:
      - {kind: http, url: "http://h:${port}/", headers: {X-T: "${target}"}, ignore: "at ${port} [0-9]{2}"}
      - {kind: files, paths: ["data/${instance}/*", "$${x}"], ignore: ["${instance}.log"], ignore_lines: ["${port}"]}
      - {kind: exec, command: ["./tool-${instance}", "$${HOME}"], cwd: "${instance}", environment: {P: "${port}"}}
      - {kind: sql, engine: sqlite, database: "${instance}.db", query: "SELECT ${port}"}
      - {kind: process, pid_file: "${instance}.pid", program: "p-${instance}"}
      - {kind: unit, unit: "shop@${instance}.service"}
"""
    for instance, port in (("a", "81"), ("b", "82")):
        found = loaded(tmp_path, text).targets[f"shop-{instance}"].observers
        assert [each.params for each in found] == [
            {
                "url": f"http://h:{port}/",
                "headers": {"X-T": f"shop-{instance}"},
                "ignore": [f"at {port} [0-9]{{2}}"],
            },
            {
                "paths": [f"{tmp_path}/data/{instance}/*", f"{tmp_path}/${{x}}"],
                "ignore": [f"{instance}.log"],
                "ignore_lines": [port],
            },
            {
                "command": [f"{tmp_path}/tool-{instance}", "${HOME}"],
                "cwd": f"{tmp_path}/{instance}",
                "environment": {"P": port},
                "ignore": [],
            },
            {"engine": "sqlite", "database": f"{tmp_path}/{instance}.db", "query": f"SELECT {port}"},
            {"pid_file": f"{tmp_path}/{instance}.pid", "program": f"p-{instance}", "same_process": False},
            {"unit": f"shop@{instance}.service", "restarts": False},
        ]


def test_observers_can_have_a_default_that_is_replaced_whole(tmp_path: Path) -> None:
    text = "defaults: {targets: {observe: [{kind: files, paths: [/srv]}]}}\ntargets:\n  a: {kind: host}\n"
    made = loaded(tmp_path, text + "  b: {kind: host, observe: [{kind: process, program: x}]}\n")
    assert [each.kind for each in made.targets["a"].observers] == ["files"]
    assert [each.kind for each in made.targets["b"].observers] == ["process"]


@pytest.mark.parametrize(
    ("observe", "expected"),
    [
        ("{kind: file, paths: [/x]}", "1:44: unknown kind `file` (did you mean `files`? known: process, unit, files"),
        ("{kind: files}", "1:37: `paths` is missing"),
        ("{kind: files, paths: []}", "1:58: must not be empty"),
        ("{kind: http, url: 'http://h/', ignore: ['[']}", "1:77: `[` is not a regular expression"),
        ("{kind: http, url: 'http://h/', ignore: []}", "1:76: must not be empty"),
        ("{kind: http, url: 'http://h:${prot}/'}", "no target has a variable `prot` (did you mean `port`?"),
        ("{kind: http, url: 'http://h:${port}/'}", "for `t`: `http://h:x/` is not a URL"),
        ("{kind: exec, command: [/x, '${fault.message}']}", "`${fault.message}` can't stand here"),
        ("{kind: unit, unit: nginx}", "`nginx` is not the name of a unit"),
        ("{kind: process}", "a host has no process that it names (give the observer a pid_file or a program)"),
        ("{kind: unit}", "a host has no unit (give the observer a unit)"),
        (EIGHT + ", {kind: process, program: x}", "has 9 entries; at most 8"),
    ],
)
def test_what_is_wrong_with_an_observer_is_told_at_its_place(observe: str, expected: str, tmp_path: Path) -> None:
    found = refused(tmp_path, f"targets: {{t: {{kind: host, observe: [{observe}], variables: {{port: x}}}}}}\n")
    assert len(found) == 1, found
    assert expected in found[0]


def test_a_service_without_unit_has_none_for_its_observers(tmp_path: Path) -> None:
    found = refused(tmp_path, "targets: {t: {kind: service, observe: [{kind: unit}]}}\n")
    assert found == ["a.yaml:1:40: the target names no unit (give the target a unit, or the observer)"]
    assert observers(tmp_path, "{kind: service, unit: a.service, observe: [{kind: unit}]}")
