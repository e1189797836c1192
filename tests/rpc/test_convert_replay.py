"""A replay on the wire: the sums, and the tickets that went another way; what was the same is only in the document."""

from __future__ import annotations

import json
from dataclasses import replace

from error_daemon.rpc.convert_replay import MOST_TICKETS, result_message
from error_daemon.rpc.plain import plain
from error_recovery.v1 import recovery_pb2 as pb
from tests.rpc.replayed import CHANGED, REPLAYED

MESSAGE = result_message(plain(REPLAYED))


def test_the_sums_of_then_and_now_stand_beside_each_other() -> None:
    found = {(figure.name, figure.scope, figure.subject): figure for figure in MESSAGE.figures}
    downtime = found["downtime_s", "", ""]
    assert (downtime.unit, downtime.then.expected) == ("s", 252.0)
    assert downtime.now == pb.ReplayRange(low=38.0, expected=61.0, high=120.0)
    assert found["attempts", "strategy", "reload"].then == pb.ReplayRange()
    assert found["downtime_s", "target", "db"].now.high == 0.0
    assert found["attempts", "strategy", "restart"].unit == "count"


def test_only_tickets_that_went_another_way_are_told_one_by_one() -> None:
    changed, gone = MESSAGE.tickets
    assert (changed.opened_at, changed.certainty, changed.recovered_ratio) == (100.0, "estimated", 0.8)
    assert list(changed.differences) == ["reload at level 1 instead of restart at level 3"]
    assert (list(changed.then.strategies), list(changed.now.strategies)) == (["restart"], ["reload"])
    assert (changed.then.recovers_s, changed.now.recovers_s, changed.recovers_s.high) == (5.0, 1.0, 4.0)
    assert (changed.then.certainty, changed.now.certainty) == ("known", "estimated")
    assert not gone.HasField("now")
    assert gone.why == "its target was not down any more"


def test_what_is_estimated_and_what_is_missing_is_counted() -> None:
    assert (MESSAGE.known, MESSAGE.estimated, MESSAGE.unknown, MESSAGE.drawn) == (2, 1, 0, 64)
    assert (MESSAGE.faults, MESSAGE.faults_missing, MESSAGE.faults_not_come) == (9, 1, 2)
    [rate] = MESSAGE.rates
    assert (rate.name, rate.mean, rate.samples) == ("reload for network", 0.8, 12.0)


def test_of_very_many_tickets_the_first_are_told_and_all_are_in_the_document() -> None:
    many = replace(REPLAYED, compared=(CHANGED,) * (MOST_TICKETS + 1))
    message = result_message(plain(many))
    assert len(message.tickets) == MOST_TICKETS
    assert len(json.loads(message.result_json)["compared"]) == MOST_TICKETS + 1
