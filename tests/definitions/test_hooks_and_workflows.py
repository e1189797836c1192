"""Hooks and workflows: their shape and their names, and what the daemon gets of them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from error_daemon.definitions.loader import found_in
from error_daemon.definitions.shapes import hooks
from error_daemon.definitions.shapes.entry import models_by_kind
from error_daemon.model import ErrorType, WorkflowStep
from error_daemon.model.hook import Retries
from error_daemon.setting_values import parse_duration
from tests.definitions.writing import loaded, read_directory, refused, write

SOUND = """\
hooks:
- {id: ops, kind: webhook, url: "https://ops.example/hook", on: [data, network], events: [error.opened], secret_file: hook.key}
- {id: all, kind: webhook, url: "http://localhost:8080/", on: "*", events: "*", secret_file: /etc/recovery/hook.key}
workflows:
- id: disk
  name: A disk is full
  for: {type: resource, message: "*No space*"}
  steps:
  - {id: look, instructions: Look for large files, expected: You know them, hints: [du -x, logs]}
  - {id: free, instructions: Remove them, probe: room, takes: 10m}
strategies: {by-hand: {kind: guided, workflow: disk, timeout: 2h}}
probes: {room: {kind: file, path: /, min_free_ratio: 0.1}}
"""


def test_a_hook_is_what_the_daemon_gets(tmp_path: Path) -> None:
    ops, whole = loaded(tmp_path, SOUND).hooks
    assert (ops.id, ops.kind) == ("ops", "webhook")
    assert (ops.events, ops.types) == (frozenset({"error.opened"}), frozenset({ErrorType.DATA, ErrorType.NETWORK}))
    assert ops.secret_file == str(tmp_path / "hook.key")
    assert (whole.events, whole.types, whole.retries) == (frozenset(), frozenset(), Retries())


def test_a_secret_that_is_sent_in_the_open_is_warned_of(tmp_path: Path) -> None:
    write(tmp_path, {"a.yaml": "hooks: [{id: a, kind: webhook, url: 'http://ops.example/', secret_file: k}]\n"})
    assert [problem.message for problem in found_in(read_directory(tmp_path))] == [
        "what is sent to `http://ops.example/` can be read and repeated on its way"
    ]


def test_a_workflow_is_what_the_daemon_gets(tmp_path: Path) -> None:
    definitions = loaded(tmp_path, SOUND)
    (workflow,) = definitions.workflows
    assert (workflow.id, workflow.name, workflow.expires_s) == ("disk", "A disk is full", 7 * 86400)
    assert workflow.steps[0].hints == ("du -x", "logs")
    assert workflow.steps[1] == WorkflowStep("free", "Remove them", probe="room", takes_s=600.0)
    strategy = definitions.strategies["by-hand"]
    assert strategy.is_by_hand
    assert strategy.params == {"workflow": "disk", "exclusive": False}
    assert (strategy.timeout_s, strategy.timeout_max_s) == (7200.0, 30 * 86400.0)


HOOK = "hooks: [{id: a, kind: webhook"
MAIL = "hooks: [{id: a, kind: email, server: mx"
FLOW = "workflows: [{id: a, for: {}, "


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hooks: [{id: a}]", "1:9: `kind` is missing"),
        ("hooks: [{id: a, kind: webhok}]", "1:23: unknown kind `webhok` (did you mean `webhook`? known:"),
        (HOOK + "}]", "1:9: `url` is missing"),
        (HOOK + ", url: ftp://h}]", "1:37: `ftp://h` is not a URL"),
        (HOOK + ", url: 'http://h', on: [dta]}]", "1:54: `dta` is not known here (did you mean `data`?)"),
        (HOOK + ", url: 'http://h/${fault.type}'}]", "1:37: `${fault.type}`: no variable can stand here"),
        (HOOK + ", url: 'http://h', secret_file: '${target}'}]", "1:62: `${target}`: no variable can stand here"),
        (HOOK + ", url: 'http://h', secret_file: ~/key}]", "1:62: `~/key`: ~ is not expanded"),
        (HOOK + ", url: 'http://h', on: any}]", "1:53: `any` is not known here"),
        (HOOK + ", url: 'http://h', events: error.opend}]", "1:57: `error.opend` is not known here (did you mean `error.opened`?)"),
        (HOOK + ", url: 'http://h', events: []}]", "1:57: must not be empty"),
        (HOOK + ", url: 'http://h', burst: 0}]", "1:56: `0` is not 1 or more"),
        (HOOK + ", url: 'http://h'}, {id: a, kind: webhook, url: 'http://h'}]", "1:55: two hooks are called `a`"),
        ("hooks: [{id: a, kind: slack}]", "1:9: `secret_file` is missing"),
        ("hooks: [{id: a, kind: slack, secret_file: k, url: 'http://h'}]", "1:46: unknown key `url`"),
        (
            "hooks: [{id: a, kind: pagerduty, secret_file: k, url: 'http://h'}]",
            "1:55: the integration key would be sent to `http://h` in clear (take https://)",
        ),
        (MAIL + ", from: a, to: b@h}]", "1:48: `a` is not a mail address"),
        (MAIL + ", from: a@h, to: [b@h, 'B <c@h>']}]", "1:63: `B <c@h>` is not a mail address"),
        (
            MAIL + ", from: a@h, to: b@h, tls: none, secret_file: k}]",
            "1:67: the password would be sent to `mx` in clear (take tls: starttls)",
        ),
        ("hooks: [{id: a, kind: plugin}]", "1:9: `plugin` is missing"),
        ("workflows: [{id: a, steps: [{id: b, instructions: c}]}]", "1:13: `for` is missing"),
        (FLOW + "fro: {}, steps: [{id: b, instructions: c}]}]", "1:30: unknown key `fro` (did you mean `for`?)"),
        ("workflows: [{id: a, for: {componet: x}, steps: [{id: b, instructions: c}]}]", "1:27: unknown key `componet`"),
        (FLOW + "steps: []}]", "1:37: must not be empty"),
        (FLOW + "steps: [{id: b}]}]", "1:38: `instructions` is missing"),
        (FLOW + "steps: [{id: b, instructions: c, probe: d}]}]", "1:70: no probe is called `d`"),
        (FLOW + "steps: [{id: b, instructions: c}, {id: b, instructions: d}]}]", "1:69: two steps of `a` are called `b`"),
        (FLOW + "target: t, steps: [{id: b, instructions: c}]}]", "1:38: no target is called `t`"),
        (FLOW + "expires: 0s, steps: [{id: b, instructions: c}]}]", "1:39: `0.0` is not more than 0"),
        ("strategies: {a: {kind: guided, workflow: b}}", "1:42: no workflow is called `b`"),
        ("strategies: {a: {kind: guided}}", "1:14: `workflow` is missing"),
        (
            "probes: {p: {kind: alert}}\n" + FLOW + "steps: [{id: b, instructions: c, probe: p}]}]",
            "2:70: `p` is told of a target in its own time",
        ),
        (FLOW + "steps: [{id: b, instructions: '${fault.message}'}]}]", "1:60: `${fault.message}`: no variable can stand here"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_place(text: str, expected: str, tmp_path: Path) -> None:
    (found,) = refused(tmp_path, text + "\n")
    assert found.startswith(f"a.yaml:{expected}")


def test_the_page_tells_the_defaults_of_each_kind_of_hook() -> None:
    page = (Path(__file__).parents[2] / "docs" / "definitions.md").read_text()
    people = hooks._Hook.model_fields["events"].default
    for kind, model in models_by_kind(hooks.HookEntry).items():
        [row] = re.findall(rf"^\| `{kind}` \| (.*) \| ([\d,]+) \| `(\w+)` \|", page, re.MULTILINE)
        told, burst, every = row
        fields = model.model_fields
        named = re.findall(r"`([\w.*]+)`", told)
        events = {*named, *people} if "as above" in told else set(named)
        assert events == ({"*"} if fields["events"].default == "*" else set(fields["events"].default)), kind
        assert int(burst.replace(",", "")) == fields["burst"].default
        assert parse_duration(every) == fields["every"].default
