"""What a replay has come to, as messages. The whole document goes out as JSON; what people want to see first goes out typed.

A replay comes as plain.py makes core/replay's Replayed plain: mappings with the names of the dataclasses' fields and properties.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from error_daemon.errors import Problem
from error_daemon.model import Json
from error_daemon.rpc.convert_problems import problem_message
from error_recovery.v1 import recovery_pb2

MOST_TICKETS = 1000

_Facts = Mapping[str, Json]


def replay_message(step: _Facts) -> recovery_pb2.ReplayEvent:
    """`step`: see middle.Control.replay. One with a result may take long."""
    result = step.get("result")
    return recovery_pb2.ReplayEvent(
        phase=step["phase"],
        done_ratio=step["done_ratio"],
        result=None if result is None else result_message(result),
    )


def problems_message(problems: Sequence[Problem]) -> recovery_pb2.ReplayEvent:
    return recovery_pb2.ReplayEvent(
        phase="the definitions are wrong",
        problems=map(problem_message, problems),
    )


def result_message(result: _Facts) -> recovery_pb2.ReplayResult:
    totals, certain = result["totals"], result["totals"]["by_certainty"]
    counts = ("same", "different", "only_then", "only_now", "faults", "faults_missing", "faults_not_come")
    others = [ticket for ticket in result["compared"] if _is_other(ticket)]
    return recovery_pb2.ReplayResult(
        result_json=json.dumps(result, ensure_ascii=False, allow_nan=False),
        start_at=result["start_at"],
        until=result["until"],
        **{name: totals[name] for name in counts},
        known=certain.get("known", 0),
        estimated=certain.get("estimated", 0),
        unknown=certain.get("unknown", 0),
        drawn=result["drawn"],
        figures=_figures(totals["then"], totals["now"]),
        tickets=map(_ticket, others[:MOST_TICKETS]),
        rates=[recovery_pb2.ReplayRate(name=name, **rate) for name, rate in result["rates"].items()],
    )


def _is_other(ticket: _Facts) -> bool:
    return bool(ticket["differences"]) or ticket["then"] is None or ticket["now"] is None


def _figures(then: _Facts, now: _Facts) -> Iterator[recovery_pb2.ReplayFigure]:
    for name in ("tickets", "unrecovered", "downtime_s", "left_s"):
        yield _figure(name, "", "", then[name], now[name])
    for key, name, scope in (
        ("downtime_by_target", "downtime_s", "target"),
        ("attempts_by_target", "attempts", "target"),
        ("attempts_by_strategy", "attempts", "strategy"),
    ):
        for subject in sorted(then[key].keys() | now[key].keys()):
            yield _figure(name, scope, subject, then[key].get(subject), now[key].get(subject))


def _figure(name: str, scope: str, subject: str, then: _Facts | None, now: _Facts | None) -> recovery_pb2.ReplayFigure:
    """What is not in a history was not in it: that is 0, and known."""
    return recovery_pb2.ReplayFigure(
        name=name,
        scope=scope,
        subject=subject,
        unit="s" if name.endswith("_s") else "count",
        then=_range(then) or recovery_pb2.ReplayRange(),
        now=_range(now) or recovery_pb2.ReplayRange(),
    )


def _range(facts: _Facts | None) -> recovery_pb2.ReplayRange | None:
    return None if facts is None else recovery_pb2.ReplayRange(**facts)


def _ticket(ticket: _Facts) -> recovery_pb2.ReplayTicket:
    course = ticket["then"] or ticket["now"]
    return recovery_pb2.ReplayTicket(
        error_id=ticket["error_id"],
        opened_at=course["opened_at"],
        then=_course(ticket["then"]),
        now=_course(ticket["now"]),
        differences=ticket["differences"],
        certainty=ticket["certainty"],
        recovers_s=_range(ticket["recovers_s"]),
        recovered_ratio=ticket["recovered_ratio"],
        why=ticket["why"],
    )


def _course(course: _Facts | None) -> recovery_pb2.ReplayCourse | None:
    if course is None:
        return None
    return recovery_pb2.ReplayCourse(
        ended_as=course["ended_as"],
        reason=course["reason"],
        rule=course["rule"],
        target=course["target"],
        mode=course["mode"],
        strategies=[step["decision"]["strategy_id"] for step in course["steps"]],
        recovers_s=course["recovers_s"],
        certainty=course["certainty"],
    )
