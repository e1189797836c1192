"""What each kind of strategy does, in words for a person, and the digest that says whether two do the same."""

from __future__ import annotations

from typing import Any

import pytest

from error_daemon.core import deeds
from error_daemon.model import Strategy, Target

WEB = Target(
    "web",
    "process",
    params={"command": ["/bin/serve", "--port", "80"], "pid_file": "/run/web.pid"},
    variables={"port": "80"},
)
UNIT = Target("nginx", "service", params={"unit": "nginx.service"})
BARE = Target("bare", "host")


def does(kind: str, target: Target = BARE, **params: Any) -> str:
    return deeds.does(Strategy("one", kind, params=params), target)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (does("retry"), "does nothing to it: the probes look again"),
        (
            does("exponential_backoff", operation={"kind": "exec", "command": ["/bin/a", "b c"]}),
            "runs /bin/a 'b c', again",
        ),
        (
            does("exec", WEB, command=["/bin/kick", "${port}", "${fault.node}"], cwd="/srv"),
            "runs /bin/kick 80 '' in /srv",
        ),
        (does("exec"), "runs "),
        (
            does("http", url="http://ann:pw@lb/off", method="PUT", body="ü"),
            "sends PUT http://ann:[redacted]@lb/off with a body of 2 bytes",
        ),
        (does("http", url="http://lb/off"), "sends POST http://lb/off"),
        (
            does("process_restart", WEB, stop_signal="SIGINT", stop_grace_s=1.5),
            "ends the process that /run/web.pid names (SIGINT, and SIGKILL after 1.5 s), then runs /bin/serve --port 80",
        ),
        (does("process_restart"), "ends the process of bare (SIGTERM, and SIGKILL after 2 s), starts it anew"),
        (does("group_restart", WEB), "restarts the process of web"),
        (does("unit", UNIT, action="restart"), "has systemd restart nginx.service"),
        (
            does("unit", UNIT, action="stop", unit="a.service", graph="systemd"),
            "has systemd stop a.service, with what systemd restarts along with it",
        ),
        (does("handler", application="shop", handler="reload"), "asks the application shop to run its handler reload"),
        (does("guided", workflow="gpu"), "leads a person through the workflow gpu"),
        (does("of my own"), "does what strategies of kind of my own do"),
    ],
)
def test_what_a_strategy_does_is_said_in_words(said: str, words: str) -> None:
    assert said.strip() == words.strip()


def test_a_group_is_said_in_the_order_in_which_it_is_stopped() -> None:
    group = Strategy("all", "group_restart")
    said = deeds.does(group, WEB, (Target("db", "process"), WEB))
    assert said == "stops web, db, in this order, and starts them in the opposite one"


def test_what_is_long_is_cut_and_lines_are_one() -> None:
    said = does("exec", command=["/bin/sh", "-c", "echo one\necho two" + "x" * 5000])
    assert "\n" not in said
    assert said.endswith("xxx ...")
    assert len(said) < 700


def test_what_does_the_same_to_the_same_has_the_same_digest() -> None:
    one = Strategy("one", "exec", params={"command": ["/bin/a", "${fault.node}"]})

    def seal(strategy: Strategy = one, target: Target = WEB, node: str = "n1", members: tuple[Target, ...] = ()) -> str:
        return deeds.digest(strategy, target, members, {"fault.node": node})

    same = Strategy("one", "exec", params={"command": ["/bin/a", "${fault.node}"]}, timeout_s=1.0)
    assert seal() == seal(same), "how long it may take is not what it does"
    others = (
        seal(Strategy("one", "exec", params={"command": ["/bin/b", "${fault.node}"]})),
        seal(Strategy("two", "exec", params=one.params)),
        seal(target=UNIT),
        seal(node="n2"),
        seal(members=(WEB, UNIT)),
    )
    assert len({seal(), *others}) == 6
