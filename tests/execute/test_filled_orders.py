"""Variables are filled where an order meets its target, once, and a worker gets plain texts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from error_daemon.execute import frames_pb2 as frames
from error_daemon.execute.framing import Decoder
from error_daemon.execute.orders import OrderWriter
from error_daemon.model import AttemptOrder, ObserveOrder, Observer, Probe, ProbeOrder, Strategy, Target
from error_daemon.model.variables import MAX_VALUE_CHARACTERS, fill, fill_from_fault

A = Target("shop-a", "host", {"x": "$${"}, variables={"instance": "a", "port": "8081"})
B = Target("shop-b", "host", variables={"instance": "b", "port": "8082"})
TEXT = "${target} ${instance} ${port} $5 $${port} ${fault.message}|${fault.nothing}"


def ordered(raw: bytes) -> frames.ToWorker:
    (message,) = Decoder().feed(raw)
    return frames.ToWorker.FromString(message)


def params_of(writer: OrderWriter, params: Mapping[str, Any], target: Target, **variables: str) -> Any:
    given = {f"fault.{name}": value for name, value in variables.items()}
    order = AttemptOrder("a1", "e1", Strategy("s", "exec", params=params), target, 1, 1.0, {}, variables=given)
    return json.loads(ordered(writer.attempt(order)).attempt.params_json)


def test_a_strategy_is_filled_for_its_target_and_its_fault() -> None:
    writer = OrderWriter()
    params = {"command": ["x", TEXT], "environment": {"${port}": TEXT}, "success_exit_codes": [0]}
    for target, name in ((A, "a"), (B, "b"), (A, "a")):
        text = f"shop-{name} {name} {target.variables['port']} $5 ${{port}} m${{port}}|"
        expected = {"command": ["x", text], "environment": {"${port}": text}, "success_exit_codes": [0]}
        assert params_of(writer, params, target, message="m${port}") == expected


def test_a_probe_is_filled_for_its_target_and_what_was_written_before_is_used_again() -> None:
    writer = OrderWriter()
    probe, plain = Probe("p", "tcp", {"host": "${instance}", "port": "${port}"}), Probe("q", "tcp", {"host": "h"})
    for target in (A, B, A):
        looks = ordered(writer.probes(ProbeOrder("r", target, (probe, plain)))).probes.probes
        expected = {"host": target.variables["instance"], "port": target.variables["port"]}
        assert [json.loads(look.params_json) for look in looks] == [expected, {"host": "h"}]


def test_an_observer_was_filled_with_its_target_and_only_the_probes_beside_it_are_filled_for_their_round() -> None:
    observer = Observer("o", "exec", {"command": ["x", "${HOME}"]})
    order = ObserveOrder("r", A, (observer,), (Probe("p", "tcp", {"port": "${port}"}),))
    observe = ordered(OrderWriter().observers(order)).observe
    assert json.loads(observe.observers[0].params_json) == observer.params
    assert json.loads(observe.probes[0].params_json) == {"port": "8081"}


def test_members_of_a_group_have_their_own_variables() -> None:
    probe = Probe("p", "tcp", {"host": "${target}"})
    group = tuple(Target(each.id, "process", {}, ("p",), variables=each.variables) for each in (A, B))
    order = AttemptOrder("a1", "e1", Strategy("s", "group_restart"), group[0], 4, 1.0, {}, group, {"p": probe})
    members = ordered(OrderWriter().attempt(order)).attempt.group
    assert [json.loads(member.probes[0].params_json) for member in members] == [{"host": "shop-a"}, {"host": "shop-b"}]


def test_what_a_target_has_is_never_looked_at_again() -> None:
    order = ProbeOrder("r", A, (Probe("p", "tcp", {"host": "h"}),))
    assert json.loads(ordered(OrderWriter().probes(order)).probes.probes[0].target_json) == {"x": "$${"}


def test_an_endless_fault_does_not_keep_its_recovery_from_running() -> None:
    params = {"command": ["x", *["--x=${fault.message}"] * 100]}
    command = params_of(OrderWriter(), params, A, message="\0\ud800" + "é" * 1_000_000)["command"]
    assert sum(map(len, command)) < 8 * MAX_VALUE_CHARACTERS + 1_000
    assert command[1].startswith("--x=\N{SYMBOL FOR NULL}?é")
    single = params_of(OrderWriter(), {"command": ["x", "--x=${fault.message}"]}, A, message="x" * 1_000_000)["command"]
    assert len(single[1]) == MAX_VALUE_CHARACTERS + 4


@given(st.text(max_size=50), st.text(max_size=50))
def test_whatever_a_fault_says_is_in_one_argument_and_changes_no_other(message: str, around: str) -> None:
    around = around.replace("$", "")
    params = {"command": ["/x", "--", around + "${fault.message}" + around, "${port}"]}
    command = fill_from_fault(params, {"port": "1"}, {"fault.message": message})["command"]
    clean = message.replace("\0", "\N{SYMBOL FOR NULL}").encode("utf-8", "replace").decode()
    assert command == ["/x", "--", around + clean + around, "1"]


@given(st.text(alphabet="${}a$", max_size=20))
def test_a_text_is_filled_once_and_left_alone_where_it_has_no_variable(text: str) -> None:
    filled = (
        fill(text, dict.fromkeys(["a", "", "aa", "aaa", "$", "$$", "a$", "$a"], "V") | {}) if "${" not in text else ""
    )
    assert "${" in text or filled == text
