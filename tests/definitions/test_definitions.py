"""What operators write → the very values that the engine gets."""

from __future__ import annotations

import fnmatch
import re
from pathlib import Path

import pytest

from error_daemon.definitions.files.yaml_nodes import read_yaml
from error_daemon.definitions.shapes.document import Document
from error_daemon.model import (
    Backoff,
    Bulkhead,
    Condition,
    Definitions,
    ErrorType,
    Mode,
    Observer,
    Priority,
    Probe,
    RecoveryClass,
    ResponseClass,
    Rule,
    Severity,
    Strategy,
    Target,
    Verification,
)
from tests.definitions.writing import load_definitions

SHIPPED = Path(__file__).parents[2] / "etc" / "recovery" / "definitions"

SHOP = """\
version: 1
targets:
  shop-web:
    kind: process
    command: [./server, --port, 8080]
    cwd: /srv/shop
    environment: {DEBUG: no}
    pid_file: run/web.pid
    log_file: /var/log/shop/web.log
    probes: shop-web-answers
    depends_on: [shop-db, shop-cache, shop-db]
    weight: 2.5
  shop-db: {kind: database, probes: [disk, db, listens, runs]}
  shop-cache: {kind: process, command: [cached], pid_file: /run/cache.pid}
probes:
  shop-web-answers: {kind: http, url: "http://127.0.0.1:8080/healthz", timeout: 500ms, body_pattern: ^ok$}
  disk: {kind: file, path: data, exists: yes, max_age: 1h, min_bytes: 1, min_free_ratio: 0.05}
  db: {kind: exec, command: [pg_isready], success_exit_codes: 0, unknown_exit_codes: [3]}
  listens: {kind: tcp, host: "::1", port: 5432}
  runs: {kind: process, pid_file: /run/db.pid, timeout: 1m}
strategies:
  again:
    kind: exponential_backoff
    max_attempts: 5
    backoff: {base: 100ms, factor: 1e1, cap: 5s}
    operation: {kind: http, url: "https://shop/again", headers: {Accept: "*/*"}, success_status: 204}
  look: {kind: retry}
  restart-shop-web: {kind: process_restart, stop_grace: 250ms, timeout: 10s, name: Restart the shop}
  clear-cache: {kind: exec, command: [/bin/clear, "a b; c"], for_errors: data, for_targets: [process, host], cwd: .}
  call: {kind: http, url: "http://127.0.0.1/x", body: on, success_status: 200-399, method: put, timeout_min: 1s}
  ask: {kind: handler, application: shop, handler: reconnect, timeout_max: 31s}
  restart-shop: {kind: group_restart, include: both, stop_grace: 1s, timeout: 20s}
  restart-what-needs-it: {kind: group_restart}
ladders:
  web: {3: [restart-shop-web], 1: [look, again]}
rules:
  - id: shop-web-down
    when:
      type: [system, network]
      component: "shop-*"
      min_severity: low
      message: {regex: "(?i).*refused.*"}
      attributes: {region: "eu-*"}
    target: shop-web
    ladder: web
    mode: auto
    severity: high
    response_class: transient
    entry_level: 3
    stability_window: 5m
    verify: {hold: 1s, within: 5s, patience: 30s}
  - id: shop-cache-spreads
    when: {component: shop-cache}
    target: shop-cache
    ladder: {4: restart-what-needs-it}
    mode: observe
    response_class: cascading
    recovery_class: gradual
    isolate: clear-cache
  - {id: ask-first, when: {type: security}, ladder: {3: call}, mode: approve, approval: {expires: 15m}}
  - {id: ask-as-usual, when: {type: hardware}, ladder: {3: call}, mode: approve}
  - {id: all, when: {}, ladder: {5: ask}}
bulkheads:
  - id: restarts
    max_concurrency: 2
    queue_size: 100
    timeout: 90s
    fallback: rest
    when: {levels: [3, 4, 5], priorities: [high, normal], rules: [shop-web-down, all], tenant: "eu-*"}
  - {id: tenants, max_concurrency: 1, per_tenant: yes, when: {levels: 5, priorities: low, rules: all, tenant: {regex: t.}}}
  - {id: rest, max_concurrency: 8, queue_size: 0, fallback: fail}
"""


def glob(text: str) -> re.Pattern[str]:
    return re.compile(fnmatch.translate(text))


