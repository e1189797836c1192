"""A real gRPC server with canned answers, and error-cli as a real process that talks to it."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
from google.protobuf.any_pb2 import Any
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.rpc import status_pb2

from error_recovery.v1 import fault_pb2, hook_pb2, recovery_pb2, view_pb2, workflow_pb2
from tests.cli.canned_errors import answers

RUN_WITHIN_S = 60.0

Answer = Message | Sequence[Message] | Callable[[Message], Message]


class CannedDaemon:
    """Serves RecoveryService and FaultService: `answers` by method, `refuse` instead, and keeps the `requests`.

    A stream sends its answers and then ends, or, with `streams_stay_open`, waits for the caller to go.
    """

    def __init__(self, address: str, *, streams_stay_open: bool = False) -> None:
        self.answers: dict[str, Answer] = {**answers()}
        self.requests: list[Message] = []
        self.callers_wait_s: list[float] = []
        self.streams_stay_open = streams_stay_open
        self._refusals: dict[str, tuple[grpc.StatusCode, str, tuple[Message, ...]]] = {}
        self._stopping = threading.Event()
        self._server = grpc.server(ThreadPoolExecutor(8))
        for file in (each.DESCRIPTOR for each in (recovery_pb2, fault_pb2, view_pb2, workflow_pb2, hook_pb2)):
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

    def run_on_terminal(
        self, *arguments: str, typed: str = "", answers: Sequence[str] = (), **environment: str
    ) -> tuple[int, str]:
        """Exit code, and everything that appears on a terminal that is wide enough for any table.

        `typed` before anything is asked; of `answers` one for each prompt (" > ").
        """
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
        seen, left = b"", list(answers)
        while chunk := _read_terminal(terminal):
            seen += chunk
            if left and seen.count(b" > ") > len(answers) - len(left):
                os.write(terminal, f"{left.pop(0)}\n".encode())
        os.close(terminal)
        return process.wait(RUN_WITHIN_S), seen.decode().replace("\r\n", "\n")


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
