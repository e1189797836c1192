"""The polkit rule allows the units and actions that rules can come to, and no others."""

from __future__ import annotations

from pathlib import Path

import pytest

from error_daemon.definitions.polkit import allowed_actions, polkit_rule
from error_daemon.errors import InputError
from error_daemon.model import Definitions
from tests.definitions.writing import load_definitions

TEXT = """version: 1
targets:
  web: {kind: service, unit: nginx.service, probes: up}
  db: {kind: service, unit: db.service, probes: up}
  cache: {kind: service, unit: cache.service, probes: up}
  shop-*: {kind: service, unit: "shop@${instance}.service", instances: [a, b], probes: up}
probes:
  up: {kind: unit}
strategies:
  reload: {kind: unit, action: reload}
  restart: {kind: unit, action: restart}
  proxy: {kind: unit, action: stop, unit: proxy.service}
  sidecar: {kind: unit, action: restart, unit: "sidecar-${target}.service"}
  unused: {kind: unit, action: start}
  other: {kind: exec, command: [/bin/systemctl, --quiet, try-reload-or-restart, cache, "log@${target}.service"]}
  guessed: {kind: exec, command: [systemctl, stop, --, "all-*", "${fault.component}"]}
  looks: {kind: exec, command: [systemctl, is-active, cache.service]}
  mine: {kind: exec, command: [systemctl, --user, stop, mine.service]}
  killed: {kind: exec, command: [/opt/kill-and-start, "worker@${target}"]}
  checked: {kind: exec, command: [../scripts/checked-restart, script.service, systemctl, start, check.service]}
  unknown: {kind: exec, command: [my-script, unknown.service]}
rules:
  - id: web
    when: {component: web}
    target: web
    ladder: {2: reload, 3: [restart, other], 4: [guessed, looks, mine, killed, checked, unknown]}
    mode: auto
  - {id: db, when: {component: db}, target: db, ladder: {3: sidecar}, response_class: cascading, isolate: proxy}
  - {id: shops, when: {target: "shop-*"}, ladder: {3: restart}}
"""


@pytest.fixture
def definitions(tmp_path: Path) -> Definitions:
    (tmp_path / "a.yaml").write_text(TEXT)
    return load_definitions(tmp_path)


def test_each_unit_has_the_actions_that_a_rule_can_come_to(definitions: Definitions) -> None:
    assert allowed_actions(definitions) == {
        "nginx.service": {"reload", "restart"},
        "sidecar-db.service": {"restart"},
        "proxy.service": {"stop"},
        "cache.service": {"reload-or-try-restart"},
        "worker@web.service": {"kill", "reset-failed", "start"},
        "script.service": {"reset-failed", "restart"},
        "check.service": {"start"},
        "log@web.service": {"reload-or-try-restart"},
        "shop@a.service": {"restart"},
        "shop@b.service": {"restart"},
    }


def test_the_rule_is_for_one_user(definitions: Definitions) -> None:
    text = polkit_rule(definitions, "recoverer")
    assert 'subject.user != "recoverer"' in text
    assert "unknown.service" not in text


@pytest.mark.parametrize("user", ["", 'a"; return polkit.Result.YES; //', "a b", "a\n"])
def test_what_is_no_name_of_a_user_is_refused(definitions: Definitions, user: str) -> None:
    with pytest.raises(InputError, match="user"):
        polkit_rule(definitions, user)