def shop(base: Path) -> Definitions:
    def probe(name: str, kind: str, timeout_s: float = 2.0, **params: object) -> Probe:
        return Probe(name, kind, params, timeout_s)

    statuses = {"min_status": 200, "max_status": 299}
    targets = [
        Target(
            "shop-web",
            "process",
            {
                "command": [f"{base}/server", "--port", "8080"],
                "cwd": "/srv/shop",
                "environment": {"DEBUG": "no"},
                "pid_file": f"{base}/run/web.pid",
                "log_file": "/var/log/shop/web.log",
            },
            ("shop-web-answers",),
            ("shop-db", "shop-cache"),
            2.5,
            observers=(Observer("process", "process"),),
        ),
        Target("shop-db", "database", {}, ("disk", "db", "listens", "runs")),
        Target(
            "shop-cache",
            "process",
            {"command": ["cached"], "pid_file": "/run/cache.pid", "log_file": ""},
            observers=(Observer("process", "process"),),
        ),
    ]
    url = "http://127.0.0.1:8080/healthz"
    probes = [
        probe("shop-web-answers", "http", 0.5, url=url, headers={}, method="GET", body_pattern="^ok$", **statuses),
        probe(
            "disk",
            "file",
            path=f"{base}/data",
            exists=True,
            max_age_s=3600.0,
            min_bytes=1,
            pattern="",
            min_free_ratio=0.05,
        ),
        probe("db", "exec", command=["pg_isready"], success_exit_codes=[0], unknown_exit_codes=[3]),
        probe("listens", "tcp", host="::1", port=5432),
        probe("runs", "process", 60.0, pid_file="/run/db.pid"),
    ]
    operation = {
        "kind": "http",
        "url": "https://shop/again",
        "headers": {"Accept": "*/*"},
        "min_status": 204,
        "max_status": 204,
        "method": "POST",
        "body": "",
    }
    call = {
        "url": "http://127.0.0.1/x",
        "headers": {},
        "min_status": 200,
        "max_status": 399,
        "method": "PUT",
        "body": "on",
    }
    strategies = [
        Strategy(
            "again",
            "exponential_backoff",
            params={"operation": operation},
            max_attempts=5,
            backoff=Backoff(0.1, 10.0, 5.0),
            timeout_min_s=7.5,
        ),
        Strategy("look", "retry", timeout_min_s=7.5),
        Strategy(
            "restart-shop-web",
            "process_restart",
            "Restart the shop",
            {"stop_signal": "SIGTERM", "stop_grace_s": 0.25},
            timeout_s=10.0,
            timeout_min_s=2.5,
            target_kinds=frozenset({"process"}),  # of itself: no other target has a process to restart
        ),
        Strategy(
            "clear-cache",
            "exec",
            params={"command": ["/bin/clear", "a b; c"], "cwd": str(base), "success_exit_codes": [0]},
            error_types=frozenset({ErrorType.DATA}),
            target_kinds=frozenset({"process", "host"}),
            timeout_min_s=7.5,
        ),
        Strategy("call", "http", params=call, timeout_min_s=1.0),
        Strategy(
            "ask",
            "handler",
            params={"application": "shop", "handler": "reconnect"},
            timeout_min_s=7.5,
            timeout_max_s=31.0,
        ),
        Strategy(
            "restart-shop",
            "group_restart",
            params={"include": "both", "stop_grace_s": 1.0},
            timeout_s=20.0,
            timeout_min_s=5.0,
            target_kinds=frozenset({"process"}),
        ),
        Strategy(
            "restart-what-needs-it",
            "group_restart",
            params={"include": "dependents", "stop_grace_s": 2.0},
            timeout_min_s=7.5,
            target_kinds=frozenset({"process"}),
        ),
    ]
    rules = (
        Rule(
            id="shop-web-down",
            when=Condition(
                types=frozenset({ErrorType.SYSTEM, ErrorType.NETWORK}),
                min_severity=Severity.LOW,
                component=glob("shop-*"),
                message=re.compile("(?i).*refused.*"),
                attributes={"region": glob("eu-*")},
            ),
            ladder={1: ("look", "again"), 3: ("restart-shop-web",)},
            target="shop-web",
            mode=Mode.AUTO,
            severity=Severity.HIGH,
            response_class=ResponseClass.TRANSIENT,
            entry_level=3,
            verification=Verification(1.0, 5.0, 30.0),
            stability_window_s=300.0,
        ),
        Rule(
            id="shop-cache-spreads",
            when=Condition(component=glob("shop-cache")),
            ladder={4: ("restart-what-needs-it",)},
            target="shop-cache",
            response_class=ResponseClass.CASCADING,
            recovery_class=RecoveryClass.GRADUAL,
            isolate="clear-cache",
        ),
        Rule(
            id="ask-first",
            when=Condition(types=frozenset({ErrorType.SECURITY})),
            ladder={3: ("call",)},
            mode=Mode.APPROVE,
            approval_expires_s=900.0,
        ),
        Rule(
            id="ask-as-usual",
            when=Condition(types=frozenset({ErrorType.HARDWARE})),
            ladder={3: ("call",)},
            mode=Mode.APPROVE,
            approval_expires_s=3600.0,
        ),
        Rule(id="all", when=Condition(), ladder={5: ("ask",)}),
    )
    bulkheads = (
        Bulkhead(
            "restarts",
            max_concurrency=2,
            queue_size=100,
            timeout_s=90.0,
            fallback="rest",
            levels=frozenset({3, 4, 5}),
            priorities=frozenset({Priority.HIGH, Priority.NORMAL}),
            rules=frozenset({"shop-web-down", "all"}),
            tenant=glob("eu-*"),
        ),
        Bulkhead(
            "tenants",
            max_concurrency=1,
            levels=frozenset({5}),
            priorities=frozenset({Priority.LOW}),
            rules=frozenset({"all"}),
            tenant=re.compile("t."),
            per_tenant=True,
        ),
        Bulkhead("rest", max_concurrency=8, queue_size=0, fallback="fail"),
    )
    return Definitions(
        rules,
        {each.id: each for each in targets},
        {each.id: each for each in strategies},
        {each.id: each for each in probes},
        bulkheads,
    )


