"""What the canned daemon answers about brakes, approvals, metrics and replays."""

from __future__ import annotations

import json

from error_recovery.v1 import recovery_pb2

LONG_AGO = 1_700_000_000.0  # 2023-11-14 22:13:20 UTC


def brakes() -> list[recovery_pb2.Brake]:
    return [
        recovery_pb2.Brake(
            brake="pause",
            subject="postgres",
            state="paused",
            reason="recoveries of postgres are paused by ann (as they say) until resumed: maintenance",
            waiting=2,
        ),
        recovery_pb2.Brake(
            brake="global breaker", state="closed", reason="12 of 14 verdicts of the last 60 s were recoveries"
        ),
        recovery_pb2.Brake(
            brake="target breaker",
            subject="shop-web",
            state="open",
            reason="5 failures on shop-web in 30 s",
            until=LONG_AGO + 30,
            waiting=1,
            figures={"failures": 5.0, "threshold": 5.0},
        ),
    ]


def diagnosis() -> recovery_pb2.DiagnoseResponse:
    def one(area: str, name: str, standing: str, says: str, mend: str = "") -> recovery_pb2.Diagnostic:
        return recovery_pb2.Diagnostic(area=area, name=name, standing=standing, says=says, mend=mend)

    return recovery_pb2.DiagnoseResponse(
        version="0.1.0",
        pid=4242,
        diagnostics=[
            one("workers", "ready", "good", "4 workers, with 0 attempts and looks"),
            one("workers", "lost", "good", "none since the start"),
            one("limits", "processes", "good", "65,535; 65,535 are meant"),
            one(
                "limits",
                "open files",
                "notice",
                "20,000 of the 65,535 that are meant",
                "sudo error-cli tune limits --apply",
            ),
            one("clock", "offset", "unavailable", "adjtimex may not be called here"),
            one("store", "rows that wait", "notice", "120,000 rows of at most 200,000", "see its writer and the disk"),
            one("store", "writer", "bad", "nothing can be written: No space left on device", "make room"),
        ],
    )


