"""What the canned daemon answers: its status, its errors and what belongs to them, and the answers of canned.py."""

from __future__ import annotations

from collections.abc import Sequence

from google.protobuf.message import Message

from error_recovery.v1 import fault_pb2, recovery_pb2
from tests.cli import canned, canned_views
from tests.cli.canned import LONG_AGO

ERROR_ID = "3f2a9c0d11e4b7aa"


def answers() -> dict[str, Message | Sequence[Message]]:
    """By method; a stream answers with several."""
    error = _error()
    return {
        "GetStatus": _status(),
        "ListErrors": recovery_pb2.ListErrorsResponse(errors=[error, _failed_error()], total=2),
        "GetError": recovery_pb2.GetErrorResponse(error=error, attempts=[_attempt()], decisions=[_decision()]),
        "ResolveError": recovery_pb2.ResolveErrorResponse(error=error),
        "Watch": [
            recovery_pb2.Event(at=LONG_AGO, kind="decision", error=error, text="chose restart-db at level 2"),
            recovery_pb2.Event(
                at=LONG_AGO + 1, kind="verdict", error=error, attempt=_attempt(), text="persisting: refused"
            ),
        ],
        "Explain": recovery_pb2.ExplainResponse(
            error=error,
            decision=_decision(),
            attempt=_attempt(),
            sentences=["restart-db had the best score of 2.", "Nothing held it back."],
        ),
        "ListHistory": recovery_pb2.ListHistoryResponse(attempts=[_attempt()]),
        "GetMetrics": canned.metrics(),
        "ListBrakes": recovery_pb2.ListBrakesResponse(brakes=canned.brakes()),
        "ResetBreaker": recovery_pb2.ResetBreakerResponse(was_open=True),
        "Pause": recovery_pb2.PauseResponse(pauses=canned.brakes()[:1], attempts_running=1, tickets_waiting=2),
        "Resume": recovery_pb2.ResumeResponse(was_paused=True, pauses=canned.brakes()[:1]),
        "ListApprovals": recovery_pb2.ListApprovalsResponse(approvals=[approval()], total=1),
        "Approve": recovery_pb2.ApproveResponse(error=error, is_kept=True),
        "Deny": recovery_pb2.DenyResponse(error=error, is_kept=True),
        "Replay": canned.replay_events(),
        "Reload": canned.reloaded(),
        "TestRecovery": canned.repeat_events(),
        "ContinueTest": recovery_pb2.ContinueTestResponse(),
        "Diagnose": canned.diagnosis(),
        "GetNow": canned_views.now(),
        "ListTargets": canned_views.targets(),
        "ListScores": canned_views.scores(),
        "GetHost": canned_views.host(),
        "Reset": recovery_pb2.ResetResponse(errors_reset=1, scores_reset=12),
        "Flush": recovery_pb2.FlushResponse(purged=3, running=1),
        "Report": fault_pb2.ReportResponse(receipt=fault_pb2.Receipt(error_id=ERROR_ID, opened=True)),
    }


def _status() -> recovery_pb2.GetStatusResponse:
    return recovery_pb2.GetStatusResponse(
        version="0.1.0",
        pid=4242,
        started_at=LONG_AGO,
        uptime_s=3 * 86400 + 4 * 3600,
        state="serving",
        faults_received=12345,
        faults_refused=3,
        errors_known=120,
        tickets_open=4,
        attempts_running=1,
        workers=4,
        rings=[
            recovery_pb2.RingUse(priority="critical", used=0, slots=1024),
            recovery_pb2.RingUse(priority="high", used=3072, slots=4096),
        ],
        store=recovery_pb2.StoreState(available=True, rows_written=1203, rows_waiting=4),
        lag=recovery_pb2.LagFigures(samples=40, p50_us=245, p99_us=914, max_us=3200),
        log=recovery_pb2.LogState(
            file="/var/log/framework/recovery.log",
            lines=12_345,
            lines_lost=3,
            archives=2,
            problem="/var/log/framework/recovery.log cannot be written: No space left on device",
            outlets=[
                recovery_pb2.LogOutlet(name="journal", sent=12_345),
                recovery_pb2.LogOutlet(name="syslog:udp://10.0.0.1:514", dropped=7, waiting=9, problem="no route"),
            ],
        ),
        applications=["shop", "coordinator"],
        rules=12,
        targets=7,
        target_names=["postgres", "shop-web"],
        strategy_names=["reconnect-db", "restart-db"],
        rule_names=["db-down"],
    )


def _error() -> recovery_pb2.Error:
    fault = fault_pb2.Fault(
        message="no answer on 5432",
        context=fault_pb2.Context(operation="checkout", node="web-1", attributes={"shard": "7"}),
        exception=fault_pb2.Exception(
            type="psycopg.OperationalError",
            message="refused",
            stack_trace='Traceback (most recent call last):\n  File "shop.py", line 7, in pay\nrefused\n',
        ),
        occurred_at_unix_ns=int(LONG_AGO * 1e9),
        source="client/python",
    )
    return recovery_pb2.Error(
        error_id=ERROR_ID,
        type=fault_pb2.ERROR_TYPE_DATABASE,
        severity=fault_pb2.SEVERITY_HIGH,
        message="no answer on 5432",
        component="shop-web",
        target="postgres",
        rule="db-down",
        mode="auto",
        status=recovery_pb2.STATUS_RETRYING,
        state="verifying",
        reason="the probes have to hold for 5 s",
        level=2,
        count=1400,
        attempts=2,
        first_at=LONG_AGO - 60,
        last_at=LONG_AGO,
        opened_at=LONG_AGO - 60,
        grouped_because=["type database", "component shop-web"],
        response_class="transient",
        fault=fault,
    )


