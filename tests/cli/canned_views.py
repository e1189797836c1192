"""What the canned daemon says is going on: a storm of three root causes, and what waits for a person."""

from __future__ import annotations

from error_recovery.v1 import fault_pb2, recovery_pb2, view_pb2
from tests.cli.canned import LONG_AGO

ERROR_ID = "3f2a9c0d11e4b7aa"
HIGH, CRITICAL = fault_pb2.SEVERITY_HIGH, fault_pb2.SEVERITY_CRITICAL


def now() -> view_pb2.GetNowResponse:
    return view_pb2.GetNowResponse(
        at=LONG_AGO,
        version="0.1.0",
        host="node7",
        state="serving",
        started_at=LONG_AGO - 3 * 86400,
        open=[
            view_pb2.OpenCount(severity=CRITICAL, state="attempting", errors=1),
            view_pb2.OpenCount(severity=CRITICAL, state="queued", errors=3333),
            view_pb2.OpenCount(severity=HIGH, state="parked", errors=6666),
        ],
        groups=[_database(), _mail()],
        trying=[_trying()],
        needs=[_approval(), _failure()],
        brakes=[
            recovery_pb2.Brake(
                brake="pause", subject="mail", state="paused", reason="maintenance", until=LONG_AGO + 600, waiting=2
            )
        ],
        lag_last_minute=recovery_pb2.LagFigures(samples=10, p50_us=1200, p99_us=3400),
        rates=view_pb2.Rates(interval_s=5, until=LONG_AGO, faults=[0] * 100 + [5000, 2500], recovered=[0, 12]),
        recovered=[
            view_pb2.Recovered(
                error_id="aa", target="cache", at=LONG_AGO - 5, took_s=0.25, text="flush at level 1", errors=7
            )
        ],
        sensors=[recovery_pb2.Diagnostic(area="sensors", name="clock", standing="notice", says="not synchronised")],
        rings=[
            recovery_pb2.RingUse(priority="high", used=95, slots=100),
            recovery_pb2.RingUse(priority="low", slots=9),
        ],
        stale=[view_pb2.Stale(part="record", why="the disk is full")],
        attempts_running=1,
        errors_by_state={"failed": 2},
    )


def _trying() -> view_pb2.Trying:
    return view_pb2.Trying(
        error_id=ERROR_ID,
        state="attempting",
        strategy_id="restart-db",
        target="db",
        text="restart-db at level 3 on db",
        since=LONG_AGO - 12,
        deadline_at=LONG_AGO + 18,
        severity=CRITICAL,
    )


def _database() -> view_pb2.ErrorGroup:
    error = recovery_pb2.Error(error_id=ERROR_ID, target="db", message="no space\x1b[2J left", component="db")
    return view_pb2.ErrorGroup(
        kind="target",
        name="db",
        root_error=error,
        errors=3334,
        faults=12_000,
        severity=CRITICAL,
        since=LONG_AGO - 200,
        targets=["db", "shop", "api"],
        targets_more=4,
        standing="trying",
        trying=_trying(),
        next_text="if that does not help: restart-host at level 4",
    )


def _mail() -> view_pb2.ErrorGroup:
    error = recovery_pb2.Error(error_id="beef", target="mail", message="no answer", component="mail", reason="paused")
    return view_pb2.ErrorGroup(
        kind="target",
        name="mail",
        root_error=error,
        errors=6666,
        faults=6666,
        severity=HIGH,
        since=LONG_AGO - 60,
        targets=["mail"],
        standing="held",
        held_by="pause",
        next_text="restart-mail at level 3, when pause lets go",
        next_at=LONG_AGO + 600,
    )


def _approval() -> view_pb2.Need:
    return view_pb2.Need(
        kind="approval",
        error_id="cafe",
        severity=HIGH,
        target="web",
        component="web",
        message="it hangs",
        action="restart-web at level 3 on web",
        does="runs /usr/bin/systemctl restart web",
        decision_id="cafe-d1",
        otherwise="nothing is done",
        until=LONG_AGO + 1800,
        errors=3,
    )


def _failure() -> view_pb2.Need:
    return view_pb2.Need(
        kind="failed",
        error_id="dead",
        severity=HIGH,
        target="queue",
        message="worker died",
        why="the ladder is exhausted",
        otherwise="it stays as it is",
        errors=2,
    )


def targets() -> view_pb2.ListTargetsResponse:
    database = view_pb2.TargetView(
        name="db",
        kind="service",
        dependents=["shop"],
        weight=1,
        impact=2.5,
        health="failing",
        health_text="beef (2 more) is parked: waits",
        health_since=LONG_AGO - 60,
        readings=[recovery_pb2.Reading(probe="port", value="not_ok", detail="refused", duration_s=0.01)],
        breaker=recovery_pb2.Brake(
            brake="target breaker", subject="db", state="open", reason="5 failures", until=LONG_AGO
        ),
        pause=recovery_pb2.Brake(brake="pause", subject="db", state="paused", reason="maintenance"),
        open_errors=3,
        failed_errors=1,
        waiting=2,
        root_error_id="beef",
        is_isolated=True,
        day=recovery_pb2.Tally(by="target", key="db", attempts=12, known=12, successes=9, ratio=0.75),
        availability_ratio=0.99995,
    )
    shop = view_pb2.TargetView(name="shop", kind="service", depends_on=["db"], weight=3, impact=3, health="well")
    return view_pb2.ListTargetsResponse(
        targets=[database, shop],
        at=LONG_AGO,
        stale=[view_pb2.Stale(part="day", why="the figures of the last 24 hours are being worked out")],
    )


def scores() -> view_pb2.ListScoresResponse:
    points = [
        view_pb2.ScorePoint(
            at=LONG_AGO + n, attempts=4, successes=n, success_mean=n / 4, success_low=0, success_high=1, score=n / 5
        )
        for n in range(5)
    ]
    return view_pb2.ListScoresResponse(
        series=[
            view_pb2.ScoreSeries(strategy_id="restart-db", error_type="network", level=3, attempts=20, points=points)
        ],
        series_more=2,
        since=LONG_AGO,
        until=LONG_AGO + 86400,
        interval_s=3600,
    )


def host() -> view_pb2.GetHostResponse:
    threshold = view_pb2.Threshold(what="steal", enter=0.2, leave=0.1, window_s=10, is_in=True)
    margin = view_pb2.Threshold(what="overheated", enter=5, leave=5, is_below=True)
    return view_pb2.GetHostResponse(
        sensors=[
            recovery_pb2.Diagnostic(area="sensors", name="cpu", standing="notice", says="steal"),
            recovery_pb2.Diagnostic(area="sensors", name="heat", standing="unavailable", says="no thermal zone"),
        ],
        figures=[
            view_pb2.HostFigure(
                name="steal_ratio",
                unit="ratio",
                value=0.25,
                thresholds=[threshold],
                at=[1, 2, 3],
                values=[0, 0.1, 0.25],
            ),
            view_pb2.HostFigure(name="context_switches_per_s", unit="per_s", value=1234.5),
            view_pb2.HostFigure(name="to_critical_celsius", unit="celsius", value=40, thresholds=[margin]),
            view_pb2.HostFigure(name="loop_late_s", unit="s", value=0.0),
            view_pb2.HostFigure(name="processes_running"),
        ],
        at=LONG_AGO,
        interval_s=0.1,
    )