def test_a_file_becomes_the_definitions_that_it_says(tmp_path: Path) -> None:
    (tmp_path / "shop.yaml").write_text(SHOP)
    assert load_definitions(tmp_path) == shop(tmp_path)


def test_a_directory_of_many_files_is_read_as_one_with_the_rules_in_the_order_of_the_file_names(tmp_path: Path) -> None:
    head, rules = SHOP.split("rules:\n")
    first, second = rules.split("  - {id: all")  # and the bulkheads after it
    (tmp_path / "30-names.yml").write_text(head)
    (tmp_path / "20-all.yaml").write_text("version: 1\nrules:\n  - {id: all" + second)
    (tmp_path / "10-shop.yaml").write_text("version: 1\nrules:\n" + first)
    (tmp_path / ".10-shop.yaml.swp.yaml").write_text("of an editor [")
    (tmp_path / "notes.txt").write_text("not a definition [")
    assert load_definitions(tmp_path) == shop(tmp_path)


def test_a_rule_without_mode_only_observes(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(SHOP.replace("    mode: auto\n", ""))
    assert load_definitions(tmp_path).rules[0].mode is Mode.OBSERVE


def test_bulkheads_of_many_files_are_in_the_order_of_the_file_names(tmp_path: Path) -> None:
    (tmp_path / "b.yaml").write_text("version: 1\nbulkheads:\n- {id: first, max_concurrency: 1, fallback: last}\n")
    (tmp_path / "c.yaml").write_text("version: 1\nbulkheads:\n- {id: last, max_concurrency: 1}\n")
    (tmp_path / "a.yaml").write_text("version: 1\nbulkheads:\n  # none here\n")
    assert [bulkhead.id for bulkhead in load_definitions(tmp_path).bulkheads] == ["first", "last"]


def test_an_empty_directory_defines_nothing(tmp_path: Path) -> None:
    assert load_definitions(tmp_path) == Definitions()


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "version: 1\n", "version: 1\nrules:\n  # none yet\nprobes:\n"])
def test_a_file_with_nothing_but_comments_defines_nothing(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(text)
    assert load_definitions(tmp_path) == Definitions()


def test_anchors_share_what_is_the_same(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("version: 1\nprobes:\n  a: &p {kind: process, timeout: 3s}\n  b: *p\n")
    assert load_definitions(tmp_path).probes["b"] == Probe("b", "process", {}, 3.0)


def test_relative_paths_count_from_the_files_directory_wherever_the_daemon_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "a.yaml").write_text("version: 1\nprobes:\n  a: {kind: file, path: ../x}\n")
    monkeypatch.chdir(tmp_path)
    assert load_definitions(Path("d")).probes["a"].params["path"] == f"{tmp_path}/x"


def test_a_restart_limited_to_processes_may_stand_in_a_ladder_that_a_database_shares(tmp_path: Path) -> None:
    shared = SHOP.replace("{kind: process_restart,", "{kind: process_restart, for_targets: process,")
    (tmp_path / "a.yaml").write_text(shared)
    (tmp_path / "b.yaml").write_text("version: 1\nrules:\n- {id: db, when: {}, target: shop-db, ladder: web}\n")
    assert load_definitions(tmp_path).rules[-1].target == "shop-db"


def test_the_shipped_example_loads_and_acts_on_nothing() -> None:
    definitions = load_definitions(SHIPPED)
    assert definitions.rules
    assert {rule.mode for rule in definitions.rules} == {Mode.OBSERVE}


def test_the_words_of_yaml_1_1_stay_what_was_written() -> None:
    source, problems = read_yaml("a.yaml", "[no, on, 1e3, 22:30, 0x10, ~, null, 2026-01-01, =]")
    assert source.data == ["no", "on", "1e3", "22:30", "0x10", "~", "null", "2026-01-01", "="]
    assert not problems


def test_every_key_that_may_be_written_is_described() -> None:
    schema = Document.model_json_schema()
    for name, model in {**schema["$defs"], "Document": schema}.items():
        for key, described in model.get("properties", {}).items():
            assert described.get("description"), f"{name}.{key}"


def test_a_restart_is_never_given_less_time_than_its_grace_and_a_start_however_quick_it_was(tmp_path: Path) -> None:
    written = (
        "version: 1\nstrategies:\n"
        "  restart: {kind: process_restart, timeout: 8s, stop_grace: 3s}\n"
        "  quick: {kind: exec, command: [/bin/true], timeout: 8s}\n"
        "  quicker: {kind: exec, command: [/bin/true], timeout: 8s, timeout_min: 100ms}\n"
    )
    (tmp_path / "a.yaml").write_text(written)
    strategies = load_definitions(tmp_path).strategies
    assert {name: strategy.timeout_min_s for name, strategy in strategies.items()} == {
        "restart": 4.0,
        "quick": 2.0,
        "quicker": 0.1,
    }
