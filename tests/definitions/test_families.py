"""Families of targets: one text for several."""

from __future__ import annotations

from pathlib import Path

import pytest

from error_daemon.definitions.files import families
from tests.definitions.writing import loaded, refused

SHOP = """\
targets:
  shop-*:
    kind: process
    instances: {a: {port: 8081}, b: }
    variables: {port: 80, host: h}
    command: [/srv/shop, --port, "${port}", --name, "${instance}", "$${x} $5"]
    pid_file: run/${target}.pid
    probes: ["*-answers", disk]
    depends_on: [db, "*-cache"]
  a-cache: {kind: host}
  b-cache: {kind: host}
  db: {kind: host}
probes:
  a-answers: {kind: tcp, host: "${host}", port: "${port}"}
  b-answers: {kind: tcp, host: h, port: 1}
  disk: {kind: file, path: /srv}
"""


def test_a_family_is_a_target_for_each_of_its_instances(tmp_path: Path) -> None:
    targets = loaded(tmp_path, SHOP).targets
    assert list(targets) == ["shop-a", "shop-b", "a-cache", "b-cache", "db"]
    a, b = targets["shop-a"], targets["shop-b"]
    assert a.params["command"] == ["/srv/shop", "--port", "8081", "--name", "a", "${x} $5"]
    assert b.params["command"] == ["/srv/shop", "--port", "80", "--name", "b", "${x} $5"]
    assert a.params["pid_file"] == f"{tmp_path}/run/shop-a.pid"
    assert a.probes == ("a-answers", "disk")
    assert b.depends_on == ("db", "b-cache")
    assert a.variables == {"instance": "a", "host": "h", "port": "8081"}
    assert b.variables == {"instance": "b", "host": "h", "port": "80"}


def test_instances_may_be_a_list_and_take_defaults_as_any_target(tmp_path: Path) -> None:
    text = "defaults: {targets: {weight: 3, probes: 'up-*'}}\ntargets:\n  '*': {kind: host, instances: [1, eu.2]}\n"
    probes = "probes:\n  up-1: {kind: file, path: /}\n  up-eu.2: {kind: file, path: /}\n"
    targets = loaded(tmp_path, text + probes).targets
    assert [(each.id, each.weight, each.probes) for each in targets.values()] == [
        ("1", 3.0, ("up-1",)),
        ("eu.2", 3.0, ("up-eu.2",)),
    ]


@pytest.mark.parametrize(
    ("family", "expected"),
    [
        ("shop-*: {kind: host}", "2:3: `shop-*` is a family, and has no instances (instances: [a, b])"),
        ("shop-*: host", "2:11: the family `shop-*` is not a mapping (write kind, instances ...)"),
        ("shop-*-*: {kind: host, instances: [a]}", "2:3: `shop-*-*` has more than one *"),
        ("shop-*: {kind: host, instances: []}", "2:35: the family `shop-*` has no instances"),
        ("shop-*: {kind: host, instances: a}", "2:35: instances are a list, or a mapping to their variables"),
        ("shop-*: {kind: host, instances: [[a]]}", "2:36: an instance is not text"),
        ("shop-*: {kind: host, instances: [a b]}", "2:36: `shop-a b` can't be the name of a target"),
        ("shop-*: {kind: host, instances: [a, a]}", "2:39: `shop-a` is defined twice in targets (also in line 3)"),
        (
            "shop-*: {kind: host, instances: [db]}\n  shop-db: {kind: host}",
            "2:36: `shop-db` is defined twice in targets",
        ),
        ("shop-*: {kind: host, instances: {a: [b]}}", "2:39: a list is not a mapping"),
        ("shop-*: {kind: host, instances: {a: {instance: b}}}", "2:40: `instance` has a meaning of its own"),
        ("shop-*: {kind: host, instances: {a: {9: b}}}", "2:40: `9` is not the name of a variable"),
        ("shop: {kind: host, instances: [a]}", "2:22: `shop` has instances, and no * in its name"),
    ],
)
def test_what_is_no_family_is_told_at_its_place(family: str, expected: str, tmp_path: Path) -> None:
    (found,) = refused(tmp_path, f"targets:\n  {family}\n")
    assert found.startswith(f"a.yaml:{expected}")


def test_what_is_wrong_in_the_text_of_a_family_is_said_once_and_names_a_member_where_that_matters(
    tmp_path: Path,
) -> None:
    text = """\
targets:
  shop-*:
    kind: process
    instances: [a, b, c]
    command: run it
    probs: [x]
  mail-*: {kind: host, instances: [a, b], probes: [disk, mail-*-sends], depends_on: "mail-*", weight: heavy}
  news-*: {kind: host, instances: [a, b], probes: [disk, "news-*-sends"], depends_on: "news-*"}
probes: {news-b-sends: {kind: file, path: /}}
"""
    assert refused(tmp_path, text) == [
        "a.yaml:2:3: `pid_file` is missing",
        "a.yaml:5:14: `run it` is one string: never a shell: write a list, as in [/bin/tool, --option]",
        "a.yaml:6:5: unknown key `probs` (did you mean `probes`?)",
        "a.yaml:7:103: `heavy` is not a number",
        "a.yaml:8:52: no probe is called `disk` (known: news-b-sends)",
        "a.yaml:8:58: no probe is called `news-a-sends` (did you mean `news-b-sends`?)",
        "a.yaml:8:87: `news-a` depends on itself (take it out of its depends_on)",
    ]


def test_members_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(families, "MAX_MEMBERS", 2)
    found = refused(tmp_path, "targets:\n  s-*: {kind: host, instances: [a, b, c, d, a]}\n")
    assert found == ["a.yaml:2:39: more than 2 members of families in one file (split it)"]


def test_a_rule_that_names_a_family_is_told_how_to_mean_it(tmp_path: Path) -> None:
    rules = "rules: [{id: r, when: {}, target: shop-*, ladder: {1: s}}]\nstrategies: {s: {kind: retry}}\n"
    (found,) = refused(tmp_path, SHOP + rules)
    assert "leave target out, and write when: {target: shop-*}" in found