def _failed_error() -> recovery_pb2.Error:
    return recovery_pb2.Error(
        error_id="00aa00aa00aa00aa",
        type=fault_pb2.ERROR_TYPE_RESOURCE,
        severity=fault_pb2.SEVERITY_CRITICAL,
        message="disk full\nsda1 \x1b[31mred\x1b[0m",
        component="backup",
        status=recovery_pb2.STATUS_FAILED,
        state="failed",
        count=1,
        last_at=LONG_AGO,
    )


def _decision() -> recovery_pb2.Decision:
    return recovery_pb2.Decision(
        decision_id="a1-d",
        error_id=ERROR_ID,
        at=LONG_AGO,
        level=2,
        strategy_id="restart-db",
        target="postgres",
        mode="auto",
        reason="best score of 2 candidates",
        timeout_s=2.0,
        candidates=[
            recovery_pb2.Candidate(
                strategy_id="reconnect-db",
                draw=0.41,
                samples=3.5,
                success_mean=0.4,
                success_low=0.1,
                success_high=0.7,
                score=0.611,
                evidence=[
                    recovery_pb2.Evidence(scope="type", attempts=30, helped=20, weight=1.5, successes=0.5),
                    recovery_pb2.Evidence(scope="context", attempts=9, helped=6, weight=2.0, successes=1.0, recent=2),
                    recovery_pb2.Evidence(scope="hardware", attempts=1, helped=1, weight=0.1, successes=0.1, recent=0),
                ],
            ),
            recovery_pb2.Candidate(
                strategy_id="restart-db", samples=12, success_mean=0.75, success_low=0.55, success_high=0.9, score=0.812
            ),
        ],
        brakes=["throttle: 3 of 10 attempts used", "breaker postgres: closed"],
        attempt_id="a1",
    )


def _attempt() -> recovery_pb2.Attempt:
    return recovery_pb2.Attempt(
        attempt_id="a1",
        error_id=ERROR_ID,
        decision_id="a1-d",
        strategy_id="restart-db",
        target="postgres",
        level=2,
        error_type="database",
        started_at=LONG_AGO,
        execution_time_s=0.23,
        outcome="completed",
        detail="exit 0",
        verdict="persisting",
        lag_s=0.000245,
        withheld_s=0.02,
        readings=[recovery_pb2.Reading(probe="tcp-5432", value="not_ok", detail="refused", duration_s=0.0012)],
    )


def waiting_error() -> recovery_pb2.Error:
    return recovery_pb2.Error(
        error_id="77bb77bb77bb77bb",
        type=fault_pb2.ERROR_TYPE_DATABASE,
        severity=fault_pb2.SEVERITY_CRITICAL,
        message="replication has stopped",
        component="shop-db",
        target="postgres",
        rule="db-lag",
        mode="approve",
        status=recovery_pb2.STATUS_OPEN,
        state="parked",
        reason="waits for a person to approve failover-db at level 4 on postgres",
        held_by="approval",
        parked_until=LONG_AGO + 900,
        level=4,
        count=3,
        first_at=LONG_AGO,
        last_at=LONG_AGO,
        opened_at=LONG_AGO,
        root="00aa00aa00aa00aa",
        recovery_class="emergency",
        severity_because="3 targets depend on postgres",
    )


def approval() -> recovery_pb2.Approval:
    """What the waiting error waits for."""
    return recovery_pb2.Approval(
        decision_id="77bb77bb77bb77bb-18bcfe56800-2-1-d9",
        error_id="77bb77bb77bb77bb",
        message="replication has stopped",
        component="shop-db",
        type="database",
        severity=fault_pb2.SEVERITY_CRITICAL,
        target="postgres",
        rule="db-lag",
        strategy_id="failover-db",
        kind="exec",
        level=4,
        does="runs /usr/local/bin/failover --cluster shop --token [redacted]",
        timeout_s=120.0,
        why=[
            "Chosen: the only strategy of this level.",
            "What led to it: restart-db did not help (persisting): up to level 4.",
        ],
        covers="this one attempt of failover-db on postgres, at level 4, as it is defined now; anything after it is asked for anew",
        asked_at=LONG_AGO,
        expires_at=LONG_AGO + 900,
        unanswered="ask_again",
        on_expiry="a person is told, and it is asked again",
        times_asked=2,
        alternatives=[
            recovery_pb2.Alternative(
                strategy_id="rebuild",
                level=5,
                does="runs /usr/local/bin/rebuild",
                says="its turn comes if this does not help",
            )
        ],
        tried=[recovery_pb2.Tried(strategy_id="restart-db", level=3, verdict="persisting", at=LONG_AGO - 9)],
        group=["pgbouncer"],
        dependents=["shop", "till"],
        state="waits",
    )