def metrics() -> recovery_pb2.GetMetricsResponse:
    figure = recovery_pb2.Figure
    return recovery_pb2.GetMetricsResponse(
        since=LONG_AGO - 86400,
        until=LONG_AGO,
        tickets=42,
        ended_as={"recovered": 40, "failed": 2},
        figures=[
            figure(name="mean_time_to_detect_s", unit="s", goal=5, goal_kind="below"),
            figure(
                name="mean_time_to_recover_s", unit="s", value=1.5, samples=40, goal=30, goal_kind="below", is_met=True
            ),
            figure(
                name="success_ratio",
                unit="ratio",
                value=40 / 42,
                low=0.87,
                high=0.98,
                samples=42,
                goal=0.95,
                goal_kind="above",
                is_met=True,
            ),
            figure(
                name="availability_ratio",
                unit="ratio",
                value=0.99914,
                samples=2,
                goal=0.9999,
                goal_kind="above",
                is_met=False,
            ),
            figure(
                name="unplanned_downtime_s", unit="s", value=148, samples=2, goal=60, goal_kind="below", is_met=False
            ),
            figure(
                name="availability_ratio",
                scope="component",
                subject="shop-web",
                unit="ratio",
                value=1.0,
                samples=1,
                goal=0.9999,
                goal_kind="above",
                is_met=True,
            ),
            figure(
                name="in_time_ratio",
                scope="recovery_class",
                subject="immediate",
                unit="ratio",
                value=0.5,
                low=0.2,
                high=0.8,
                samples=4,
                goal=0.95,
                goal_kind="above",
                within_s=1.0,
                is_met=False,
            ),
            figure(name="quality_score", unit="score", value=0.83, samples=42),
            figure(name="first_time_ratio", unit="ratio", value=0.6, low=0.47, high=0.72, samples=40),
            figure(name="availability_ratio", scope="target", subject="postgres", unit="ratio", value=0.998, samples=1),
            figure(name="planned_downtime_s", scope="target", subject="postgres", unit="s", value=25, samples=1),
            figure(name="unplanned_downtime_s", scope="target", subject="postgres", unit="s", value=148, samples=1),
            figure(name="availability_ratio", scope="target", subject="web", unit="ratio", value=1.0, samples=1),
            figure(name="planned_downtime_s", scope="target", subject="web", unit="s", value=0, samples=1),
            figure(name="unplanned_downtime_s", scope="target", subject="web", unit="s", value=0, samples=1),
        ],
        counts=[
            recovery_pb2.Tally(by="total", attempts=50, known=48, successes=40, ratio=40 / 48, low=0.73, high=0.9),
            recovery_pb2.Tally(
                by="strategy", key="restart-db", attempts=30, known=28, successes=25, ratio=25 / 28, low=0.76, high=0.95
            ),
            recovery_pb2.Tally(by="strategy", key="reconnect-db", attempts=1),
            recovery_pb2.Tally(by="level", key="3", attempts=31, known=28, successes=25, ratio=25 / 28),
            recovery_pb2.Tally(by="time", key="1699999200.0", attempts=31, known=28, successes=25, ratio=25 / 28),
        ],
        learning=[
            recovery_pb2.Learning(
                error_type="database",
                success=recovery_pb2.Change(
                    samples=20, first=0.7, last=0.95, difference=0.25, p_value=0.03, is_more_than_chance=True
                ),
                time_to_recover_s=recovery_pb2.Change(samples=15, first=4.0, last=1.5, difference=-2.5),
            ),
            recovery_pb2.Learning(error_type="network"),
        ],
        strategies=[
            recovery_pb2.StrategyMetrics(
                error_type="database",
                strategy_id="restart-db",
                score=0.812,
                samples=12,
                success_rate=0.75,
                mean_time_s=0.23,
                timeout_s=2.0,
                last_updated=LONG_AGO,
            )
        ],
        lag=recovery_pb2.LagFigures(samples=40, p50_us=245, p99_us=914, max_us=3200),
    )


def replay_events() -> list[recovery_pb2.ReplayEvent]:
    event = recovery_pb2.ReplayEvent
    return [
        event(phase="reading the record", done_ratio=0.25),
        event(phase="running it", done_ratio=0.5),
        event(phase="done", done_ratio=1.0, result=_replay_result()),
    ]


def _replay_result() -> recovery_pb2.ReplayResult:
    figure, span, course = recovery_pb2.ReplayFigure, recovery_pb2.ReplayRange, recovery_pb2.ReplayCourse
    then = course(ended_as="recovered", target="postgres", strategies=["restart-db"], recovers_s=5.0, certainty="known")
    now = course(
        ended_as="recovered",
        target="postgres",
        strategies=["reconnect-db", "restart-db"],
        recovers_s=1.0,
        certainty="estimated",
    )
    return recovery_pb2.ReplayResult(
        result_json=json.dumps({"totals": {"same": 3}, "compared": []}),
        start_at=LONG_AGO - 86400,
        until=LONG_AGO,
        same=3,
        different=1,
        only_then=1,
        known=2,
        estimated=1,
        unknown=1,
        faults=9,
        faults_missing=1,
        drawn=64,
        figures=[
            figure(
                name="downtime_s",
                unit="s",
                then=span(low=252, expected=252, high=252),
                now=span(low=38, expected=61, high=120),
            ),
            figure(name="downtime_s", scope="target", subject="postgres", unit="s"),
            figure(
                name="attempts",
                scope="strategy",
                subject="restart-db",
                unit="count",
                then=span(low=6, expected=6, high=6),
                now=span(low=2, expected=2, high=2),
            ),
        ],
        tickets=[
            recovery_pb2.ReplayTicket(
                error_id="3f2a9c0d11e4b7aa",
                opened_at=LONG_AGO,
                then=then,
                now=now,
                differences=["reconnect-db at level 2 instead of restart-db at level 3"],
                certainty="estimated",
                recovers_s=span(low=0.5, expected=1, high=4),
                recovered_ratio=0.8,
            ),
            recovery_pb2.ReplayTicket(
                error_id="feedfeedfeedfeed", opened_at=LONG_AGO, then=then, certainty="known", why="it was well by then"
            ),
        ],
        rates=[
            recovery_pb2.ReplayRate(name="reconnect-db for database", mean=0.8, low=0.6, high=0.95, samples=12),
            recovery_pb2.ReplayRate(name="failover-db for database", mean=0.5, low=0.05, high=0.95),
        ],
    )


