"""`defaults`: what the entries of a file share."""

from __future__ import annotations

from pathlib import Path

import pytest

from error_daemon.model import Mode, Verification
from tests.definitions.writing import loaded, refused

PROBES = "probes:\n  a: {kind: tcp, host: h, port: 1}\n  b: {kind: http, url: 'http://h', timeout: 1s, success_status: 204}\n"


def test_an_entry_has_the_defaults_that_it_does_not_write_and_that_its_kind_has(tmp_path: Path) -> None:
    probes = loaded(tmp_path, "defaults:\n  probes: {timeout: 7s, success_status: 2xx, method: head}\n" + PROBES).probes
    assert (probes["a"].timeout_s, probes["b"].timeout_s) == (7.0, 1.0)
    assert probes["a"].params == {"host": "h", "port": 1}
    assert probes["b"].params["method"] == "HEAD"
    assert probes["b"].params["min_status"] == 204


def test_what_an_entry_writes_replaces_the_whole_default(tmp_path: Path) -> None:
    defaults = "defaults: {strategies: {backoff: {base: 3s, cap: 9s}, for_errors: data}}\n"
    strategies = loaded(
        tmp_path, defaults + "strategies:\n  a: {kind: retry, backoff: {cap: 8s}}\n  b: {kind: retry}\n"
    ).strategies
    assert (strategies["a"].backoff.base_s, strategies["a"].backoff.cap_s) == (0.1, 8.0)
    assert (strategies["b"].backoff.base_s, strategies["b"].backoff.cap_s) == (3.0, 9.0)


def test_rules_targets_and_bulkheads_have_defaults_too(tmp_path: Path) -> None:
    text = """\
defaults:
  targets: {weight: 3, probes: p, cwd: /srv}
  rules: {mode: auto, target: t, ladder: l, verify: {hold: 1s}}
  bulkheads: {max_concurrency: 4}
targets: {t: {kind: host}}
probes: {p: {kind: tcp, host: h, port: 1}}
strategies: {s: {kind: retry}}
ladders: {l: {1: s}}
rules:
- {id: a, when: {}}
- {id: b, when: {}, mode: observe}
bulkheads:
- {id: c}
"""
    definitions = loaded(tmp_path, text)
    assert definitions.targets["t"].weight == 3.0
    assert [rule.mode for rule in definitions.rules] == [Mode.AUTO, Mode.OBSERVE]
    assert definitions.rules[0].verification == Verification(hold_s=1.0)
    assert definitions.bulkheads[0].max_concurrency == 4


def test_defaults_are_for_the_entries_of_their_own_file(tmp_path: Path) -> None:
    probes = loaded(tmp_path, "defaults: {probes: {timeout: 7s}}\n", b=PROBES).probes
    assert probes["a"].timeout_s == 2.0


@pytest.mark.parametrize(
    ("defaults", "expected"),
    [
        ("{probes: {timeuot: 1s}}", "1:21: unknown key `timeuot` (did you mean `timeout`?)"),
        ("{probe: {timeout: 1s}}", "1:12: unknown key `probe` (did you mean `probes`?)"),
        ("{probes: {kind: tcp}}", "1:21: `kind` can't have a default (write it in every entry)"),
        ("{rules: {id: a, when: {}}}", "1:20: `id` can't have a default (write it in every entry)"),
        ("{rules: {when: {}}}", "1:20: `when` can't have a default (write it in every entry)"),
        ("{targets: {instances: [a]}}", "1:22: `instances` can't have a default (write it in every entry)"),
        ("{probes: {timeout: soon}}", "1:30: 'soon' is not a duration"),
        ("{ladders: {}}", "1:12: unknown key `ladders`"),
        ("[probes]", "1:11: a list is not a mapping"),
        ("{probes: [a]}", "1:20: a list is not a mapping"),
    ],
)
def test_what_is_wrong_with_a_default_is_told_once_at_its_place(defaults: str, expected: str, tmp_path: Path) -> None:
    found = refused(tmp_path, f"defaults: {defaults}\n" + PROBES)
    assert found[0].startswith(f"a.yaml:{expected}")
    assert len(found) == (2 if "when: {}}}" in defaults and "id" in defaults else 1)


def test_a_default_that_is_wrong_together_with_an_entry_is_told_at_the_place_of_the_default(tmp_path: Path) -> None:
    text = "defaults: {strategies: {timeout: 5m}}\nstrategies:\n  a: {kind: retry}\n  b: {kind: retry, timeout: 1s}\n"
    assert refused(tmp_path, text) == ["a.yaml:1:34: timeout is 300s, above timeout_max, which is 240s (write both)"]
