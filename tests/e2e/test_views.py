"""What pages are made from, asked of a real daemon in which something is broken."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from error_recovery.v1 import fault_pb2, view_pb2, view_pb2_grpc
from tests.e2e.daemon_process import PATIENCE_S, SH, DaemonProcess, a_fault
from tests.waiting import eventually

DEFINITIONS = """
version: 1
targets:
  db: {kind: service, probes: [db]}
  shop: {kind: service, probes: [shop], depends_on: [db], weight: 3}
  mail: {kind: service, probes: [mail]}
probes:
  db: {kind: exec, command: [SH, -c, "exit 1"]}
  shop: {kind: exec, command: [SH, -c, "exit 1"]}
  mail: {kind: exec, command: [SH, -c, "test -e DIR/mail"]}
strategies:
  restart: {kind: exec, command: [SH, -c, "true"]}
  mend: {kind: exec, command: [SH, -c, "touch DIR/mail"]}
rules:
  - {id: db, when: {component: "db*"}, target: db, mode: approve, ladder: {3: [restart]}}
  - {id: shop, when: {component: "shop*"}, target: shop, mode: auto, ladder: {1: [restart]}}
  - {id: mail, when: {component: mail}, target: mail, mode: auto, ladder: {1: [mend]}}
"""


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaemonProcess]:
    directory: Path = tmp_path_factory.mktemp("views")
    text = DEFINITIONS.replace("SH", SH).replace("DIR", str(directory))
    daemon = DaemonProcess(directory / "daemon", text, has_sensors=True).start()
    try:
        break_much(daemon)
        yield daemon
    finally:
        daemon.stop()


def break_much(daemon: DaemonProcess) -> None:
    report(daemon, "db", "no space left")
    eventually("a person is asked", lambda: len(views(daemon).GetNow(view_pb2.GetNowRequest()).needs) == 1)
    for number in range(20):
        report(daemon, f"shop-{number}", "no answer from the database")
    report(daemon, "mail", "gone")
    report(daemon, "elsewhere", "nobody said what to do")
    eventually("the mail recovers", lambda: len(views(daemon).GetNow(view_pb2.GetNowRequest()).recovered) == 1)


def report(daemon: DaemonProcess, component: str, message: str) -> None:
    daemon.report(a_fault(message, context=fault_pb2.Context(component=component)))


def views(daemon: DaemonProcess) -> view_pb2_grpc.ViewServiceStub:
    return view_pb2_grpc.ViewServiceStub(daemon.channel)


def test_a_storm_is_understood_by_its_root_causes(daemon: DaemonProcess) -> None:
    now = views(daemon).GetNow(view_pb2.GetNowRequest(), timeout=PATIENCE_S)
    assert [(group.kind, group.name, group.errors, group.standing) for group in now.groups] == [
        ("target", "db", 21, "approval"),
        ("component", "elsewhere", 1, "observed"),
    ]
    db = now.groups[0]
    assert list(db.targets) == ["db", "shop"]
    assert db.root_error.component == "db"
    assert db.held_by == "approval"
    assert db.next_text == "restart at level 3, if a person says yes"
    assert db.next_at > now.at
    assert sum(one.errors for one in now.open) == 22
    assert now.tickets_open == 21


def test_what_waits_for_a_person_says_what_would_be_done_and_what_happens_otherwise(daemon: DaemonProcess) -> None:
    [need] = views(daemon).GetNow(view_pb2.GetNowRequest(), timeout=PATIENCE_S).needs
    assert (need.kind, need.target, need.action) == ("approval", "db", "restart at level 3 on db")
    assert need.otherwise == "nothing is done: the error has failed, and a person is told"
    assert need.until > need.since
    assert need.does.startswith("runs ")
    assert need.decision_id


def test_what_recovered_lately_says_what_helped(daemon: DaemonProcess) -> None:
    [recovered] = views(daemon).GetNow(view_pb2.GetNowRequest(), timeout=PATIENCE_S).recovered
    assert (recovered.target, recovered.attempts, recovered.text) == ("mail", 1, "mend at level 1, verified by probes")
    assert 0.0 < recovered.took_s < PATIENCE_S


def test_targets_say_how_they_are_and_what_depends_on_them(daemon: DaemonProcess) -> None:
    answer = views(daemon).ListTargets(view_pb2.ListTargetsRequest(), timeout=PATIENCE_S)
    db, shop, mail = answer.targets
    assert (db.name, db.health, list(db.dependents), db.impact) == ("db", "failing", ["shop"], 2.5)
    assert (shop.health, list(shop.depends_on), shop.waiting, shop.open_errors) == ("failing", ["db"], 20, 20)
    assert shop.root_error_id == db.root_error_id
    assert (mail.health, [reading.value for reading in mail.readings]) == ("well", ["ok"])
    assert mail.HasField("availability_ratio")
    [only] = views(daemon).ListTargets(view_pb2.ListTargetsRequest(target="mail"), timeout=PATIENCE_S).targets
    assert only.name == "mail"


def test_scores_come_from_the_attempts_of_the_record(daemon: DaemonProcess) -> None:
    def attempts() -> list[tuple[str, int, int]]:
        answer = views(daemon).ListScores(view_pb2.ListScoresRequest(by="target"), timeout=PATIENCE_S)
        return [(one.strategy_id, one.attempts, one.successes) for one in answer.series if one.target == "mail"]

    eventually("the record has the attempt", lambda: attempts() == [("mend", 1, 1)])
    [point] = (
        views(daemon).ListScores(view_pb2.ListScoresRequest(strategy_id="mend"), timeout=PATIENCE_S).series[0].points
    )
    assert 0.0 < point.success_low < point.success_mean < point.success_high <= 1.0
    assert 0.0 < point.score < 1.0


def test_layers_have_the_goals_of_each(daemon: DaemonProcess) -> None:
    answer = views(daemon).GetLayers(view_pb2.GetLayersRequest(), timeout=PATIENCE_S)
    within = {one.layer: (one.detect.within_s, one.recover.within_s) for one in answer.layers}
    assert within["hardware"] == (0.001, 0.1)
    assert within["workflow"] == (0.1, 30.0)
    assert "success_ratio" in {goal.name for goal in answer.goals}


def test_the_host_is_seen_as_its_sensors_see_it(daemon: DaemonProcess) -> None:
    def late() -> view_pb2.HostFigure:
        answer = views(daemon).GetHost(view_pb2.GetHostRequest(figure="loop_late_s", points=10), timeout=PATIENCE_S)
        return answer.figures[0]

    eventually("it is sampled", lambda: len(late().values) == 10)
    figure = late()
    assert (figure.unit, figure.sensor, figure.thresholds[0].what) == ("s", "loop", "loop-late")
    assert list(figure.at) == sorted(figure.at)
    sensors = views(daemon).GetHost(view_pb2.GetHostRequest(), timeout=PATIENCE_S).sensors
    assert "cpu" in {sensor.name for sensor in sensors}


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda stub: stub.GetNow(view_pb2.GetNowRequest(limit=101)), "limit: 101 is more than 100"),
        (
            lambda stub: stub.ListScores(view_pb2.ListScoresRequest(by="moon")),
            "by: 'moon' is none of type, level, target",
        ),
        (lambda stub: stub.ListScores(view_pb2.ListScoresRequest(level=6)), "level: 6 is none of 1 to 5"),
        (lambda stub: stub.GetHost(view_pb2.GetHostRequest(last_s=-1)), "last_s: -1 is not from 0 to 900"),
        (lambda stub: stub.ListTargets(view_pb2.ListTargetsRequest(target="moon")), "no target 'moon' is defined"),
        (lambda stub: stub.GetLayers(view_pb2.GetLayersRequest(since=2, until=1)), "until: is not after `since`"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_the_field(daemon: DaemonProcess, ask, said: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(grpc.RpcError) as refused:
        ask(views(daemon))
    assert said in str(refused.value.details())


def test_a_fault_is_a_fault_to_every_view(daemon: DaemonProcess) -> None:
    before = views(daemon).GetNow(view_pb2.GetNowRequest(), timeout=PATIENCE_S).faults_received
    report(daemon, "elsewhere", "nobody said what to do")
    eventually("it is counted", lambda: views(daemon).GetNow(view_pb2.GetNowRequest()).faults_received > before)