def reloaded() -> recovery_pb2.ReloadResponse:
    keys = [recovery_pb2.KeyChange(key="ladder.3", old='["restart"]', new="")]
    return recovery_pb2.ReloadResponse(
        is_in_force=True,
        changes=[
            recovery_pb2.DefinitionChange(kind="target", name="shop", how="added"),
            recovery_pb2.DefinitionChange(kind="rule", name="web-down", how="changed", keys=keys),
        ],
        definitions_digest="92bfc51dce7492ab",
        definitions_loaded_at=1_700_000_000.0,
        settings_to_restart=["listen"],
        tickets_changed=2,
        tickets_ended=1,
        attempts_running=1,
        pauses_dropped=["postgres"],
    )


def repeat_events(verdict: str = "deviated") -> list[recovery_pb2.TestEvent]:
    """Two passes and ten triggers, of which the second pass left another state behind; with "idempotent", none did."""
    reasons = ["files: not as after the first pass, after pass 2"] if verdict == "deviated" else ["it was the same"]
    differences = [
        recovery_pb2.TestDifference(
            observer="files", fact="/srv/a", first="1 bytes, sha256 aa", now="2 bytes, sha256 bb"
        ),
        recovery_pb2.TestDifference(observer="files", fact="/srv/new", now="0 bytes"),
        recovery_pb2.TestDifference(observer="files", fact="/srv/gone", first="0 bytes"),
        recovery_pb2.TestDifference(observer="exec", fact="output", first="a\nb\nc", now="a\nB\x1b[31m\nc"),
        recovery_pb2.TestDifference(observer="page", fact="body", first="1", now="2", is_unsteady=True),
    ]
    attempt = recovery_pb2.Attempt(strategy_id="restart-shop", level=3, outcome="completed", verdict="recovered")

    def passed(number: int, pid: str, **more: object) -> recovery_pb2.TestPass:
        return recovery_pb2.TestPass(
            number=number,
            error_id="77bb77bb77bb77bb",
            state="watching",
            is_recovered=True,
            attempts=[attempt],
            duration_s=0.12,
            observations=[recovery_pb2.Observation(observer="process", facts={"lives": "yes"}, others={"pid": pid})],
            **more,  # type: ignore[arg-type]
        )

    deviating = {"differences": differences} if verdict == "deviated" else {}
    event = recovery_pb2.TestEvent
    plan = recovery_pb2.TestPlan(
        test_id="test-1-shop",
        rule="shop-died",
        mode="auto",
        target="shop",
        ladder={1: "look-again", 3: "restart-shop, restart-hard"},
        fault="test of the recovery of shop (type system)",
        observers=["files", "probe shop-sells"],
        repeat=2,
        triggers=10,
    )
    last = recovery_pb2.TestTriggers(faults=10, tickets=1, is_one=True, passed=passed(3, "9"))
    return [
        event(text="planned", plan=plan),
        event(text="waits", awaits=1),
        event(text="pass 1 of 2", done_ratio=0.25),
        event(text="pass 1 of 2", done_ratio=0.33, passed=passed(1, "7")),
        event(text="pass 2 of 2", done_ratio=0.66, passed=passed(2, "8", was_well=True, **deviating)),
        event(text="10 equal faults at once", done_ratio=1.0, triggers=last),
        event(text="done", done_ratio=1.0, end=recovery_pb2.TestEnd(verdict=verdict, reasons=reasons)),
    ]
