"""What pages are made from, as messages."""

from __future__ import annotations

from collections.abc import Mapping

from error_daemon.model import Json
from error_daemon.model.views import (
    ErrorGroup,
    HostFigure,
    HostState,
    Layers,
    Need,
    Now,
    Rates,
    Recovered,
    Scores,
    Situation,
    Stale,
    TargetState,
    TargetStates,
    Trying,
)
from error_daemon.rpc.convert import error_message, reading_message
from error_daemon.rpc.convert_diagnosis import diagnostic_message
from error_daemon.rpc.convert_metrics import goal_figures, tally_message
from error_daemon.rpc.convert_status import brake_message
from error_recovery.v1 import fault_pb2, recovery_pb2, view_pb2

_MOST_SERIES = 100
_OF_STATUS = (
    "version",
    "state",
    "started_at",
    "errors_known",
    "errors_by_state",
    "tickets_open",
    "attempts_running",
    "workers",
    "faults_received",
    "faults_refused",
)

# --- now


def now_message(now: Now, limit: int) -> view_pb2.GetNowResponse:
    status, situation = now.status, now.situation
    answer = view_pb2.GetNowResponse(
        at=now.at,
        host=now.host,
        brakes=map(brake_message, now.brakes),
        lag=recovery_pb2.LagFigures(**status["lag"]),
        lag_last_minute=recovery_pb2.LagFigures(**now.lag_last_minute),
        rates=_rates_message(now.rates),
        recovered=map(_recovered_message, now.recovered[:limit]),
        sensors=map(diagnostic_message, now.sensors),
        sensors_blind=now.sensors_blind,
        store=recovery_pb2.StoreState(**status["store"]),
        rings=[recovery_pb2.RingUse(**ring) for ring in status["rings"]],
        stale=map(_stale_message, now.stale),
        put_together_s=now.took_s,
        **{name: status[name] for name in _OF_STATUS},
    )
    _add_situation(answer, situation, limit)
    return answer


def _add_situation(answer: view_pb2.GetNowResponse, situation: Situation, limit: int) -> None:
    """Of each list the first `limit`; the others are added to how many more there are."""
    answer.open.extend(
        view_pb2.OpenCount(severity=_severity(one.severity), state=one.state.value, errors=one.errors)
        for one in situation.open
    )
    answer.groups.extend(map(_group_message, situation.groups[:limit]))
    answer.groups_more = situation.groups_more + len(situation.groups[limit:])
    answer.errors_in_more = situation.errors_in_more + sum(group.errors for group in situation.groups[limit:])
    answer.trying.extend(map(_trying_message, situation.trying[:limit]))
    answer.trying_more = situation.trying_more + len(situation.trying[limit:])
    answer.needs.extend(map(_need_message, situation.needs[:limit]))
    answer.needs_more = situation.needs_more + len(situation.needs[limit:])


def _group_message(group: ErrorGroup) -> view_pb2.ErrorGroup:
    return view_pb2.ErrorGroup(
        kind=group.kind,
        name=group.name,
        root_error=error_message(group.root_error),
        errors=group.errors,
        faults=group.faults,
        severity=_severity(group.severity),
        since=group.since,
        last_at=group.last_at,
        errors_by_state=group.errors_by_state,
        targets=group.targets,
        targets_more=group.targets_more,
        standing=group.standing,
        trying=_trying_message(group.trying) if group.trying else None,
        next_text=group.next.text,
        next_at=group.next.at,
        held_by=group.held_by,
    )


def _trying_message(trying: Trying) -> view_pb2.Trying:
    return view_pb2.Trying(
        error_id=trying.error_id,
        attempt_id=trying.attempt_id,
        state=trying.state.value,
        strategy_id=trying.strategy_id,
        target=trying.target,
        level=trying.level,
        number=trying.number,
        since=trying.since,
        deadline_at=trying.deadline_at,
        severity=_severity(trying.severity),
        text=trying.text,
    )


def _need_message(need: Need) -> view_pb2.Need:
    return view_pb2.Need(
        kind=need.kind,
        error_id=need.error_id,
        severity=_severity(need.severity),
        target=need.target,
        component=need.component,
        message=need.message,
        action=need.action,
        strategy_id=need.strategy_id,
        level=need.level,
        why=need.why,
        otherwise=need.otherwise,
        since=need.since,
        until=need.until,
        errors=need.errors,
        decision_id=need.decision_id,
        does=need.does,
        run_id=need.run_id,
    )


def _rates_message(rates: Rates) -> view_pb2.Rates:
    return view_pb2.Rates(interval_s=rates.interval_s, until=rates.until, **rates.counts)


def _recovered_message(recovered: Recovered) -> view_pb2.Recovered:
    record = recovered.record
    return view_pb2.Recovered(
        error_id=record.error_id,
        target=record.target,
        component=record.component,
        at=record.ended_at,
        took_s=record.ended_at - record.opened_at,
        attempts=record.attempts,
        level=record.last_level,
        text=record.reason,
        errors=recovered.errors,
    )


