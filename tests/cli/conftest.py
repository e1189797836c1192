"""A real gRPC server with canned answers, and error-cli as a real process that talks to it."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
from google.protobuf.any_pb2 import Any
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.rpc import status_pb2

from error_recovery.v1 import fault_pb2, recovery_pb2
from tests.cli import canned

ERROR_ID = "3f2a9c0d11e4b7aa"
RUN_WITHIN_S = 60.0

Answer = Message | Sequence[Message] | Callable[[Message], Message]


class CannedDaemon:
    """Serves RecoveryService and FaultService: `answers` by method, `refuse` instead, and keeps the `requests`.

    A stream sends its answers and then ends, or, with `streams_stay_open`, waits for the caller to go.
    """

    def __init__(self, address: str, *, streams_stay_open: bool = False) -> None:
        self.answers: dict[str, Answer] = dict(_canned_answers())
        self.requests: list[Message] = []
        self.callers_wait_s: list[float] = []
        self.streams_stay_open = streams_stay_open
        self._refusals: dict[str, tuple[grpc.StatusCode, str, tuple[Message, ...]]] = {}
        self._stopping = threading.Event()
        self._server = grpc.server(ThreadPoolExecutor(8))
        for file in (recovery_pb2.DESCRIPTOR, fault_pb2.DESCRIPTOR):
            for service in file.services_by_name.values():
                handlers = {method.name: self._handler(method) for method in service.methods}
                generic = grpc.method_handlers_generic_handler(service.full_name, handlers)
                self._server.add_generic_rpc_handlers((generic,))
        port = self._server.add_insecure_port(address)
        self.address = f"127.0.0.1:{port}" if address.endswith(":0") else address
        self._server.start()

    def refuse(self, method: str, code: grpc.StatusCode, message: str = "", *details: Message) -> None:
        self._refusals[method] = (code, message, details)

    def stop(self) -> None:
        self._stopping.set()
        self._server.stop(None).wait()

    def _handler(self, method: object) -> grpc.RpcMethodHandler[Message, Message]:
        name: str = method.name  # type: ignore[attr-defined]
        request_class = GetMessageClass(method.input_type)  # type: ignore[attr-defined]
        response_class = GetMessageClass(method.output_type)  # type: ignore[attr-defined]

        def answer(request: Message, context: grpc.ServicerContext) -> Message:
            self._take(name, request, context)
            canned = self.answers[name]
            found = canned(request) if callable(canned) else canned
            assert isinstance(found, Message)
            return found

        def stream(request: Message, context: grpc.ServicerContext) -> Iterator[Message]:
            self._take(name, request, context)
            gone = threading.Event()
            context.add_callback(gone.set)
            canned = self.answers[name]
            assert isinstance(canned, Sequence)
            yield from canned
            if self.streams_stay_open:
                gone.wait(RUN_WITHIN_S)

        if method.server_streaming:  # type: ignore[attr-defined]
            return grpc.unary_stream_rpc_method_handler(
                stream, request_class.FromString, response_class.SerializeToString
            )
        return grpc.unary_unary_rpc_method_handler(answer, request_class.FromString, response_class.SerializeToString)

    def _take(self, name: str, request: Message, context: grpc.ServicerContext) -> None:
        self.requests.append(request)
        self.callers_wait_s.append(context.time_remaining() or 0.0)
        if name not in self._refusals:
            return
        code, message, details = self._refusals[name]
        if code is grpc.StatusCode.DEADLINE_EXCEEDED:
            self._stopping.wait(RUN_WITHIN_S)  # the daemon never answers: the caller's own deadline ends the call
        if details:
            status = status_pb2.Status(code=code.value[0], message=message)
            for detail in details:
                packed = Any()
                packed.Pack(detail)
                status.details.append(packed)
            context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
        context.abort(code, message)


class Cli:
    """Runs error-cli against a daemon."""

    def __init__(self, address: str) -> None:
        self.environment = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",  # where error-cli is installed
            "ERROR_RECOVERY_ADDRESS": address,
            "TZ": "UTC",
            "LANG": "C.UTF-8",
            "TERM": "xterm-256color",
        }

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "error_cli", *arguments],
            env={**self.environment, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        with self.start(*arguments, **environment) as process:
            out, err = process.communicate(timeout=RUN_WITHIN_S)
        assert "Traceback" not in err, err
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    def run_on_terminal(self, *arguments: str, typed: str = "", **environment: str) -> tuple[int, str]:
        """Exit code, and everything that appears on a terminal that is wide enough for any table."""
        terminal, side = pty.openpty()
        process = subprocess.Popen(
            [sys.executable, "-m", "error_cli", *arguments],
            env={**self.environment, "COLUMNS": "220", **environment},
            stdin=side,
            stdout=side,
            stderr=side,
        )
        os.close(side)
        os.write(terminal, typed.encode())
        chunks = list(iter(lambda: _read_terminal(terminal), b""))
        os.close(terminal)
        return process.wait(RUN_WITHIN_S), b"".join(chunks).decode().replace("\r\n", "\n")


def _read_terminal(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # EIO: the last process on the other side has gone
        return b""


@pytest.fixture
def daemon() -> Iterator[CannedDaemon]:
    canned = CannedDaemon("127.0.0.1:0")
    yield canned
    canned.stop()


@pytest.fixture
def unix_daemon(tmp_path: Path) -> Iterator[CannedDaemon]:
    canned = CannedDaemon(f"unix:{tmp_path}/daemon.sock")
    yield canned
    canned.stop()


@pytest.fixture
def cli(daemon: CannedDaemon) -> Cli:
    return Cli(daemon.address)


@pytest.fixture
def cli_alone(tmp_path: Path) -> Cli:
    """error-cli where no daemon is."""
    return Cli(f"unix:{tmp_path}/nobody.sock")


def _canned_answers() -> Mapping[str, Answer]:
    error = _error()
    return {
        "GetStatus": _status(),
        "ListErrors": recovery_pb2.ListErrorsResponse(errors=[error, _failed_error()], total=2),
        "GetError": recovery_pb2.GetErrorResponse(error=error, attempts=[_attempt()], decisions=[_decision()]),
        "ResolveError": recovery_pb2.ResolveErrorResponse(error=error),
        "Watch": [
            recovery_pb2.Event(at=canned.LONG_AGO, kind="decision", error=error, text="chose restart-db at level 2"),
            recovery_pb2.Event(
                at=canned.LONG_AGO + 1, kind="verdict", error=error, attempt=_attempt(), text="persisting: refused"
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
        "Approve": recovery_pb2.ApproveResponse(error=error),
        "Deny": recovery_pb2.DenyResponse(error=error),
        "Replay": canned.replay_events(),
        "Reload": canned.reloaded(),
        "TestRecovery": canned.repeat_events(),
        "ContinueTest": recovery_pb2.ContinueTestResponse(),
        "Diagnose": canned.diagnosis(),
        "Reset": recovery_pb2.ResetResponse(errors_reset=1, scores_reset=12),
        "Flush": recovery_pb2.FlushResponse(purged=3, running=1),
        "Report": fault_pb2.ReportResponse(receipt=fault_pb2.Receipt(error_id=ERROR_ID, opened=True)),
    }


def _status() -> recovery_pb2.GetStatusResponse:
    return recovery_pb2.GetStatusResponse(
        version="0.1.0",
        pid=4242,
        started_at=canned.LONG_AGO,
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
        occurred_at_unix_ns=int(canned.LONG_AGO * 1e9),
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
        first_at=canned.LONG_AGO - 60,
        last_at=canned.LONG_AGO,
        opened_at=canned.LONG_AGO - 60,
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
        last_at=canned.LONG_AGO,
    )


def _decision() -> recovery_pb2.Decision:
    return recovery_pb2.Decision(
        decision_id="a1-d",
        error_id=ERROR_ID,
        at=canned.LONG_AGO,
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
        started_at=canned.LONG_AGO,
        execution_time_s=0.23,
        outcome="completed",
        detail="exit 0",
        verdict="persisting",
        lag_s=0.000245,
        withheld_s=0.02,
        readings=[recovery_pb2.Reading(probe="tcp-5432", value="not_ok", detail="refused", duration_s=0.0012)],
    )
