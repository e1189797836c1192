"""The report of core/metrics on the wire: nothing is lost, nothing is there twice, and what is not known is absent."""

from __future__ import annotations

import json
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from error_daemon.core.metrics import Span, recovery_metrics
from error_daemon.model import AttemptRecord, ErrorType, RecoveryClass, TicketRecord
from error_daemon.rpc.convert_metrics import metrics_message
from error_daemon.rpc.plain import plain
from error_recovery.v1 import recovery_pb2 as pb
from tests.core.metric_records import any_attempts, any_tickets, attempt, ticket

SPAN = Span(0.0, 1000.0)
LAG = {"samples": 0, "p50_us": 0.0, "p99_us": 0.0, "max_us": 0.0}


def _message(tickets: list[TicketRecord], attempts: list[AttemptRecord]) -> pb.GetMetricsResponse:
    report = recovery_metrics(tickets, attempts, SPAN, weights={"web": 2.0})
    as_read = json.loads(json.dumps(plain(report), allow_nan=False))
    return metrics_message({"recovery": as_read, "strategies": [], "lag": LAG})


def _figure(message: pb.GetMetricsResponse, name: str, scope: str = "", subject: str = "") -> pb.Figure:
    [found] = [
        figure for figure in message.figures if (figure.name, figure.scope, figure.subject) == (name, scope, subject)
    ]
    return found


def test_a_goal_is_met_or_not_and_stands_first() -> None:
    message = _message([ticket(100.0, 110.0), ticket(200.0, 300.0, "failed")], [])
    names = [figure.name for figure in message.figures if figure.goal_kind]
    assert [figure.name for figure in message.figures[: len(names)]] == names
    assert names[:3] == ["mean_time_to_detect_s", "mean_time_to_recover_s", "success_ratio"]
    recover = _figure(message, "mean_time_to_recover_s")
    assert (recover.value, recover.unit, recover.samples, recover.goal) == (10.0, "s", 1, 30.0)
    assert (recover.goal_kind, recover.is_met) == ("below", True)
    success = _figure(message, "success_ratio")
    assert (success.value, success.samples, success.goal_kind, success.is_met) == (0.5, 2, "above", False)
    assert 0.0 < success.low < 0.5 < success.high < 1.0


def test_what_is_not_known_has_no_value_and_is_neither_met_nor_not() -> None:
    detect = _figure(_message([], []), "mean_time_to_detect_s")
    assert not detect.HasField("value")
    assert not detect.HasField("is_met")
    assert (detect.samples, detect.goal) == (0, 5.0)


def test_availability_and_downtime_are_there_for_all_for_each_target_and_for_each_component() -> None:
    message = _message([ticket(100.0, 200.0, target="db", component="bank", planned=True)], [])
    assert _figure(message, "availability_ratio", "target", "web").value == 1.0
    assert _figure(message, "availability_ratio", "target", "db").value == 0.9
    component = _figure(message, "availability_ratio", "component", "bank")
    assert (component.value, component.goal, component.is_met) == (0.9, 0.9999, False)
    assert _figure(message, "planned_downtime_s", "target", "db").value == 100.0
    assert _figure(message, "unplanned_downtime_s", "component", "bank").value == 0.0
    assert _figure(message, "planned_downtime_s").value == 100.0
    assert _figure(message, "unplanned_downtime_s").is_met


def test_recovery_classes_response_classes_and_layers_have_their_own_goals() -> None:
    hardware = {"error_type": ErrorType.HARDWARE, "recovery_class": RecoveryClass.IMMEDIATE}
    message = _message([ticket(100.0, 102.0, occurred_at=99.0, **hardware)], [])
    in_time = _figure(message, "in_time_ratio", "recovery_class", "immediate")
    assert (in_time.value, in_time.within_s, in_time.goal, in_time.is_met) == (0.0, 1.0, 0.95, False)
    assert _figure(message, "success_ratio", "recovery_class", "immediate").value == 1.0
    critical = _figure(message, "kept_ratio", "response_class", "critical")
    assert (critical.within_s, critical.goal_kind, critical.HasField("is_met")) == (0.1, "at_least", False)
    layer = _figure(message, "p95_time_to_detect_s", "layer", "hardware")
    assert (layer.value, layer.goal, layer.is_met) == (1.0, 0.001, False)


def test_attempts_are_counted_by_each_thing() -> None:
    unknown = attempt(strategy_id="b", target="db", level=1, outcome="lost")
    message = _message([], [attempt(strategy_id="a"), attempt(strategy_id="a", success=False), unknown])
    found = {(tally.by, tally.key): (tally.attempts, tally.known, tally.successes) for tally in message.counts}
    assert found["total", ""][0] == 3
    assert found["strategy", "a"] == (2, 2, 1)
    assert found["target", "db"][0] == found["level", "1"][0] == 1
    assert found["type", "system"][0] == 3
    assert ("time", "0.0") in found


def test_learning_compares_the_last_with_the_first() -> None:
    worse = [ticket(ended_as="failed", opened_at=at, ended_at=at + 1.0) for at in range(5)]
    better = [ticket(opened_at=at, ended_at=at + 2.0) for at in range(10, 20)]
    [learning] = _message([*worse, *better], []).learning
    assert learning.error_type == "system"
    assert (learning.success.samples, learning.success.first, learning.success.last) == (7, 2 / 7, 1.0)
    assert learning.success.is_more_than_chance
    assert learning.success.p_value < 0.1
    assert (learning.time_to_recover_s.samples, learning.time_to_recover_s.difference) == (5, 0.0)
    assert not learning.time_to_recover_s.HasField("p_value")


def test_too_few_tickets_teach_nothing() -> None:
    [learning] = _message([ticket()], []).learning
    assert not learning.HasField("success")
    assert not learning.HasField("time_to_recover_s")


def test_the_quality_score_comes_with_its_parts() -> None:
    message = _message([ticket()], [attempt()])
    assert _figure(message, "quality_score").value > 0.9
    assert [part.name for part in message.quality_parts] == [
        "success",
        "speed",
        "gentleness",
        "stability",
        "first time",
    ]
    assert not message.quality_parts[3].HasField("score")


@settings(max_examples=50, deadline=None)
@given(st.lists(any_tickets(), max_size=8), st.lists(any_attempts(), max_size=8))
def test_every_figure_of_any_record_is_there_once_and_parts_sum_to_the_whole(
    tickets: list[TicketRecord], attempts: list[AttemptRecord]
) -> None:
    message = _message(tickets, attempts)
    keys = Counter((figure.name, figure.scope, figure.subject) for figure in message.figures)
    assert set(keys.values()) == {1}
    for figure in message.figures:
        assert bool(figure.goal_kind) == figure.HasField("goal")
        assert figure.HasField("is_met") == (bool(figure.goal_kind) and figure.HasField("value"))
        if figure.HasField("low"):
            assert figure.low <= figure.value <= figure.high
    [total, *parts] = message.counts
    for by in {part.by for part in parts}:
        assert sum(part.attempts for part in parts if part.by == by) == total.attempts