def _stale_message(stale: Stale) -> view_pb2.Stale:
    return view_pb2.Stale(part=stale.part, why=stale.why, since=stale.since)


def _severity(severity: int) -> fault_pb2.Severity.ValueType:
    return fault_pb2.Severity.ValueType(int(severity))


# --- targets


def targets_message(states: TargetStates) -> view_pb2.ListTargetsResponse:
    metrics = states.day.metrics
    return view_pb2.ListTargetsResponse(
        targets=[_target_message(target, metrics) for target in states.targets],
        at=states.at,
        day_at=states.day.at,
        stale=map(_stale_message, states.stale),
    )


def _target_message(target: TargetState, metrics: Mapping[str, Json] | None) -> view_pb2.TargetView:
    message = view_pb2.TargetView(
        name=target.name,
        kind=target.kind,
        depends_on=target.depends_on,
        dependents=target.dependents,
        weight=target.weight,
        impact=target.impact,
        probes=target.probes,
        health=target.health,
        health_text=target.health_text,
        health_since=target.health_since,
        is_isolated=target.is_isolated,
        readings=map(reading_message, target.readings),
        breaker=brake_message(target.breaker) if target.breaker else None,
        pause=brake_message(target.pause) if target.pause else None,
        bulkheads=map(brake_message, target.bulkheads),
        open_errors=target.open_errors,
        failed_errors=target.failed_errors,
        waiting=target.waiting,
        root_error_id=target.root_error_id,
    )
    if metrics is not None:
        downtime = metrics["downtime"]["by_target"].get(target.name)
        attempts = metrics["attempts"]["by_target"].get(target.name)
        message.day.CopyFrom(tally_message("target", target.name, attempts) if attempts else _no_attempts(target.name))
        if downtime is not None and downtime["availability_ratio"] is not None:
            message.availability_ratio = downtime["availability_ratio"]
    return message


def _no_attempts(target: str) -> recovery_pb2.Tally:
    return recovery_pb2.Tally(by="target", key=target)


# --- scores, layers, host


def scores_message(scores: Scores, by: str) -> view_pb2.ListScoresResponse:
    return view_pb2.ListScoresResponse(
        series=[_series_message(series, by) for series in scores.series[:_MOST_SERIES]],
        series_more=len(scores.series[_MOST_SERIES:]),
        since=scores.since,
        until=scores.until,
        interval_s=scores.interval_s,
    )


def _series_message(series: Mapping[str, Json], by: str) -> view_pb2.ScoreSeries:
    return view_pb2.ScoreSeries(
        strategy_id=series["strategy_id"],
        error_type=series["error_type"],
        level=int(series["group"]) if by == "level" else 0,
        target=series["group"] if by == "target" else "",
        attempts=series["attempts"],
        successes=series["successes"],
        points=[view_pb2.ScorePoint(**point) for point in series["points"]],
    )


def layers_message(layers: Layers) -> view_pb2.GetLayersResponse:
    figures = layers.figures
    found = figures.metrics["layers"]
    return view_pb2.GetLayersResponse(
        layers=[
            view_pb2.LayerView(
                layer=name,
                error_types=[kind.value for kind in layers.types[name]],
                detect=_times_message(item["detect"], item["detect_within_s"], item["is_detect_met"]),
                recover=_times_message(item["recover"], item["recover_within_s"], item["is_recover_met"]),
            )
            for name, item in found.items()
        ],
        goals=[figure for figure in goal_figures(figures.metrics) if figure.scope != "layer"],
        since=figures.since,
        until=figures.until,
        at=figures.at,
    )


def _times_message(times: Mapping[str, Json], within_s: float, is_met: bool | None) -> view_pb2.LayerTimes:
    return view_pb2.LayerTimes(
        samples=times["samples"],
        mean_s=times["mean_s"],
        median_s=times["median_s"],
        p95_s=times["p95_s"],
        within_s=within_s,
        is_met=is_met,
    )


def host_message(host: HostState) -> view_pb2.GetHostResponse:
    return view_pb2.GetHostResponse(
        sensors=map(diagnostic_message, host.sensors),
        figures=map(_figure_message, host.figures),
        at=host.at,
        interval_s=host.interval_s,
    )


def _figure_message(figure: HostFigure) -> view_pb2.HostFigure:
    return view_pb2.HostFigure(
        name=figure.name,
        unit=figure.unit,
        value=figure.value,
        sensor=figure.sensor,
        thresholds=[
            view_pb2.Threshold(
                what=one.what,
                enter=one.enter,
                leave=one.leave,
                window_s=one.window_s,
                is_in=one.is_in,
                is_below=one.is_below,
            )
            for one in figure.thresholds
        ],
        at=figure.at,
        values=figure.values,
    )
